"""Arithmetic of boxes, in shares of the frame.

Belongs here: what more than one measurement needs of a box. Does not belong here: finding one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.vocabulary import Format

WHOLE = Box(x=0.0, y=0.0, width=1.0, height=1.0)

_MIN_SIDE = 0.01  # of the frame; a box has a size


class Spread(NamedTuple):
    """Where a map of weights has its middle, and its standard deviation in both directions."""

    x: float
    y: float
    x_spread: float
    y_spread: float


def box_around(x: float, y: float, width: float, height: float) -> Box:
    """The box about a centre, kept inside the frame."""
    left, top = max(0.0, x - width / 2), max(0.0, y - height / 2)
    right, bottom = min(1.0, x + width / 2), min(1.0, y + height / 2)
    return Box(
        x=left, y=top, width=max(right - left, _MIN_SIDE), height=max(bottom - top, _MIN_SIDE)
    )


def intersection_over_union(first: Box, second: Box) -> float:
    """How much two boxes are the same, 0..1."""
    width = min(first.x + first.width, second.x + second.width) - max(first.x, second.x)
    height = min(first.y + first.height, second.y + second.height) - max(first.y, second.y)
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (first.width * first.height + second.width * second.height - both)


def covered_share(box: Box, cover: Box) -> float:
    """The share of a box that another one covers."""
    width = min(box.x + box.width, cover.x + cover.width) - max(box.x, cover.x)
    height = min(box.y + box.height, cover.y + cover.height) - max(box.y, cover.y)
    return max(0.0, width) * max(0.0, height) / (box.width * box.height)


def part_inside(box: Box, window: Box) -> Box | None:
    """The part of a box inside a window, in shares of the window; None where there is none."""
    left, top = max(box.x, window.x), max(box.y, window.y)
    right = min(box.x + box.width, window.x + window.width)
    bottom = min(box.y + box.height, window.y + window.height)
    if right <= left or bottom <= top:
        return None
    return Box(
        x=min(1.0, max(0.0, (left - window.x) / window.width)),
        y=min(1.0, max(0.0, (top - window.y) / window.height)),
        width=min(1.0, (right - left) / window.width),
        height=min(1.0, (bottom - top) / window.height),
    )


def upright_middle(facts: ClipFacts) -> Box:
    """The part of a clip's frame that Reels of every shape show, unless the crop leaves the middle
    for a subject.
    """
    size, picture = Format.REEL.frame_size, facts.picture or WHOLE
    wide, high = picture.width * facts.width, picture.height * facts.height
    width = min(picture.width, high * size.width / size.height / facts.width)
    height = min(picture.height, wide * size.height / size.width / facts.height)
    return Box(
        x=picture.x + (picture.width - width) / 2,
        y=picture.y + (picture.height - height) / 2,
        width=width,
        height=height,
    )


def distance(first: Box, second: Box) -> float:
    """How far two boxes' centres are apart, in sides of the frame."""
    return float(
        np.hypot(
            first.x + first.width / 2 - second.x - second.width / 2,
            first.y + first.height / 2 - second.y - second.height / 2,
        )
    )


def total_area(boxes: Sequence[Box]) -> float:
    """The share of the frame that boxes take; what two of them share counts twice."""
    return sum(box.width * box.height for box in boxes)


def median_box(boxes: Sequence[Box]) -> Box | None:
    """The box whose every figure is the median of the boxes'; None when there are none."""
    if not boxes:
        return None
    return Box(
        x=float(np.median([box.x for box in boxes])),
        y=float(np.median([box.y for box in boxes])),
        width=float(np.median([box.width for box in boxes])),
        height=float(np.median([box.height for box in boxes])),
    )


def spread_of(weights: NDArray[np.float32]) -> Spread:
    """Middle and spread of a map (rows, columns) over the frame; some weight must be above 0."""
    rows, columns = weights.shape
    total = float(weights.sum())
    across, down = weights.sum(axis=0) / total, weights.sum(axis=1) / total
    x_axis, y_axis = (np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows
    x, y = float((across * x_axis).sum()), float((down * y_axis).sum())
    x_spread = float(np.sqrt((across * (x_axis - x) ** 2).sum()))
    y_spread = float(np.sqrt((down * (y_axis - y) ** 2).sum()))
    return Spread(x, y, x_spread, y_spread)
