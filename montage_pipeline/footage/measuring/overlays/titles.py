"""Titles: blocks of large letters, which may touch.

They are all of one level, with hard edges, and stand on one line. Blown highlights are of one level
too, but what breaks them up is of any; and nothing there ends on one row.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box

_SCALES = (1.0, 0.5, 0.25)  # from one to the next, letters of twice the size are found


class _LevelRange(NamedTuple):
    """Levels in which titles are looked for, and how many of them are tried."""

    first: int
    end: int
    tries: int


# Of the bright ones more are tried: a sky may be as bright as its title.
_LEVEL_RANGES = (_LevelRange(195, 256, 4), _LevelRange(0, 50, 2))
_LEVEL_SLACK = 6  # to each side of a title's own level
_LEVELS_APART = 3  # beyond that: a level nearer to one that was tried is the same
_MIN_LEVEL_SHARE, _MAX_LEVEL_SHARE = 0.003, 0.3  # of the frame: less is nothing, more a background

_GAP_ACROSS, _GAP_DOWN = 13, 5  # pixels that one letter may be from the next
_MIN_HEIGHT, _MIN_WIDTH = 8, 20  # pixels
_MIN_ASPECT = 1.3  # width to height

_MIN_STROKES = 4  # on a usual row
_FILLED = (0.15, 0.85)  # of the block
_MIN_WIDTH_VARIATION = 0.25  # standard deviation of strokes' widths, as a share of their mean
_MIN_STANDING = 0.3  # of its columns end on one row, give or take one

_EDGE_LEVELS = 25  # between a title and what is beside it
_MIN_SHARP_OUTLINE = 0.85  # of a title's outline
_MIN_HARD_OUTLINE = 0.6  # of the outline of all that has its level
_OUTLINE_REACH = 3  # pixels around a block that its outline needs


class _Block(NamedTuple):
    """A block of pixels of one level: which they are, and where its corner is."""

    ink: NDArray[np.bool_]
    x: int
    y: int


def titles(luma: Plane) -> Iterator[Box]:
    """The titles in one frame (its longer side about 512 pixels); some more than once."""
    for scale in _SCALES:
        rows, columns = (max(1, round(side * scale)) for side in luma.shape)
        small = luma
        if scale < 1:
            small = cv2.resize(luma, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.uint8)
        for x, y, width, height in _titles_at_scale(small):
            yield Box(x=x / columns, y=y / rows, width=width / columns, height=height / rows)


def _titles_at_scale(small: Plane) -> Iterator[tuple[int, int, int, int]]:
    """Left, top, width and height (pixels) of the titles whose letters are of this scale's size."""
    for level in _levels(small):
        ink = _ink(small, level)
        if not _is_hard_edged(ink, small, level):
            continue
        for block in _blocks(ink):
            if _is_lettering(block.ink) and _stands_out(block, small, level):
                height, width = block.ink.shape
                yield block.x, block.y, width, height


def _levels(small: Plane) -> Iterator[int]:
    """The bright and the dark levels that most of the frame has, each some way from the others."""
    counted = cv2.calcHist([small], [0], None, [256], [0, 256]).ravel() / small.size
    shares = np.convolve(counted, np.ones(_LEVEL_SLACK + 1), mode="same")
    reach = _LEVEL_SLACK + _LEVELS_APART
    for first, end, tries in _LEVEL_RANGES:
        left = shares[first:end].copy()
        for _ in range(tries):
            best = int(np.argmax(left))
            share = float(left[best])
            if share < _MIN_LEVEL_SHARE:
                break
            left[max(0, best - reach) : best + reach + 1] = 0.0
            if share < _MAX_LEVEL_SHARE:
                yield first + best


