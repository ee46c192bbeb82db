"""What was put onto a picture after it was filmed and takes several pictures to tell: burnt-in
borders, logos that stand still.

Belongs here: finding them in upright luma pictures, and where they are. Does not belong here:
whether footage with them may be used
(faults), writing (lettering).
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.planes import Plane
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
_STILL_CAMERA = (
    0.3  # of a picture's edges staying: then the camera stands still, and nothing can be told
)
_AT_REST = 0.5  # of the picture's area unchanged: so too
_LOGO_AREA = (0.0008, 0.12)
_LOGO_EDGES = 0.06  # least share of a logo's box that is edges
_MOST_LOGOS = 4
_MIDDLE_X, _MIDDLE_Y = (0.2, 0.8), (0.25, 0.75)


def picture_box(pictures: Sequence[Plane]) -> Box | None:
    """The picture inside burnt-in borders, which lie on opposite sides and are of one level
    throughout; None where there are none.

    The pictures are of one size and from different times. A row that is half border is left
    outside.
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
    """Rows of border at the beginning and at the end of (pictures, rows, columns); both 0 unless
    there are borders at both.
    """
    sides = []
    for rows in (stack, stack[:, ::-1]):
        low, middle, high = np.percentile(rows, (2, 50, 98), axis=2)
        level = float(np.median(middle[:, 0]))
        flat = ((high - low <= _FLAT_LEVELS) & (np.abs(middle - level) <= _SAME_LEVELS)).all(axis=0)
        count = int(np.argmin(flat)) if not flat.all() else len(flat)
        beside = rows[:, min(count + 1, rows.shape[1] - 1)].astype(np.float32)
        differs = float(np.median(np.abs(beside - level).mean(axis=1)))
        share = count / rows.shape[1]
        sides.append(
            count + 1 if _LEAST_BORDER <= share <= _MOST_BORDER and differs >= _BESIDE_LEVELS else 0
        )
    first, last = sides
    return (
        (first, last)
        if min(sides) and abs(first - last) <= max(2, _UNEVEN * max(sides))
        else (0, 0)
    )


def logos(pictures: Sequence[Plane], inside: Box | None = None) -> tuple[Box, ...]:
    """Small things that stand still while the picture changes: logos and watermarks, as shares of
    the picture.

    Nothing where the camera stands still, for then everything does. `inside` is the picture without
    its borders.
    """
    if len(pictures) < _LEAST_LOGO_PICTURES:
        return ()
    scale = min(1.0, _LOGO_SIDE / max(pictures[0].shape))
    size = (round(pictures[0].shape[1] * scale), round(pictures[0].shape[0] * scale))
    small = [
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        for picture in pictures
    ]
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
        shown[
            top : int((inside.y + inside.height) * rows) - 3,
            left : int((inside.x + inside.width) * columns) - 3,
        ] = True
    # A watermark may be faint; what stays of the gradient when the picture under it changes is its
    # own.
    usual_x, usual_y = np.median(across, axis=0), np.median(down, axis=0)
    strength = np.hypot(usual_x, usual_y)
    along_x, along_y = usual_x / np.maximum(strength, 1e-3), usual_y / np.maximum(strength, 1e-3)
    # Its contrast follows what is behind it, its direction does not.
    along = np.percentile(across * along_x + down * along_y, 20, axis=0)
    aside = np.median(np.abs(across * along_y - down * along_x), axis=0)
    stays = (
        shown & (strength > _EDGE / 2) & (along > _STAYS * strength) & (aside < _STAYS * strength)
    )
    edges = float((shown & (np.hypot(across, down) > _EDGE / 2)).sum()) / len(small)
    if not stays.any() or stays.sum() > _STILL_CAMERA * edges:
        return ()
    reach = max(3, round(0.02 * max(size)))
    blob = cv2.morphologyEx(
        stays.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8)
    )
    count, labels, stats, _ = cv2.connectedComponentsWithStats(blob)
    found = []
    for label in range(1, count):
        x, y, width, height = (int(value) for value in stats[label, :4])
        area = width * height / blob.size
        filled = float((stays & (labels == label)).sum()) / (width * height)
        box = Box(x=x / size[0], y=y / size[1], width=width / size[0], height=height / size[1])
        if (
            _LOGO_AREA[0] <= area <= _LOGO_AREA[1]
            and min(width, height) >= 4
            and filled >= _LOGO_EDGES
            and not _in_the_middle(box)
        ):
            found.append((area, box))
    # A logo is a thing or a few; edges that stay all over are a camera that hardly moves.
    if len(found) > _MOST_LOGOS:
        return ()
    return tuple(box for _, box in sorted(found, key=lambda one: (-one[0], one[1].x)))


def _in_the_middle(box: Box) -> bool:
    """Where the subject is: someone who sits still stays in place as a logo does."""
    return (
        _MIDDLE_X[0] < box.x + box.width / 2 < _MIDDLE_X[1]
        and _MIDDLE_Y[0] < box.y + box.height / 2 < _MIDDLE_Y[1]
    )
