"""Which part of a clip's picture fills the output: a crop of the exact shape, on the subject when it is known."""

from collections.abc import Sequence
from math import floor

from montage_pipeline.editing.timeline import CropRect
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.requests.vocabulary import FrameSize

FACE_SHARE = 0.3
"""`scores.faces` from which the subject is taken to be a person, whose face belongs in the upper third."""

_CENTRE_Y_WITHOUT_SUBJECT = 0.45
"""A little above the middle: captions and buttons of the apps cover the bottom of a Reel, and heads are above the middle."""


def crop_for(facts: ClipFacts, size: FrameSize, subjects: Sequence[tuple[Box, float]] = (), faces: float = 0.0) -> CropRect:
    """The largest crop of the shape of `size` inside the displayed picture, in displayed pixels.

    The shape is exact to within a pixel; sides and corner are even wherever the picture has room for that.
    `subjects` are where to look with their weights (shares of the picture); empty: the middle. `faces` is the
    moment's face score: in an upright crop with room above and below, a person sits in the upper third.
    """
    within = facts.width, facts.height
    # Odd sides only where the picture is too small for even ones.
    width, height = _largest_in_steps(*within, size, 2) or _largest_in_steps(*within, size, 1) or (1, 1)
    weight = sum(share for _, share in subjects)
    if weight > 0:
        centre_x = sum((box.x + box.width / 2) * share for box, share in subjects) / weight
        person = faces >= FACE_SHARE and size.height > size.width
        # A head is at the top of a person's box; the middle of a small box is the face itself.
        look_y = sum((box.y + box.height * (0.5 if box.height < 0.4 or not person else 0.3)) * share for box, share in subjects) / weight
        left = centre_x * facts.width - width / 2
        top = look_y * facts.height - height * (1 / 3 if person else 0.5)
    else:
        left = (facts.width - width) / 2
        top = _CENTRE_Y_WITHOUT_SUBJECT * facts.height - height * _CENTRE_Y_WITHOUT_SUBJECT
    return CropRect(x=_even_within(left, facts.width - width), y=_even_within(top, facts.height - height), width=width, height=height)


def kept_share(facts: ClipFacts, crop: CropRect, subject: Box) -> float:
    """The share of the subject's area that the crop shows, 0..1."""
    left, top = subject.x * facts.width, subject.y * facts.height
    right, bottom = left + subject.width * facts.width, top + subject.height * facts.height
    wide = max(0.0, min(right, crop.x + crop.width) - max(left, crop.x))
    high = max(0.0, min(bottom, crop.y + crop.height) - max(top, crop.y))
    return min(1.0, wide * high / ((right - left) * (bottom - top)))


def _largest_in_steps(width: int, height: int, size: FrameSize, step: int) -> tuple[int, int] | None:
    """The largest size whose sides are multiples of `step`, off the exact shape by at most a pixel in one side."""
    tall = width * size.height >= height * size.width
    long_side, short_side = (height, width) if tall else (width, height)
    ratio = size.width / size.height if tall else size.height / size.width
    for along in range(long_side - long_side % step, max(0, long_side - 4 * step), -step):
        across = step * round(along * ratio / step)
        if 0 < across <= short_side and abs(across - along * ratio) <= 1:
            return (across, along) if tall else (along, across)
    return None


def _even_within(position: float, room: int) -> int:
    """The even number nearest to `position` in 0..room (0 when room is below 2)."""
    return max(0, min(2 * floor(position / 2 + 0.5), room - room % 2))
