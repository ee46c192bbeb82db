"""From a `ClipAnalysis` to the footage the planner may cut: stretches of usable frames, and what
each frame is worth.

Belongs here: which source frames may be used at all. Does not belong here: which of them are used.

A stretch is one moment, or adjacent moments of the same shot joined, without anything rejected. It
is
measured in frames of the *timeline* from its own start, so all later arithmetic is in whole
numbers.
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from montage_pipeline.analysis.model import AnalysedClip, ClipAnalysis, Moment, StoryRole
from montage_pipeline.editing.originality import ALIKE_BITS, marked_share
from montage_pipeline.editing.packing import Room
from montage_pipeline.editing.reframe import crop_for, kept_share
from montage_pipeline.footage.model import ClipFacts, FrameRate
from montage_pipeline.requests.seen import SeenSegment
from montage_pipeline.styles.model import EditTaste
from montage_pipeline.vocabulary import FrameSize

_TIME_SLACK_S = 1e-6
"""Presentation times are floats; differences below a microsecond mean nothing."""


CHANCE = 0.8
"""How far another seed shifts the worth of moments, in spreads of the footage's own worth."""

SEEN = 2.5
"""Points that a reference cut of footage costs which an earlier Reel of the user showed: more than
moments differ, less than a beat.
"""
MARKED = 0.5
"""Points that a moment full of borders, logos or text loses."""
SEEN_ALIKE = 0.3
"""How much a moment of another file counts as seen when it looks like what an earlier Reel showed.
"""


GONE = 1.2
"""Points that a reference cut of footage loses in which the moment's subject is gone."""
_KEY_SLACK_S = 0.15
"""How much later than it is said to be a key frame may come: indexes tell the times of decoding."""


_BELONGS: dict[StoryRole | None, float] = {"opening": 0.0, "ending": 1.0}
"""Where in the Reel moments of a role belong; the others belong anywhere."""


class MomentSpan(NamedTuple):
    """The part `[start, end)` of a stretch, in frames, that belongs to one moment.

    `gone` are the parts of it, in frames of the stretch too, without the moment's subject; `peak`
    is the frame of its best instant.
    """

    moment: Moment
    start: int
    end: int
    gone: tuple[tuple[int, int], ...] = ()
    peak: int | None = None


class Stretch(NamedTuple):
    """An uninterrupted run of usable footage:

    `frames` timeline frames from `start_s` of clip `clip`.
    """

    clip: int
    shot: int | None
    start_s: float
    end_s: float
    frames: int
    gap: int
    spans: tuple[MomentSpan, ...]

    @property
    def room(self) -> tuple[int, int]:
        """Frames and gap, as `packing.longest_total` takes them."""
        return self.frames, self.gap


def source_frame_s(facts: ClipFacts) -> float:
    """How long one frame of the source lasts, in seconds; doubled where frames come unevenly, to
    stay on the safe side.
    """
    return float(1 / facts.fps.fraction) * (2 if facts.variable_frame_rate else 1)


def usable_stretches(analysis: ClipAnalysis, fps: FrameRate) -> list[Stretch]:
    """All stretches, in order of clip and time.

    Copies of one file (same sha256) share their seconds: none appears twice.
    """
    stretches: list[Stretch] = []
    taken: dict[str, list[tuple[float, float]]] = {}
    for index, clip in enumerate(analysis.clips):
        frame_s = source_frame_s(clip.facts)
        used_elsewhere = taken.setdefault(clip.facts.sha256 or f"clip {index}", [])
        runs = _joined_runs(clip, used_elsewhere, frame_s)
        gap = max(1, ceil(frame_s * float(fps.fraction) - 1e-6))
        runs = _part_neighbours(runs, gap, fps.fraction)
        for shot, start_s, end_s, moments in runs:
            frames = _whole_frames(end_s - start_s, fps.fraction)
            if frames < 1:
                continue
            spans = _spans(moments, start_s, frames, fps.fraction)
            stretches.append(Stretch(index, shot, start_s, end_s, frames, gap, spans))
            used_elsewhere.append((start_s - frame_s, end_s + frame_s))
    return stretches


_Run = tuple[int | None, float, float, list[Moment]]


