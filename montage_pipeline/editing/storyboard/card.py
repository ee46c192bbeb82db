"""One cut of the storyboard: its source frame with the crop, the cropped frame, scores and the
reason.
"""

from typing import NamedTuple

from PIL import Image

from montage_pipeline.analysis.model import Moment
from montage_pipeline.editing.storyboard import drawing as d
from montage_pipeline.editing.timeline import CropRect, Segment, Timeline, speed_in_words
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.footage.names import clip_name

CARD_HEIGHT = 334

_PAD = 18
_FRAME_HEIGHT = 204
_MAX_SOURCE_WIDTH = 363
"""A landscape frame of `_FRAME_HEIGHT`."""
_MAX_RESULT_WIDTH = 254
_SCORES_WIDTH = 232
_REASON_LINES = 3


class Card(NamedTuple):
    """A segment with what its card shows of it; `frame` is its first source frame."""

    number: int
    segment: Segment
    moment: Moment
    start_s: float
    frame: Image.Image


def draw_card(
    sheet: d.Sheet, card: Card, timeline: Timeline, at: tuple[int, int], width: int
) -> None:
    """Draw a card with its top left corner `at`, `width` pixels wide."""
    left, top = at
    right = left + width - _PAD
    colour = d.clip_colour(card.segment.clip)
    box = (left, top, left + width, top + CARD_HEIGHT)
    sheet.draw.rounded_rectangle(box, radius=14, fill=d.CARD)
    stripe = (left, top + 22, left + 5, top + CARD_HEIGHT - 22)
    sheet.draw.rounded_rectangle(stripe, radius=2, fill=colour)

    _draw_title(sheet, card, timeline, (left + _PAD, top + 14), right)
    y = top + 54
    frames_right = _draw_frames(sheet, card, timeline, (left + _PAD, y), width - 2 * _PAD)
    _draw_scores(sheet, card, (frames_right + 20, y + 2), right)
    lines = d.wrapped(card.segment.why, 15, width - 2 * _PAD, _REASON_LINES)
    d.rows(sheet.draw, (left + _PAD, y + _FRAME_HEIGHT + 11), lines, 15, d.MUTED)


def _draw_title(
    sheet: d.Sheet, card: Card, timeline: Timeline, at: tuple[int, int], right: int
) -> None:
    """Number, role, clip, and where the segment lies in its source and in the Reel."""
    segment, (x, y) = card.segment, at
    x = d.pill(sheet.draw, (x, y), str(card.number), 16, d.clip_colour(segment.clip)) + 10
    if segment.role != "body":
        x = d.pill(sheet.draw, (x, y), segment.role, 16, d.ACCENT) + 10

    length_s = segment.frames / float(timeline.fps.fraction)
    length = (
        f"{card.start_s:.2f} to {card.start_s + length_s:.2f} s  ·  {segment.frames} frames, "
        f"{length_s:.2f} s"
    )
    d.text(sheet.draw, (right, y + 4), length, 16, d.MUTED, "ra")
    slower = f", {speed_in_words(segment.speed)}" if segment.speed < 1 else ""
    source = f"from {segment.source_in_s:.2f} s{slower}"
    room = right - d.width_of(length, 16) - 24 - x - d.width_of(source, 16) - 12
    name = d.shortened(clip_name(segment.clip_url), 17, room)
    d.text(sheet.draw, (x, y + 3), name, 17)
    d.text(sheet.draw, (x + d.width_of(name, 17) + 12, y + 4), source, 16, d.MUTED)


def _draw_frames(
    sheet: d.Sheet, card: Card, timeline: Timeline, at: tuple[int, int], width: int
) -> int:
    """The source frame with its crop, and the cropped frame; returns the x where they end."""
    x, y = at
    facts, crop = timeline.clips[card.segment.clip], card.segment.crop
    result = d.fitted((timeline.width, timeline.height), (_MAX_RESULT_WIDTH, _FRAME_HEIGHT))
    source_width = min(_MAX_SOURCE_WIDTH, width - _SCORES_WIDTH - 12 - result[0])
    size = d.fitted(card.frame.size, (source_width, _FRAME_HEIGHT))
    box = (x, y, x + source_width, y + _FRAME_HEIGHT)
    sheet.draw.rounded_rectangle(box, radius=6, fill=d.PAPER)
    corner = x + (source_width - size[0]) // 2, y + (_FRAME_HEIGHT - size[1]) // 2
    d.paste_rounded(sheet.image, _source_frame(card, facts, size), corner)

    x += source_width + 12
    cropped = card.frame.crop(_scaled(crop, facts, card.frame.size))
    enlarged = cropped.resize(result, Image.Resampling.LANCZOS)
    d.paste_rounded(sheet.image, enlarged, (x, y + (_FRAME_HEIGHT - result[1]) // 2))
    return x + result[0]


def _source_frame(card: Card, facts: ClipFacts, size: tuple[int, int]) -> Image.Image:
    """The source frame at a size, dimmed outside the crop, with the way that the crop goes."""
    colour = d.clip_colour(card.segment.clip)
    begin = _scaled(card.segment.crop, facts, size)
    small = card.frame.resize(size, Image.Resampling.LANCZOS)
    small = d.dimmed_outside(small, begin, colour)
    if card.segment.crop_end is not None:
        d.draw_move(small, begin, _scaled(card.segment.crop_end, facts, size), colour)
    return small


def _scaled(crop: CropRect, facts: ClipFacts, size: tuple[int, int]) -> d.Corners:
    """A crop's corners in an image of the clip that has this size."""
    across, down = size[0] / facts.width, size[1] / facts.height
    return (
        round(crop.x * across),
        round(crop.y * down),
        round((crop.x + crop.width) * across),
        round((crop.y + crop.height) * down),
    )


def _draw_scores(sheet: d.Sheet, card: Card, at: tuple[int, int], right: int) -> None:
    moment, scores = card.moment, card.moment.scores
    shown = {
        "hook": moment.hook,
        "interest": moment.interest,
        "quality": moment.quality,
        "sharpness": scores.sharpness,
        "stability": scores.stability,
        "motion": scores.motion,
        "faces": scores.faces,
        "speech": scores.speech,
    }
    x, y = at
    colour = d.clip_colour(card.segment.clip)
    for name, value in shown.items():
        d.text(sheet.draw, (x, y), name, 14, d.MUTED)
        d.bar(sheet.draw, (x + 80, y + 5, right - 38, y + 13), value, colour)
        d.text(sheet.draw, (right, y), f"{value:.2f}", 14, d.FAINT, "ra")
        y += (_FRAME_HEIGHT - 4) // len(shown)
