"""Where the crop of a segment lies in the pixels that are really stored in the clip.

Belongs here: turning displayed pixels (after rotation, mirroring and square pixels) into stored ones.
Does not belong here: choosing the crop (editing) or applying it (the engines).
"""

from dataclasses import dataclass

import av

from montage_pipeline.editing.timeline import CropRect
from montage_pipeline.footage.model import ClipFacts


@dataclass(frozen=True)
class StoredCrop:
    """A rectangle in stored pixels, before mirroring and turning."""

    x: int
    y: int
    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Area."""
        return self.width * self.height


def stored_crop(facts: ClipFacts, crop: CropRect) -> StoredCrop:
    """The stored pixels that a player shows inside `crop`, rounded to whole ones.

    Where FFmpeg cannot cut between chroma samples the corner moves to one, by at most two stored pixels.
    """
    step_x, step_y = _corner_steps(facts)
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
    left, wide = _aligned(x, width, stored_width, facts.coded_width, step_x)
    top, high = _aligned(y, height, stored_height, facts.coded_height, step_y)
    return StoredCrop(left, top, wide, high)


def chroma_steps(pixel_format: str) -> tuple[int, int]:
    """Luma samples for each chroma sample, across and down."""
    layout = av.VideoFormat(pixel_format)
    return 8 // layout.chroma_width(8), 8 // layout.chroma_height(8)


def _corner_steps(facts: ClipFacts) -> tuple[int, int]:
    """What the corner must be a multiple of: one where the scaler can be told that chroma lies half a sample off."""
    step_x, step_y = chroma_steps(facts.pixel_format)
    woven = facts.pixel_format.startswith(("nv", "p0", "p2", "p4"))  # both chroma components in one plane
    return tuple(step if woven or step > 2 else 1 for step in (step_x, step_y))  # type: ignore[return-value]


def _aligned(start: int, length: int, shown: int, stored: int, step: int) -> tuple[int, int]:
    """Start, a multiple of `step`, and length in stored pixels of a stretch given in displayed ones."""
    ratio = stored / shown
    size = max(2, min(stored, round(length * ratio)))
    begin = step * round(start * ratio / step)
    return max(0, min(begin, (stored - size) // step * step)), size


def turned_size(facts: ClipFacts, width: int, height: int) -> tuple[int, int]:
    """`width` and `height` of a displayed picture as they are before the turn."""
    return (height, width) if facts.rotation_deg in (90, 270) else (width, height)
