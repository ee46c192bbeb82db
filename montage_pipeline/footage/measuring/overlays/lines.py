"""Lines of small letters: strokes of one brightness on one line, of uneven widths, with little
beside them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box

# Strokes
_MAX_STROKE = 9  # pixels (of 512): thicker strokes are not looked for
_MIN_STROKE_LEVELS = 45  # between a stroke and what is around it
_STROKES_SHARE = (0.0005, 0.25)  # of the frame: with less there is nothing, with more it is foliage

# Letters
_MIN_HEIGHT, _MAX_HEIGHT = 6, 60  # pixels
_MAX_ASPECT = 3  # width to height
_FILLED = (0.12, 0.95)  # of a letter's box
_MAX_LETTERS = 250  # in a frame, beyond which it is texture

# Letters side by side; shares are of the taller one's height
_MIN_LIKE_HEIGHT = 0.55  # of the lower one
_MAX_OFF_LEVEL = 0.3  # between their middles
_GAP = (-0.3, 1.1)  # from one to the next; below 0 they overlap

# Lines
_MIN_LETTERS = 5
_MAX_OUTLINED = 30.0  # levels between a line's letters; what lies between outlines is further off
_MAX_UNEVEN_LEVELS = 8.0  # by which letters of a line may differ
_MIN_STANDING = 0.6  # of the letters stand on the line; a few have tails
_STANDING_SLACK = 0.1  # of the letters' height
_MIN_WIDTH_VARIATION = 0.12  # letters' widths vary, those of railings and rows of windows hardly
_MIN_LENGTH, _MAX_DEPTH = 3, 2.2  # of the letters' height

# Strokes beside a line, as a share of those in it: beside writing there are few, in grass as many.
_MAX_STROKES_BESIDE = 0.5
_BESIDE_REACH, _MIN_BESIDE_PIXELS = 0.6, 3  # of the letters' height


def lines(luma: Plane) -> list[Box]:
    """The lines of small letters in one frame (its longer side about 512 pixels)."""
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (_MAX_STROKE, _MAX_STROKE))
    found: list[Box] = []
    for operation in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
        bright = operation == cv2.MORPH_TOPHAT
        strokes = cv2.morphologyEx(luma, operation, kernel) > _MIN_STROKE_LEVELS
        if _STROKES_SHARE[0] < float(strokes.mean()) < _STROKES_SHARE[1]:
            found += _lines_of(_Strokes.of(luma, strokes.astype(np.uint8), bright=bright))
    return found


@dataclass(frozen=True)
class _Strokes:
    """Strokes brighter, or darker, than what is around them, as OpenCV's connected components.

    `labels` says of each pixel which component it is of; `stats` are left, top, width, height and
    area of each, `centres` their middles. The first component is the background.
    """

    luma: Plane
    strokes: Plane
    bright: bool
    labels: NDArray[np.int32]
    stats: NDArray[np.int32]
    centres: NDArray[np.float64]

    @classmethod
    def of(cls, luma: Plane, strokes: Plane, *, bright: bool) -> "_Strokes":
        """Find the components."""
        _, labels, stats, centres = cv2.connectedComponentsWithStats(strokes, connectivity=8)
        return cls(
            luma,
            strokes,
            bright,
            np.asarray(labels, dtype=np.int32),
            np.asarray(stats, dtype=np.int32),
            np.asarray(centres, dtype=np.float64),
        )

    def letters(self) -> list[int]:
        """The components that may be letters, from left to right."""
        boxes = self.stats[1:]
        widths, heights = boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT]
        filled = boxes[:, cv2.CC_STAT_AREA] / np.maximum(heights * widths, 1)
        may_be = (heights >= _MIN_HEIGHT) & (heights <= _MAX_HEIGHT)
        may_be &= (widths <= _MAX_ASPECT * heights) & (filled > _FILLED[0]) & (filled < _FILLED[1])
        letters = (np.flatnonzero(may_be) + 1).tolist()
        return sorted(letters, key=self.left)

    def left(self, letter: int) -> int:
        """The first column of a component."""
        return int(self.stats[letter, cv2.CC_STAT_LEFT])

    def right(self, letter: int) -> int:
        """The column after a component."""
        return self.left(letter) + int(self.stats[letter, cv2.CC_STAT_WIDTH])

    def height(self, letter: int) -> int:
        """The height of a component."""
        return int(self.stats[letter, cv2.CC_STAT_HEIGHT])

    def level(self, letter: int) -> float:
        """The usual level of a component."""
        x, y, width, height = self.stats[letter, :4]
        here = (slice(y, y + height), slice(x, x + width))
        return float(np.median(self.luma[here][self.labels[here] == letter]))


def _lines_of(strokes: _Strokes) -> Iterator[Box]:
    letters = strokes.letters()
    if len(letters) > _MAX_LETTERS:
        return
    for row in _rows(strokes, letters):
        box = _line(strokes, row)
        if box is not None:
            yield box


def _rows(strokes: _Strokes, letters: Sequence[int]) -> list[list[int]]:
    """Letters (from left to right) put together that stand side by side."""
    rows: list[list[int]] = []
    near: list[list[int]] = []  # those that a letter may still join
    for letter in letters:
        left = strokes.left(letter)
        near = [row for row in near if left - strokes.right(row[-1]) <= _GAP[1] * _MAX_HEIGHT]
        open_rows = [row for row in near if _is_next(strokes, row[-1], letter)]
        if open_rows:
            # The nearest; of equally near ones the first.
            nearest = min(open_rows, key=lambda row: left - strokes.right(row[-1]))
            nearest.append(letter)
        else:
            rows.append([letter])
            near.append(rows[-1])
    return rows


def _is_next(strokes: _Strokes, last: int, letter: int) -> bool:
    """Whether a letter continues the row that ends with `last`: of like height, at one level."""
    low, tall = sorted((strokes.height(letter), strokes.height(last)))
    gap = strokes.left(letter) - strokes.right(last)
    off_level = abs(float(strokes.centres[letter][1] - strokes.centres[last][1]))
    return (
        low > _MIN_LIKE_HEIGHT * tall
        and off_level < _MAX_OFF_LEVEL * tall
        and _GAP[0] * tall <= gap <= _GAP[1] * tall
    )


def _line(strokes: _Strokes, row: Sequence[int]) -> Box | None:
    """The box of a row of letters; None when they are no writing."""
    if len(row) < _MIN_LETTERS:
        return None
    levels = np.array([strokes.level(letter) for letter in row])
    # Outlined letters cut what is behind them into strokes too; the letters are the brightest, or
    # the darkest.
    own_level = np.percentile(levels, 75 if strokes.bright else 25)
    kept = np.abs(levels - own_level) <= _MAX_OUTLINED
    boxes, levels = strokes.stats[row][kept], levels[kept]
    if len(boxes) < _MIN_LETTERS or not _is_even(boxes, levels):
        return None

    tall = float(np.median(boxes[:, cv2.CC_STAT_HEIGHT].astype(np.float64)))
    left, top, right, bottom = _around(boxes)
    if right - left < _MIN_LENGTH * tall or bottom - top > _MAX_DEPTH * tall:
        return None
    if not _stands_alone(strokes.strokes, (left, top, right, bottom), tall):
        return None
    rows, columns = strokes.luma.shape
    return Box(
        x=left / columns, y=top / rows, width=(right - left) / columns, height=(bottom - top) / rows
    )


def _is_even(boxes: NDArray[np.int32], levels: NDArray[np.float64]) -> bool:
    """Whether letters stand on one line and are of one level, but not of one width."""
    heights = boxes[:, cv2.CC_STAT_HEIGHT].astype(np.float64)
    widths = boxes[:, cv2.CC_STAT_WIDTH].astype(np.float64)
    feet = boxes[:, cv2.CC_STAT_TOP] + boxes[:, cv2.CC_STAT_HEIGHT]
    slack = max(1.0, _STANDING_SLACK * float(np.median(heights)))
    standing = float((np.abs(feet - np.median(feet)) <= slack).mean())
    uneven = float(np.median(np.abs(levels - np.median(levels))))
    varied = bool(np.std(widths) >= _MIN_WIDTH_VARIATION * widths.mean())
    return standing >= _MIN_STANDING and varied and uneven <= _MAX_UNEVEN_LEVELS


def _around(boxes: NDArray[np.int32]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom (pixels) of all boxes together."""
    right = boxes[:, cv2.CC_STAT_LEFT] + boxes[:, cv2.CC_STAT_WIDTH]
    bottom = boxes[:, cv2.CC_STAT_TOP] + boxes[:, cv2.CC_STAT_HEIGHT]
    left, top = boxes[:, cv2.CC_STAT_LEFT].min(), boxes[:, cv2.CC_STAT_TOP].min()
    return int(left), int(top), int(right.max()), int(bottom.max())


def _stands_alone(strokes: Plane, line: tuple[int, int, int, int], tall: float) -> bool:
    """Whether there are few strokes beside a line (left, top, right, bottom)."""
    left, top, right, bottom = line
    reach = max(_MIN_BESIDE_PIXELS, round(_BESIDE_REACH * tall))
    around = strokes[max(0, top - reach) : bottom + reach, max(0, left - reach) : right + reach]
    inside = strokes[top:bottom, left:right]
    beside = float(around.sum()) - float(inside.sum())
    beside_share = beside / max(around.size - inside.size, 1)
    return beside_share <= _MAX_STROKES_BESIDE * float(inside.mean())
