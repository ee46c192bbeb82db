"""Covers: the frames of a Reel that could stand for it, the best first.

Belongs here: choosing them by what the analysis knows of the footage. Does not belong here: taking
them out of the finished file (rendering).
"""

import math
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple

from montage_pipeline.analysis.model import AnalysedClip, ClipAnalysis, Moment
from montage_pipeline.editing.context import moments_by_id
from montage_pipeline.editing.timeline import Cover, Segment, Timeline
from montage_pipeline.rules import looks_alike

COVERS = 3
"""As many as a person compares at a glance; each has another segment where there is one."""

_INTEREST, _SHARPNESS, _SUBJECT, _LIGHT, _COLOUR, _HOOK = 0.30, 0.20, 0.20, 0.10, 0.10, 0.10
"""What makes a still frame worth a click, of 1: what it shows first, then that it can be made out
small, then who is in it; a hook counts little, as its strength is often movement.
"""

_INSTANT = 0.15
"""An instant that is one unit clearer and calmer than its clip's usual self; a hand before the lens
is about as far below it, which outweighs any one of the weights above but the first three.
"""

_PEAK = 0.10
"""For the instant that was judged the best of its moment; less beside it."""

_REACH_S = 0.5
"""What is known of an instant is true of the frames around it up to here."""

_SAME_SEGMENT, _SAME_CLIP, _ALIKE = 0.50, 0.15, 0.30
"""Taken off a frame for what a better cover shows already: three covers should differ more than
their scores, which rarely spread by more than 0.3 in one Reel.
"""

_EDGE_S = 0.2
"""Kept from both ends of a segment: footage is still settling there, and players seek roughly."""

_GOOD = 0.5
"""A measure from here on is named as speaking for a frame."""


class _Candidate(NamedTuple):
    """A frame of the Reel; `score` is what it is worth by itself, 0..1 and a little beyond."""

    frame: int
    score: float
    segment: int
    clip: int
    moment: Moment


def with_covers(timeline: Timeline, analysis: ClipAnalysis) -> Timeline:
    """The timeline with up to `COVERS` covers, the best first and none twice."""
    candidates = list(_candidates(timeline, analysis))
    chosen: list[tuple[_Candidate, float]] = []
    while candidates and len(chosen) < COVERS:
        shown = [candidate for candidate, _ in chosen]
        # Of equal ones the earliest: the same Reel has the same covers.
        best = max(candidates, key=lambda each: (_worth(each, shown), -each.frame))
        chosen.append((best, _worth(best, shown)))
        candidates.remove(best)
    covers = tuple(
        Cover(
            frame=candidate.frame,
            segment=candidate.segment,
            score=round(min(max(worth, 0.0), 1.0), 3),
            why=_why(candidate),
        )
        for candidate, worth in chosen
    )
    return timeline.model_copy(update={"covers": covers})


def _candidates(timeline: Timeline, analysis: ClipAnalysis) -> Iterator[_Candidate]:
    moments = moments_by_id(analysis)
    fps = float(timeline.fps.fraction)
    starts = accumulate((segment.frames for segment in timeline.segments), initial=0)
    for number, (segment, start) in enumerate(zip(timeline.segments, starts, strict=False)):
        moment, clip = moments[segment.moment], analysis.clips[segment.clip]
        instants = {instant.time_s: instant.score for instant in clip.instants}
        for frame in _frames(segment, moment, clip, fps):
            time_s = segment.source_in_s + frame / fps
            score = _of_moment(moment) + _of_instant(time_s, moment, instants)
            yield _Candidate(start + frame, score, number, segment.clip, moment)


def _frames(segment: Segment, moment: Moment, clip: AnalysedClip, fps: float) -> list[int]:
    """Frames of the segment worth a look: what the analysis looked at, and the quarters."""
    edge = min(round(_EDGE_S * fps), (segment.frames - 1) // 2)
    known_s = [instant.time_s for instant in clip.instants]
    if moment.peak_s is not None:
        known_s.append(moment.peak_s)
    frames = {round((time_s - segment.source_in_s) * fps) for time_s in known_s}
    frames |= {segment.frames * quarter // 4 for quarter in (1, 2, 3)}
    return sorted(frame for frame in frames if edge <= frame < segment.frames - edge)


def _of_moment(moment: Moment) -> float:
    scores = moment.scores
    return (
        _INTEREST * moment.interest
        + _SHARPNESS * scores.sharpness
        + _SUBJECT * max(scores.faces, scores.living)
        + _LIGHT * scores.exposure
        + _COLOUR * scores.colour
        + _HOOK * moment.hook
    )


def _of_instant(time_s: float, moment: Moment, instants: Mapping[float, float]) -> float:
    """What the very instant adds to its moment, or takes from it."""
    nearest_s = min(instants, key=lambda known_s: abs(known_s - time_s), default=math.inf)
    known = abs(nearest_s - time_s) <= _REACH_S
    points = _INSTANT * instants[nearest_s] if known else 0.0
    if moment.peak_s is not None:
        points += _PEAK * max(0.0, 1 - abs(time_s - moment.peak_s) / _REACH_S)
    return points


def _worth(candidate: _Candidate, shown: list[_Candidate]) -> float:
    """The score, less what better covers show already."""
    taken_off = 0.0
    for other in shown:
        alike = looks_alike(
            int(candidate.moment.fingerprint, 16), int(other.moment.fingerprint, 16)
        )
        if candidate.segment == other.segment:
            taken_off = max(taken_off, _SAME_SEGMENT)
        elif alike:
            taken_off = max(taken_off, _ALIKE)
        elif candidate.clip == other.clip:
            taken_off = max(taken_off, _SAME_CLIP)
    return candidate.score - taken_off


def _why(candidate: _Candidate) -> str:
    """What speaks for the frame, in words."""
    moment = candidate.moment
    reasons = [
        word
        for word, score in (
            ("a face", moment.scores.faces),
            ("someone in it", moment.scores.living if moment.scores.faces < _GOOD else 0.0),
            ("sharp", moment.scores.sharpness),
            ("well lit", moment.scores.exposure),
            ("rich in colour", moment.scores.colour),
        )
        if score >= _GOOD
    ]
    said = ", ".join(reasons) or "the best of its segment"
    return f"{moment.description.rstrip('.')}: {said}" if moment.description else said.capitalize()
