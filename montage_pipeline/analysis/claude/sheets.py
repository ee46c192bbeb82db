"""Contact sheets: the candidate moments on few labelled images, and how many tokens these are.

A moment's frames stand side by side, whole and in order of time; over each frame stand its number
and time, over the first the moment's id as well. Glimpses of clips follow, in small frames. The
layout is made from sizes alone, so that a price is known before anything is decoded.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from math import ceil, sqrt
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from montage_pipeline.analysis.claude.candidates import Glimpse
from montage_pipeline.analysis.claude.judgement import Crop, Shown
from montage_pipeline.analysis.claude.tokens import PATCH_PX, image_tokens
from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.decoding.frames import RgbFrame, stored_size
from montage_pipeline.footage.decoding.sample import frames_at
from montage_pipeline.footage.model import ClipFacts, FetchedClip

# Every model takes an image of this size as it is; a larger one is scaled down by some, and its
# labels with it.
MAX_SIDE_PX = 1568
MAX_SHEET_TOKENS = 1568

JPEG_QUALITY = 85  # labels stay sharp; the upload depends on it, tokens do not
_DRAWING = "2"  # changes when the same layout is drawn another way
_MAX_FRAME_SIDE_PX = 480  # of a narrow clip, so that its frames do not tower over the others

# Where things stand, in pixels: labels just large enough to be read, and narrow gaps, because white
# paper costs as many tokens as frames do.
_HEAD_PX, _FONT_PX = 18, 14
_MARGIN_PX, _FRAME_GAP_PX, _TILE_GAP_X_PX, _TILE_GAP_Y_PX = 4, 4, 14, 6
_LABEL_INSET_PX = 2
_PAGE, _BAND, _EDGE, _INK = (255, 255, 255), (226, 226, 226), (96, 96, 96), (0, 0, 0)

_LUMA = np.array([0.2126, 0.7152, 0.0722])  # BT.709


@dataclass(frozen=True)
class Sampling:
    """How many frames show a moment, and about how many pixels each has, whatever its shape."""

    frames_per_moment: int
    frame_pixels: int


# 16:9 frames of 224 x 126. Frames up to 2.7 s apart cannot find an instant, so five small ones tell
# more than three large ones for the same tokens. The first that the budget allows is used.
_FRAME_PIXELS = 28_224
SAMPLINGS = (
    Sampling(5, _FRAME_PIXELS),
    Sampling(4, _FRAME_PIXELS),
    Sampling(3, _FRAME_PIXELS),
)

GLANCES = (Sampling(2, _FRAME_PIXELS), Sampling(1, _FRAME_PIXELS))
"""For many clips and little money: rather one look at every clip than none at some."""

_GLIMPSE_PIXELS = 9_216
"""16:9 frames of 128 x 72, about 15 tokens with their labels: what goes on in them, not how well.
"""


@dataclass(frozen=True)
class Tile:
    """A moment on a sheet, or a glimpse: its frames' times (s) and size (px), and its upper left
    corner (px).
    """

    shows: Moment | Glimpse
    times_s: tuple[float, ...]
    frame_size: tuple[int, int]
    x: int = 0
    y: int = 0

    @property
    def labels(self) -> tuple[str, ...]:
        """What stands over each frame."""
        numbered = [f"{number}: {time_s:.1f} s" for number, time_s in enumerate(self.times_s, 1)]
        return f"{self.shows.id}  {numbered[0]}", *numbered[1:]

    @property
    def pitch_px(self) -> int:
        """From one frame's left edge to the next one's."""
        labels_px = max(_length_px(label) for label in self.labels)
        return max(self.frame_size[0], ceil(labels_px) + 2 * _LABEL_INSET_PX) + _FRAME_GAP_PX

    @property
    def size(self) -> tuple[int, int]:
        """Width and height with its labels, in pixels."""
        width = len(self.times_s) * self.pitch_px - _FRAME_GAP_PX
        return width, _HEAD_PX + self.frame_size[1]

    def corner(self, place: int) -> tuple[int, int]:
        """Where the upper left corner of a frame lies on the sheet, in pixels."""
        return self.x + place * self.pitch_px, self.y + _HEAD_PX


@dataclass(frozen=True)
class SheetPlan:
    """One sheet before it is drawn. Sizes in pixels."""

    tiles: tuple[Tile, ...]
    width: int
    height: int

    @property
    def moments(self) -> tuple[Moment, ...]:
        """The moments that are shown closely."""
        return tuple(one.shows for one in self.tiles if isinstance(one.shows, Moment))

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
    # Away from both ends, where a frame may still blend into the neighbouring shot.
    parts = 2 * sampling.frames_per_moment
    return tuple(
        round(moment.start_s + moment.duration_s * part / parts, 3) for part in range(1, parts, 2)
    )


def plan_sheets(
    analysis: ClipAnalysis,
    candidates: Sequence[Moment],
    sampling: Sampling,
    glimpses: Sequence[Glimpse] = (),
) -> list[SheetPlan]:
    """The layout that costs the fewest tokens. `candidates` stay in their order, row by row, and
    the `glimpses` come after them.
    """

    def tile(shows: Moment | Glimpse, times_s: tuple[float, ...], pixels: int) -> Tile:
        return Tile(shows, times_s, _shown_size(analysis.clips[shows.clip].facts, pixels))

    tiles = [
        *(tile(one, frame_times_s(one, sampling), sampling.frame_pixels) for one in candidates),
        *(tile(one, one.times_s, _GLIMPSE_PIXELS) for one in glimpses),
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
    return min(_MAX_FRAME_SIDE_PX, round(sqrt(pixels * longer / shorter)))


def _packed(tiles: Sequence[Tile], width: int) -> list[SheetPlan]:
    """The tiles row by row on sheets of a width."""
    max_height = min(MAX_SIDE_PX, PATCH_PX * (MAX_SHEET_TOKENS // (width // PATCH_PX)))
    sheets: list[list[list[Tile]]] = [[]]
    y = _MARGIN_PX
    for row in _rows(tiles, width):
        height = max(tile.size[1] for tile in row)
        if sheets[-1] and y + height > max_height - _MARGIN_PX:
            sheets.append([])
            y = _MARGIN_PX
        sheets[-1].append([replace(tile, y=y) for tile in row])
        y += height + _TILE_GAP_Y_PX
    return [_plan([tile for row in sheet for tile in row]) for sheet in sheets]


def _rows(tiles: Sequence[Tile], width: int) -> list[list[Tile]]:
    """As many tiles side by side as a width allows."""
    rows: list[list[Tile]] = []
    x = width
    for tile in tiles:
        across = tile.size[0]
        if x + across > width - _MARGIN_PX:
            rows.append([])
            x = _MARGIN_PX
        rows[-1].append(replace(tile, x=x))
        x += across + _TILE_GAP_X_PX
    return rows


def _plan(tiles: Sequence[Tile]) -> SheetPlan:
    width = max(tile.x + tile.size[0] for tile in tiles) + _MARGIN_PX
    height = max(tile.y + tile.size[1] for tile in tiles) + _MARGIN_PX
    return SheetPlan(tuple(tiles), width, height)


def draw_sheets(
    plans: Sequence[SheetPlan],
    analysis: ClipAnalysis,
    clips: Sequence[FetchedClip],
    crops: Sequence[Crop | None],
) -> tuple[list[Sheet], dict[str, Shown]]:
    """The sheets, and what was shown of each moment by its id.

    `clips` are the files the analysis was made from, `crops` how each clip of it is cropped.
    """
    tiles = [tile for plan in plans for tile in plan.tiles]
    frames = _decoded(tiles, analysis, clips)
    sheets = [Sheet(_jpeg(_drawn(plan, frames)), _reference(plan, analysis)) for plan in plans]
    shown = {}
    for tile in tiles:
        if isinstance(tile.shows, Glimpse):
            continue
        light = max(_light(frame) for frame in frames[tile.shows.id])
        shown[tile.shows.id] = Shown(tile.shows, tile.times_s, light, crops[tile.shows.clip])
    return sheets, shown


def _decoded(
    tiles: Sequence[Tile], analysis: ClipAnalysis, clips: Sequence[FetchedClip]
) -> dict[str, list[RgbFrame]]:
    """The frames of each tile by the id of what it shows; each clip is opened once for
    each size.
    """
    paths = {(clip.url, clip.sha256): clip.path for clip in clips}
    frames: dict[str, list[RgbFrame]] = {}
    for index, clip in enumerate(analysis.clips):
        own_tiles = [tile for tile in tiles if tile.shows.clip == index]
        if not own_tiles:
            continue
        path = paths[clip.facts.url, clip.facts.sha256]
        for side in {max(tile.frame_size) for tile in own_tiles}:
            alike = [tile for tile in own_tiles if max(tile.frame_size) == side]
            times_s = [time_s for tile in alike for time_s in tile.times_s]
            decoded = iter(frames_at(path, clip.facts, times_s, side))
            for tile in alike:
                frames[tile.shows.id] = [next(decoded) for _ in tile.times_s]
    return frames


def _light(frame: RgbFrame) -> float:
    """The mean light of a frame, 0..1."""
    return float((frame.reshape(-1, 3) @ _LUMA).mean() / 255)


def _drawn(plan: SheetPlan, frames: Mapping[str, Sequence[RgbFrame]]) -> Image.Image:
    page = Image.new("RGB", (plan.width, plan.height), _PAGE)
    for tile in plan.tiles:
        _draw_tile(page, tile, frames[tile.shows.id])
    return page


def _draw_tile(page: Image.Image, tile: Tile, frames: Sequence[RgbFrame]) -> None:
    pen = ImageDraw.Draw(page)
    width, height = tile.frame_size
    band = (tile.x, tile.y, tile.x + tile.size[0] - 1, tile.y + _HEAD_PX - 3)
    pen.rectangle(band, fill=_BAND)

    for place, (label, frame) in enumerate(zip(tile.labels, frames, strict=True)):
        left, top = tile.corner(place)
        label_at = (left + _LABEL_INSET_PX, tile.y - 1)
        pen.text(label_at, label, fill=_INK, font=_font(_FONT_PX))
        pen.rectangle((left - 1, top - 1, left + width, top + height), outline=_EDGE)
        page.paste(Image.fromarray(frame), (left, top))


def _reference(plan: SheetPlan, analysis: ClipAnalysis) -> str:
    """What is on a sheet and where: a change of it buys a new answer."""
    cells = []
    for tile in plan.tiles:
        sha256 = analysis.clips[tile.shows.clip].facts.sha256
        times = ",".join(f"{time_s:.3f}" for time_s in tile.times_s)
        width, height = tile.frame_size
        cells.append(f"{sha256}@{times}/{width}x{height}+{tile.x}+{tile.y}")
    return f"drawing {_DRAWING} {plan.width}x{plan.height} q{JPEG_QUALITY} {' '.join(cells)}"


def _jpeg(page: Image.Image) -> bytes:
    written = io.BytesIO()
    page.save(written, "JPEG", quality=JPEG_QUALITY)
    return written.getvalue()


# A few hundred labels are measured for each of a hundred layouts.
@lru_cache(maxsize=4096)
def _length_px(label: str) -> float:
    """How long a label is."""
    return _font(_FONT_PX).getlength(label)


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    """Pillow's own scalable font."""
    font = ImageFont.load_default(size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise PermanentError(
            ErrorCode.NO_LABEL_FONT,
            "Contact sheets cannot be labelled: Pillow was built without FreeType. Install its "
            "wheel.",
        )
    return font
