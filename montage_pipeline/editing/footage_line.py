"""The footage line: every usable frame, stretch after stretch, and what the planner asks of each.

Belongs here: one column per question about a frame. Does not belong here: which frames may be used
(`stretches`), moments as a whole (`moment_table`), what an edit of them is worth (`optimizer`).

Behind each stretch lie the frames of its gap, which no piece shows, so that what lies apart in the
source lies apart on the line.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, floor

import numpy as np
import numpy.typing as npt

from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.continuity.gaze import eye_places
from montage_pipeline.editing.moment_table import Floats, Ints, MomentTable, moment_table
from montage_pipeline.editing.packing import Piece, Room, rooms_after
from montage_pipeline.editing.speech import breaks_off
from montage_pipeline.editing.stretches import MomentRange, Stretch
from montage_pipeline.rules import ALIKE_BITS
from montage_pipeline.styles.model import EditTaste

SEEN = 2.5
"""Points that a reference cut of footage costs which an earlier Reel of the user showed.

More than moments differ by (about one point), so that unseen footage is taken where there is any;
less than a missed beat (`MISS`). With it, a second attempt of 15 to 30 s shares 1 % at most with
the first (docs/benchmarks.md, "The edit").
"""

_SEEN_ALIKE = 0.3
"""How far a moment of another file counts as seen when it looks like what an earlier Reel showed:
likely another take of the same, which is not the same footage.
"""

SUBJECT_GONE = 1.2
"""Points that a reference cut of footage loses in which the moment's subject is gone: as much as a
very good moment is worth. At half of that, scenes were still shown after whoever was in them had
left.
"""

INSTANT = 1.5
"""Points of a reference cut whose instants are all one unit better than the clip's usual self.

On labelled footage more of it no longer moved the share of good seconds.
"""

_JUDGED_INSTANT = 0.33
"""Share of an instant's score where somebody judged the footage: whoever named the part to show and
its best instant knows more than how clear and calm the frames are.
"""

_KEYFRAME_SLACK_S = 0.15
"""How late a keyframe may come after its listed time: indexes list decoding times."""


@dataclass(frozen=True)
class FootageLine:
    """Every usable frame in one line, for one style, format and seed.

    `offset[s]` is where stretch `s` begins on the line, and `moment_at[i]` the row of `table` that
    frame i belongs to. The columns `..._sum` are running sums, so that the mean over frames [i, j)
    is `(sum[j] - sum[i]) / (j - i)`.
    """

    stretches: tuple[Stretch, ...]
    taste: EditTaste
    fps: Fraction
    clip_count: int
    """Clips of the analysis, with or without usable footage."""
    table: MomentTable
    offset: Ints
    stretch_frames: Ints
    stretch_gap: Ints
    stretch_clip: Ints
    moment_at: npt.NDArray[np.int32]
    points_sum: Floats
    """Points of a frame in a reference cut: its moment's, less what being seen before and the
    subject being gone cost, and what its instant gives."""
    motion_sum: Floats
    seen_sum: Floats
    """How far a frame was seen in the user's earlier Reels, 0..1."""
    subject_gone_sum: Floats
    """Frames without the subject that the rest of their moment shows."""
    instant_sum: Floats
    """Scores of instants beside their clip's usual self, -1..1."""
    peak_sum: Floats
    """Best instants of moments."""
    spoken_at: Floats
    """How much a cut at a frame would break off who talks there, 0..1: the speech score of its
    moment within a phrase and near its ends, elsewhere 0."""
    eye_at: Floats
    """Where the eye is in the picture, shape (frames, 2); see `continuity.gaze.eye_places`."""
    keyframe_at: Floats
    """1 just after a keyframe, falling to 0 within a second; 0 where keyframes are not known."""

    @cached_property
    def total_frames(self) -> int:
        """Length of the line, gaps included."""
        return int((self.stretch_frames + self.stretch_gap).sum())

    @cached_property
    def place_at(self) -> Floats:
        """How far into all footage each frame is, 0..1."""
        return np.arange(self.total_frames) / max(1, self.total_frames)

    @cached_property
    def usable_clip_count(self) -> int:
        """How many clips have usable footage."""
        return len({stretch.clip for stretch in self.stretches})

    @cached_property
    def camera_only(self) -> Floats:
        """How far nothing but the camera moves in the best usable moment of each clip, 0..1; 0 for
        clips without any.
        """
        least = np.full(self.clip_count, np.inf)
        clips = [moment.clip for moment in self.table.moments]
        np.minimum.at(least, clips, self.table.camera_only)
        return np.where(np.isinf(least), 0.0, least)

    def stretch_of(self, frames: Ints) -> Ints:
        """The stretch that each frame of the line lies in."""
        return np.searchsorted(self.offset, frames, side="right") - 1

    def best_instants(self, frames: int) -> Floats:
        """The best mean score of instants that so many frames of one stretch have, for each clip; 0
        where none is that long.
        """
        best = np.full(self.clip_count, -np.inf)
        for clip, begin, room in zip(
            self.stretch_clip.tolist(),
            self.offset.tolist(),
            self.stretch_frames.tolist(),
            strict=True,
        ):
            if room >= frames:
                sums = self.instant_sum[begin : begin + room + 1]
                best[clip] = max(best[clip], float((sums[frames:] - sums[:-frames]).max()) / frames)
        return np.where(np.isneginf(best), 0.0, best)

    def starts_of(self, pieces: Sequence[Piece]) -> Ints:
        """The frame of the line where each piece begins."""
        stretch = np.asarray([piece.stretch for piece in pieces], dtype=np.int64)
        return self.offset[stretch] + np.asarray([piece.start for piece in pieces], dtype=np.int64)

    def mean_motion(self, piece: Piece) -> float:
        """The mean movement of a piece, 0..1."""
        return self._mean(self.motion_sum, piece)

    def mean_seen(self, piece: Piece) -> float:
        """How far a piece was seen in the user's earlier Reels, 0..1."""
        return self._mean(self.seen_sum, piece)

    def mean_points(self, stretch: int) -> float:
        """Points of a stretch's frames on average."""
        return self._mean(self.points_sum, Piece(stretch, 0, int(self.stretch_frames[stretch])))

    def _mean(self, sums: Floats, piece: Piece) -> float:
        first = int(self.offset[piece.stretch]) + piece.start
        return float(sums[first + piece.frames] - sums[first]) / piece.frames

    def rooms(self) -> list[Room]:
        """One room per stretch, nothing used yet."""
        return [
            Room(index, 0, stretch.frames, stretch.gap)
            for index, stretch in enumerate(self.stretches)
        ]

    def rooms_beside(self, piece: Piece) -> list[Room]:
        """What is unused when only `piece` is shown."""
        other = self.stretches[piece.stretch].other
        return [room for room in rooms_after(self.rooms(), piece) if room.stretch != other]