def _joined_runs(
    clip: AnalysedClip, used_elsewhere: Sequence[tuple[float, float]], frame_s: float
) -> list[_Run]:
    first_s, last_s = max(0.0, clip.facts.start_s), clip.facts.start_s + clip.facts.duration_s
    closed = [(m.start_s, m.end_s) for m in clip.moments if m.rejects] + list(used_elsewhere)
    pieces: list[_Run] = []
    for moment in clip.moments:
        if moment.rejects:
            continue
        for start_s, end_s in _without(
            max(moment.start_s, first_s), min(moment.end_s, last_s), closed
        ):
            pieces.append((_shot_of(clip, moment), start_s, end_s, [moment]))
    pieces.sort(key=lambda run: (run[1], run[2]))
    joined: list[_Run] = []
    for shot, start_s, end_s, moments in pieces:
        if joined:
            before_shot, before_start_s, before_end_s, before = joined[-1]
            same = start_s < before_end_s if shot is None else shot == before_shot
            clear = not any(a < start_s and b > before_end_s for a, b in closed)
            if same and start_s - before_end_s <= frame_s + _TIME_SLACK_S and clear:
                joined[-1] = (
                    before_shot,
                    before_start_s,
                    max(end_s, before_end_s),
                    before + moments,
                )
                continue
            start_s = max(start_s, before_end_s)
        if end_s > start_s:
            joined.append((shot, start_s, end_s, moments))
    return joined


