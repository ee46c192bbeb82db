"""What speaks for showing another part of the frame than its middle, and how strongly.

A subject that Claude pointed at, a face, a whole person or animal; where nobody is seen, movement
before a camera that stands still. Other movement, and contrast, are no evidence: foliage, water and
a shaking camera have both.

Belongs here: which findings of the analysis count, and their weights. Does not belong here: where
the crop goes (reframe), finding subjects (footage, analysis).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from montage_pipeline.analysis.model import Moment, Movement
from montage_pipeline.footage.measuring.boxes import covered_share, part_inside
from montage_pipeline.footage.measuring.subject import subject_likelihood
from montage_pipeline.footage.model import Box

# Weights of what was seen; a whole person or animal counts with its score, 0.45 to 1.
_MODEL_WEIGHT = 8.0
_FACE_WEIGHT = 1.0
_ACTING_WEIGHT = 0.5
"""At least, of a person or animal that moves before a camera that stands still: who acts is
meant.
"""

_STILL_CAMERA = 0.9  # stability from which movement is the scene's own
_SAME_TIME_S = 0.3  # of a sighting and of the movement that it may be of
_MOVING_SHARE = 0.5  # of a box that moves when its person or animal does
_MOVED_SHARE = 0.25  # of what moves, taken by whoever moves: else something larger does

_PERSISTS_S = 1.0
"""Detections flicker: who was seen this near in time is still there, and may be who is meant."""

_GROUP_SIZE = 0.25  # of the largest one's area, from which others belong to the group


class Sighting(NamedTuple):
    """What was seen at one time (seconds): boxes any of which is worth showing, with the weight of
    the surest, and whether they are faces. `group` is around all of several.
    """

    time_s: float
    boxes: tuple[Box, ...]
    weight: float
    face: bool
    group: Box | None = None


class Evidence(NamedTuple):
    """Who was seen, what moved by itself, and the watermarks and text that are better left out."""

    sightings: tuple[Sighting, ...] = ()
    movement: tuple[Movement, ...] = ()
    marks: tuple[Box, ...] = ()

    def inside(self, window: Box) -> "Evidence":
        """What of it lies inside a window, in shares of the window."""
        sightings = (_inside(sighting, window) for sighting in self.sightings)
        return Evidence(
            tuple(sighting for sighting in sightings if sighting is not None),
            tuple(_movement_inside(movement, window) for movement in self.movement),
            tuple(part for mark in self.marks if (part := part_inside(mark, window))),
        )


def _inside(sighting: Sighting, window: Box) -> Sighting | None:
    boxes = tuple(part for box in sighting.boxes if (part := part_inside(box, window)))
    group = part_inside(sighting.group, window) if sighting.group is not None else None
    return sighting._replace(boxes=boxes, group=group) if boxes else None


def _movement_inside(movement: Movement, window: Box) -> Movement:
    return movement.model_copy(
        update={
            "across": _amounts_inside(movement.across, window.x, window.width),
            "down": _amounts_inside(movement.down, window.y, window.height),
        }
    )


def _amounts_inside(amounts: Sequence[float], begin: float, length: float) -> tuple[float, ...]:
    """Amounts in equal parts of a side, as those in as many equal parts of a part of that side."""
    edges = np.linspace(0, 1, len(amounts) + 1)
    until = np.interp(begin + edges * length, edges, np.concatenate([[0.0], np.cumsum(amounts)]))
    return tuple(float(amount) for amount in np.diff(until))


def evidence_of(moments: Sequence[Moment]) -> Evidence:
    """What the moments show, by kind within each: where Claude pointed at a subject, nothing else
    counts; elsewhere a face counts before the people and animals around it.
    """
    sightings: list[Sighting] = []
    movement: list[Movement] = []
    for moment in moments:
        pointed = [point for point in moment.subject_path if point.source == "model"]
        sightings += [
            Sighting(point.time_s, (point.box,), _MODEL_WEIGHT, face=False) for point in pointed
        ]
        if not pointed:
            sightings += [*_faces(moment), *_living(moment)]
            movement += _own_movement(moment)
    marks = tuple(dict.fromkeys(o.box for moment in moments for o in moment.overlays))
    return Evidence(tuple(sightings), tuple(movement), marks)


def _own_movement(moment: Moment) -> tuple[Movement, ...]:
    """Movement that is the scene's own, not the camera's."""
    return moment.movement if moment.scores.stability >= _STILL_CAMERA else ()


def _faces(moment: Moment) -> Iterator[Sighting]:
    for point in moment.subject_path:
        if point.source == "face":
            weight = _FACE_WEIGHT * subject_likelihood(point.box)
            yield Sighting(point.time_s, (point.box,), weight, face=True)


def _living(moment: Moment) -> Iterator[Sighting]:
    with_face = {point.time_s for point in moment.subject_path if point.source == "face"}
    for living in moment.living:
        if living.time_s in with_face or not living.things:
            continue
        things = [
            (thing.box, thing.score)
            for other in moment.living
            if abs(other.time_s - living.time_s) <= _PERSISTS_S
            for thing in other.things
        ]
        group = _group(living.time_s, things)
        if any(_acts(box, living.time_s, moment) for box in group.boxes):
            group = group._replace(weight=max(group.weight, _ACTING_WEIGHT))
        yield group


def _acts(box: Box, time_s: float, moment: Moment) -> bool:
    if moment.scores.stability < _STILL_CAMERA:
        return False
    return any(
        point.source == "motion"
        and abs(point.time_s - time_s) <= _SAME_TIME_S
        and covered_share(box, point.box) >= _MOVING_SHARE
        and covered_share(point.box, box) >= _MOVED_SHARE
        for point in moment.subject_path
    )


def _group(time_s: float, things: Sequence[tuple[Box, float]]) -> Sighting:
    """A frame with people or animals: each of the large ones, and all of these together."""
    largest = max(box.width * box.height for box, _ in things)
    large = [
        (box, score) for box, score in things if box.width * box.height >= _GROUP_SIZE * largest
    ]
    boxes = tuple(box for box, _ in large)
    weight = max(score * subject_likelihood(box) for box, score in large)
    group = _around(boxes) if len(boxes) > 1 else None
    return Sighting(time_s, boxes, weight, face=False, group=group)


def _around(boxes: Sequence[Box]) -> Box:
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right = max(box.x + box.width for box in boxes)
    bottom = max(box.y + box.height for box in boxes)
    return Box(x=left, y=top, width=min(right - left, 1 - left), height=min(bottom - top, 1 - top))
