"""Crops of a clip's frame: of the output's exact shape, inside what the clip shows.

Belongs here: sizes, places and shares of crops. Does not belong here: where a crop is to be
(reframe).
"""

from math import ceil, floor
from typing import NamedTuple, Protocol

from montage_pipeline.editing.timeline import CropRect
from montage_pipeline.footage.measuring.boxes import WHOLE
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.vocabulary import FrameSize

_MIDDLE_Y = 0.45
"""Where the middle of an upright crop lies in the frame: a little above its middle, as captions and
buttons of the apps cover the bottom of a Reel, and heads are above the middle.
"""


_ROUNDED = 0.1  # pixels, by which shares that were rounded may miss a whole one


class Shape(Protocol):
    """What has a width and a height, in pixels."""

    @property
    def width(self) -> int:
        """Pixels across."""

    @property
    def height(self) -> int:
        """Pixels down."""


class Picture(NamedTuple):
    """The part of a clip's frame inside burnt-in borders, in displayed pixels: all of most."""

    x: int
    y: int
    width: int
    height: int


def picture_of(facts: ClipFacts) -> Picture:
    """Where a clip shows something; corner and sides are even, and no row of a border is inside."""
    picture = facts.picture or WHOLE
    x, y = _even_up(picture.x * facts.width), _even_up(picture.y * facts.height)
    right = min(facts.width, floor((picture.x + picture.width) * facts.width + _ROUNDED))
    bottom = min(facts.height, floor((picture.y + picture.height) * facts.height + _ROUNDED))
    return Picture(x, y, right - x, bottom - y)


def middle_crop(facts: ClipFacts, size: FrameSize) -> CropRect:
    """The largest crop of the shape of `size` in the middle of what a clip shows, in displayed
    pixels.

    The shape is exact to within a pixel; sides and corner are even wherever there is room for that.
    """
    picture = picture_of(facts)
    crop = middle_of(picture, size)
    return crop.model_copy(update={"x": crop.x + picture.x, "y": crop.y + picture.y})


def middle_of(frame: Shape, size: FrameSize) -> CropRect:
    """The same of a frame without borders."""
    width, height = largest_inside(frame.width, frame.height, size)
    return CropRect(
        x=even_within((frame.width - width) / 2, frame.width - width),
        y=even_within(_MIDDLE_Y * (frame.height - height), frame.height - height),
        width=width,
        height=height,
    )


def kept_share(frame: Shape, crop: CropRect, subject: Box) -> float:
    """The share of the subject's area that the crop shows, 0..1."""
    left, top = subject.x * frame.width, subject.y * frame.height
    right, bottom = left + subject.width * frame.width, top + subject.height * frame.height
    wide = max(0.0, min(right, crop.x + crop.width) - max(left, crop.x))
    high = max(0.0, min(bottom, crop.y + crop.height) - max(top, crop.y))
    return min(1.0, wide * high / ((right - left) * (bottom - top)))


def largest_inside(width: int, height: int, size: Shape) -> tuple[int, int]:
    """Width and height of the largest crop of a shape inside a frame, even where there is room."""
    # Odd sides only where the frame is too small for even ones.
    even = _largest_in_steps(width, height, size, 2)
    return even or _largest_in_steps(width, height, size, 1) or (1, 1)


def _largest_in_steps(width: int, height: int, size: Shape, step: int) -> tuple[int, int] | None:
    """The largest size whose sides are multiples of `step`, off the exact shape by at most a pixel
    in one side.
    """
    tall = width * size.height >= height * size.width
    long_side, short_side = (height, width) if tall else (width, height)
    ratio = size.width / size.height if tall else size.height / size.width
    for along in range(long_side - long_side % step, max(0, long_side - 4 * step), -step):
        across = step * round(along * ratio / step)
        if 0 < across <= short_side and abs(across - along * ratio) <= 1:
            return (across, along) if tall else (along, across)
    return None


def even_within(position: float, room: int) -> int:
    """The even number nearest to `position` in 0..room (0 when room is below 2)."""
    return max(0, min(2 * floor(position / 2 + 0.5), room - room % 2))


def _even_up(position: float) -> int:
    """The least even number from a position on."""
    return 2 * ceil((position - _ROUNDED) / 2)