def footage_line(context: PlanContext) -> FootageLine:
    """The line of a context's stretches."""
    stretches = context.stretches
    frames, gaps, clips = (
        np.asarray(values, dtype=np.int64)
        for values in (
            [stretch.frames for stretch in stretches],
            [stretch.gap for stretch in stretches],
            [stretch.clip for stretch in stretches],
        )
    )
    layout = _Layout(
        stretches, np.cumsum(frames + gaps) - (frames + gaps), int((frames + gaps).sum())
    )
    table = moment_table(context)
    moment_at = _moment_at(layout)

    seen = _seen(context, layout, table, moment_at)
    gone = layout.marked(
        (stretch, *gone) for stretch, found in layout.moments() for gone in found.without_subject
    )
    peaks = layout.marked(
        (stretch, found.peak, found.peak + 1)
        for stretch, found in layout.moments()
        if found.peak is not None
    )
    instants = _instants(context, layout)
    own = table.points[moment_at] - SEEN * seen - SUBJECT_GONE * gone + INSTANT * instants
    return FootageLine(
        stretches=stretches,
        taste=context.taste,
        fps=context.fps,
        clip_count=len(context.analysis.clips),
        table=table,
        offset=layout.offset,
        stretch_frames=frames,
        stretch_gap=gaps,
        stretch_clip=clips,
        moment_at=moment_at,
        points_sum=_running_sum(own),
        motion_sum=_running_sum(table.motion[moment_at]),
        seen_sum=_running_sum(seen),
        subject_gone_sum=_running_sum(gone),
        instant_sum=_running_sum(instants),
        peak_sum=_running_sum(peaks),
        spoken_at=_spoken_at(context, layout, table.speech[moment_at]),
        eye_at=_eye_at(context, layout),
        keyframe_at=_keyframe_at(context, layout),
    )


@dataclass(frozen=True)
class _Layout:
    """Where the stretches lie on a line of `frames` frames."""

    stretches: Sequence[Stretch]
    offset: Ints
    frames: int

    def moments(self) -> Iterator[tuple[int, MomentRange]]:
        """Every moment's range with the number of its stretch, in order of the table's rows."""
        for number, stretch in enumerate(self.stretches):
            for found in stretch.moments:
                yield number, found

    def marked(self, ranges: Iterable[tuple[int, int, int]]) -> Floats:
        """1 for the frames [first, last) of a stretch, for each (stretch, first, last); else 0."""
        marks = np.zeros(self.frames, dtype=np.float64)
        for stretch, first, last in ranges:
            begin = int(self.offset[stretch])
            marks[begin + first : begin + last] = 1.0
        return marks


