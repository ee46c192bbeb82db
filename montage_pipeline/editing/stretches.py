"""The stretches: which frames of the source may be used at all.

Belongs here: leaving out what is rejected, joining what runs on, keeping apart what must not touch.
Does not belong here: how good a frame is (`footage_line`), which frames are used (`optimizer`).

A stretch is one moment, or adjacent moments of one shot joined, without anything rejected. It is
measured in frames of the *timeline* from its own start: all later arithmetic is in whole numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from montage_pipeline.analysis.model import (
    AnalysedClip,
    ClipAnalysis,
    Moment,
    RejectedSpan,
)
from montage_pipeline.editing.packing import CutRules
from montage_pipeline.editing.timeline import MIN_HEARD_SPEED
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.spans import Span, without

Floats = npt.NDArray[np.float64]

_TIME_SLACK_S = 1e-6
"""Presentation times are floats; differences below a microsecond mean nothing."""


class MomentRange(NamedTuple):
    """The frames `[start, end)` of a stretch that belong to one moment.

    `without_subject` are ranges of these frames in which the moment's subject is gone, `peak` is
    the frame of its best instant; both are counted from the start of the stretch.
    """

    moment: Moment
    start: int
    end: int
    without_subject: tuple[tuple[int, int], ...] = ()
    peak: int | None = None

    @property
    def frames(self) -> int:
        """Length in frames."""
        return self.end - self.start


class Stretch(NamedTuple):
    """An uninterrupted run of usable footage: `span` of clip number `clip`.

    It holds `frames` timeline frames, at `speed` of the clip's own. `gap` is how many frames two
    pieces cut from it must keep apart: one frame of the source at least, so that none is shown
    twice. `other` is the number of a stretch with the same footage at another speed: only one of
    the two may be used. `min_frames` is how short a cut from it may be, where that is less than
    elsewhere.
    """

    clip: int
    shot: int | None
    span: Span
    frames: int
    gap: int
    moments: tuple[MomentRange, ...]
    speed: float = 1.0
    other: int | None = None
    min_frames: int | None = None

    @property
    def in_slow_motion(self) -> bool:
        """Whether it is seen to be slower than it was; such footage does not open a Reel."""
        return self.speed < MIN_HEARD_SPEED

    def source_s(self, frames: int, fps: Fraction) -> float:
        """The presentation time so many frames after its start."""
        return self.span.start_s + frames * self.speed / float(fps)

    def source_times_s(self, frames: int, fps: Fraction) -> Floats:
        """The presentation times of its first `frames` frames."""
        times_s = self.span.start_s + np.arange(frames) * self.speed / float(fps)
        return np.asarray(times_s, dtype=np.float64)

    @property
    def room(self) -> tuple[int, int]:
        """Frames and gap, as `packing.longest_total` takes them."""
        return self.frames, self.gap


def source_frame_s(facts: ClipFacts) -> float:
    """How long a frame of the source lasts, in seconds.

    Doubled where frames come unevenly, to stay on the safe side.
    """
    return float(1 / facts.fps.fraction) * (2 if facts.variable_frame_rate else 1)


def usable_stretches(
    analysis: ClipAnalysis, fps: Fraction, left_out: Sequence[RejectedSpan] = ()
) -> list[Stretch]:
    """All stretches, in order of clip and time, without what is left out besides.

    Copies of one file (same SHA-256) share their seconds: none appears twice.
    """
    stretches: list[Stretch] = []
    taken: dict[str, list[Span]] = {}
    for index, clip in enumerate(analysis.clips):
        own = [Span(part.start_s, part.end_s) for part in left_out if part.url == clip.facts.url]
        taken.setdefault(_file_of(index, clip), []).extend(own)

    for index, clip in enumerate(analysis.clips):
        frame_s = source_frame_s(clip.facts)
        taken_of_file = taken[_file_of(index, clip)]
        gap = _gap(frame_s, float(fps))

        for run in _kept_apart(_runs(clip, taken_of_file, frame_s), gap, fps):
            frames = _whole_frames(run.span.duration_s, float(fps))
            if frames < 1:
                continue
            ranges = _moment_ranges(run.moments, run.span.start_s, frames, float(fps))
            stretches.append(Stretch(index, run.shot, run.span, frames, gap, ranges))
            taken_of_file.append(Span(run.span.start_s - frame_s, run.span.end_s + frame_s))
    return stretches


def _file_of(index: int, clip: AnalysedClip) -> str:
    """What copies of one file have in common."""
    return clip.facts.sha256 or f"clip {index}"


def at_speed(
    stretch: Stretch,
    analysis: ClipAnalysis,
    speed: float,
    fps: Fraction,
    max_frames: int | None = None,
) -> Stretch:
    """The footage of a stretch at another speed; the first `max_frames` frames of it, if given."""
    rate = float(fps) / speed
    frames = _whole_frames(stretch.span.duration_s, rate)
    frames = frames if max_frames is None else min(frames, max_frames)
    frame_s = source_frame_s(analysis.clips[stretch.clip].facts)
    moments = [found.moment for found in stretch.moments]
    return stretch._replace(
        frames=frames,
        gap=_gap(frame_s, rate),
        moments=_moment_ranges(moments, stretch.span.start_s, frames, rate),
        speed=speed,
    )


def _gap(frame_s: float, rate: float) -> int:
    """Frames that a frame of the source lasts, at least one."""
    return max(1, ceil(frame_s * rate - 1e-6))


@dataclass(frozen=True)
class _Run:
    """Usable footage of one shot without a break, and the moments it is made of."""

    shot: int | None
    span: Span
    moments: tuple[Moment, ...]


def _runs(clip: AnalysedClip, taken: Sequence[Span], frame_s: float) -> list[_Run]:
    """The usable runs of a clip, those that follow each other within a source frame joined."""
    rejected = [Span(moment.start_s, moment.end_s) for moment in clip.moments if moment.rejects]
    closed = [*rejected, *taken]

    joined: list[_Run] = []
    for run in _runs_of_moments(clip, closed):
        if not joined:
            joined.append(run)
            continue
        before = joined[-1]
        if _runs_on(before, run, frame_s) and not _lies_between(closed, before, run):
            end_s = max(run.span.end_s, before.span.end_s)
            joined[-1] = _Run(
                before.shot, Span(before.span.start_s, end_s), before.moments + run.moments
            )
            continue
        span = Span(max(run.span.start_s, before.span.end_s), run.span.end_s)
        if span.duration_s > 0:
            joined.append(replace(run, span=span))
    return joined


def _runs_of_moments(clip: AnalysedClip, closed: Sequence[Span]) -> list[_Run]:
    """What is open of each moment that is not rejected, in order of time."""
    first_s, last_s = clip.facts.start_s, clip.facts.start_s + clip.facts.duration_s
    runs = [
        _Run(_shot_of(clip, moment), span, (moment,))
        for moment in clip.moments
        if not moment.rejects
        for span in without(Span(max(moment.start_s, first_s), min(moment.end_s, last_s)), closed)
    ]
    return sorted(runs, key=lambda run: run.span)


def _shot_of(clip: AnalysedClip, moment: Moment) -> int | None:
    middle_s = Span(moment.start_s, moment.end_s).middle_s
    return next(
        (
            index
            for index, shot in enumerate(clip.shots)
            if Span(shot.start_s, shot.end_s).holds(middle_s)
        ),
        None,
    )


def _runs_on(before: _Run, run: _Run, frame_s: float) -> bool:
    """Whether a run goes on where the one before it ends, in the same shot.

    Runs of no known shot go on only where they overlap.
    """
    same = run.span.start_s < before.span.end_s if run.shot is None else run.shot == before.shot
    return same and run.span.start_s - before.span.end_s <= frame_s + _TIME_SLACK_S


def _lies_between(closed: Sequence[Span], before: _Run, run: _Run) -> bool:
    """Whether any closed span touches the time between two runs."""
    return any(
        span.start_s < run.span.start_s and span.end_s > before.span.end_s for span in closed
    )


def _kept_apart(runs: Sequence[_Run], gap: int, fps: Fraction) -> list[_Run]:
    """The runs with a gap between those that touch.

    It is taken from the later run, unless that one would lose a whole cut and the earlier would
    not.
    """
    gap_s = float(gap / fps)
    apart: list[_Run] = []

    for run in runs:
        start_s, end_s = run.span
        if apart and start_s - apart[-1].span.end_s < gap_s - _TIME_SLACK_S:
            before = apart[-1]
            shortened = Span(before.span.end_s + gap_s, end_s)
            before_shortened = Span(before.span.start_s, start_s - gap_s)
            if _loses_a_cut(run.span, shortened, gap, fps) and not _loses_a_cut(
                before.span, before_shortened, gap, fps
            ):
                apart[-1] = replace(before, span=before_shortened)
            else:
                start_s = shortened.start_s
        if end_s > start_s:
            apart.append(replace(run, span=Span(start_s, end_s)))
    return apart


def _loses_a_cut(span: Span, shortened: Span, gap: int, fps: Fraction) -> bool:
    """Whether the shortened span holds fewer cuts of the shortest length."""
    shortest = CutRules.at_rate(fps).min_frames
    cuts, cuts_left = (
        (_whole_frames(part.duration_s, float(fps)) + gap) // (shortest + gap)
        for part in (span, shortened)
    )
    return cuts_left < cuts


def _whole_frames(seconds: float, rate: float) -> int:
    return max(0, floor((seconds + _TIME_SLACK_S) * rate))


def _moment_ranges(
    moments: Sequence[Moment], start_s: float, frames: int, rate: float
) -> tuple[MomentRange, ...]:
    """The frames of each moment in a stretch of `frames` frames that begins at `start_s`, with
    `rate` of them to a second of the clip.

    Moments too short for a frame are left out; when all are, the first one gets all frames.
    """
    ranges = [_moment_range(moment, start_s, frames, rate) for moment in moments]
    return tuple(found for found in ranges if found.frames > 0) or (
        MomentRange(moments[0], 0, frames),
    )


def _moment_range(moment: Moment, start_s: float, frames: int, rate: float) -> MomentRange:
    first = max(0, ceil((moment.start_s - start_s - _TIME_SLACK_S) * rate))
    last = min(frames, floor((moment.end_s - start_s + _TIME_SLACK_S) * rate))
    gone = [
        (
            max(first, round((span.start_s - start_s) * rate)),
            min(last, round((span.end_s - start_s) * rate)),
        )
        for span in moment.without_subject
    ]
    peak = None if moment.peak_s is None else round((moment.peak_s - start_s) * rate)
    return MomentRange(
        moment,
        first,
        last,
        without_subject=tuple((begin, end) for begin, end in gone if begin < end),
        peak=peak if peak is not None and first <= peak < last else None,
    )
