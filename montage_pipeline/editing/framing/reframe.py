"""Which part of a clip's frame fills the output: a crop of the exact shape, from the middle.

People film what they mean in the middle, so the crop begins there and leaves it only for strong
evidence outside. It then moves by the least that shows the evidence, as one still crop or one
smooth move.

Belongs here: where a crop is, and how it moves. Does not belong here: what speaks for a place
(evidence), or drawing the crop (rendering).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.analysis.model import Movement
from montage_pipeline.analysis.overlays import MAX_MARK_SHIFT
from montage_pipeline.editing.framing.crops import (
    Picture,
    Shape,
    even_within,
    kept_share,
    middle_of,
    picture_of,
)
from montage_pipeline.editing.framing.evidence import Evidence, Sighting
from montage_pipeline.editing.timeline import CropRect, eased
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.rules import SAFE_MARGINS
from montage_pipeline.spans import Span
from montage_pipeline.vocabulary import Format, FrameSize

_SLACK_S = 0.3  # what was seen this little outside the cut still tells where it is
_SAMPLED_S = 0.5  # analysts look this often: times between are silent for want of a look only

_MARGIN = 0.03  # of the crop's side, kept between a subject and the crop's edge
_UI = SAFE_MARGINS[Format.REEL]  # of any upright crop, covered by the app's captions and buttons
_UI_COST = 0.35  # for a face under them, beside 1 for a subject that leaves the crop
_PULL = 0.05  # towards the middle, for each side of the crop that it lies off

_MIN_GAIN = 0.15
"""What leaving the middle must save, in shares of the crop's side that the subject lacks.

Chosen on the labels that `bench-eye` and `bench-reframe` score, so their figures do not test it: of
0.12, 0.15, 0.18 and 0.22 the least that is worse than the middle in no clip. With 0.12 the crop
goes to the woman who throws the stick, not to the dog.
"""

_PLACES = 33  # tried along each axis, at both ends of a move
_MAX_CROPS_PER_S = 0.3  # faster moves of the crop look like a pan of somebody in a hurry
_MIN_MOVE = 0.08  # of the crop's side; less would look like a shake
_MOVE_GAIN = 0.6  # a move is taken when it leaves less than this share of a still crop's loss
_LITTLE_LOSS = 0.02  # of a still crop: nothing to gain by moving

_SEEN_SHARE = 0.5
"""Of the times looked at: where somebody is seen more often, movement has no say, but where it
agrees with what was seen: of what neither shows alone, both together are strong evidence.
"""

_MIN_MOVEMENT_GAIN = 0.2
"""Share of the movement that another place must show beyond what the middle shows.

