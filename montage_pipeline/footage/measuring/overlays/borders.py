"""Burnt-in borders: letterbox, pillarbox, or both."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box

_MIN_FRAMES = 3  # one dark frame, or two, may look as if it had borders
_FLAT_LEVELS = 12  # between the darkest and the brightest of a row of a border
_SAME_LEVELS = 6  # between the rows and frames of one border
_FLAT_PERCENTILES = (2, 50, 98)  # of a row: a few pixels of noise do not count
_MIN_BORDER, _MAX_BORDER = 0.012, 0.42  # of the side
_MIN_CONTRAST = 12.0  # mean levels between a border and the footage beside it
_UNEVEN_SHARE, _UNEVEN_ROWS = 0.4, 2  # by which opposite borders may differ: of the wider, or rows


def box_inside_borders(frames: Sequence[Plane]) -> Box | None:
    """What lies inside burnt-in borders; None where there are none.

    Borders lie on opposite sides and are of one level throughout. The frames are of one size and
    from different times. A row that is half border is left outside.
    """
    if len(frames) < _MIN_FRAMES:
        return None
    stack = np.stack(frames)
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
    """Rows of border at both ends of (frames, rows, columns); none unless both ends have some."""
    first, last = _border(stack), _border(stack[:, ::-1])
    uneven = max(_UNEVEN_ROWS, _UNEVEN_SHARE * max(first, last))
    return (first, last) if min(first, last) and abs(first - last) <= uneven else (0, 0)


def _border(rows: NDArray[np.uint8]) -> int:
    """Rows of border at the beginning, with the one that may be half border."""
    low, middle, high = np.percentile(rows, _FLAT_PERCENTILES, axis=2)
    level = float(np.median(middle[:, 0]))
    is_flat = high - low <= _FLAT_LEVELS
    flat = (is_flat & (np.abs(middle - level) <= _SAME_LEVELS)).all(axis=0)
    count = int(np.argmin(flat)) if not flat.all() else len(flat)

    beside = rows[:, min(count + 1, rows.shape[1] - 1)].astype(np.float32)
    contrast = float(np.median(np.abs(beside - level).mean(axis=1)))
    is_border = _MIN_BORDER <= count / rows.shape[1] <= _MAX_BORDER and contrast >= _MIN_CONTRAST
    return count + 1 if is_border else 0
