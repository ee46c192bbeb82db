"""Which part of a clip's picture fills the output: a crop of the exact shape, on the subject when
it is known.
"""

from collections.abc import Sequence
from math import floor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.analysis.model import Moment, SubjectPoint, TimeSpan
from montage_pipeline.editing.timeline import CropRect, eased
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.rules import SAFE_MARGINS
from montage_pipeline.vocabulary import Format, FrameSize

FACE_SHARE = 0.3
"""`scores.faces` from which the subject is taken to be a person, whose face belongs in the upper
third.
"""

_CENTRE_Y_WITHOUT_SUBJECT = 0.45
"""A little above the middle: captions and buttons of the apps cover the bottom of a Reel, and heads
are above the middle.
"""

_POINT_SLACK_S = 0.3  # a point this little outside the cut still tells where the subject is
_WEIGHTS = {"face": 3.0, "model": 2.0, "motion": 1.0, "saliency": 0.5}
_REMEMBERED_S, _LONG_REMEMBERED_S = (
    2.0,
    8.0,
)  # outside the cut, where the subject was probably is where it still or already is
_GUESSED_EVERY_S = 0.5
_GUESSED = 0.5  # of the weight of a point that is known
_EDGE_MARGIN = 0.04  # of the crop's side, kept between the subject and the edge
_UI = SAFE_MARGINS[Format.REEL]
"""Of any upright crop, covered by the app's own captions and buttons."""

_UI_COST, _OFF_CENTRE_COST = 0.25, 0.15  # beside 1 for what leaves the crop
_PLACES = 33  # tried along each axis, at both ends of a move
_MOST_CROPS_PER_S = 0.3
_LEAST_MOVE = 0.08  # of the crop's side; less would look like a shake
_MOVE_GAIN = 0.6  # a move is taken when it leaves less than this share of a still crop's loss
_LITTLE_LOSS = 0.02

_Floats = NDArray[np.float64]


class Framing(NamedTuple):
    """The crop at a cut's first frame and, when it moves, at its last; between them it moves by
    `eased`.
    """

    crop: CropRect
    crop_end: CropRect | None


def framing_for(
    facts: ClipFacts,
    size: FrameSize,
    path: Sequence[SubjectPoint],
    start_s: float,
    end_s: float,
    *,
    gone: Sequence[TimeSpan] = (),
    subjects: Sequence[tuple[Box, float]] = (),
    faces: float = 0.0,
) -> Framing:
    """The crop for the span [start_s, end_s) of a clip that follows its subject: still if that will
    do, else one smooth move.

    `path` (in order of time) says where the subject is when, and `gone` when it is nowhere; without
    a point in or near the span, or
    with the subject gone all the time, `subjects` and `faces` decide as in `crop_for`.
    """
    seen = [
        point for point in path if start_s - _POINT_SLACK_S <= point.time_s < end_s + _POINT_SLACK_S
    ]
    still = crop_for(facts, size, subjects, faces)
    # Where it was long before, or will be long after, tells less than what is known of all of the
    # moment, but more than nothing.
    remembered_s = _REMEMBERED_S if subjects else _LONG_REMEMBERED_S
    if end_s <= start_s or not any(
        start_s - remembered_s <= point.time_s <= end_s + remembered_s for point in path
    ):
        return Framing(still, None)
    points = [*seen, *_between(path, seen, gone, start_s, end_s)]
    if not points:
        return Framing(still, None)
    whens = np.clip([(point.time_s - start_s) / (end_s - start_s) for point in points], 0.0, 1.0)
    progress = np.asarray([eased(float(when)) for when in whens])
    weights = np.asarray(
        [
            _WEIGHTS[point.source] * (_GUESSED if index >= len(seen) else 1)
            for index, point in enumerate(points)
        ]
    )
    face = np.asarray([point.source == "face" for point in points])
    reach = _MOST_CROPS_PER_S * (end_s - start_s)
    upright = size.height > size.width
    across = _Axis(
        np.asarray([[point.box.x, point.box.x + point.box.width] for point in points]) * facts.width,
        still.width, facts.width - still.width, 0.5, (_UI.sides, _UI.sides) if upright else (0.0, 0.0),
    )  # fmt: skip
    down = _Axis(
        np.asarray([[point.box.y, point.box.y + point.box.height] for point in points]) * facts.height,
        still.height, facts.height - still.height, 1 / 3 if upright and bool(face.any()) else 0.5,
        (_UI.top, _UI.bottom) if upright else (0.0, 0.0),
    )  # fmt: skip
    left, right = _best_places(across, progress, weights, face, reach)
    top, bottom = _best_places(down, progress, weights, face, reach)
    begin = still.model_copy(update={"x": left, "y": top})
    end = still.model_copy(update={"x": right, "y": bottom})
    return Framing(begin, end if end != begin else None)