In labelled cuts before a still camera in which nobody was recognised, movement led to the subject
from 0.2 on and away from it below (some 10 cuts of 5 clips: a rule of thumb, not a fit).
"""
_MIN_MOVEMENT_SHOWN = 0.6  # of the movement: with less, it is all over the frame
_MIN_MOVEMENT = 5.0  # levels of luma, in all columns: with less, clouds drift or light changes
_MAX_AT_EDGE = 0.6
"""Share of the busiest column's movement that the frame's outermost may have. What moves at the
edge comes in or goes out, as a hand with a tool does, or is the scene itself passing by.
"""
_AS_GOOD = 0.03  # less movement shown is as good, when it is nearer to the middle

_MAX_MARK_LOSS = 0.03  # share of a subject that may be lost for it

_Floats = NDArray[np.float64]


class Framing(NamedTuple):
    """The crop at a segment's first frame and, when it moves, at its last; between them it moves by
    `eased`.
    """

    crop: CropRect
    crop_end: CropRect | None


def framing_for(facts: ClipFacts, size: FrameSize, span: Span, evidence: Evidence) -> Framing:
    """The crop for a span of a clip, by what was seen in and near it; inside burnt-in borders."""
    if facts.picture is None:
        return _framing(facts, size, span, evidence)
    picture = picture_of(facts)
    window = Box(
        x=picture.x / facts.width,
        y=picture.y / facts.height,
        width=picture.width / facts.width,
        height=picture.height / facts.height,
    )
    framing = _framing(picture, size, span, evidence.inside(window))
    end = framing.crop_end
    return Framing(_moved(framing.crop, picture), None if end is None else _moved(end, picture))


def _moved(crop: CropRect, picture: Picture) -> CropRect:
    """A crop of the picture as one of the frame."""
    return crop.model_copy(update={"x": crop.x + picture.x, "y": crop.y + picture.y})


def _framing(frame: Shape, size: FrameSize, span: Span, evidence: Evidence) -> Framing:
    middle = Framing(middle_of(frame, size), None)
    if span.duration_s <= 0:
        return middle

    near = Span(span.start_s - _SLACK_S, span.end_s + _SLACK_S)
    seen = [sighting for sighting in evidence.sightings if near.holds(sighting.time_s)]
    # Times at which nothing was seen speak for the middle.
    times = max(len(seen), round(span.duration_s / _SAMPLED_S))
    framing = _by_sightings(frame, size, span, seen, times) if seen else middle
    moved = [movement for movement in evidence.movement if near.holds(movement.time_s)]
    if framing == middle and moved:
        busiest = _by_movement(frame, middle.crop, moved)
        if len(seen) <= _SEEN_SHARE * times or _shows_more(frame, busiest.crop, middle.crop, seen):
            framing = busiest
    if framing.crop_end is None and evidence.marks:
        framing = Framing(_off_marks(frame, framing.crop, seen, evidence.marks), None)
    return framing


def _off_marks(
    frame: Shape, crop: CropRect, seen: Sequence[Sighting], marks: Sequence[Box]
) -> CropRect:
    """The crop moved by the least that leaves every mark out, where that costs little; else less of
    them, or none.
    """
    now = _marked_area(frame, crop, marks)
    best, best_cost = crop, now
    across = [(mark.x * frame.width, (mark.x + mark.width) * frame.width) for mark in marks]
    down = [(mark.y * frame.height, (mark.y + mark.height) * frame.height) for mark in marks]
    for axis, edges, side, within in (
        ("x", across, crop.width, frame.width),
        ("y", down, crop.height, frame.height),
    ):
        at = getattr(crop, axis)
        for place in _beside(edges, side, within):
            moved = crop.model_copy(update={axis: place})
            if abs(place - at) > MAX_MARK_SHIFT * side or _is_lost(frame, crop, moved, seen):
                continue
            # A shift costs something too, or it would be made for a sliver.
            cost = _marked_area(frame, moved, marks) + now * abs(place - at) / side
            if cost < best_cost:
                best, best_cost = moved, cost
    return best


def _beside(edges: Sequence[tuple[float, float]], side: int, within: int) -> Iterator[int]:
    """Where a crop's side may begin so that it ends just before a mark, or begins just after."""
    for low, high in edges:
        yield from (
            even_within(low - side - 1, within - side),
            even_within(high + 1, within - side),
        )


def _marked_area(frame: Shape, crop: CropRect, marks: Sequence[Box]) -> float:
    """The area under marks, as a share of the crop's; overlapping ones count twice."""
    covered = sum(
        kept_share(frame, crop, mark) * mark.width * mark.height * frame.width * frame.height
        for mark in marks
    )
    return covered / (crop.width * crop.height)


def _is_lost(frame: Shape, old: CropRect, new: CropRect, seen: Sequence[Sighting]) -> bool:
    """Whether another crop shows less of what was seen."""
    return any(
        max(kept_share(frame, new, box) for box in sighting.boxes)
        < max(kept_share(frame, old, box) for box in sighting.boxes) - _MAX_MARK_LOSS
        for sighting in seen
    )


