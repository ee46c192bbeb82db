"""Where the crop of a segment lies in the pixels that are stored in the clip.

Belongs here: turning displayed pixels (after rotation, mirroring and square pixels) into stored
ones.
Does not belong here: choosing the crop (editing) or applying it (the chunks).
"""

from dataclasses import dataclass
from math import floor

import av

from montage_pipeline.editing.timeline import CropRect, Segment, Timeline, eased
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

    Where FFmpeg cannot cut between chroma samples the corner moves to one, by at most two stored
    pixels.
    """
    x, y, width, height = _unturned(facts, crop)
    shown_width, shown_height = turned_size(facts, facts.width, facts.height)
    step_x, step_y = _corner_steps(facts)
    x, width = _aligned(x, width, shown_width, facts.coded_width, step_x)
    y, height = _aligned(y, height, shown_height, facts.coded_height, step_y)
    return StoredCrop(x, y, width, height)


def turned_size(facts: ClipFacts, width: int, height: int) -> tuple[int, int]:
    """`width` and `height` of a displayed frame as they are before the turn."""
    return (height, width) if facts.rotation_deg in (90, 270) else (width, height)


def _unturned(facts: ClipFacts, crop: CropRect) -> tuple[int, int, int, int]:
    """x, y, width and height of the crop before a player mirrors and turns the frame.

    Still in displayed pixels, which are square.
    """
    frame_width, frame_height = turned_size(facts, facts.width, facts.height)
    x, y = crop.x, crop.y
    width, height = turned_size(facts, crop.width, crop.height)

    # Undo the turn first and the mirror second: a player mirrors, then turns.
    if facts.rotation_deg == 90:
        x, y = crop.y, frame_height - crop.x - crop.width
    elif facts.rotation_deg == 180:
        x, y = frame_width - crop.x - crop.width, frame_height - crop.y - crop.height
    elif facts.rotation_deg == 270:
        x, y = frame_width - crop.y - crop.height, crop.x
    if facts.mirrored:
        x = frame_width - x - width
    return x, y, width, height


def _aligned(start: int, length: int, shown: int, stored: int, step: int) -> tuple[int, int]:
    """Start and length in stored pixels of a stretch given in displayed ones.

    `shown` and `stored` are the sizes of the whole frame; the start is a multiple of `step`.
    """
    ratio = stored / shown
    size = max(2, min(stored, round(length * ratio)))
    begin = step * round(start * ratio / step)
    return max(0, min(begin, (stored - size) // step * step)), size


def chroma_steps(pixel_format: str) -> tuple[int, int]:
    """Luma samples for each chroma sample, across and down."""
    layout = av.VideoFormat(pixel_format)
    return 8 // layout.chroma_width(8), 8 // layout.chroma_height(8)


def _corner_steps(facts: ClipFacts) -> tuple[int, int]:
    """What the corner must be a multiple of, across and down.

    It is 1 where the scaler can be told that chroma lies half a sample off.
    """
    # Both chroma components in one plane.
    interleaved = facts.pixel_format.startswith(("nv", "p0", "p2", "p4"))
    across, down = (
        step if interleaved or step > 2 else 1 for step in chroma_steps(facts.pixel_format)
    )
    return across, down


@dataclass(frozen=True)
class CropMove:
    """A crop that moves over its segment, as a window that moves over a still, scaled frame.

    `around` (displayed source pixels) holds the whole way and is scaled to `width` x `height`. The
    window, of the output's size, goes from `begin` to `end` (x, y of its corner in scaled pixels)
    in `frames` frames.
    """

    around: CropRect
    width: int
    height: int
    begin: tuple[int, int]
    end: tuple[int, int]
    frames: int

    def corner(self, number: int) -> tuple[int, int]:
        """The window's corner at output frame `number` of the segment."""
        way = eased(number / max(1, self.frames - 1))
        x, y = (floor(a + (b - a) * way + 0.5) for a, b in zip(self.begin, self.end, strict=True))
        return x, y

    def filter_args(self) -> str:
        """FFmpeg's crop filter for the same way; `n` counts frames."""
        share = f"n/{max(1, self.frames - 1)}"
        x, y = (
            f"floor({a}+{b - a}*({share})*({share})*(3-2*({share}))+0.5)"
            for a, b in zip(self.begin, self.end, strict=True)
        )
        return f"x={x}:y={y}:exact=1"


def crop_move(timeline: Timeline, segment: Segment) -> CropMove | None:
    """How the crop of a segment moves; None when it stays."""
    first, last = segment.crop, segment.crop_end
    if last is None or last == first:
        return None

    left, top = min(first.x, last.x), min(first.y, last.y)
    right = max(first.x, last.x) + first.width
    bottom = max(first.y, last.y) + first.height
    across, down = timeline.width / first.width, timeline.height / first.height

    def corner(crop: CropRect) -> tuple[int, int]:
        # Even, because some filters refuse frames with odd sides.
        return 2 * round((crop.x - left) * across / 2), 2 * round((crop.y - top) * down / 2)

    begin, end = corner(first), corner(last)
    return CropMove(
        around=CropRect(x=left, y=top, width=right - left, height=bottom - top),
        # Exactly as large as the way needs: the window touches both edges.
        width=max(begin[0], end[0]) + timeline.width,
        height=max(begin[1], end[1]) + timeline.height,
        begin=begin,
        end=end,
        frames=segment.frames,
    )
