"""Which part of a clip's frame fills the output: a crop of the exact shape, on the subject when it
is known.

Belongs here: where a crop is, and how it moves. Does not belong here: finding subjects (footage,
analysis), or drawing the crop (rendering).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.analysis.model import Moment, SubjectPoint, TimeSpan
from montage_pipeline.editing.timeline import CropRect, eased
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.rules import SAFE_MARGINS
from montage_pipeline.spans import Span
from montage_pipeline.vocabulary import Format, FrameSize

FACE_SHARE = 0.3
"""`scores.faces` from which the subject is taken to be a person, whose face belongs in the upper
third.
"""

_CENTRE_Y_WITHOUT_SUBJECT = 0.45
"""A little above the middle: captions and buttons of the apps cover the bottom of a Reel, and heads
are above the middle.
"""

_HEAD_Y = 0.3
"""How far down a person's box the head's middle is, as a share of the box."""
_SMALL_BOX = 0.4
"""Height, as a share of the frame, below which a person's box is the face itself."""

_POINT_SLACK_S = 0.3
"""A point this little outside the cut still tells where the subject is."""

_SOURCE_WEIGHTS = {"face": 3.0, "model": 2.0, "motion": 1.0, "saliency": 0.5}
"""How much a point counts, by what shows it: a face is surely a subject, what merely catches the
eye may not be.
"""

_REMEMBERED_S = 2.0
"""Outside the cut, where the subject was is where it probably still (or already) is."""
_LONG_REMEMBERED_S = 8.0
"""The same where nothing is known of the moment as a whole: long ago is better than nothing."""
_GUESSED_EVERY_S = 0.5
"""Steps at which the subject's place is guessed where no point tells: as often as points come."""
_GUESSED_WEIGHT = 0.5
"""Of the weight of a point that is known."""

_EDGE_MARGIN = 0.04
"""Of the crop's side, kept between the subject and the edge."""
_APP_MARGINS = SAFE_MARGINS[Format.REEL]
"""What the app's own text and buttons cover of an upright crop."""
_COVERED_COST = 0.25
"""A face under them, where 1 is a subject that leaves the crop: there, but hard to see."""
_OFF_CENTRE_COST = 0.15
"""A subject at the edge instead of where it belongs: matters only where nothing is lost."""

_PLACES = 33
"""Places tried along each axis, at both ends of a move: a thirty-second of the room apart, which
nobody can tell from the best place in between.
"""
_MAX_CROPS_PER_S = 0.3
"""How far a crop may move in a second, as a share of its side: faster looks like a whip pan."""
_MIN_MOVE = 0.08
"""Of the crop's side; less would look like a shake."""
_MOVE_GAIN = 0.6
"""A move is taken when it leaves less than this share of a still crop's loss."""
_LITTLE_LOSS = 0.02
"""Loss of a still crop below which no move is looked for."""

_Floats = NDArray[np.float64]


class Framing(NamedTuple):
    """The crop at a cut's first frame and, when it moves, at its last; between them it moves by
    `eased`.
    """

    crop: CropRect
    crop_end: CropRect | None


@dataclass(frozen=True)
class KnownSubject:
    """What is known about where the subject of a cut is.

    `path` (in order of time) says where it is when, and `gone` when it is nowhere. `boxes` are
    where to look over whole moments, with their weights (boxes in shares of the frame), and `faces`
    is the score of how much faces fill it, as `crop_for` takes them.
    """

    path: Sequence[SubjectPoint] = ()
    gone: Sequence[TimeSpan] = ()
    boxes: Sequence[tuple[Box, float]] = ()
    faces: float = 0.0

    @classmethod
    def of_moments(cls, shown: Sequence[tuple[Moment, int]]) -> "KnownSubject":
        """What moments tell, each with the frames that it has in the cut."""
        points = [point for moment, _ in shown for point in moment.subject_path]
        faces = sum(moment.scores.faces * frames for moment, frames in shown)
        return cls(
            path=sorted(points, key=lambda point: point.time_s),
            gone=[span for moment, _ in shown for span in moment.without_subject],
            boxes=[
                (moment.subject, float(frames))
                for moment, frames in shown
                if moment.subject is not None
            ],
            faces=faces / sum(frames for _, frames in shown),
        )