def _by_sightings(
    frame: Shape, size: FrameSize, span: Span, seen: Sequence[Sighting], times: int
) -> Framing:
    middle = middle_of(frame, size)
    shares = [(sighting.time_s - span.start_s) / span.duration_s for sighting in seen]
    progress = np.asarray([eased(min(1.0, max(0.0, share))) for share in shares])
    reach = _MAX_CROPS_PER_S * span.duration_s

    across, down = _axes(frame, size, middle, seen)
    left, right = _way(across, progress, times, reach)
    top, bottom = _way(down, progress, times, reach)
    begin = middle.model_copy(update={"x": left, "y": top})
    end = middle.model_copy(update={"x": right, "y": bottom})
    return Framing(begin, end if end != begin else None)


def _shows_more(frame: Shape, crop: CropRect, other: CropRect, seen: Sequence[Sighting]) -> bool:
    """Whether a crop shows more than another one at every time at which somebody was seen."""

    def shown(place: CropRect, sighting: Sighting) -> float:
        return max(kept_share(frame, place, box) for box in sighting.boxes)

    return all(shown(crop, sighting) > shown(other, sighting) for sighting in seen)


def _by_movement(frame: Shape, middle: CropRect, moved: Sequence[Movement]) -> Framing:
    """A still crop where most of the movement is."""
    across = np.sum([movement.across for movement in moved], axis=0)
    down = np.sum([movement.down for movement in moved], axis=0)
    if across.sum() < _MIN_MOVEMENT * len(moved):
        return Framing(middle, None)
    x = _busiest(across, frame.width, middle.width, middle.x)
    y = _busiest(down, frame.height, middle.height, middle.y)
    return Framing(middle.model_copy(update={"x": x, "y": y}), None)


def _busiest(amounts: _Floats, within: int, side: int, middle: int) -> int:
    """Where a crop's side shows most of what moves along one axis of the frame: `middle` unless
    another place shows much more.
    """
    total = float(amounts.sum())
    at_edge = float(max(amounts[0], amounts[-1]))
    if within <= side or not total or at_edge > _MAX_AT_EDGE * float(amounts.max()):
        return middle
    edges = np.linspace(0, within, len(amounts) + 1)
    until = np.concatenate([[0.0], np.cumsum(amounts)]) / total
    starts = np.asarray(_places(within - side, middle))
    shown = np.interp(starts + side, edges, until) - np.interp(starts, edges, until)

    at_middle, most = float(shown[np.searchsorted(starts, middle)]), float(shown.max())
    if most < max(_MIN_MOVEMENT_SHOWN, at_middle + _MIN_MOVEMENT_GAIN):
        return middle
    as_good = starts[shown >= most - _AS_GOOD]
    return int(as_good[np.argmin(np.abs(as_good - middle))])


def _places(room: int, middle: int) -> _Floats:
    """Where a crop may begin along an axis, ascending; the middle is one of them."""
    grid = [even_within(float(at), room) for at in np.linspace(0, room, _PLACES)]
    return np.unique([*grid, middle]).astype(np.float64)


class _Axis(NamedTuple):
    """One direction, in pixels: the edges of each sighting's boxes (arrays [boxes, 2]) with their
    weights, the crop's side, its room, and where it lies in the middle.

    `covered` are the shares of the crop that the app covers, which matters for faces.
    """

    edges: tuple[_Floats, ...]
    weights: _Floats
    faces: tuple[bool, ...]
    side: int
    room: int
    middle: int
    covered: tuple[float, float]