def _moment_at(layout: _Layout) -> npt.NDArray[np.int32]:
    """The row of every frame's moment; frames between moments get a neighbour's."""
    owners: list[npt.NDArray[np.int32]] = []
    row = 0
    for stretch in layout.stretches:
        frames = stretch.frames + stretch.gap
        owner = np.full(frames, -1, dtype=np.int32)
        for found in stretch.moments:
            owner[found.start : found.end] = row
            row += 1
        known = np.flatnonzero(owner >= 0)
        nearest = known[np.clip(np.searchsorted(known, np.arange(frames)), 0, len(known) - 1)]
        owners.append(owner[nearest])
    return np.concatenate(owners) if owners else np.zeros(0, dtype=np.int32)


def _seen(
    context: PlanContext, layout: _Layout, table: MomentTable, moment_at: npt.NDArray[np.int32]
) -> Floats:
    """1 for every frame that an earlier Reel showed, less for moments of other files that look like
    what it showed.
    """
    share = np.zeros(layout.frames, dtype=np.float64)
    request, clips = context.request, context.analysis.clips
    seen = (*request.seen, *request.beside)
    if not seen:
        return share

    files = {clip.facts.sha256 for clip in clips if clip.facts.sha256}
    of_other_files = np.asarray(
        [
            int(segment.fingerprint, 16)
            for segment in seen
            if segment.fingerprint and segment.sha256 not in files
        ],
        dtype=np.uint64,
    )
    if len(of_other_files):
        bits = np.bitwise_count(table.fingerprints[:, None] ^ of_other_files[None, :])
        share[(bits < ALIKE_BITS).any(axis=1)[moment_at]] = _SEEN_ALIKE

    for stretch, begin in zip(layout.stretches, layout.offset.tolist(), strict=True):
        rate = float(context.fps) / stretch.speed
        sha256 = clips[stretch.clip].facts.sha256
        for segment in seen:
            if segment.sha256 and segment.sha256 == sha256:
                first = max(0, floor((segment.start_s - stretch.span.start_s) * rate))
                last = min(stretch.frames, ceil((segment.end_s - stretch.span.start_s) * rate))
                share[begin + first : begin + max(first, last)] = 1.0
    return share


def _instants(context: PlanContext, layout: _Layout) -> Floats:
    """The scores of instants, between two of them in between; 0 where none are known."""
    scores = np.zeros(layout.frames, dtype=np.float64)
    for stretch, begin in zip(layout.stretches, layout.offset.tolist(), strict=True):
        known = context.analysis.clips[stretch.clip].instants
        if known:
            at_s = stretch.source_times_s(stretch.frames, context.fps)
            times_s = [instant.time_s for instant in known]
            own = np.interp(at_s, times_s, [instant.score for instant in known])
            scores[begin : begin + stretch.frames] = own
    return scores * (_JUDGED_INSTANT if context.is_judged else 1.0)


def _spoken_at(context: PlanContext, layout: _Layout, speech: Floats) -> Floats:
    spoken = np.zeros(layout.frames + 1, dtype=np.float64)
    for stretch, begin in zip(layout.stretches, layout.offset.tolist(), strict=True):
        edges = np.arange(stretch.frames + 1)
        # A cut behind the last frame breaks off what is said in that one.
        said = speech[begin + np.minimum(edges, stretch.frames - 1)]
        at_s = stretch.source_times_s(len(edges), context.fps)
        clip = context.analysis.clips[stretch.clip]
        spoken[begin : begin + stretch.frames + 1] = said * breaks_off(clip, at_s)
    return spoken


def _eye_at(context: PlanContext, layout: _Layout) -> Floats:
    eye = np.full((layout.frames, 2), np.nan)
    size = context.request.format.frame_size
    for number, found in layout.moments():
        stretch, begin = layout.stretches[number], int(layout.offset[number])
        at_s = stretch.source_times_s(stretch.frames, context.fps)[found.start : found.end]
        places = eye_places(found.moment, context.facts(stretch.clip), size, at_s)
        eye[begin + found.start : begin + found.end] = places
    return eye


def _keyframe_at(context: PlanContext, layout: _Layout) -> Floats:
    near = np.zeros(layout.frames, dtype=np.float64)
    for stretch, begin in zip(layout.stretches, layout.offset.tolist(), strict=True):
        times_s = np.asarray(context.analysis.clips[stretch.clip].key_frames_s, dtype=np.float64)
        if not len(times_s):
            continue
        at_s = stretch.source_times_s(stretch.frames, context.fps)
        before = np.searchsorted(times_s, at_s, side="right") - 1
        since_s = np.where(before >= 0, at_s - times_s[np.maximum(before, 0)], np.inf)
        near[begin : begin + stretch.frames] = np.clip(
            np.minimum(since_s / _KEYFRAME_SLACK_S, 1 + _KEYFRAME_SLACK_S - since_s), 0, 1
        )
    return near


def _running_sum(values: Floats) -> Floats:
    sums = np.zeros(len(values) + 1, dtype=np.float64)
    np.cumsum(values, out=sums[1:])
    return sums
