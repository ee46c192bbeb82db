"""Candidates for covers: the frames of a Reel that could stand for it, by what the analysis knows.

Belongs here: which frames are worth a look. Does not belong here: the look itself, and the choice;
both are made on the finished file (rendering).
"""

import math
from collections.abc import Iterator, Mapping
from itertools import accumulate

from montage_pipeline.analysis.model import AnalysedClip, ClipAnalysis, Moment
from montage_pipeline.editing.context import moments_by_id
from montage_pipeline.editing.timeline import Cover, Segment, Timeline

MAX_CANDIDATES = 9
"""Each takes a fifth of a second to take out of the file: three for each cover to be chosen."""

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

_APART_S = 1.0
"""Two frames of one segment that are further apart than this may show different things."""

_EDGE_S = 0.2
"""Kept from both ends of a segment: footage is still settling there, and players seek roughly."""

_GOOD = 0.5
"""A measure from here on is named as speaking for a frame."""


def with_cover_candidates(timeline: Timeline, analysis: ClipAnalysis) -> Timeline:
    """The timeline with up to `MAX_CANDIDATES` covers to choose from.

    The best frame of every segment goes before the second of any, the better segment first.
    """
    first, second = [], []
    for frames in _by_segment(timeline, analysis):
        best, *others = frames
        first.append(best)
        apart = _APART_S * float(timeline.fps.fraction)
        second += [other for other in others if abs(other.frame - best.frame) >= apart][:1]
    # Of equal ones the earlier: the same Reel has the same covers.
    ranked = [*sorted(first, key=_rank), *sorted(second, key=_rank)]
    return timeline.model_copy(update={"cover_candidates": tuple(ranked[:MAX_CANDIDATES])})


def _rank(cover: Cover) -> tuple[float, int]:
    return -cover.score, cover.frame


def _by_segment(timeline: Timeline, analysis: ClipAnalysis) -> Iterator[list[Cover]]:
    """The frames of each segment that are worth a look, the best first."""
    moments = moments_by_id(analysis)
    fps = float(timeline.fps.fraction)
    starts = accumulate((segment.frames for segment in timeline.segments), initial=0)
    for number, (segment, start) in enumerate(zip(timeline.segments, starts, strict=False)):
        moment, clip = moments[segment.moment], analysis.clips[segment.clip]
        instants = {instant.time_s: instant.score for instant in clip.instants}
        covers = []
        for frame in _frames(segment, moment, clip, fps):
            time_s = segment.source_in_s + frame / fps
            score = _of_moment(moment) + _of_instant(time_s, moment, instants)
            covers.append(
                Cover(
                    frame=start + frame,
                    segment=number,
                    score=round(min(max(score, 0.0), 1.0), 3),
                    why=_why(moment),
                )
            )
        yield sorted(covers, key=_rank)


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


def _why(moment: Moment) -> str:
    """What speaks for a frame of the moment, in words."""
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