def framing_for(facts: ClipFacts, size: FrameSize, span: Span, subject: KnownSubject) -> Framing:
    """The crop for a span of a clip that follows its subject: still if that will do, else one
    smooth move.

    Without a point in or near the span, or with the subject gone all the time, the boxes of the
    whole moments decide, as in `crop_for`.
    """
    still = crop_for(facts, size, subject.boxes, subject.faces)
    points = _weighted_points(span, subject)
    if points is None:
        return Framing(still, None)

    reach = _MAX_CROPS_PER_S * span.duration_s
    upright = size.height > size.width
    sides = _APP_MARGINS.sides if upright else 0.0
    top, bottom = (_APP_MARGINS.top, _APP_MARGINS.bottom) if upright else (0.0, 0.0)
    across = _Axis(
        edges=points.across * facts.width,
        side=still.width,
        room=facts.width - still.width,
        anchor=0.5,
        covered=(sides, sides),
    )
    down = _Axis(
        edges=points.down * facts.height,
        side=still.height,
        room=facts.height - still.height,
        anchor=1 / 3 if upright and bool(points.is_face.any()) else 0.5,
        covered=(top, bottom),
    )
    begin_x, end_x = _best_places(across, points, reach)
    begin_y, end_y = _best_places(down, points, reach)
    begin = still.model_copy(update={"x": begin_x, "y": begin_y})
    end = still.model_copy(update={"x": end_x, "y": end_y})
    return Framing(begin, end if end != begin else None)


# -- where the subject is -------------------------------------------------------------------------


class _Points(NamedTuple):
    """Where the subject is, at points of the cut (arrays of one length).

    `progress` is how far a moving crop has come then (0..1), `weight` how much the point counts;
    `across` and `down` are the subject's two edges (shape [points, 2], shares of the frame).
    """

    progress: _Floats
    weight: _Floats
    is_face: NDArray[np.bool_]
    across: _Floats
    down: _Floats


def _weighted_points(span: Span, subject: KnownSubject) -> _Points | None:
    """The points that tell where the subject is in a span, known and guessed; None without any."""
    # Where it was long before, or will be long after, tells less than what is known of all of the
    # moment, but more than nothing.
    remembered_s = _REMEMBERED_S if subject.boxes else _LONG_REMEMBERED_S
    remembered = any(
        span.start_s - remembered_s <= point.time_s <= span.end_s + remembered_s
        for point in subject.path
    )
    if span.duration_s <= 0 or not remembered:
        return None
    known = [
        point
        for point in subject.path
        if span.start_s - _POINT_SLACK_S <= point.time_s < span.end_s + _POINT_SLACK_S
    ]
    points = [*known, *_guessed(subject, known, span)]
    if not points:
        return None

    whens = np.clip([(point.time_s - span.start_s) / span.duration_s for point in points], 0.0, 1.0)
    factors = [1.0] * len(known) + [_GUESSED_WEIGHT] * (len(points) - len(known))
    weights = [
        _SOURCE_WEIGHTS[point.source] * factor
        for point, factor in zip(points, factors, strict=True)
    ]
    boxes = [point.box for point in points]
    return _Points(
        progress=np.asarray([eased(float(when)) for when in whens]),
        weight=np.asarray(weights),
        is_face=np.asarray([point.source == "face" for point in points]),
        across=np.asarray([[box.x, box.x + box.width] for box in boxes]),
        down=np.asarray([[box.y, box.y + box.height] for box in boxes]),
    )


def _guessed(
    subject: KnownSubject, known: Sequence[SubjectPoint], span: Span
) -> list[SubjectPoint]:
    """Where the subject probably is while no known point tells.

    On its way from one point to the next, before the first and after the last right there. Somebody
    who stands still is not seen moving; a crop that heeds only the rest would leave them.
    """
    steps = max(2, round(span.duration_s / _GUESSED_EVERY_S) + 1)
    return [
        _on_the_way(subject.path, time_s)
        for time_s in np.linspace(span.start_s, span.end_s, steps).tolist()
        if all(abs(point.time_s - time_s) >= _GUESSED_EVERY_S for point in known)
        and not any(gone.start_s <= time_s <= gone.end_s for gone in subject.gone)
    ]


def _on_the_way(path: Sequence[SubjectPoint], time_s: float) -> SubjectPoint:
    """Where the subject is at an instant if it goes straight from point to point."""
    after = int(np.searchsorted([point.time_s for point in path], time_s))
    last, coming = path[max(0, after - 1)], path[min(after, len(path) - 1)]
    apart_s = coming.time_s - last.time_s
    share = (time_s - last.time_s) / apart_s if apart_s > 0 else 0.0
    share = min(1.0, max(0.0, share))
    box = {
        name: value + share * (getattr(coming.box, name) - value)
        for name, value in last.box.model_dump().items()
    }
    source = (coming if share > 0.5 else last).source
    return SubjectPoint(time_s=time_s, box=Box(**box), source=source)


