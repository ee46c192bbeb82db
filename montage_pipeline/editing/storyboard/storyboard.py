"""The storyboard's page: a header, a card for each cut, and the ruler of beats.

Belongs here: the layout, and the image as a file. Does not belong here: what a card or the ruler
looks like (`card`, `ruler`).
"""

import io
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path

from PIL import Image

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.context import moments_by_id
from montage_pipeline.editing.storyboard import drawing as d
from montage_pipeline.editing.storyboard.card import CARD_HEIGHT, Card, draw_card
from montage_pipeline.editing.storyboard.ruler import RULER_HEIGHT, draw_ruler
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.music.model import MusicTrack

_WIDTH = 1600
"""Pixels: two cards side by side whose text is readable on a laptop's screen."""
_MARGIN = 36
_GUTTER = 20
_HEADER_HEIGHT = 150
_WARNING_HEIGHT = 26
_MAX_WARNINGS = 4
_PARTS_SHOWN = 5
"""Parts of the originality in the header, beside its total."""

_PNG_LEVEL = 3
"""Of zlib: a tenth more bytes than by its default, in half the time."""

_THUMBNAIL_WIDTHS = (720, 560, 440, 340, 260, 180, 100, 40)
_THUMBNAIL_QUALITIES = (82, 70, 58, 45)
"""What a thumbnail is tried at, the best first."""


def draw_storyboard(
    timeline: Timeline,
    analysis: ClipAnalysis,
    frames: Mapping[int, Image.Image],
    music: MusicTrack,
    output: Path,
    max_width: int = _WIDTH,
) -> None:
    """Draw the storyboard of `timeline` to `output` (PNG, or JPEG by its suffix), at most
    `max_width` pixels wide.

    `frames` has the first frame of every segment (`frames.first_frames`).
    """
    cards = _cards(timeline, analysis, frames)
    top = _header_height(timeline)
    row_height = CARD_HEIGHT + _GUTTER
    ruler_top = top + -(-len(cards) // 2) * row_height
    height = ruler_top + RULER_HEIGHT + _MARGIN

    sheet = d.Sheet.blank(_WIDTH, height)
    _draw_header(sheet, timeline, music)
    card_width = (_WIDTH - 2 * _MARGIN - _GUTTER) // 2
    for index, card in enumerate(cards):
        left = _MARGIN + (index % 2) * (card_width + _GUTTER)
        draw_card(sheet, card, timeline, (left, top + (index // 2) * row_height), card_width)
    draw_ruler(sheet, timeline, music, (_MARGIN, ruler_top), _WIDTH - _MARGIN)

    image = sheet.image
    if max_width < _WIDTH:
        size = max_width, max(1, round(height * max_width / _WIDTH))
        image = image.resize(size, Image.Resampling.LANCZOS)
    _save(image, output)


def storyboard_thumbnail(path: Path, max_bytes: int = 24_000) -> bytes:
    """A small JPEG of a storyboard's top, of at most `max_bytes` bytes, to embed in a page.

    Raises ValueError when `max_bytes` is too small for any image.
    """
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, image.width)))
    # From the large original once; each further size comes of the one before.
    for width in _THUMBNAIL_WIDTHS:
        size = width, max(1, round(image.height * width / image.width))
        image = image.resize(size, Image.Resampling.LANCZOS)
        for quality in _THUMBNAIL_QUALITIES:
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
            if buffer.tell() <= max_bytes:
                return buffer.getvalue()
    raise ValueError(f"no JPEG of the storyboard fits in {max_bytes} bytes")


def _cards(
    timeline: Timeline, analysis: ClipAnalysis, frames: Mapping[int, Image.Image]
) -> list[Card]:
    moments = moments_by_id(analysis)
    starts = accumulate((segment.frames for segment in timeline.segments), initial=0)
    return [
        Card(
            number=index + 1,
            segment=segment,
            moment=moments[segment.moment],
            start_s=float(start / timeline.fps.fraction),
            frame=frames[index],
        )
        for index, (segment, start) in enumerate(zip(timeline.segments, starts, strict=False))
    ]


def _header_height(timeline: Timeline) -> int:
    return _HEADER_HEIGHT + _WARNING_HEIGHT * min(_MAX_WARNINGS, len(timeline.warnings))


def _draw_header(sheet: d.Sheet, timeline: Timeline, music: MusicTrack) -> None:
    title = (
        f"{timeline.style.capitalize()} {timeline.format.value}, {float(timeline.duration):.1f} s"
    )
    d.text(sheet.draw, (_MARGIN, 30), title, 40)
    d.text(sheet.draw, (_MARGIN, 88), _facts(timeline, music), 20, d.MUTED)
    _draw_originality(sheet, timeline)
    for line, warning in enumerate(timeline.warnings[:_MAX_WARNINGS]):
        shown = d.shortened(f"Note: {warning}", 17, _WIDTH - 2 * _MARGIN)
        d.text(sheet.draw, (_MARGIN, 124 + _WARNING_HEIGHT * line), shown, 17, d.WARNING)


def _facts(timeline: Timeline, music: MusicTrack) -> str:
    cuts = len(timeline.segments)
    clips = len({segment.clip for segment in timeline.segments})
    on_beat = sum(segment.on_beat for segment in timeline.segments[:-1])
    facts = (
        f"{timeline.width} x {timeline.height}",
        f"{float(timeline.fps.fraction):g} fps",
        f"{cuts} cuts from {clips} clips",
        f"{on_beat} of {cuts - 1} cuts on a beat",
        f"{music.grid.bpm:.0f} BPM",
    )
    return "  ·  ".join(facts)


def _draw_originality(sheet: d.Sheet, timeline: Timeline) -> None:
    right = _WIDTH - _MARGIN
    d.text(sheet.draw, (right, 26), f"{timeline.originality.score:.0%}", 46, d.GOOD, "ra")
    d.text(sheet.draw, (right, 84), "originality", 17, d.MUTED, "ra")
    x, y = right - 420, 28
    for part in timeline.originality.parts[:_PARTS_SHOWN]:
        d.text(sheet.draw, (x + 182, y), part.name, 14, d.MUTED, "ra")
        d.bar(sheet.draw, (x + 194, y + 4, x + 284, y + 12), part.score, d.GOOD)
        y += 19


def _save(image: Image.Image, output: Path) -> None:
    """The file appears only when it is whole."""
    jpeg = output.suffix.lower() in (".jpg", ".jpeg")
    unfinished = output.with_name(f".{output.name}.part")
    if jpeg:
        image.save(unfinished, "JPEG", quality=88, optimize=True)
    else:
        image.save(unfinished, "PNG", optimize=False, compress_level=_PNG_LEVEL)
    unfinished.replace(output)
