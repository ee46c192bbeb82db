"""Contact sheets: the candidate moments as few, labelled pictures, and how many tokens they are.

A moment's frames stand side by side, whole and in order of time, under its id, clip and span; under
each frame stand its number and time.
The layout is made from sizes alone, so that a price is known before anything is decoded.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, sqrt
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from montage_pipeline.analysis.claude.judgement import Shown
from montage_pipeline.analysis.claude.tokens import PATCH_PX, image_tokens
from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.decoding.frames import Picture, stored_size
from montage_pipeline.footage.decoding.sample import frames_at
from montage_pipeline.footage.model import ClipFacts, FetchedClip

# Every model takes a picture of this size as it is; a larger one is scaled down by some, and its
# labels with it.
MAX_SIDE_PX = 1568
MAX_SHEET_TOKENS = 1568
JPEG_QUALITY = 85
_DRAWING = "1"  # changes when the same layout is drawn another way
_MOST_FRAME_SIDE_PX = 480
_HEAD_PX, _FOOT_PX = 19, 15
_HEAD_FONT_PX, _FOOT_FONT_PX = 14, 12
_MARGIN_PX, _FRAME_GAP_PX, _TILE_GAP_X_PX, _TILE_GAP_Y_PX = 4, 4, 14, 6
_PAGE, _BAND, _EDGE, _INK = (255, 255, 255), (226, 226, 226), (96, 96, 96), (0, 0, 0)
_LUMA = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True)
class Sampling:
    """How a moment is shown: its frames, and about how many pixels each has, whatever its shape."""

    frames_per_moment: int
    frame_pixels: int


# 280 x 158, 224 x 126: the first that the budget allows is used.
SAMPLINGS = (Sampling(3, 44_240), Sampling(3, 28_224), Sampling(2, 28_224))


@dataclass(frozen=True)
class Tile:
    """A moment on a sheet: its frames' times (seconds) and size (pixels), and where its upper left
    corner is.
    """

    moment: Moment
    label: str
    times_s: tuple[float, ...]
    frame_size: tuple[int, int]
    x: int = 0
    y: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height with its labels, in pixels."""
        width, height = self.frame_size
        across = len(self.times_s) * (width + _FRAME_GAP_PX) - _FRAME_GAP_PX
        return max(
            across, ceil(_font(_HEAD_FONT_PX).getlength(self.label)) + 4
        ), _HEAD_PX + height + _FOOT_PX


@dataclass(frozen=True)
class SheetPlan:
    """One sheet before it is drawn. Sizes in pixels."""

    tiles: tuple[Tile, ...]
    width: int
    height: int

    @property
    def tokens(self) -> int:
        """What it adds to the request."""
        return image_tokens(self.width, self.height)


@dataclass(frozen=True)
class Sheet:
    """One sheet as it is sent. `reference` says what is on it and where, without its bytes."""

    jpeg: bytes
    reference: str

    def block(self) -> dict[str, Any]:
        """The content block of the request."""
        return {
            "type": "image",
            "source": {
                "type": "base64",
                "media_type": "image/jpeg",
                "data": base64.b64encode(self.jpeg).decode(),
            },
        }

    def name(self) -> dict[str, Any]:
        """Stands for the block where bytes must not matter."""
        return {"type": "image", "reference": self.reference}


def frame_times_s(moment: Moment, sampling: Sampling) -> tuple[float, ...]:
    """Presentation times (seconds) of the frames that show a moment."""
    # Away from both ends: there the picture may still blend into the neighbouring shot.
    parts = 2 * sampling.frames_per_moment
    return tuple(
        round(moment.start_s + moment.duration_s * part / parts, 3) for part in range(1, parts, 2)
    )


def plan_sheets(
    analysis: ClipAnalysis, candidates: Sequence[Moment], sampling: Sampling
) -> list[SheetPlan]:
    """The layout that costs the fewest tokens. `candidates` stay in their order, row by row."""
    tiles = [
        Tile(
            moment=moment,
            label=f"{moment.id}  clip {moment.clip + 1}  {moment.start_s:.1f}-{moment.end_s:.1f} s",
            times_s=frame_times_s(moment, sampling),
            frame_size=_shown_size(analysis.clips[moment.clip].facts, sampling.frame_pixels),
        )
        for moment in candidates
    ]
    narrowest = max(tile.size[0] for tile in tiles) + 2 * _MARGIN_PX
    widths = range(PATCH_PX * ceil(narrowest / PATCH_PX), MAX_SIDE_PX + 1, PATCH_PX)
    layouts = [_packed(tiles, width) for width in widths]
    return min(layouts, key=lambda sheets: (sum(sheet.tokens for sheet in sheets), len(sheets)))


def _shown_size(facts: ClipFacts, pixels: int) -> tuple[int, int]:
    width, height = stored_size(facts, _longer_side(facts, pixels))
    return (height, width) if facts.rotation_deg in (90, 270) else (width, height)


def _longer_side(facts: ClipFacts, pixels: int) -> int:
    longer, shorter = max(facts.width, facts.height), min(facts.width, facts.height)
    return min(_MOST_FRAME_SIDE_PX, round(sqrt(pixels * longer / shorter)))


