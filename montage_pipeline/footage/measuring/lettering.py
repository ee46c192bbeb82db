"""Writing in a picture: lines of small letters, and titles.

Belongs here: finding it in one upright luma picture, and where it is. Does not belong here: whether
footage with it may be used (faults).
Without knowing what a letter is, writing is told by its shape; a shop sign in front of a camera is
writing too.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box

_SAME = 0.5  # of the smaller of two boxes: then they are of the same words

# Lines
_STROKE = 9  # pixels (of 512): thicker strokes are not looked for
_STROKE_LEVELS = 45
_GLYPH_HEIGHT = (6, 60)
_LEAST_GLYPHS, _MOST_GLYPHS = 5, 250  # of a line; of a picture, beyond which it is texture
# strokes beside a line, as a share of those in it: beside writing there are few, in grass as many
_ROUND_ABOUT = 0.5
_ONE_LEVEL = 8.0  # by which letters of a line may differ
_OUTLINED = 30.0  # and that part a line's letters from what lies between their outlines
_WIDTHS_VARY = 0.12  # letters do, railings and rows of windows hardly

# Titles
_TITLE_SCALES = (1.0, 0.5, 0.25)  # one halving to the next makes letters twice as large
_BRIGHT, _DARK = (
    (195, 256, 4),
    (0, 50, 2),
)  # from, to, and how many levels are tried: a sky may be as bright as its title
_TITLE_LEVELS = 6  # to each side of a title's own level
_LEVEL_SHARE = (0.003, 0.3)  # of the picture
_APART = (13, 5)  # pixels across and down that one letter may be from the next
_TITLE_HEIGHT, _TITLE_WIDTH = 8, 20  # pixels at least
_WIDER = 1.3  # than high
_TITLE_RUNS = 4  # strokes on a usual row
_TITLE_FILLED = (0.15, 0.85)
_TITLE_WIDTHS_VARY = 0.25  # their share of the mean
_STANDING = 0.3  # of its columns end on one row, give or take one
_TITLE_EDGE, _SHARP = (
    25,
    0.85,
)  # levels from a title to what is beside it, on so much of its outline
_HARD = 0.6  # and on so much of the outline of all that has its level


def writing(luma: Plane) -> tuple[Box, ...]:
    """Where there is writing in one picture (its longer side about 512 pixels), as shares of it."""
    found = [*_lines(luma), *(box for scale in _TITLE_SCALES for box in _titles(luma, scale))]
    apart: list[Box] = []
    # The same words are found as strokes and as a title, and at more than one scale.
    for box in sorted(found, key=lambda box: -box.width * box.height):
        if all(_shared(box, other) < _SAME for other in apart):
            apart.append(box)
    return tuple(sorted(apart, key=lambda box: (box.y, box.x)))


def _shared(box: Box, other: Box) -> float:
    """The share of a box that another one covers."""
    across = min(box.x + box.width, other.x + other.width) - max(box.x, other.x)
    down = min(box.y + box.height, other.y + other.height) - max(box.y, other.y)
    return max(0.0, across) * max(0.0, down) / (box.width * box.height)


def _titles(luma: Plane, scale: float) -> Iterator[Box]:
    """Blocks of large letters, which may touch: all of one level, with hard edges, and standing on
    one line.

    Blown highlights are of one level too, but what breaks them up is of any; and nothing there ends
    on one row.
    """
    rows, columns = (max(1, round(side * scale)) for side in luma.shape)
    small = (
        cv2.resize(luma, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.uint8)
        if scale < 1
        else luma
    )
    for level in _levels(small):
        alike = cv2.inRange(small, (level - _TITLE_LEVELS,), (level + _TITLE_LEVELS,))
        ink = np.asarray(
            cv2.morphologyEx(alike, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)), dtype=np.uint8
        )
        if not _hard_edged(ink, small, level):
            continue
        _, labels, stats, _ = cv2.connectedComponentsWithStats(
            cv2.dilate(ink, np.ones(_APART[::-1], np.uint8))
        )
        # The first one is what is around the others.
        for label, (x, y, width, height) in enumerate(stats[1:, :4].tolist(), start=1):
            if not _is_block(width - _APART[0] + 1, height - _APART[1] + 1):
                continue
            block = (ink[y : y + height, x : x + width] > 0) & (
                labels[y : y + height, x : x + width] == label
            )
            across, down = np.flatnonzero(block.any(axis=0)), np.flatnonzero(block.any(axis=1))
            x, y, block = (
                x + int(across[0]),
                y + int(down[0]),
                block[down[0] : down[-1] + 1, across[0] : across[-1] + 1],
            )
            height, width = block.shape
            if _is_lettering(block) and _stands_out(block, small, x, y, level):
                yield Box(x=x / columns, y=y / rows, width=width / columns, height=height / rows)


def _hard_edged(ink: Plane, small: Plane, level: int) -> bool:
    """Whether what has a level is parted from the rest as print is, on much of its outline; told
    fast, for all of the picture.
    """
    outline = _outline(ink)
    near = cv2.inRange(small, (level - _TITLE_EDGE,), (level + _TITLE_EDGE,))
    long = cv2.countNonZero(outline)
    return (
        long > 0
        and cv2.countNonZero(cv2.bitwise_and(outline, cv2.bitwise_not(near))) > _HARD * long
    )


def _outline(ink: Plane) -> Plane:
    """The pixels two beside those that are not 0."""
    return np.asarray(
        cv2.dilate(ink, np.ones((5, 5), np.uint8)) - cv2.dilate(ink, np.ones((3, 3), np.uint8)),
        dtype=np.uint8,
    )


def _stands_out(block: NDArray[np.bool_], small: Plane, x: int, y: int, level: int) -> bool:
    """Whether what is two pixels beside the letters is of another level, nearly all along."""
    top, left = max(0, y - 3), max(0, x - 3)
    around = small[top : y + block.shape[0] + 3, left : x + block.shape[1] + 3]
    near = np.zeros(around.shape, np.uint8)
    near[y - top : y - top + block.shape[0], x - left : x - left + block.shape[1]] = block
    beside = np.abs(around[_outline(near) > 0].astype(np.int16) - level)
    return len(beside) > 0 and float((beside > _TITLE_EDGE).mean()) > _SHARP


def _levels(small: Plane) -> Iterator[int]:
    """The bright and the dark levels that most of the picture has, each some way from the others."""
    counted = cv2.calcHist([small], [0], None, [256], [0, 256]).ravel() / small.size
    shares = np.convolve(counted, np.ones(_TITLE_LEVELS + 1), mode="same")
    for first, last, tried in (_BRIGHT, _DARK):
        left = shares[first:last].copy()
        for _ in range(tried):
            best = int(np.argmax(left))
            share = float(left[best])
            if share < _LEVEL_SHARE[0]:
                break
            left[max(0, best - _TITLE_LEVELS - 3) : best + _TITLE_LEVELS + 4] = 0.0
            if share < _LEVEL_SHARE[1]:
                yield first + best


def _is_block(width: float, height: float) -> bool:
    return bool(height >= _TITLE_HEIGHT and width >= max(_TITLE_WIDTH, _WIDER * height))


def _is_lettering(block: NDArray[np.bool_]) -> bool:
    height, width = block.shape
    if (
        not _is_block(width, height)
        or not _TITLE_FILLED[0] < float(block.mean()) < _TITLE_FILLED[1]
    ):
        return False
    feet = height - 1 - np.argmax(block[::-1], axis=0)[block.any(axis=0)]
    if float(
        np.convolve(np.bincount(feet, minlength=height), np.ones(3), mode="same").max()
    ) <= _STANDING * len(feet):
        return False
    turns = np.diff(block.astype(np.int8), axis=1, prepend=0, append=0)
    starts, ends = np.nonzero(turns == 1), np.nonzero(turns == -1)
    # Both go row by row, so that they come in pairs.
    widths = ends[1] - starts[1]
    strokes = np.bincount(starts[0], minlength=height)
    return float(np.median(strokes)) >= _TITLE_RUNS and float(
        np.std(widths)
    ) > _TITLE_WIDTHS_VARY * float(np.mean(widths))


def _lines(luma: Plane) -> list[Box]:
    """Lines of small letters: strokes of one brightness on one line, of uneven widths, with little
    beside them.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (_STROKE, _STROKE))
    found: list[Box] = []
    for operation in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
        strokes = (cv2.morphologyEx(luma, operation, kernel) > _STROKE_LEVELS).astype(np.uint8)
        share = float(strokes.mean())
        if not 0.0005 < share < 0.25:
            continue  # nothing, or foliage
        _, found_labels, found_stats, found_centres = cv2.connectedComponentsWithStats(
            strokes, connectivity=8
        )
        labels = np.asarray(found_labels, dtype=np.int32)
        stats, centres = (
            np.asarray(found_stats, dtype=np.int32),
            np.asarray(found_centres, dtype=np.float64),
        )
        heights, widths, areas = (
            stats[1:, cv2.CC_STAT_HEIGHT],
            stats[1:, cv2.CC_STAT_WIDTH],
            stats[1:, cv2.CC_STAT_AREA],
        )
        filled = areas / np.maximum(heights * widths, 1)
        low, high = _GLYPH_HEIGHT
        letters = (
            np.flatnonzero(
                (heights >= low)
                & (heights <= high)
                & (widths <= 3 * heights)
                & (filled > 0.12)
                & (filled < 0.95)
            )
            + 1
        )
        if len(letters) > _MOST_GLYPHS:
            continue
        found += [
            box
            for row in _rows(letters, stats, centres)
            if (box := _line(row, labels, stats, luma, strokes, operation == cv2.MORPH_TOPHAT))
            is not None
        ]
    return found