def _without(
    start_s: float, end_s: float, closed: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """What is left of `[start_s, end_s)` once every closed span is cut out of it."""
    left = [(start_s, end_s)] if end_s > start_s else []
    for closed_start_s, closed_end_s in closed:
        parts: list[tuple[float, float]] = []
        for a, b in left:
            if closed_end_s <= a or closed_start_s >= b:
                parts.append((a, b))
                continue
            if closed_start_s > a:
                parts.append((a, closed_start_s))
            if closed_end_s < b:
                parts.append((closed_end_s, b))
        left = parts
    return left


def _shot_of(clip: AnalysedClip, moment: Moment) -> int | None:
    middle_s = (moment.start_s + moment.end_s) / 2
    return next(
        (index for index, shot in enumerate(clip.shots) if shot.start_s <= middle_s < shot.end_s),
        None,
    )


def _part_neighbours(runs: list[_Run], gap: int, fps: Fraction) -> list[_Run]:
    """Keep a gap between runs that touch, taking it from the one that does not lose a whole cut by
    it.
    """
    gap_s = float(gap / fps)
    least = ceil(3 * fps)
    parted: list[_Run] = []
    for shot, start_s, end_s, moments in runs:
        if parted and start_s - parted[-1][2] < gap_s - _TIME_SLACK_S:
            before_shot, before_start_s, before_end_s, before = parted[-1]
            own = _whole_frames(end_s - start_s, fps)
            shorter = _whole_frames(end_s - (before_end_s + gap_s), fps)
            theirs = _whole_frames(before_end_s - before_start_s, fps)
            theirs_shorter = _whole_frames(start_s - gap_s - before_start_s, fps)
            own_loses = (own + gap) // (least + gap) > (shorter + gap) // (least + gap)
            they_lose = (theirs + gap) // (least + gap) > (theirs_shorter + gap) // (least + gap)
            if own_loses and not they_lose:
                parted[-1] = (before_shot, before_start_s, start_s - gap_s, before)
            else:
                start_s = before_end_s + gap_s
        if end_s > start_s:
            parted.append((shot, start_s, end_s, moments))
    return parted


def _whole_frames(seconds: float, fps: Fraction) -> int:
    return max(0, floor((seconds + _TIME_SLACK_S) * float(fps)))


def _spans(
    moments: Sequence[Moment], start_s: float, frames: int, fps: Fraction
) -> tuple[MomentSpan, ...]:
    rate = float(fps)
    spans: list[MomentSpan] = []
    for moment in moments:
        first = max(0, ceil((moment.start_s - start_s - _TIME_SLACK_S) * rate))
        last = min(frames, floor((moment.end_s - start_s + _TIME_SLACK_S) * rate))
        if last > first:
            inside = [
                (
                    max(first, round((gone.start_s - start_s) * rate)),
                    min(last, round((gone.end_s - start_s) * rate)),
                )
                for gone in moment.without_subject
            ]
            peak = None if moment.peak_s is None else round((moment.peak_s - start_s) * rate)
            spans.append(
                MomentSpan(
                    moment, first, last,
                    gone=tuple((begin, end) for begin, end in inside if begin < end),
                    peak=peak if peak is not None and first <= peak < last else None,
                )
            )  # fmt: skip
    return tuple(spans) or (MomentSpan(moments[0], 0, frames),)


class Footage:
    """Every usable frame in one line, stretch after stretch, with its worth for one style and one
    seed.

    `offset[s]` is where stretch `s` begins on that line; behind each stretch lie the frames that
    two pieces must keep apart.
    `value_sum`, `motion_sum` and `seen_sum` are running sums, so the mean over frames [i, j) is
    `(sum[j] - sum[i]) / (j - i)`;
    `seen_sum` sums how much a frame was seen in the user's earlier Reels (0..1), which is taken
    from its value already.
    `moment_at[i]` indexes `moments`, `look_of` and the other arrays over moments; moments of one
    look look alike, `belongs_at`
    is where in the Reel (0..1) a moment belongs by its role, NaN for anywhere. `gone_sum` sums the
    frames without the subject
    that the rest of their moment shows, `peak_sum` the best instants of moments. `place_at[i]` is
    how far into all footage a
    frame is, 0..1, `key_frame_at[i]` 1 just after a key frame, falling to 0 a second later, 0 where
    key frames are not known.
    """

    def __init__(
        self, analysis: ClipAnalysis, stretches: Sequence[Stretch], style: EditTaste, size: FrameSize, fps: FrameRate, seed: int,
        seen: Sequence[SeenSegment] = (),
    ) -> None:  # fmt: skip
        random = np.random.default_rng(seed % 2**64)
        rate = float(fps.fraction)
        self.stretches = tuple(stretches)
        self.clip_count = len({stretch.clip for stretch in stretches})
        self.stretch_frames = np.asarray([stretch.frames for stretch in stretches], dtype=np.int64)
        self.stretch_gap = np.asarray([stretch.gap for stretch in stretches], dtype=np.int64)
        self.stretch_clip = np.asarray([stretch.clip for stretch in stretches], dtype=np.int64)
        self.clips = len(analysis.clips)
        padded = self.stretch_frames + self.stretch_gap
        self.offset = np.cumsum(padded) - padded
        self.total_frames = int(padded.sum())
        self.moments: list[Moment] = []
        worth: list[float] = []
        best_rank = {moment: rank for rank, moment in enumerate(analysis.best_moments)}
        owners: list[npt.NDArray[np.int32]] = []
        for stretch, frames in zip(stretches, padded.tolist(), strict=True):
            owner = np.full(frames, -1, dtype=np.int32)
            for span in stretch.spans:
                owner[span.start : span.end] = len(self.moments)
                self.moments.append(span.moment)
                framing = framing_share(analysis.clips[stretch.clip].facts, span.moment, size)
                rank = best_rank.get(span.moment.id)
                chosen = 0.0 if rank is None else 0.15 * (1 - rank / len(best_rank))
                worth.append(moment_worth(span.moment, style) * (0.6 + 0.4 * framing) + chosen)
            known = np.flatnonzero(owner >= 0)
            nearest = known[np.clip(np.searchsorted(known, np.arange(frames)), 0, len(known) - 1)]
            owners.append(owner[nearest])
        self.moment_at = np.concatenate(owners) if owners else np.zeros(0, dtype=np.int32)
        motion = np.asarray([moment.scores.motion for moment in self.moments], dtype=np.float64)
        self.moment_scale = np.asarray(
            [subject_scale(moment) for moment in self.moments], dtype=np.float64
        )
        self.belongs_at = np.asarray(
            [_BELONGS.get(moment.role, np.nan) for moment in self.moments], dtype=np.float64
        )
        self.prints = np.asarray(
            [int(moment.fingerprint, 16) for moment in self.moments], dtype=np.uint64
        )
        self.look_of = looks(self.prints)
        self.look_count = int(self.look_of.max(initial=-1)) + 1
        # Chance is measured against how much the footage differs: it decides between near equals,
        # not between good and bad.
        spread = min(0.15, max(0.02, float(np.std(worth)))) if worth else 0.0
        luck = random.normal(0.0, CHANCE * spread, size=len(worth))
        clip_luck = random.normal(0.0, CHANCE * spread, size=len(analysis.clips))
        clips = [moment.clip for moment in self.moments]
        seen_share = self._seen_share(analysis, seen, rate)
        gone_share = self._marked(
            (index, *gone) for index, span in self._all_spans() for gone in span.gone
        )
        peaks = self._marked(
            (index, span.peak, span.peak + 1)
            for index, span in self._all_spans()
            if span.peak is not None
        )
        liked = (np.asarray(worth) + luck + clip_luck[clips])[self.moment_at]
        self.value_sum = _running_sum(liked - SEEN * seen_share - GONE * gone_share)
        self.motion_sum = _running_sum(motion[self.moment_at])
        self.seen_sum = _running_sum(seen_share)
        self.gone_sum = _running_sum(gone_share)
        self.peak_sum = _running_sum(peaks)
        self.place_at = np.arange(self.total_frames) / max(1, self.total_frames)
        self.key_frame_at = self._key_frames(analysis, rate)

    def stretch_of(self, frames: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The stretch each frame of the line lies in."""
        return np.searchsorted(self.offset, frames, side="right") - 1

    def rooms(self) -> list[Room]:
        """One room per stretch, nothing used yet."""
        return [
            Room(index, 0, stretch.frames, stretch.gap)
            for index, stretch in enumerate(self.stretches)
        ]

    def _seen_share(
        self, analysis: ClipAnalysis, seen: Sequence[SeenSegment], rate: float
    ) -> npt.NDArray[np.float64]:
        """1 for every frame that an earlier Reel showed, less for moments of other files that look
        like what it showed.
        """
        share = np.zeros(self.total_frames, dtype=np.float64)
        if not seen:
            return share
        files = {clip.facts.sha256 for clip in analysis.clips if clip.facts.sha256}
        foreign = np.asarray(
            [
                int(one.fingerprint, 16)
                for one in seen
                if one.fingerprint and one.sha256 not in files
            ],
            dtype=np.uint64,
        )
        if len(foreign):
            alike = (np.bitwise_count(self.prints[:, None] ^ foreign[None, :]) < ALIKE_BITS).any(
                axis=1
            )
            share[alike[self.moment_at]] = SEEN_ALIKE
        for index, stretch in enumerate(self.stretches):
            begin = int(self.offset[index])
            for one in seen:
                if one.sha256 and one.sha256 == analysis.clips[stretch.clip].facts.sha256:
                    first = max(0, floor((one.start_s - stretch.start_s) * rate))
                    last = min(stretch.frames, ceil((one.end_s - stretch.start_s) * rate))
                    share[begin + first : begin + max(first, last)] = 1.0
        return share

    def _all_spans(self) -> Iterator[tuple[int, MomentSpan]]:
        return (
            (index, span) for index, stretch in enumerate(self.stretches) for span in stretch.spans
        )

    def _marked(self, spans: Iterable[tuple[int, int, int]]) -> npt.NDArray[np.float64]:
        """1 for the frames [first, last) of stretches, 0 for all others."""
        marked = np.zeros(self.total_frames, dtype=np.float64)
        for index, first, last in spans:
            begin = int(self.offset[index])
            marked[begin + first : begin + last] = 1.0
        return marked

    def _key_frames(self, analysis: ClipAnalysis, rate: float) -> npt.NDArray[np.float64]:
        near = np.zeros(self.total_frames, dtype=np.float64)
        for stretch, begin in zip(self.stretches, self.offset.tolist(), strict=True):
            times = np.asarray(analysis.clips[stretch.clip].key_frames_s, dtype=np.float64)
            if not len(times):
                continue
            at_s = stretch.start_s + np.arange(stretch.frames) / rate
            before = np.searchsorted(times, at_s, side="right") - 1
            since_s = np.where(before >= 0, at_s - times[np.maximum(before, 0)], np.inf)
            near[begin : begin + stretch.frames] = np.clip(
                np.minimum(since_s / _KEY_SLACK_S, 1 + _KEY_SLACK_S - since_s), 0, 1
            )
        return near


def looks(prints: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """For every fingerprint the number of its look: two that differ in fewer than `ALIKE_BITS` bits
    always have the same.
    """
    look = np.full(len(prints), -1, dtype=np.int64)
    count = 0
    for index in range(len(prints)):
        if look[index] >= 0:
            continue
        found = [index]
        look[index] = count
        while found:
            near = np.flatnonzero(
                (np.bitwise_count(prints ^ prints[found.pop()]) < ALIKE_BITS) & (look < 0)
            )
            look[near] = count
            found.extend(near.tolist())
        count += 1
    return look


def _running_sum(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    sums = np.zeros(len(values) + 1, dtype=np.float64)
    np.cumsum(values, out=sums[1:])
    return sums


def moment_worth(moment: Moment, style: EditTaste) -> float:
    """How much a style likes a moment, about 0..1.3, before chance and context."""
    scores = moment.scores
    return (
        style.interest * moment.interest
        + style.quality * moment.quality
        + style.colour * scores.colour
        + style.faces * scores.faces
        + style.stability * scores.stability
        + 0.05 * scores.speech
        - MARKED * marked_share(moment)
    )


def framing_share(facts: ClipFacts, moment: Moment, size: FrameSize) -> float:
    """How well a moment fits the format, 0..1: the share of its subject that the crop keeps, less
    for heavy enlarging.
    """
    crop = crop_for(
        facts, size, ((moment.subject, 1.0),) if moment.subject else (), faces=moment.scores.faces
    )
    kept = kept_share(facts, crop, moment.subject) if moment.subject else 1.0
    return kept * min(1.0, 0.5 + crop.width / size.width)


def subject_scale(moment: Moment) -> float:
    """Share of the picture's height the subject takes; 0.5 when unknown."""
    return moment.subject.height if moment.subject else 0.5
