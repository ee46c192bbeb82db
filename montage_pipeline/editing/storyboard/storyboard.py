"""The storyboard: one picture that shows an edit cut by cut, and the beats under it.

Belongs here: what a person sees of a timeline before it is rendered. Does not belong here: any
choice of the edit.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.editing.storyboard import drawing as d
from montage_pipeline.editing.timeline import CropRect, Segment, Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.decoding.sample import frames_at
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.footage.names import clip_name
from montage_pipeline.music.model import MusicTrack

_WIDTH = 1600
_MARGIN = 36
_GUTTER = 20
_PAD = 18
_PICTURE_HEIGHT = 204
_MOST_SOURCE_WIDTH = 363
_MOST_RESULT_WIDTH = 254
_SCORES_WIDTH = 232
_CARD_HEIGHT = 334
_RULER_HEIGHT = 170
_MOST_WARNINGS = 4


class _Card(NamedTuple):
    number: int
    segment: Segment
    moment: Moment
    starts_s: float
    frame: Image.Image


def draw_storyboard(
    timeline: Timeline,
    analysis: ClipAnalysis,
    clip_paths: Mapping[str, ClipSource],
    music: MusicTrack,
    output: Path,
    max_width: int = 1600,
) -> None:
    """Draw the storyboard of `timeline` to `output` (PNG, or JPEG by its suffix), at most
    `max_width` pixels wide.

    `clip_paths` maps clip URL to where it is read. Raises PermanentError `clip_missing` for a clip
    without a
    path, and what `frames_at` raises for one that cannot be read.
    """
    cards = _cards(timeline, analysis, clip_paths)
    top = _header_height(timeline)
    rows = -(-len(cards) // 2)
    height = top + rows * (_CARD_HEIGHT + _GUTTER) + _RULER_HEIGHT + _MARGIN
    canvas = Image.new("RGB", (_WIDTH, height), d.PAPER)
    draw = ImageDraw.Draw(canvas)
    _draw_header(draw, timeline, music)
    card_width = (_WIDTH - 2 * _MARGIN - _GUTTER) // 2
    for index, card in enumerate(cards):
        left = _MARGIN + (index % 2) * (card_width + _GUTTER)
        _draw_card(
            canvas,
            draw,
            card,
            timeline,
            (left, top + (index // 2) * (_CARD_HEIGHT + _GUTTER)),
            card_width,
        )
    _draw_ruler(draw, timeline, music, top + rows * (_CARD_HEIGHT + _GUTTER))
    if max_width < _WIDTH:
        canvas = canvas.resize(
            (max_width, max(1, round(height * max_width / _WIDTH))), Image.Resampling.LANCZOS
        )
    _save(canvas, output)


def storyboard_thumbnail(path: Path, max_bytes: int = 24_000) -> bytes:
    """A small JPEG of a storyboard's top, of at most `max_bytes` bytes, to embed in a page.

    Raises ValueError when `max_bytes` is too small for any picture.
    """
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    picture = picture.crop((0, 0, picture.width, min(picture.height, picture.width)))
    for width in (720, 560, 440, 340, 260, 180, 100, 40):
        small = picture.resize(
            (width, max(1, round(picture.height * width / picture.width))), Image.Resampling.LANCZOS
        )
        for quality in (82, 70, 58, 45):
            buffer = io.BytesIO()
            small.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
            if buffer.tell() <= max_bytes:
                return buffer.getvalue()
    raise ValueError(f"no JPEG of the storyboard fits in {max_bytes} bytes")


def _cards(
    timeline: Timeline, analysis: ClipAnalysis, clip_paths: Mapping[str, ClipSource]
) -> list[_Card]:
    frames: dict[int, Image.Image] = {}
    for clip in sorted({segment.clip for segment in timeline.segments}):
        facts = timeline.clips[clip]
        if facts.url not in clip_paths:
            raise PermanentError(
                ErrorCode.CLIP_MISSING,
                f"The storyboard needs the file of clip {facts.url}.",
                url=facts.url,
            )
        shown = [index for index, segment in enumerate(timeline.segments) if segment.clip == clip]
        pictures = frames_at(
            clip_paths[facts.url],
            facts,
            [timeline.segments[index].source_in_s for index in shown],
            960,
        )
        frames.update(
            {
                index: Image.fromarray(picture)
                for index, picture in zip(shown, pictures, strict=True)
            }
        )
    cards: list[_Card] = []
    frame = 0
    for index, segment in enumerate(timeline.segments):
        cards.append(
            _Card(
                index + 1,
                segment,
                analysis.moment(segment.moment),
                float(frame / timeline.fps.fraction),
                frames[index],
            )
        )
        frame += segment.frames
    return cards


def _header_height(timeline: Timeline) -> int:
    return 150 + 26 * min(_MOST_WARNINGS, len(timeline.warnings))


def _draw_header(draw: ImageDraw.ImageDraw, timeline: Timeline, music: MusicTrack) -> None:
    seconds = float(timeline.duration)
    d.text(
        draw,
        (_MARGIN, 30),
        f"{timeline.style.capitalize()} {timeline.format.value}, {seconds:.1f} s",
        40,
    )
    cuts = len(timeline.segments)
    on_beat = sum(segment.on_beat for segment in timeline.segments[:-1])
    clips = len({segment.clip for segment in timeline.segments})
    facts = (
        f"{timeline.width} x {timeline.height}", f"{float(timeline.fps.fraction):g} fps", f"{cuts} cuts from {clips} clips",
        f"{on_beat} of {cuts - 1} cuts on a beat", f"{music.grid.bpm:.0f} BPM",
    )  # fmt: skip
    d.text(draw, (_MARGIN, 88), "  ·  ".join(facts), 20, d.MUTED)
    _draw_originality(draw, timeline)
    for line, warning in enumerate(timeline.warnings[:_MOST_WARNINGS]):
        shown = d.shortened(f"Note: {warning}", 17, _WIDTH - 2 * _MARGIN)
        d.text(draw, (_MARGIN, 124 + 26 * line), shown, 17, d.WARNING)


def _draw_originality(draw: ImageDraw.ImageDraw, timeline: Timeline) -> None:
    right = _WIDTH - _MARGIN
    d.text(draw, (right, 26), f"{timeline.originality.score:.0%}", 46, d.GOOD, "ra")
    d.text(draw, (right, 84), "originality", 17, d.MUTED, "ra")
    x, y = right - 420, 28
    for part in timeline.originality.parts[:5]:
        d.text(draw, (x + 182, y), part.name, 14, d.MUTED, "ra")
        d.bar(draw, (x + 194, y + 4, x + 284, y + 12), part.score, d.GOOD)
        y += 19


def _draw_card(
    canvas: Image.Image,
    draw: ImageDraw.ImageDraw,
    card: _Card,
    timeline: Timeline,
    at: tuple[int, int],
    width: int,
) -> None:
    left, top = at
    segment = card.segment
    colour = d.clip_colour(segment.clip)
    draw.rounded_rectangle((left, top, left + width, top + _CARD_HEIGHT), radius=14, fill=d.CARD)
    draw.rounded_rectangle(
        (left, top + 22, left + 5, top + _CARD_HEIGHT - 22), radius=2, fill=colour
    )
    x, y = left + _PAD, top + 14
    x = d.pill(draw, (x, y), str(card.number), 16, colour) + 10
    if segment.role != "body":
        x = d.pill(draw, (x, y), segment.role, 16, d.ACCENT) + 10
    rate = float(timeline.fps.fraction)
    length = f"{card.starts_s:.2f} to {card.starts_s + segment.frames / rate:.2f} s  ·  {segment.frames} frames, {segment.frames / rate:.2f} s"
    right = left + width - _PAD
    d.text(draw, (right, y + 4), length, 16, d.MUTED, "ra")
    source = f"from {segment.source_in_s:.2f} s"
    room = right - d.width_of(length, 16) - 24 - x - d.width_of(source, 16) - 12
    name = d.shortened(clip_name(segment.clip_url), 17, room)
    d.text(draw, (x, y + 3), name, 17)
    d.text(draw, (x + d.width_of(name, 17) + 12, y + 4), source, 16, d.MUTED)

    y += 40
    crop_left = _draw_pictures(
        canvas, draw, card, timeline, (left + _PAD, y), width - 2 * _PAD, colour
    )
    _draw_scores(draw, card.moment, (crop_left + 20, y + 2), right, colour)
    lines = d.wrapped(segment.why, 15, width - 2 * _PAD, 3)
    d.rows(draw, (left + _PAD, y + _PICTURE_HEIGHT + 11), lines, 15, d.MUTED)


def _draw_pictures(
    canvas: Image.Image,
    draw: ImageDraw.ImageDraw,
    card: _Card,
    timeline: Timeline,
    at: tuple[int, int],
    width: int,
    colour: d.Colour,
) -> int:
    """The source frame with its crop, and the cropped picture; returns the x where they end."""
    facts, crop = timeline.clips[card.segment.clip], card.segment.crop
    x, y = at
    result = d.fitted((timeline.width, timeline.height), (_MOST_RESULT_WIDTH, _PICTURE_HEIGHT))
    source_width = min(_MOST_SOURCE_WIDTH, width - _SCORES_WIDTH - 12 - result[0])
    size = d.fitted(card.frame.size, (source_width, _PICTURE_HEIGHT))
    small = card.frame.resize(size, Image.Resampling.LANCZOS)
    small = d.dimmed_outside(small, _scaled(crop, facts, size), colour)
    if card.segment.crop_end is not None:
        d.moved(
            small, _scaled(crop, facts, size), _scaled(card.segment.crop_end, facts, size), colour
        )
    draw.rounded_rectangle((x, y, x + source_width, y + _PICTURE_HEIGHT), radius=6, fill=d.PAPER)
    d.paste_rounded(
        canvas, small, (x + (source_width - size[0]) // 2, y + (_PICTURE_HEIGHT - size[1]) // 2)
    )
    x += source_width + 12
    taken = card.frame.crop(_scaled(crop, facts, card.frame.size))
    d.paste_rounded(
        canvas,
        taken.resize(result, Image.Resampling.LANCZOS),
        (x, y + (_PICTURE_HEIGHT - result[1]) // 2),
    )
    return x + result[0]


def _scaled(crop: CropRect, facts: ClipFacts, size: tuple[int, int]) -> d.Corners:
    """Left, top, right and bottom of a crop in a picture of the clip that has this size."""
    across, down = size[0] / facts.width, size[1] / facts.height
    return (
        round(crop.x * across),
        round(crop.y * down),
        round((crop.x + crop.width) * across),
        round((crop.y + crop.height) * down),
    )


def _draw_scores(
    draw: ImageDraw.ImageDraw, moment: Moment, at: tuple[int, int], right: int, colour: d.Colour
) -> None:
    scores = moment.scores
    shown = (
        ("hook", moment.hook), ("interest", moment.interest), ("quality", moment.quality), ("sharpness", scores.sharpness),
        ("stability", scores.stability), ("motion", scores.motion), ("faces", scores.faces), ("speech", scores.speech),
    )  # fmt: skip
    x, y = at
    step = (_PICTURE_HEIGHT - 4) // len(shown)
    for name, value in shown:
        d.text(draw, (x, y), name, 14, d.MUTED)
        d.bar(draw, (x + 80, y + 5, right - 38, y + 13), value, colour)
        d.text(draw, (right, y), f"{value:.2f}", 14, d.FAINT, "ra")
        y += step


def _draw_ruler(draw: ImageDraw.ImageDraw, timeline: Timeline, music: MusicTrack, top: int) -> None:
    left, right = _MARGIN, _WIDTH - _MARGIN
    seconds = float(timeline.duration)
    per_second = (right - left) / seconds
    rate = float(timeline.fps.fraction)
    d.text(
        draw,
        (left, top + 8),
        f"Cuts on the music, which starts at {timeline.music.source_in_s:.2f} s",
        19,
    )
    legend = right
    for name, colour in (
        ("cut off the beat", d.WARNING),
        ("cut on a beat", d.GOOD),
        ("beat", d.FAINT),
        ("downbeat", d.ACCENT),
    ):
        d.text(draw, (legend, top + 10), name, 15, d.MUTED, "ra")
        legend -= d.width_of(name, 15) + 12
        draw.rounded_rectangle((legend, top + 12, legend + 5, top + 26), radius=2, fill=colour)
        legend -= 22
    blocks, beats = top + 48, top + 100
    frame = 0
    cuts: list[tuple[int, bool]] = []
    for number, segment in enumerate(timeline.segments, start=1):
        start, end = (
            left + frame / rate * per_second,
            left + (frame + segment.frames) / rate * per_second,
        )
        draw.rounded_rectangle(
            (round(start) + 1, blocks, round(end) - 2, blocks + 40),
            radius=6,
            fill=d.clip_colour(segment.clip),
        )
        d.text(draw, ((start + end) / 2, blocks + 20), str(number), 16, d.PAPER, "mm")
        frame += segment.frames
        cuts.append((round(end), segment.on_beat))
    draw.line((left, beats + 34, right, beats + 34), fill=d.LINE, width=1)
    downbeats = set(music.grid.downbeats_s)
    for beat in music.grid.beats_s:
        at_s = beat - timeline.music.source_in_s
        if 0 <= at_s <= seconds and beat <= music.duration_s:
            x = round(left + at_s * per_second)
            strong = beat in downbeats
            draw.line(
                (x, beats + (8 if strong else 20), x, beats + 34),
                fill=d.ACCENT if strong else d.FAINT,
                width=2 if strong else 1,
            )
    for x, on_beat in cuts[:-1]:
        draw.rectangle(
            (x - 1, blocks + 44, x + 1, beats + 38), fill=d.GOOD if on_beat else d.WARNING
        )
    every = next(step for step in (1, 2, 5, 10, 20) if step * per_second >= 44)
    for second in range(0, int(seconds) + 1, every):
        x = round(left + second * per_second)
        d.text(
            draw,
            (max(left, min(x, right)), beats + 44),
            f"{second} s",
            14,
            d.FAINT,
            "la" if second == 0 else "ra" if x > right - 16 else "ma",
        )


def _save(canvas: Image.Image, output: Path) -> None:
    """The file appears only when it is whole."""
    jpeg = output.suffix.lower() in (".jpg", ".jpeg")
    part = output.with_name(f".{output.name}.part")
    if jpeg:
        canvas.save(part, "JPEG", quality=88, optimize=True)
    else:
        canvas.save(part, "PNG", optimize=False, compress_level=6)
    part.replace(output)