def _rows(
    letters: NDArray[np.intp], stats: NDArray[np.int32], centres: NDArray[np.float64]
) -> list[list[int]]:
    """Letters put together that stand side by side: of like height, at one level, little more than
    a letter apart.
    """
    order = sorted((int(letter) for letter in letters), key=lambda letter: int(stats[letter, 0]))
    rows: list[list[int]] = []
    near: list[list[int]] = []  # those that a letter may still join
    for letter in order:
        x, height = int(stats[letter, 0]), int(stats[letter, 3])
        near = [
            row
            for row in near
            if x - int(stats[row[-1], 0] + stats[row[-1], 2]) <= 1.1 * _GLYPH_HEIGHT[1]
        ]
        best = None
        for row in near:
            last = row[-1]
            tall = max(height, int(stats[last, 3]))
            gap = x - int(stats[last, 0] + stats[last, 2])
            level = abs(float(centres[letter][1] - centres[last][1]))
            alike = min(height, int(stats[last, 3])) > 0.55 * tall
            if (
                alike
                and level < 0.3 * tall
                and -0.3 * tall <= gap <= 1.1 * tall
                and (best is None or gap < best[0])
            ):
                best = (gap, row)
        if best is None:
            rows.append([letter])
            near.append(rows[-1])
        else:
            best[1].append(letter)
    return rows


