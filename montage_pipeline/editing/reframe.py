"""Which part of a clip's frame fills the output: a crop of the exact shape, from the middle.

People film what they mean in the middle, so the crop begins there and leaves it only for strong
evidence outside: a subject that Claude pointed at, a face, a whole person or animal, or movement
before a camera that stands still where nobody is seen. It then moves by the least that shows the
evidence, as one still crop or one smooth move. Other movement, and contrast, are no evidence:
foliage, water and a shaking camera have both.

Belongs here: where a crop is, and how it moves. Does not belong here: finding subjects (footage,
analysis), or drawing the crop (rendering).
"""

from collections.abc import Iterator, Sequence
from math import floor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.analysis.model import Moment, SubjectPoint
from montage_pipeline.editing.timeline import CropRect, eased
from montage_pipeline.footage.measuring.boxes import covered_share
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.rules import SAFE_MARGINS
from montage_pipeline.spans import Span
from montage_pipeline.vocabulary import Format, FrameSize

_MIDDLE_Y = 0.45
"""Where the middle of an upright crop lies in the frame: a little above its middle, as captions and
buttons of the apps cover the bottom of a Reel, and heads are above the middle.
"""

_SLACK_S = 0.3  # what was seen this little outside the cut still tells where it is
_SAMPLED_S = 0.5  # analysts look this often: times between are silent for want of a look only

# Weights of what was seen; a whole person or animal counts with its score, 0.45 to 1.
_MODEL_WEIGHT = 8.0
_FACE_WEIGHT = 1.0
_CUT_OFF_FACTOR = 0.3
"""Of who is cut by the frame's own edge: beside such a one, something else is meant."""

_ACTING_WEIGHT = 0.5
"""At least, of a person or animal that moves before a camera that stands still: who acts is
meant.
"""

_MOTION_WEIGHT = 0.8
_STILL_CAMERA = 0.9  # stability from which movement is the scene's own
_MAX_MOTION_AREA = 0.3  # of the frame: movement all over it has no place
_ALONE_S = 0.6  # no face, person or animal is seen this near to it in time
_SAME_TIME_S = 0.3  # of a sighting and of the movement that it may be of
_MOVING_SHARE = 0.5  # of a box that moves when its person or animal does

_CENTRAL_SPREAD = 0.3
"""Of the frame's side: the farther from the middle, the less likely that a thing is the subject."""

_CUT_OFF_WITHIN = 0.02  # of the frame's side
_GROUP_SIZE = 0.25  # of the largest one's area, from which others belong to the group

_MARGIN = 0.03  # of the crop's side, kept between a subject and the crop's edge
_UI = SAFE_MARGINS[Format.REEL]  # of any upright crop, covered by the app's captions and buttons
_UI_COST = 0.35  # for a face under them, beside 1 for a subject that leaves the crop
_PULL = 0.05  # towards the middle, for each side of the crop that it lies off

_MIN_GAIN = 0.18
"""What leaving the middle must save, in shares of the crop's side that the subject lacks.

Chosen on the labels that `bench-eye` scores, so its figures do not test it: the least tried that is
nowhere worse than the middle there. With 0.15 the crop goes to the woman who throws the stick, not
to the dog; with 0.3 nothing moves it any more.
"""

_PLACES = 33  # tried along each axis, at both ends of a move
_MAX_CROPS_PER_S = 0.3  # faster moves of the crop look like a pan of somebody in a hurry
_MIN_MOVE = 0.08  # of the crop's side; less would look like a shake
_MOVE_GAIN = 0.6  # a move is taken when it leaves less than this share of a still crop's loss
_LITTLE_LOSS = 0.02  # of a still crop: nothing to gain by moving

_Floats = NDArray[np.float64]


class Framing(NamedTuple):
    """The crop at a segment's first frame and, when it moves, at its last; between them it moves by
    `eased`.
    """

    crop: CropRect
    crop_end: CropRect | None


class Sighting(NamedTuple):
    """What was seen at one time (seconds): boxes any of which is worth showing, with the weight of
    the surest, and whether they are faces.
    """

    time_s: float
    boxes: tuple[Box, ...]
    weight: float
    face: bool