def _ink(small: Plane, level: int) -> Plane:
    """What has a level, without single pixels."""
    alike = cv2.inRange(small, (level - _LEVEL_SLACK,), (level + _LEVEL_SLACK,))
    opened = cv2.morphologyEx(alike, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    return np.asarray(opened, dtype=np.uint8)


def _is_hard_edged(ink: Plane, small: Plane, level: int) -> bool:
    """Whether what has a level stands out from the rest as print does, on much of its outline.

    Fast, for all of the frame at once.
    """
    outline = _outline(ink)
    length = cv2.countNonZero(outline)
    if not length:
        return False
    near = cv2.inRange(small, (level - _EDGE_LEVELS,), (level + _EDGE_LEVELS,))
    hard = cv2.countNonZero(cv2.bitwise_and(outline, cv2.bitwise_not(near)))
    return hard > _MIN_HARD_OUTLINE * length


def _blocks(ink: Plane) -> Iterator[_Block]:
    """What lies close together, large enough for a title, without the empty rows and columns."""
    near = cv2.dilate(ink, np.ones((_GAP_DOWN, _GAP_ACROSS), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(near)
    # The first component is the background.
    for label, (x, y, width, height) in enumerate(stats[1:, :4].tolist(), start=1):
        if not _is_large(width - _GAP_ACROSS + 1, height - _GAP_DOWN + 1):
            continue
        here = (slice(y, y + height), slice(x, x + width))
        block = (ink[here] > 0) & (labels[here] == label)
        across, down = np.flatnonzero(block.any(axis=0)), np.flatnonzero(block.any(axis=1))
        tight = block[down[0] : down[-1] + 1, across[0] : across[-1] + 1]
        yield _Block(tight, x + int(across[0]), y + int(down[0]))


def _is_large(width: float, height: float) -> bool:
    return height >= _MIN_HEIGHT and width >= max(_MIN_WIDTH, _MIN_ASPECT * height)


def _is_lettering(ink: NDArray[np.bool_]) -> bool:
    """Whether a block has the shape of words: it stands on a line, in strokes of uneven widths."""
    height, width = ink.shape
    if not _is_large(width, height):
        return False
    return (
        _FILLED[0] < float(ink.mean()) < _FILLED[1] and _stands_on_a_line(ink) and _has_strokes(ink)
    )


def _stands_on_a_line(ink: NDArray[np.bool_]) -> bool:
    height = len(ink)
    feet = height - 1 - np.argmax(ink[::-1], axis=0)[ink.any(axis=0)]
    per_row = np.bincount(feet, minlength=height)
    standing = float(np.convolve(per_row, np.ones(3), mode="same").max())
    return standing > _MIN_STANDING * len(feet)


def _has_strokes(ink: NDArray[np.bool_]) -> bool:
    turns = np.diff(ink.astype(np.int8), axis=1, prepend=0, append=0)
    # Both go row by row, so that they come in pairs.
    starts, ends = np.nonzero(turns == 1), np.nonzero(turns == -1)
    widths = ends[1] - starts[1]
    strokes = np.bincount(starts[0], minlength=len(ink))
    varied = float(np.std(widths)) > _MIN_WIDTH_VARIATION * float(np.mean(widths))
    return varied and float(np.median(strokes)) >= _MIN_STROKES


def _stands_out(block: _Block, small: Plane, level: int) -> bool:
    """Whether what is two pixels beside the letters is of another level, nearly all along."""
    height, width = block.ink.shape
    top, left = max(0, block.y - _OUTLINE_REACH), max(0, block.x - _OUTLINE_REACH)
    bottom, right = block.y + height + _OUTLINE_REACH, block.x + width + _OUTLINE_REACH
    around = small[top:bottom, left:right]

    ink = np.zeros(around.shape, np.uint8)
    row, column = block.y - top, block.x - left
    ink[row : row + height, column : column + width] = block.ink
    beside = np.abs(around[_outline(ink) > 0].astype(np.int16) - level)
    return len(beside) > 0 and float((beside > _EDGE_LEVELS).mean()) > _MIN_SHARP_OUTLINE


def _outline(ink: Plane) -> Plane:
    """The pixels two beside those that are not 0."""
    outer = cv2.dilate(ink, np.ones((5, 5), np.uint8))
    inner = cv2.dilate(ink, np.ones((3, 3), np.uint8))
    return np.asarray(outer - inner, dtype=np.uint8)