def _line(
    row: list[int],
    labels: NDArray[np.int32],
    stats: NDArray[np.int32],
    luma: Plane,
    strokes: NDArray[np.uint8],
    bright: bool,
) -> Box | None:
    if len(row) < _LEAST_GLYPHS:
        return None
    every = stats[row]
    levels = np.array(
        [
            float(np.median(luma[y : y + h, x : x + w][labels[y : y + h, x : x + w] == letter]))
            for letter, (x, y, w, h, _) in zip(row, every, strict=True)
        ]
    )
    # Outlined letters part the picture behind them into strokes too; the letters are the brightest,
    # or the darkest.
    kept = np.abs(levels - np.percentile(levels, 75 if bright else 25)) <= _OUTLINED
    boxes, levels = every[kept], levels[kept]
    if len(boxes) < _LEAST_GLYPHS:
        return None
    heights, widths = boxes[:, 3].astype(np.float64), boxes[:, 2].astype(np.float64)
    tall = float(np.median(heights))
    left, top = int(boxes[:, 0].min()), int(boxes[:, 1].min())
    right, bottom = int((boxes[:, 0] + boxes[:, 2]).max()), int((boxes[:, 1] + boxes[:, 3]).max())
    # Letters stand on a line, but for the few with a tail.
    feet = boxes[:, 1] + boxes[:, 3]
    standing = float((np.abs(feet - np.median(feet)) <= max(1.0, 0.1 * tall)).mean())
    uneven = float(np.median(np.abs(levels - np.median(levels))))
    if standing < 0.6 or np.std(widths) < _WIDTHS_VARY * widths.mean() or uneven > _ONE_LEVEL:
        return None
    if right - left < 3 * tall or bottom - top > 2.2 * tall:
        return None
    rows, columns = luma.shape
    reach = max(3, round(0.6 * tall))
    around = strokes[max(0, top - reach) : bottom + reach, max(0, left - reach) : right + reach]
    inside = strokes[top:bottom, left:right]
    if (float(around.sum()) - float(inside.sum())) / max(
        around.size - inside.size, 1
    ) > _ROUND_ABOUT * float(inside.mean()):
        return None
    return Box(
        x=left / columns, y=top / rows, width=(right - left) / columns, height=(bottom - top) / rows
    )
