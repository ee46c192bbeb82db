"""What was put onto a picture after it was filmed: burnt-in borders, logos that stand still, writing.

Belongs here: finding them in upright luma pictures, and where they are. Does not belong here: whether footage with them may be used
(faults). Without knowing what a letter is, writing is told by its shape; a shop sign in front of a camera at rest is writing too.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.look import Plane
from montage_pipeline.footage.model import Box

_LEAST_PICTURES = 3

# Borders
_FLAT_LEVELS = 12  # between the darkest and the brightest of a row of a border
_SAME_LEVELS = 6  # between the rows and pictures of one border
_LEAST_BORDER, _MOST_BORDER = 0.012, 0.42  # of the side
_UNEVEN = 0.4  # how much two opposite borders may differ, as a share of the wider
_BESIDE_LEVELS = 12.0  # mean difference of the picture beside a border from it

# Logos
_LEAST_LOGO_PICTURES = 6
_LOGO_SIDE = 240
_EDGE = 14.0  # gradient (levels per pixel, both directions) that counts as an edge
_STAYS = 0.4  # of its strength: what is left of an edge nearly always, and by how much it may turn
_STILL_CAMERA = 0.3  # of a picture's edges staying: then the camera stands still, and nothing can be told
_AT_REST = 0.5  # of the picture's area unchanged: so too
_LOGO_AREA = (0.0008, 0.12)
_LOGO_EDGES = 0.06  # least share of a logo's box that is edges
_MOST_LOGOS = 4
_MIDDLE_X, _MIDDLE_Y = (0.2, 0.8), (0.25, 0.75)

# Writing
_STROKE = 9  # pixels (of 512): thicker strokes are not looked for
_STROKE_LEVELS = 45
_GLYPH_HEIGHT = (6, 60)
_LEAST_GLYPHS, _MOST_GLYPHS = 5, 250  # of a line; of a picture, beyond which it is texture
_ROUND_ABOUT = 0.5  # strokes beside a line, as a share of those in it: beside writing there are few, in grass as many
_ONE_LEVEL = 8.0  # by which letters of a line may differ
_OUTLINED = 30.0  # and that part a line's letters from what lies between their outlines
_WIDTHS_VARY = 0.12  # letters do, railings and rows of windows hardly


def picture_box(pictures: Sequence[Plane]) -> Box | None:
    """The picture inside burnt-in borders, which lie on opposite sides and are of one level throughout; None where there are none.

    The pictures are of one size and from different times. A row that is half border is left outside.
    """
    if len(pictures) < _LEAST_PICTURES:
        return None
    stack = np.stack(pictures)
    top, bottom = _borders(stack)
    inner = stack[:, top : stack.shape[1] - bottom]
    left, right = _borders(inner.transpose(0, 2, 1))
    if not (top or left):
        return None
    height, width = stack.shape[1:]
    return Box(
        x=round(left / width, 4),
        y=round(top / height, 4),
        width=round((width - left - right) / width, 4),
        height=round((height - top - bottom) / height, 4),
    )


def _borders(stack: NDArray[np.uint8]) -> tuple[int, int]:
    """Rows of border at the beginning and at the end of (pictures, rows, columns); both 0 unless there are borders at both."""
    sides = []
    for rows in (stack, stack[:, ::-1]):
        low, middle, high = np.percentile(rows, (2, 50, 98), axis=2)
        level = float(np.median(middle[:, 0]))
        flat = ((high - low <= _FLAT_LEVELS) & (np.abs(middle - level) <= _SAME_LEVELS)).all(axis=0)
        count = int(np.argmin(flat)) if not flat.all() else len(flat)
        beside = rows[:, min(count + 1, rows.shape[1] - 1)].astype(np.float32)
        differs = float(np.median(np.abs(beside - level).mean(axis=1)))
        share = count / rows.shape[1]
        sides.append(count + 1 if _LEAST_BORDER <= share <= _MOST_BORDER and differs >= _BESIDE_LEVELS else 0)
    first, last = sides
    return (first, last) if min(sides) and abs(first - last) <= max(2, _UNEVEN * max(sides)) else (0, 0)


def logos(pictures: Sequence[Plane], inside: Box | None = None) -> tuple[Box, ...]:
    """Small things that stand still while the picture changes: logos and watermarks, as shares of the picture.

    Nothing where the camera stands still, for then everything does. `inside` is the picture without its borders.
    """
    if len(pictures) < _LEAST_LOGO_PICTURES:
        return ()
    scale = min(1.0, _LOGO_SIDE / max(pictures[0].shape))
    size = (round(pictures[0].shape[1] * scale), round(pictures[0].shape[0] * scale))
    small = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32) for picture in pictures]
    stack = np.stack(small)
    unchanged = (np.abs(stack - np.median(stack, axis=0)) < _SAME_LEVELS).mean(axis=(1, 2))
    if float(np.median(unchanged)) > _AT_REST:
        return ()
    across = np.stack([cv2.Scharr(picture, cv2.CV_32F, 1, 0) / 32 for picture in small])
    down = np.stack([cv2.Scharr(picture, cv2.CV_32F, 0, 1) / 32 for picture in small])
    columns, rows = size
    shown = np.ones((rows, columns), dtype=bool)
    if inside is not None:
        shown[:] = False
        top, left = int(inside.y * rows) + 3, int(inside.x * columns) + 3
        shown[top : int((inside.y + inside.height) * rows) - 3, left : int((inside.x + inside.width) * columns) - 3] = True
    # A watermark may be faint; what stays of the gradient when the picture under it changes is its own.
    usual_x, usual_y = np.median(across, axis=0), np.median(down, axis=0)
    strength = np.hypot(usual_x, usual_y)
    along_x, along_y = usual_x / np.maximum(strength, 1e-3), usual_y / np.maximum(strength, 1e-3)
    # Its contrast follows what is behind it, its direction does not.
    along = np.percentile(across * along_x + down * along_y, 20, axis=0)
    aside = np.median(np.abs(across * along_y - down * along_x), axis=0)
    stays = shown & (strength > _EDGE / 2) & (along > _STAYS * strength) & (aside < _STAYS * strength)
    edges = float((shown & (np.hypot(across, down) > _EDGE / 2)).sum()) / len(small)
    if not stays.any() or stays.sum() > _STILL_CAMERA * edges:
        return ()
    reach = max(3, round(0.02 * max(size)))
    blob = cv2.morphologyEx(stays.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(blob)
    found = []
    for label in range(1, count):
        x, y, width, height = (int(value) for value in stats[label, :4])
        area = width * height / blob.size
        filled = float((stays & (labels == label)).sum()) / (width * height)
        box = Box(x=x / size[0], y=y / size[1], width=width / size[0], height=height / size[1])
        if _LOGO_AREA[0] <= area <= _LOGO_AREA[1] and min(width, height) >= 4 and filled >= _LOGO_EDGES and not _in_the_middle(box):
            found.append((area, box))
    # A logo is a thing or a few; edges that stay all over are a camera that hardly moves.
    if len(found) > _MOST_LOGOS:
        return ()
    return tuple(box for _, box in sorted(found, key=lambda one: (-one[0], one[1].x)))


def _in_the_middle(box: Box) -> bool:
    """Where the subject is: someone who sits still stays in place as a logo does."""
    return _MIDDLE_X[0] < box.x + box.width / 2 < _MIDDLE_X[1] and _MIDDLE_Y[0] < box.y + box.height / 2 < _MIDDLE_Y[1]


def writing(luma: Plane) -> tuple[Box, ...]:
    """Lines of writing in one picture (its longer side about 512 pixels), as shares of it.

    Writing is strokes of one brightness on one line, of uneven widths, with little beside them.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (_STROKE, _STROKE))
    found: list[Box] = []
    for operation in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
        strokes = (cv2.morphologyEx(luma, operation, kernel) > _STROKE_LEVELS).astype(np.uint8)
        share = float(strokes.mean())
        if not 0.0005 < share < 0.25:
            continue  # nothing, or foliage
        _, found_labels, found_stats, found_centres = cv2.connectedComponentsWithStats(strokes, connectivity=8)
        labels = np.asarray(found_labels, dtype=np.int32)
        stats, centres = np.asarray(found_stats, dtype=np.int32), np.asarray(found_centres, dtype=np.float64)
        heights, widths, areas = stats[1:, cv2.CC_STAT_HEIGHT], stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_AREA]
        filled = areas / np.maximum(heights * widths, 1)
        low, high = _GLYPH_HEIGHT
        letters = np.flatnonzero((heights >= low) & (heights <= high) & (widths <= 3 * heights) & (filled > 0.12) & (filled < 0.95)) + 1
        if len(letters) > _MOST_GLYPHS:
            continue
        found += [
            box
            for row in _rows(letters, stats, centres)
            if (box := _line(row, labels, stats, luma, strokes, operation == cv2.MORPH_TOPHAT)) is not None
        ]
    return tuple(sorted(found, key=lambda box: (box.y, box.x)))