def sightings_of(moments: Sequence[Moment]) -> Iterator[Sighting]:
    """What is worth showing when, by kind within each moment.

    Where Claude pointed at a subject, nothing else counts; elsewhere a face counts before the
    people and animals around it, and these before what only moves.
    """
    for moment in moments:
        pointed = [point for point in moment.subject_path if point.source == "model"]
        if pointed:
            for point in pointed:
                yield Sighting(point.time_s, (point.box,), _MODEL_WEIGHT, face=False)
            continue

        motion = _own_motion(moment)
        seen = [*_faces(moment), *_living(moment, motion)]
        yield from seen
        for point in motion:
            somewhere = point.box.width * point.box.height <= _MAX_MOTION_AREA
            if somewhere and all(
                abs(point.time_s - sighting.time_s) > _ALONE_S for sighting in seen
            ):
                yield Sighting(point.time_s, (point.box,), _MOTION_WEIGHT, face=False)


def _own_motion(moment: Moment) -> list[SubjectPoint]:
    """Movement that is the scene's own, not the camera's."""
    if moment.scores.stability < _STILL_CAMERA:
        return []
    return [point for point in moment.subject_path if point.source == "motion"]


def _faces(moment: Moment) -> list[Sighting]:
    return [
        Sighting(point.time_s, (point.box,), _FACE_WEIGHT * _likelihood(point.box), face=True)
        for point in moment.subject_path
        if point.source == "face"
    ]


def _living(moment: Moment, motion: Sequence[SubjectPoint]) -> list[Sighting]:
    with_face = {point.time_s for point in moment.subject_path if point.source == "face"}
    found = []
    for living in moment.living:
        if living.time_s in with_face or not living.things:
            continue
        group = _group(living.time_s, [(thing.box, thing.score) for thing in living.things])
        if any(_acts(box, living.time_s, motion) for box in group.boxes):
            group = group._replace(weight=max(group.weight, _ACTING_WEIGHT))
        found.append(group)
    return found


def _acts(box: Box, time_s: float, motion: Sequence[SubjectPoint]) -> bool:
    return any(
        abs(point.time_s - time_s) <= _SAME_TIME_S
        and covered_share(box, point.box) >= _MOVING_SHARE
        for point in motion
    )


def _group(time_s: float, things: Sequence[tuple[Box, float]]) -> Sighting:
    """A frame with people or animals: each of the large ones, and all of these together."""
    largest = max(box.width * box.height for box, _ in things)
    large = [
        (box, score) for box, score in things if box.width * box.height >= _GROUP_SIZE * largest
    ]
    boxes = [box for box, _ in large]
    weight = max(score * _likelihood(box) for box, score in large)
    if len(boxes) > 1:
        boxes.append(_around(boxes))
    return Sighting(time_s, tuple(boxes), weight, face=False)


def _likelihood(box: Box) -> float:
    """How likely what is seen there is the subject, 0..1, by where it lies in the frame."""
    off = abs(box.x + box.width / 2 - 0.5)
    likelihood = float(np.exp(-((off / _CENTRAL_SPREAD) ** 2) / 2))
    cut_off = box.x < _CUT_OFF_WITHIN or box.x + box.width > 1 - _CUT_OFF_WITHIN
    return likelihood * (_CUT_OFF_FACTOR if cut_off else 1.0)


def _around(boxes: Sequence[Box]) -> Box:
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right = max(box.x + box.width for box in boxes)
    bottom = max(box.y + box.height for box in boxes)
    return Box(x=left, y=top, width=min(right - left, 1 - left), height=min(bottom - top, 1 - top))