def _packed(tiles: Sequence[Tile], width: int) -> list[SheetPlan]:
    most_height = min(MAX_SIDE_PX, PATCH_PX * (MAX_SHEET_TOKENS // (width // PATCH_PX)))
    sheets: list[list[Tile]] = [[]]
    x = y = _MARGIN_PX
    row_height = 0
    for tile in tiles:
        across, down = tile.size
        if x > _MARGIN_PX and x + across > width - _MARGIN_PX:
            x, y, row_height = _MARGIN_PX, y + row_height + _TILE_GAP_Y_PX, 0
        if sheets[-1] and y + down > most_height - _MARGIN_PX:
            # The whole row moves on: what stands side by side stays side by side.
            row = [placed for placed in sheets[-1] if placed.y == y]
            sheets[-1] = [placed for placed in sheets[-1] if placed.y != y]
            sheets = [sheet for sheet in sheets if sheet] + [
                [_moved(placed, placed.x, _MARGIN_PX) for placed in row]
            ]
            y = _MARGIN_PX
        sheets[-1].append(_moved(tile, x, y))
        x, row_height = x + across + _TILE_GAP_X_PX, max(row_height, down)
    return [_plan(sheet) for sheet in sheets]


def _moved(tile: Tile, x: int, y: int) -> Tile:
    return Tile(tile.moment, tile.label, tile.times_s, tile.frame_size, x, y)


def _plan(tiles: Sequence[Tile]) -> SheetPlan:
    width = max(tile.x + tile.size[0] for tile in tiles) + _MARGIN_PX
    height = max(tile.y + tile.size[1] for tile in tiles) + _MARGIN_PX
    return SheetPlan(tuple(tiles), width, height)


def draw_sheets(
    plans: Sequence[SheetPlan], analysis: ClipAnalysis, clips: Sequence[FetchedClip]
) -> tuple[list[Sheet], dict[str, Shown]]:
    """The sheets, and what was shown of each moment by its id.

    `clips` are the files the analysis was made from.
    """
    paths = {(clip.url, clip.sha256): clip.path for clip in clips}
    tiles = [tile for plan in plans for tile in plan.tiles]
    pictures: dict[str, list[Picture]] = {}
    for index, clip in enumerate(analysis.clips):
        shown = [tile for tile in tiles if tile.moment.clip == index]
        if shown:
            times_s = [time_s for tile in shown for time_s in tile.times_s]
            frames = iter(
                frames_at(
                    paths[clip.facts.url, clip.facts.sha256],
                    clip.facts,
                    times_s,
                    max(shown[0].frame_size),
                )
            )
            pictures |= {tile.moment.id: [next(frames) for _ in tile.times_s] for tile in shown}
    sheets = [Sheet(_jpeg(_drawn(plan, pictures)), _reference(plan, analysis)) for plan in plans]
    shown_of = {
        tile.moment.id: Shown(
            tile.moment, tile.times_s, max(_light(picture) for picture in pictures[tile.moment.id])
        )
        for tile in tiles
    }
    return sheets, shown_of


def _light(picture: Picture) -> float:
    return float((picture.reshape(-1, 3) @ _LUMA).mean() / 255)


def _drawn(plan: SheetPlan, pictures: Mapping[str, Sequence[Picture]]) -> Image.Image:
    page = Image.new("RGB", (plan.width, plan.height), _PAGE)
    pen = ImageDraw.Draw(page)
    for tile in plan.tiles:
        width, height = tile.frame_size
        pen.rectangle(
            (tile.x, tile.y, tile.x + tile.size[0] - 1, tile.y + _HEAD_PX - 3), fill=_BAND
        )
        pen.text((tile.x + 2, tile.y - 1), tile.label, fill=_INK, font=_font(_HEAD_FONT_PX))
        for number, (time_s, picture) in enumerate(
            zip(tile.times_s, pictures[tile.moment.id], strict=True), start=1
        ):
            left, top = tile.x + (number - 1) * (width + _FRAME_GAP_PX), tile.y + _HEAD_PX
            pen.rectangle((left - 1, top - 1, left + width, top + height), outline=_EDGE)
            page.paste(Image.fromarray(picture), (left, top))
            pen.text(
                (left + 2, top + height),
                f"{number}: {time_s:.1f} s",
                fill=_INK,
                font=_font(_FOOT_FONT_PX),
            )
    return page


def _reference(plan: SheetPlan, analysis: ClipAnalysis) -> str:
    cells = (
        f"{analysis.clips[tile.moment.clip].facts.sha256}@{','.join(f'{time_s:.3f}' for time_s in tile.times_s)}"
        f"/{tile.frame_size[0]}x{tile.frame_size[1]}+{tile.x}+{tile.y}"
        for tile in plan.tiles
    )
    return f"drawing {_DRAWING} {plan.width}x{plan.height} q{JPEG_QUALITY} {' '.join(cells)}"


def _jpeg(page: Image.Image) -> bytes:
    written = io.BytesIO()
    page.save(written, "JPEG", quality=JPEG_QUALITY)
    return written.getvalue()


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    # Pillow's own scalable font.
    font = ImageFont.load_default(size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise PermanentError(
            ErrorCode.NO_LABEL_FONT,
            "Contact sheets cannot be labelled: Pillow was built without FreeType. Install its wheel.",
        )
    return font
