"""How much of what a Reel shows lies under watermarks and text, and where.

A mark that the crop leaves out costs nothing. The analysis does not know the Reel's shape and goes
by what every shape shows: the upright middle of the frame.

Belongs here: shares of the crop and the words for places. Does not belong here: finding overlays
(footage), what is too much (faults), what it costs a moment (scoring, editing).
"""

from collections.abc import Sequence

from montage_pipeline.footage.measuring.boxes import part_inside, total_area
from montage_pipeline.footage.model import Box

MAX_MARK_SHIFT = 0.12
"""Of the crop's side, by which it moves to leave a watermark or text out: as little as nobody
misses.
"""

_ACROSS = 0.6  # of the crop's width, from which a mark lies across it
_ALL_OVER = 0.6  # of the crop's width and height, from which several marks lie all over it
_SEVERAL = 3

# Thirds, a little narrower than the middle one.
_FIRST, _LAST = 0.35, 0.65


def parts_in(boxes: Sequence[Box], crop: Box) -> list[Box]:
    """What a crop shows of boxes, in shares of the crop; nothing of those it can move off."""
    parts = ((box, part_inside(box, crop)) for box in boxes)
    return [part for box, part in parts if part is not None and not _is_avoided(box, part, crop)]


def _is_avoided(box: Box, part: Box, crop: Box) -> bool:
    """Whether a box reaches so little across a side of the crop that the crop moves off it."""
    reaches_across = box.x < crop.x or box.x + box.width > crop.x + crop.width
    return reaches_across and part.width <= MAX_MARK_SHIFT


def covered(boxes: Sequence[Box], crop: Box) -> float:
    """The share of a crop (0..1) that boxes lie over."""
    return min(1.0, total_area(parts_in(boxes, crop)))


def place(boxes: Sequence[Box], crop: Box) -> str:
    """Where in a crop boxes lie, as "across the middle" or "in the top left corner"."""
    parts = parts_in(boxes, crop)
    if not parts:
        return "outside the crop"
    left, top = min(part.x for part in parts), min(part.y for part in parts)
    right = max(part.x + part.width for part in parts)
    bottom = max(part.y + part.height for part in parts)
    if len(parts) >= _SEVERAL and right - left >= _ALL_OVER and bottom - top >= _ALL_OVER:
        return "all over the picture"

    row = _third((top + bottom) / 2, ("top", "middle", "bottom"))
    column = _third((left + right) / 2, ("left", "middle", "right"))
    if right - left >= _ACROSS:
        return f"across the {row} of the picture"
    if row == column:
        return "in the middle of the picture"
    if "middle" in (row, column):
        return f"at the {row if column == 'middle' else column} of the picture"
    return f"in the {row} {column} corner"


def _third(position: float, names: tuple[str, str, str]) -> str:
    if position < _FIRST:
        return names[0]
    return names[2] if position > _LAST else names[1]
