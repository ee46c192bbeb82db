"""Where the eye is while a moment is shown, and which way what it follows goes."""

import numpy as np
import numpy.typing as npt

from montage_pipeline.analysis.model import Moment
from montage_pipeline.editing.framing.evidence import evidence_of
from montage_pipeline.editing.framing.reframe import Framing, framing_for
from montage_pipeline.editing.timeline import eased
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.spans import Span
from montage_pipeline.vocabulary import FrameSize

Floats = npt.NDArray[np.float64]
_Look = tuple[float, tuple[Box, ...]]

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


_MIN_SHOWN = 0.4
"""Share of somebody that the crop must show to draw the eye: of who stands beside it a sleeve is
seen.
"""


def eye_places(moment: Moment, facts: ClipFacts, size: FrameSize, times_s: Floats) -> Floats:
    """Where the eye is in the shown picture at times of a clip, in heights of the picture from its
    left and upper edges, shape (times, 2); NaN where nothing draws it.
    """
    found = np.full((len(times_s), 2), np.nan)
    span = Span(moment.start_s, moment.end_s)
    framing = framing_for(facts, size, span, evidence_of([moment]))
    seen = []
    for at_s, boxes in _looks(moment):
        crop = _crop_at(framing, facts, (at_s - span.start_s) / span.duration_s)
        drawn = [place for box in boxes if (place := _shown(box, crop))]
        if drawn:
            seen.append((at_s, *max(drawn)[1:]))
    if not seen:
        return found

    known = np.asarray(seen, dtype=np.float64)
    near_s = np.abs(times_s[:, None] - known[None, :, 0]).min(axis=1)
    for axis, length in enumerate((size.width / size.height, 1.0)):
        found[:, axis] = length * np.interp(times_s, known[:, 0], known[:, 1 + axis])
    found[near_s > _KNOWN_FOR_S] = np.nan
    return found


def heading(moment: Moment, facts: ClipFacts) -> Floats:
    """Which way the subject goes, or the camera where there is none, right and down: a vector of
    length 0 (nowhere) to 1 (plainly that way).

    Who runs along with the camera stays in place in the frame; the camera's own way counts.
    """
    sides = np.array([facts.width, facts.height]) / max(facts.width, facts.height)
    drift = _drift(moment) * sides
    speed = np.array([moment.travel_x, moment.travel_y]) + drift
    fast = float(np.hypot(*speed))
    if fast <= _STILL:
        return np.zeros(2)
    return np.asarray(speed / fast * min(1.0, (fast - _STILL) / (_CLEAR - _STILL)))


def _looks(moment: Moment) -> list[_Look]:
    """What may draw the eye at which times (seconds), in order: a face, or where somebody pointed,
    before who is in the frame, before what moves there.
    """
    path = moment.subject_path
    pointed: list[_Look] = [
        (point.time_s, (point.box,)) for point in path if point.source in ("model", "face")
    ]
    living: list[_Look] = [
        (sighting.time_s, tuple(thing.box for thing in sighting.things))
        for sighting in moment.living
        if sighting.things
    ]
    moving: list[_Look] = [
        (point.time_s, (point.box,)) for point in path if point.source == "motion"
    ]
    return pointed or living or moving


def _crop_at(framing: Framing, facts: ClipFacts, share: float) -> Box:
    """The crop when `share` (0..1) of its moment has been shown, in shares of the frame."""
    begin, end = framing.crop, framing.crop_end or framing.crop
    come = eased(min(1.0, max(0.0, share)))
    return Box(
        x=min(1.0, (begin.x + (end.x - begin.x) * come) / facts.width),
        y=min(1.0, (begin.y + (end.y - begin.y) * come) / facts.height),
        width=begin.width / facts.width,
        height=begin.height / facts.height,
    )


def _shown(box: Box, crop: Box) -> tuple[float, float, float] | None:
    """How much of the frame a box takes inside the crop, and where the middle of that is in it
    (0..1, across and down); None where the crop shows too little of it.
    """
    left, right = max(box.x, crop.x), min(box.x + box.width, crop.x + crop.width)
    top, bottom = max(box.y, crop.y), min(box.y + box.height, crop.y + crop.height)
    area = max(0.0, right - left) * max(0.0, bottom - top)
    # Of somebody larger than the crop as much as it holds.
    whole = min(box.width, crop.width) * min(box.height, crop.height)
    if area <= 0 or area < _MIN_SHOWN * whole:
        return None
    across = ((left + right) / 2 - crop.x) / crop.width
    down = ((top + bottom) / 2 - crop.y) / crop.height
    return area, across, down


def _drift(moment: Moment) -> Floats:
    """How fast the subject crosses the frame, in its sides per second; none where its way is not
    straight.

    Movement is no subject here: it is wherever it is, and goes nowhere.
    """
    moving = {point.time_s for point in moment.subject_path if point.source == "motion"}
    looks = [(at_s, max(boxes, key=_area)) for at_s, boxes in _looks(moment)]
    followed = [(at_s, *_middle(box)) for at_s, box in looks if at_s not in moving]
    drift = np.zeros(2)
    known = np.asarray(followed, dtype=np.float64).reshape(-1, 3)
    if len(known) < _MIN_POINTS or not np.ptp(known[:, 0]):
        return drift
    for axis in (0, 1):
        along = known[:, 1 + axis]
        if np.ptp(along) and abs(np.corrcoef(known[:, 0], along)[0, 1]) >= _MIN_STRAIGHT:
            drift[axis] = np.polyfit(known[:, 0], along, 1)[0]
    return drift


def _area(box: Box) -> float:
    return box.width * box.height


def _middle(box: Box) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2