def _axes(
    frame: Shape, size: FrameSize, middle: CropRect, sightings: Sequence[Sighting]
) -> Iterator[_Axis]:
    upright = size.height > size.width
    weights = np.asarray([sighting.weight for sighting in sightings])
    faces = tuple(sighting.face for sighting in sightings)

    shown = [_worth_showing(frame, middle, sighting) for sighting in sightings]

    across = tuple(
        np.asarray([[box.x, box.x + box.width] for box in boxes]) * frame.width for boxes in shown
    )
    sides = (_UI.sides, _UI.sides) if upright else (0.0, 0.0)
    yield _Axis(across, weights, faces, middle.width, frame.width - middle.width, middle.x, sides)

    down = tuple(
        np.asarray([[box.y, box.y + box.height] for box in boxes]) * frame.height for boxes in shown
    )
    ends = (_UI.top, _UI.bottom) if upright else (0.0, 0.0)
    yield _Axis(down, weights, faces, middle.height, frame.height - middle.height, middle.y, ends)


def _worth_showing(frame: Shape, crop: CropRect, sighting: Sighting) -> tuple[Box, ...]:
    """Whom a crop of this size may show: anybody, and the group where it fits. Between two who
    stand too far apart for it there may be nobody.
    """
    group = sighting.group
    fits = (
        group is not None
        and group.width * frame.width <= crop.width
        and group.height * frame.height <= crop.height
    )
    return (*sighting.boxes, group) if group is not None and fits else sighting.boxes


def _way(axis: _Axis, progress: _Floats, times: int, reach: float) -> tuple[int, int]:
    """Where the crop begins and ends its way along one axis; the same place twice when it stays."""
    places = _places(axis.room, axis.middle)
    still = _loss(axis, places[:, None] + np.zeros(len(progress)), times)
    best, at_middle = int(np.argmin(still)), int(np.searchsorted(places, axis.middle))
    loss, way = float(still[best]), (int(places[best]), int(places[best]))

    if loss > _LITTLE_LOSS:
        begin, end = (ends.ravel() for ends in np.meshgrid(places, places, indexing="ij"))
        length = np.abs(end - begin) / axis.side
        allowed = (length >= _MIN_MOVE) & (length <= reach)
        begin, end = begin[allowed], end[allowed]
        moving = _loss(axis, begin[:, None] + (end - begin)[:, None] * progress, times)
        if len(moving) and float(moving.min()) < _MOVE_GAIN * loss:
            found = int(np.argmin(moving))
            loss, way = float(moving[found]), (int(begin[found]), int(end[found]))
    return way if still[at_middle] - loss > _MIN_GAIN else (axis.middle, axis.middle)


def _loss(axis: _Axis, starts: _Floats, times: int) -> _Floats:
    """What each way (rows of `starts`, a column for each sighting) lacks of the subjects; 0 is
    perfect.
    """
    loss = _PULL * np.abs(starts - axis.middle).mean(axis=1) / axis.side
    for index, edges in enumerate(axis.edges):
        lost = [_lost(axis, box, starts[:, index], face=axis.faces[index]) for box in edges]
        loss = loss + axis.weights[index] * np.min(lost, axis=0) / times
    return np.asarray(loss, dtype=np.float64)


def _lost(axis: _Axis, box: _Floats, starts: _Floats, *, face: bool) -> _Floats:
    """The share of the crop's side by which a box leaves it, at most 1, and more for a face under
    the app's interface.
    """
    side = float(axis.side)
    low, high = box[0] - starts, box[1] - starts
    middle = (low + high) / 2
    # Of what is larger than the crop as much counts as fits: of a face the middle, of a body
    # whichever part the crop shows, as its box does not say which part is meant.
    half = np.minimum((high - low) / 2, side * (0.5 - _MARGIN))
    if not face:
        middle = np.clip(side / 2, low + half, high - half)
    low, high = middle - half, middle + half

    def beyond(before: float, after: float) -> _Floats:
        out = np.maximum(0.0, before * side - low) + np.maximum(0.0, high - (1 - after) * side)
        return np.asarray(np.minimum(out / side, 1.0), dtype=np.float64)

    hidden = beyond(*axis.covered) if face else 0.0
    return np.asarray(beyond(_MARGIN, _MARGIN) + _UI_COST * hidden, dtype=np.float64)