def framing_for(
    facts: ClipFacts,
    size: FrameSize,
    span: Span,
    sightings: Sequence[Sighting],
) -> Framing:
    """The crop for a span of a clip, by what was seen in and near it."""
    middle = middle_crop(facts, size)
    near = Span(span.start_s - _SLACK_S, span.end_s + _SLACK_S)
    seen = [sighting for sighting in sightings if near.holds(sighting.time_s)]
    if not seen or span.duration_s <= 0:
        return Framing(middle, None)

    shares = [(sighting.time_s - span.start_s) / span.duration_s for sighting in seen]
    progress = np.asarray([eased(min(1.0, max(0.0, share))) for share in shares])
    # Times at which nothing was seen speak for the middle.
    times = max(len(seen), round(span.duration_s / _SAMPLED_S))
    reach = _MAX_CROPS_PER_S * span.duration_s

    across, down = _axes(facts, size, middle, seen)
    left, right = _way(across, progress, times, reach)
    top, bottom = _way(down, progress, times, reach)
    begin = middle.model_copy(update={"x": left, "y": top})
    end = middle.model_copy(update={"x": right, "y": bottom})
    return Framing(begin, end if end != begin else None)


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
    facts: ClipFacts, size: FrameSize, middle: CropRect, sightings: Sequence[Sighting]
) -> Iterator[_Axis]:
    upright = size.height > size.width
    weights = np.asarray([sighting.weight for sighting in sightings])
    faces = tuple(sighting.face for sighting in sightings)

    across = tuple(
        np.asarray([[box.x, box.x + box.width] for box in sighting.boxes]) * facts.width
        for sighting in sightings
    )
    sides = (_UI.sides, _UI.sides) if upright else (0.0, 0.0)
    yield _Axis(across, weights, faces, middle.width, facts.width - middle.width, middle.x, sides)

    down = tuple(
        np.asarray([[box.y, box.y + box.height] for box in sighting.boxes]) * facts.height
        for sighting in sightings
    )
    ends = (_UI.top, _UI.bottom) if upright else (0.0, 0.0)
    yield _Axis(down, weights, faces, middle.height, facts.height - middle.height, middle.y, ends)


def _way(axis: _Axis, progress: _Floats, times: int, reach: float) -> tuple[int, int]:
    """Where the crop begins and ends its way along one axis; the same place twice when it stays."""
    grid = [_even_within(float(at), axis.room) for at in np.linspace(0, axis.room, _PLACES)]
    places = np.unique([*grid, axis.middle]).astype(np.float64)
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
    # Of a subject that is larger than the crop its middle counts, and as much around it as fits.
    half = np.minimum((high - low) / 2, side * (0.5 - _MARGIN))
    low, high = middle - half, middle + half

    def beyond(before: float, after: float) -> _Floats:
        out = np.maximum(0.0, before * side - low) + np.maximum(0.0, high - (1 - after) * side)
        return np.asarray(np.minimum(out / side, 1.0), dtype=np.float64)

    hidden = beyond(*axis.covered) if face else 0.0
    return np.asarray(beyond(_MARGIN, _MARGIN) + _UI_COST * hidden, dtype=np.float64)


def middle_crop(facts: ClipFacts, size: FrameSize) -> CropRect:
    """The largest crop of the shape of `size` in the middle of the frame, in displayed pixels.

    The shape is exact to within a pixel; sides and corner are even wherever the frame has room for
    that.
    """
    within = facts.width, facts.height
    # Odd sides only where the frame is too small for even ones.
    width, height = (
        _largest_in_steps(*within, size, 2) or _largest_in_steps(*within, size, 1) or (1, 1)
    )
    return CropRect(
        x=_even_within((facts.width - width) / 2, facts.width - width),
        y=_even_within(_MIDDLE_Y * (facts.height - height), facts.height - height),
        width=width,
        height=height,
    )


def kept_share(facts: ClipFacts, crop: CropRect, subject: Box) -> float:
    """The share of the subject's area that the crop shows, 0..1."""
    left, top = subject.x * facts.width, subject.y * facts.height
    right, bottom = left + subject.width * facts.width, top + subject.height * facts.height
    wide = max(0.0, min(right, crop.x + crop.width) - max(left, crop.x))
    high = max(0.0, min(bottom, crop.y + crop.height) - max(top, crop.y))
    return min(1.0, wide * high / ((right - left) * (bottom - top)))


def _largest_in_steps(
    width: int, height: int, size: FrameSize, step: int
) -> tuple[int, int] | None:
    """The largest size whose sides are multiples of `step`, off the exact shape by at most a pixel
    in one side.
    """
    tall = width * size.height >= height * size.width
    long_side, short_side = (height, width) if tall else (width, height)
    ratio = size.width / size.height if tall else size.height / size.width
    for along in range(long_side - long_side % step, max(0, long_side - 4 * step), -step):
        across = step * round(along * ratio / step)
        if 0 < across <= short_side and abs(across - along * ratio) <= 1:
            return (across, along) if tall else (along, across)
    return None


def _even_within(position: float, room: int) -> int:
    """The even number nearest to `position` in 0..room (0 when room is below 2)."""
    return max(0, min(2 * floor(position / 2 + 0.5), room - room % 2))