def _rows(letters: NDArray[np.intp], stats: NDArray[np.int32], centres: NDArray[np.float64]) -> list[list[int]]:
    """Letters put together that stand side by side: of like height, at one level, little more than a letter apart."""
    order = sorted((int(letter) for letter in letters), key=lambda letter: int(stats[letter, 0]))
    rows: list[list[int]] = []
    near: list[list[int]] = []  # those that a letter may still join
    for letter in order:
        x, height = int(stats[letter, 0]), int(stats[letter, 3])
        near = [row for row in near if x - int(stats[row[-1], 0] + stats[row[-1], 2]) <= 1.1 * _GLYPH_HEIGHT[1]]
        best = None
        for row in near:
            last = row[-1]
            tall = max(height, int(stats[last, 3]))
            gap = x - int(stats[last, 0] + stats[last, 2])
            level = abs(float(centres[letter][1] - centres[last][1]))
            alike = min(height, int(stats[last, 3])) > 0.55 * tall
            if alike and level < 0.3 * tall and -0.3 * tall <= gap <= 1.1 * tall and (best is None or gap < best[0]):
                best = (gap, row)
        if best is None:
            rows.append([letter])
            near.append(rows[-1])
        else:
            best[1].append(letter)
    return rows


def _line(
    row: list[int], labels: NDArray[np.int32], stats: NDArray[np.int32], luma: Plane, strokes: NDArray[np.uint8], bright: bool
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
    # Outlined letters part the picture behind them into strokes too; the letters are the brightest, or the darkest.
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
    if (float(around.sum()) - float(inside.sum())) / max(around.size - inside.size, 1) > _ROUND_ABOUT * float(inside.mean()):
        return None
    return Box(x=left / columns, y=top / rows, width=(right - left) / columns, height=(bottom - top) / rows)