def framing_of(
    facts: ClipFacts,
    size: FrameSize,
    parts: Sequence[tuple[Moment, int]],
    start_s: float,
    end_s: float,
) -> Framing:
    """The framing of a cut by what is known of the moments it shows, each with the frames that it
    has in the cut.
    """
    return framing_for(
        facts,
        size,
        sorted(
            (point for moment, _ in parts for point in moment.subject_path),
            key=lambda point: point.time_s,
        ),
        start_s,
        end_s,
        gone=[span for moment, _ in parts for span in moment.without_subject],
        subjects=[
            (moment.subject, float(frames))
            for moment, frames in parts
            if moment.subject is not None
        ],
        faces=sum(moment.scores.faces * frames for moment, frames in parts)
        / sum(frames for _, frames in parts),
    )


def _between(
    path: Sequence[SubjectPoint],
    seen: Sequence[SubjectPoint],
    gone: Sequence[TimeSpan],
    start_s: float,
    end_s: float,
) -> list[SubjectPoint]:
    """Where the subject probably is while nothing tells: on its way from one point to the next,
    before the first and after the last there.

    Who stands still is not seen moving; a crop that heeds only the rest would leave them.
    """
    guessed = []
    times_s = np.asarray([point.time_s for point in path])
    for time_s in np.linspace(
        start_s, end_s, max(2, round((end_s - start_s) / _GUESSED_EVERY_S) + 1)
    ).tolist():
        if any(abs(point.time_s - time_s) < _GUESSED_EVERY_S for point in seen) or any(
            span.start_s <= time_s <= span.end_s for span in gone
        ):
            continue
        after = int(np.searchsorted(times_s, time_s))
        one, other = path[max(0, after - 1)], path[min(after, len(path) - 1)]
        share = (
            (time_s - one.time_s) / (other.time_s - one.time_s)
            if other.time_s > one.time_s
            else 0.0
        )
        share = min(1.0, max(0.0, share))
        mixed = {
            name: value + share * (getattr(other.box, name) - value)
            for name, value in one.box.model_dump().items()
        }
        guessed.append(
            SubjectPoint(
                time_s=time_s, box=Box(**mixed), source=(other if share > 0.5 else one).source
            )
        )
    return guessed


class _Axis(NamedTuple):
    """One direction: the subject's two edges at each point (shape [points, 2]) and the crop's side
    and room, in pixels.

    `anchor` is where in the crop the subject's middle belongs, `covered` the shares of the crop
    that the app covers.
    """

    edges: _Floats
    side: int
    room: int
    anchor: float
    covered: tuple[float, float]


def _best_places(
    axis: _Axis, progress: _Floats, weights: _Floats, face: NDArray[np.bool_], reach: float
) -> tuple[int, int]:
    """Where the crop begins and ends its way along one axis; the same place twice when it stays."""
    places = np.unique(
        [_even_within(float(at), axis.room) for at in np.linspace(0, axis.room, _PLACES)]
    ).astype(np.float64)
    stays = _losses(axis, places[:, None] + np.zeros(len(progress)), weights, face)
    best = int(np.argmin(stays))
    stay = int(places[best]), int(places[best])
    if stays[best] <= _LITTLE_LOSS or len(places) < 2:
        return stay
    begin, end = (grid.ravel() for grid in np.meshgrid(places, places, indexing="ij"))
    way = np.abs(end - begin) / axis.side
    allowed = (way >= _LEAST_MOVE) & (way <= reach)
    if not allowed.any():
        return stay
    begin, end = begin[allowed], end[allowed]
    moves = _losses(axis, begin[:, None] + (end - begin)[:, None] * progress, weights, face)
    found = int(np.argmin(moves))
    return (int(begin[found]), int(end[found])) if moves[found] < _MOVE_GAIN * stays[best] else stay


def _losses(axis: _Axis, starts: _Floats, weights: _Floats, face: NDArray[np.bool_]) -> _Floats:
    """What is lost of the subject for each row of crop starts (shape [ways, points]); 0 is perfect."""
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
    hidden = np.minimum(beyond(*axis.covered), 1.0) * face
    off = (middle / side - axis.anchor) ** 2
    loss = lost + _UI_COST * hidden + _OFF_CENTRE_COST * off
    return np.asarray((loss * weights).sum(axis=1) / weights.sum())


def crop_for(
    facts: ClipFacts,
    size: FrameSize,
    subjects: Sequence[tuple[Box, float]] = (),
    faces: float = 0.0,
) -> CropRect:
    """The largest crop of the shape of `size` inside the displayed picture, in displayed pixels.

    The shape is exact to within a pixel; sides and corner are even wherever the picture has room
    for that.
    `subjects` are where to look with their weights (shares of the picture); empty: the middle.
    `faces` is the
    moment's face score: in an upright crop with room above and below, a person sits in the upper
    third.
    """
    within = facts.width, facts.height
    # Odd sides only where the picture is too small for even ones.
    width, height = (
        _largest_in_steps(*within, size, 2) or _largest_in_steps(*within, size, 1) or (1, 1)
    )
    weight = sum(share for _, share in subjects)
    if weight > 0:
        centre_x = sum((box.x + box.width / 2) * share for box, share in subjects) / weight
        person = faces >= FACE_SHARE and size.height > size.width
        # A head is at the top of a person's box; the middle of a small box is the face itself.
        look_y = (
            sum(
                (box.y + box.height * (0.5 if box.height < 0.4 or not person else 0.3)) * share
                for box, share in subjects
            )
            / weight
        )
        left = centre_x * facts.width - width / 2
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
