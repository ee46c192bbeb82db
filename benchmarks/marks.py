"""Marks and writing to draw into real frames: watermarks to be found, and writing of the scene that
is none.

Each clip gets its own by its name's chance. Words, places and typefaces of the clips that are held
out differ from those of the others.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import manimgx_fonts
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from montage_pipeline.footage.measuring.planes import Plane

Mask = NDArray[np.float32]
"""How much of each pixel a mark covers, 0..1."""


class Mark(NamedTuple):
    """A mark in the shape of a frame: its kind, what it covers, and its level (0..255)."""

    kind: str
    mask: Mask
    level: int


class _Words(NamedTuple):
    """What marks say: what names a source, and what does not."""

    sources: tuple[str, ...]
    others: tuple[str, ...]


_DEVELOPMENT = _Words(
    ("shutterstock", "clideo.com", "@my.studio", "iStock", "made with KineMaster", "Pond5"),
    ("Sample Films", "Northlight", "Sunrise Media", "Studio Nord", "Captured by Tom"),
)
_HELD_OUT = _Words(
    (
        "gettyimages",
        "kapwing.com",
        "@lena_travels",
        "Adobe Stock",
        "VivaVideo",
        "dreamstime",
        "www.surfclub.org",
        "© Anna Becker",
    ),
    ("Harbour Weddings", "BlueRiver", "Mountain Archive", "Kowalski Photo", "ANNA & BEN"),
)
_SCENE = ("BAKERY", "City Hotel", "OPEN 24h", "Museum", "STOP HERE", "Platform 4", "EXIT")

_FONTS = Path(manimgx_fonts.__file__).parent
_FACES = (
    ("NotoSans[wght].ttf", 400),
    ("NotoSans[wght].ttf", 250),
    ("NotoSans[wght].ttf", 800),
    ("NotoSans-Italic[wght].ttf", 500),
)
_STROKED = (cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX)
_MARGIN = 0.02  # of the frame's sides that words keep

# How far (pixels of 640) a camera moves while it looks at writing, and its noise in levels.
_HELD_PX, _TURNED_PX, _TREMBLE_PX, _NOISE = (1.0, 3.0, 6.0), (12.0, 30.0), 0.4, 2.0
_OPAQUE, _HIDING_LEVELS = 0.85, 6


def marks(name: str, shape: tuple[int, ...], *, held_out: bool) -> Iterator[Mark]:
    """Eight marks for a clip: words of a height of 5 to 10 % of the shorter side, and logos."""
    random = _random(name)
    words = _HELD_OUT if held_out else _DEVELOPMENT
    said = [*random.permutation(words.sources)[:3], *random.permutation(words.others)[:2]]
    kinds = ["source"] * 3 + ["words"] * 2
    masks = [
        _words(shape, str(text), random, _place(random), stroked=number == 1)
        for number, text in enumerate(said)
    ]
    slanted = str(random.choice(words.sources))
    masks.append(_words(shape, slanted, random, (0.5, 0.5), angle=random.uniform(10, 30)))
    tile = _words(shape, str(random.choice(words.others)), random, (0.16, 0.15), largest=0.06)
    masks += [_tiled(tile), _logo(shape, random)]
    for mask, kind in zip(masks, [*kinds, "slanted", "tiled", "logo"], strict=True):
        yield Mark(kind, mask, int(random.choice([0, 255, 255, 255])))


def drawn(frames: Sequence[Plane], mark: Mark, opacity: float) -> list[Plane]:
    """Frames with a mark."""
    cover = opacity * mark.mask
    return [(frame * (1 - cover) + mark.level * cover + 0.5).astype(np.uint8) for frame in frames]


def scene_writing(name: str, frames: Sequence[Plane], *, at_rest: bool) -> Iterator[list[Plane]]:
    """Footage with writing that belongs to what is filmed."""
    random = _random(name + " scene")
    still = frames[len(frames) // 2].astype(np.float32)
    for by_px, turned in [(px, False) for px in _HELD_PX] + [(px, True) for px in _TURNED_PX]:
        sign, level = _sign(still.shape, random)
        view = still * (1 - _OPAQUE * sign) + level * _OPAQUE * sign
        yield _filmed(view, _camera_path(len(frames), by_px, random, turned=turned), random)
    if at_rest:
        for _ in range(2):
            sign, level = _sign(still.shape, random)
            yield _behind_whoever_passes(frames, sign, level)


def _sign(shape: tuple[int, ...], random: np.random.Generator) -> tuple[Mask, int]:
    text = str(random.choice(_SCENE))
    place = (float(random.uniform(0.1, 0.9)), float(random.uniform(0.1, 0.9)))
    angle = float(random.normal(0, 4))
    return _words(shape, text, random, place, angle=angle), int(random.choice([20, 235]))


def _camera_path(
    count: int, by_px: float, random: np.random.Generator, *, turned: bool
) -> NDArray[np.float64]:
    """Where a camera looks at each frame (count, 2), in pixels."""
    tremble = random.normal(0, _TREMBLE_PX, (count, 2))
    if turned:
        along = np.linspace(-by_px / 2, by_px / 2, count)
        return np.stack([along, 0.2 * along], axis=1) + tremble
    path = np.zeros((count, 2))
    for place in range(1, count):  # a walk that is drawn back: its deviation settles at `by_px`
        path[place] = 0.9 * path[place - 1] + random.normal(0, 0.44 * by_px, 2)
    return path + tremble


def _filmed(
    view: NDArray[np.float32], path: NDArray[np.float64], random: np.random.Generator
) -> list[Plane]:
    rows, columns = view.shape
    frames = []
    for x, y in path:
        moved = np.array([[1, 0, x], [0, 1, y]], dtype=np.float32)
        frame = cv2.warpAffine(view, moved, (columns, rows), borderMode=cv2.BORDER_REFLECT)
        noisy = frame + random.normal(0, _NOISE, frame.shape)
        frames.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return frames


def _behind_whoever_passes(frames: Sequence[Plane], sign: Mask, level: int) -> list[Plane]:
    usual = np.median(frames, axis=0).astype(np.float32)
    hung = []
    for frame in frames:
        unusual = np.abs(cv2.GaussianBlur(frame.astype(np.float32) - usual, (0, 0), 2))
        passes = cv2.dilate((unusual > _HIDING_LEVELS).astype(np.uint8), np.ones((7, 7), np.uint8))
        cover = _OPAQUE * sign * (1 - passes)
        hung.append((frame * (1 - cover) + level * cover).astype(np.uint8))
    return hung


def _random(name: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big"))


def _place(random: np.random.Generator) -> tuple[float, float]:
    """The middle of a mark, in shares of the frame: anywhere across, in its top, middle or foot."""
    rows = [random.uniform(0, 0.15), random.uniform(0.3, 0.7), random.uniform(0.85, 1)]
    return float(random.uniform(0, 1)), float(random.choice(rows))


def _words(
    shape: tuple[int, ...],
    text: str,
    random: np.random.Generator,
    centre: tuple[float, float],
    *,
    angle: float = 0,
    stroked: bool = False,
    largest: float = 0.1,
) -> Mask:
    """Words about a place, moved and made smaller so that the frame holds them."""
    rows, columns = shape
    height = float(random.uniform(0.05, largest)) * min(shape)
    layer = _stroked(text, height, random) if stroked else _set(text, height, random)
    if angle:
        layer = layer.rotate(angle, expand=True, resample=Image.Resampling.BICUBIC)
    room = 1 - 2 * _MARGIN
    fit = min(1.0, room * columns / layer.width, room * rows / layer.height)
    layer = layer.resize((max(1, round(layer.width * fit)), max(1, round(layer.height * fit))))
    x = np.clip(centre[0] * columns - layer.width / 2, 0, (1 - _MARGIN) * columns - layer.width)
    y = np.clip(centre[1] * rows - layer.height / 2, 0, (1 - _MARGIN) * rows - layer.height)
    image = Image.new("L", (columns, rows), 0)
    image.paste(layer, (max(0, round(float(x))), max(0, round(float(y)))))
    return _mask(np.asarray(image))


def _set(text: str, height: float, random: np.random.Generator) -> Image.Image:
    """Words in a typeface."""
    file, weight = _FACES[int(random.integers(len(_FACES)))]
    face = ImageFont.truetype(str(_FONTS / file), max(8, round(1.35 * height)))
    face.set_variation_by_axes([weight])
    left, top, right, bottom = (round(side) for side in face.getbbox(text))
    layer = Image.new("L", (right - left + 4, bottom - top + 4), 0)
    ImageDraw.Draw(layer).text((2 - left, 2 - top), text, font=face, fill=255)
    return layer


def _stroked(text: str, height: float, random: np.random.Generator) -> Image.Image:
    """Words in strokes of one width, which have no sign for copyright."""
    text = text.replace("©", "(c)")
    face = int(random.choice(_STROKED))
    scale = height / cv2.getTextSize("S", face, 1, 1)[0][1]
    thick = max(1, round(scale))
    (wide, high), below = cv2.getTextSize(text, face, scale, thick)
    image = np.zeros((high + below + 4, wide + 4), np.uint8)
    cv2.putText(image, text, (2, high + 2), face, scale, 255, thick, cv2.LINE_AA)
    return Image.fromarray(image)


def _tiled(mask: Mask) -> Mask:
    """A mark repeated over the frame, three times each way."""
    rows, columns = mask.shape
    shifts = [(rows * i // 3, columns * j // 3) for i in range(3) for j in range(3)]
    tiles = [np.roll(mask, shift, axis=(0, 1)) for shift in shifts]
    return np.asarray(np.max(tiles, axis=0), dtype=np.float32)


def _logo(shape: tuple[int, ...], random: np.random.Generator) -> Mask:
    """A ring with a dot, or a camera."""
    image = np.zeros(shape, np.uint8)
    size = round(float(random.uniform(0.08, 0.11)) * min(shape))
    x, y = (
        round(float(np.clip(share * side, 1.3 * size, side - 1.3 * size)))
        for share, side in zip(_place(random), shape[::-1], strict=True)
    )
    thick = max(2, size // 5)
    if random.random() < 0.5:
        cv2.circle(image, (x, y), size, 255, thick, cv2.LINE_AA)
        cv2.circle(image, (x, y), size // 2, 255, -1, cv2.LINE_AA)
        return _mask(image)
    corner, opposite = (x - size, y - 2 * size // 3), (x + size, y + 2 * size // 3)
    cv2.rectangle(image, corner, opposite, 255, thick)
    cv2.circle(image, (x, y), size // 2, 255, thick, cv2.LINE_AA)
    return _mask(image)


def _mask(image: NDArray[np.uint8]) -> Mask:
    return np.asarray(image, dtype=np.float32) / np.float32(255)
