"""Where the crop of a segment lies in the pixels that are stored in the clip.

Belongs here: turning displayed pixels (after rotation, mirroring and square pixels) into stored
ones.
Does not belong here: choosing the crop (editing) or applying it (the chunks).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import av

from montage_pipeline.editing.timeline import CropRect, Segment, Timeline, crop_corner
from montage_pipeline.footage.model import ClipFacts

_BYTE_BITS = 8


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
    across, down = chroma_steps(facts.pixel_format)
    # FFmpeg's crop counts half a sample as half its bytes: of one in a single byte it takes the
    # sample before, of longer ones it would begin inside one, and all colours were noise.
    bytewise = _chroma_bytes(facts.pixel_format) == 1
    return 1 if bytewise and across <= 2 else across, 1 if down <= 2 else down


def _chroma_bytes(pixel_format: str) -> int:
    """From one chroma sample to the next in its plane: 2 where both components share one, or
    samples are deeper than eight bits.
    """
    chroma = [part for part in av.VideoFormat(pixel_format).components if part.is_chroma]
    planes = {part.plane for part in chroma}
    deep = any(part.bits > _BYTE_BITS for part in chroma)
    return (2 if deep else 1) * (2 if len(planes) < len(chroma) else 1)


@dataclass(frozen=True)
class CropMove:
    """A crop that moves over its segment, as a window that moves over a still, scaled frame.

    `around` (displayed source pixels) holds the whole way and is scaled to `width` x `height`. The
    window, of the output's size, has its corner (x, y in scaled pixels) at `corners[k]` in frame k.
    """

    around: CropRect
    width: int
    height: int
    corners: tuple[tuple[int, int], ...]

    def corner(self, number: int) -> tuple[int, int]:
        """The window's corner at output frame `number` of the segment."""
        return self.corners[min(max(number, 0), len(self.corners) - 1)]

    def filter_args(self) -> str:
        """FFmpeg's crop filter for the same way; `n` counts frames."""
        across, down = zip(*self.corners, strict=True)
        return f"x='{_by_number(across)}':y='{_by_number(down)}':exact=1"


def crop_move(timeline: Timeline, segment: Segment) -> CropMove | None:
    """How the crop of a segment moves; None when it stays."""
    if not segment.steadying and segment.crop_end in (None, segment.crop):
        return None

    ways = [crop_corner(segment, frame) for frame in range(segment.frames)]
    left, top = (max(0, floor(min(along))) for along in zip(*ways, strict=True))
    right, bottom = (ceil(max(along)) for along in zip(*ways, strict=True))
    facts = timeline.clips[segment.clip]
    around = CropRect(
        x=left,
        y=top,
        width=min(right + segment.crop.width, facts.width) - left,
        height=min(bottom + segment.crop.height, facts.height) - top,
    )
    across, down = timeline.width / segment.crop.width, timeline.height / segment.crop.height
    room_x = _even((around.width - segment.crop.width) * across)
    room_y = _even((around.height - segment.crop.height) * down)
    corners = tuple(
        (
            min(room_x, floor((x - left) * across + 0.5)),
            min(room_y, floor((y - top) * down + 0.5)),
        )
        for x, y in ways
    )
    return CropMove(
        around=around,
        width=room_x + timeline.width,
        height=room_y + timeline.height,
        corners=corners,
    )


def _even(length: float) -> int:
    """Some filters refuse frames with odd sides."""
    return 2 * round(length / 2)


def _by_number(values: Sequence[int], first: int = 0) -> str:
    """An expression that gives each value at its frame, as a tree: FFmpeg walks it for each frame.

    The values of frames from `first` on; frames with the same value are one branch.
    """
    if len(set(values)) == 1:
        return str(values[0])
    half = len(values) // 2
    before, after = _by_number(values[:half], first), _by_number(values[half:], first + half)
    return f"if(lt(n,{first + half}),{before},{after})"
