"""Where the eye is while a moment is shown, and which way what it follows goes."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from montage_pipeline.analysis.model import Moment
from montage_pipeline.editing.evidence import evidence_of
from montage_pipeline.editing.reframe import framing_for
from montage_pipeline.editing.timeline import eased
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.spans import Span
from montage_pipeline.vocabulary import FrameSize

Floats = npt.NDArray[np.float64]

_KNOWN_FOR_S = 0.75
"""Before and after a look that found the subject: analysts look twice a second."""

_MIN_POINTS, _MIN_STRAIGHT = 3, 0.7
"""Places from which a subject's way is told, and how near (correlation with time) it must be to a
straight one: who sways from side to side goes nowhere.
"""

_STILL, _CLEAR = 0.03, 0.12
"""Longer sides of the frame per second: up to the first nothing goes anywhere, from the second on
its direction is plain. A walk across the frame takes 5 to 10 s.
"""


class _Seen(NamedTuple):
    """Where the subject is: times in seconds, and its middle in shares of the frame (n, 2)."""

    times_s: Floats
    places: Floats


def eye_places(moment: Moment, facts: ClipFacts, size: FrameSize, times_s: Floats) -> Floats:
    """Where the eye is in the shown picture at times of a clip, in heights of the picture from its
    left and upper edges, shape (times, 2); NaN where nothing draws it.
    """
    found = np.full((len(times_s), 2), np.nan)
    seen = _seen(moment)
    if not len(seen.times_s):
        return found

    span = Span(moment.start_s, moment.end_s)
    framing = framing_for(facts, size, span, evidence_of([moment]))
    begin, end = framing.crop, framing.crop_end or framing.crop
    in_frame = np.stack(
        [np.interp(times_s, seen.times_s, seen.places[:, axis]) for axis in (0, 1)], axis=1
    )
    share = np.clip((times_s - span.start_s) / span.duration_s, 0, 1)
    come = np.asarray([eased(float(at)) for at in share])[:, None]
    first, last = np.array([begin.x, begin.y]), np.array([end.x, end.y])
    corner = first + (last - first) * come
    in_crop = (in_frame * (facts.width, facts.height) - corner) / (begin.width, begin.height)

    near_s = np.abs(times_s[:, None] - seen.times_s[None, :]).min(axis=1)
    known = near_s <= _KNOWN_FOR_S
    found[known] = np.clip(in_crop[known], 0, 1) * (size.width / size.height, 1.0)
    return found


def heading(moment: Moment, facts: ClipFacts) -> Floats:
    """Which way the subject goes, or the camera where there is none, right and down: a vector of
    length 0 (nowhere) to 1 (plainly that way).

    Who runs along with the camera stays in place in the frame; the camera's own way counts.
    """
    sides = np.array([facts.width, facts.height]) / max(facts.width, facts.height)
    drift = _drift(_seen(moment, followed=True)) * sides
    speed = np.array([moment.travel_x, moment.travel_y]) + drift
    fast = float(np.hypot(*speed))
    if fast <= _STILL:
        return np.zeros(2)
    return np.asarray(speed / fast * min(1.0, (fast - _STILL) / (_CLEAR - _STILL)))


def _seen(moment: Moment, *, followed: bool = False) -> _Seen:
    """A face, or where somebody pointed, before who is in the frame, before what moves there.

    With `followed` only who is followed from look to look: movement is wherever it is.
    """
    path = moment.subject_path
    pointed = [(point.time_s, point.box) for point in path if point.source in ("model", "face")]
    living = [
        (sighting.time_s, max(sighting.things, key=lambda thing: _weight(thing.box)).box)
        for sighting in moment.living
        if sighting.things
    ]
    moving = [(point.time_s, point.box) for point in path if point.source == "motion"]
    points = pointed or living or ([] if followed else moving)
    return _Seen(
        np.asarray([time_s for time_s, _ in points], dtype=np.float64),
        np.asarray([_middle(box) for _, box in points], dtype=np.float64).reshape(-1, 2),
    )


def _drift(seen: _Seen) -> Floats:
    """How fast a subject crosses the frame, in its sides per second; none where its way is not
    straight.
    """
    drift = np.zeros(2)
    if len(seen.times_s) < _MIN_POINTS or not np.ptp(seen.times_s):
        return drift
    for axis in (0, 1):
        along = seen.places[:, axis]
        if np.ptp(along) and abs(np.corrcoef(seen.times_s, along)[0, 1]) >= _MIN_STRAIGHT:
            drift[axis] = np.polyfit(seen.times_s, along, 1)[0]
    return drift


def _weight(box: Box) -> float:
    return box.width * box.height


def _middle(box: Box) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2