# -- where the crop is ----------------------------------------------------------------------------


class _Axis(NamedTuple):
    """One direction: the subject's two edges at each point (shape [points, 2]) and the crop's side
    and room, in pixels.

    `anchor` is where in the crop the subject's middle belongs, `covered` the shares of the crop
    that the app covers at both ends.
    """

    edges: _Floats
    side: int
    room: int
    anchor: float
    covered: tuple[float, float]


def _best_places(axis: _Axis, points: _Points, reach: float) -> tuple[int, int]:
    """Where the crop begins and ends its way along one axis; the same place twice when it stays.

    `reach` is how far it may go, in crops.
    """
    places = np.unique(
        [_even_within(float(at), axis.room) for at in np.linspace(0, axis.room, _PLACES)]
    ).astype(np.float64)
    stays = _losses(axis, points, places[:, None] + np.zeros(len(points.progress)))
    best = int(np.argmin(stays))
    stay = int(places[best]), int(places[best])
    if stays[best] <= _LITTLE_LOSS or len(places) < 2:
        return stay

    begin, end = (grid.ravel() for grid in np.meshgrid(places, places, indexing="ij"))
    way = np.abs(end - begin) / axis.side
    allowed = (way >= _MIN_MOVE) & (way <= reach)
    if not allowed.any():
        return stay
    begin, end = begin[allowed], end[allowed]
    moves = _losses(axis, points, begin[:, None] + (end - begin)[:, None] * points.progress)
    found = int(np.argmin(moves))
    return (int(begin[found]), int(end[found])) if moves[found] < _MOVE_GAIN * stays[best] else stay


def _losses(axis: _Axis, points: _Points, starts: _Floats) -> _Floats:
    """What is lost of the subject for each row of crop starts ([ways, points]); 0: nothing."""
    side = float(axis.side)
    low, high = axis.edges[:, 0] - starts, axis.edges[:, 1] - starts
    middle = (low + high) / 2
    # Of a subject that is larger than the crop its middle counts, and as much around it as fits.
    half = np.minimum((high - low) / 2, side * (0.5 - _EDGE_MARGIN))
    low, high = middle - half, middle + half

    def beyond(before: float, after: float) -> _Floats:
        return (
            np.asarray(
                np.maximum(0.0, before * side - low) + np.maximum(0.0, high - (1 - after) * side)
            )
            / side
        )

    lost = np.minimum(beyond(_EDGE_MARGIN, _EDGE_MARGIN), 1.0)
    hidden = np.minimum(beyond(*axis.covered), 1.0) * points.is_face
    off = (middle / side - axis.anchor) ** 2
    loss = lost + _COVERED_COST * hidden + _OFF_CENTRE_COST * off
    return np.asarray((loss * points.weight).sum(axis=1) / points.weight.sum())


def crop_for(
    facts: ClipFacts,
    size: FrameSize,
    subjects: Sequence[tuple[Box, float]] = (),
    faces: float = 0.0,
) -> CropRect:
    """The largest crop of the shape of `size` inside the displayed frame, in displayed pixels.

    The shape is exact to within a pixel; sides and corner are even wherever the frame has room for
    that. `subjects` are where to look (in shares of the frame) with their weights; empty: the
    middle. `faces` is the moment's face score: in an upright crop with room above and below, a
    person sits in the upper third.
    """
    within = facts.width, facts.height
    # Odd sides only where the frame is too small for even ones.
    width, height = (
        _largest_in_steps(*within, size, 2) or _largest_in_steps(*within, size, 1) or (1, 1)
    )
    weight = sum(share for _, share in subjects)
    if weight > 0:
        person = faces >= FACE_SHARE and size.height > size.width
        look_x = sum((box.x + box.width / 2) * share for box, share in subjects) / weight
        look_y = sum(_look_y(box, person) * share for box, share in subjects) / weight
        left = look_x * facts.width - width / 2
        top = look_y * facts.height - height * (1 / 3 if person else 0.5)
    else:
        left = (facts.width - width) / 2
        top = _CENTRE_Y_WITHOUT_SUBJECT * facts.height - height * _CENTRE_Y_WITHOUT_SUBJECT
    return CropRect(
        x=_even_within(left, facts.width - width),
        y=_even_within(top, facts.height - height),
        width=width,
        height=height,
    )


def _look_y(box: Box, person: bool) -> float:
    """How far down the frame to look at a subject: at its middle, at the head of a whole person."""
    return box.y + box.height * (0.5 if box.height < _SMALL_BOX or not person else _HEAD_Y)


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
    in one side; None without any.
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
