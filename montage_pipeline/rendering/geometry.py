"""Where the crop of a segment lies in the pixels that are really stored in the clip.

Belongs here: turning displayed pixels (after rotation, mirroring and square pixels) into stored ones.
Does not belong here: choosing the crop (editing) or applying it (the engines).
"""

from dataclasses import dataclass

from montage_pipeline.editing.timeline import CropRect
from montage_pipeline.footage.model import ClipFacts


@dataclass(frozen=True)
class StoredCrop:
    """A rectangle in stored pixels, before mirroring and turning. x and y are even, so that chroma samples stay with their pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Area."""
        return self.width * self.height


def stored_crop(facts: ClipFacts, crop: CropRect) -> StoredCrop:
    """The stored pixels that a player shows inside `crop`.

    The corner moves by at most one stored pixel to keep chroma aligned; the size is rounded to whole pixels.
    """
    turned = facts.rotation_deg in (90, 270)
    stored_width, stored_height = (facts.height, facts.width) if turned else (facts.width, facts.height)
    # Undo the turn first and the mirror second: a player mirrors, then turns.
    if facts.rotation_deg == 90:
        x, y, width, height = crop.y, stored_height - crop.x - crop.width, crop.height, crop.width
    elif facts.rotation_deg == 180:
        x, y, width, height = stored_width - crop.x - crop.width, stored_height - crop.y - crop.height, crop.width, crop.height
    elif facts.rotation_deg == 270:
        x, y, width, height = stored_width - crop.y - crop.height, crop.x, crop.height, crop.width
    else:
        x, y, width, height = crop.x, crop.y, crop.width, crop.height
    if facts.mirrored:
        x = stored_width - x - width
    left, wide = _aligned(x, width, stored_width, facts.coded_width)
    top, high = _aligned(y, height, stored_height, facts.coded_height)
    return StoredCrop(left, top, wide, high)


def _aligned(start: int, length: int, shown: int, stored: int) -> tuple[int, int]:
    """Even start and length in stored pixels of a stretch given in displayed ones."""
    ratio = stored / shown
    size = max(2, min(stored, round(length * ratio)))
    begin = 2 * round(start * ratio / 2)
    return max(0, min(begin, (stored - size) // 2 * 2)), size


def turned_size(facts: ClipFacts, width: int, height: int) -> tuple[int, int]:
    """`width` and `height` of a displayed picture as they are before the turn."""
    return (height, width) if facts.rotation_deg in (90, 270) else (width, height)
