"""Drawing primitives of the storyboard: colours, text that stays in its box, bars, framed images.

Belongs here: how anything is drawn. Does not belong here: what is drawn where.
"""

import colorsys
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple
from unicodedata import bidirectional, combining, normalize

from icu4py.breakers import CharacterBreaker
from PIL import Image, ImageDraw, ImageFont

from montage_pipeline.captions.fonts import Face, UnsupportedCharacters, runs_of

Colour = tuple[int, int, int]
Corners = tuple[int, int, int, int]
"""Left, top, right and bottom."""
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

PAPER: Colour = (17, 19, 24)
CARD: Colour = (28, 31, 38)
LINE: Colour = (52, 57, 68)
INK: Colour = (237, 239, 244)
MUTED: Colour = (150, 157, 172)
FAINT: Colour = (92, 99, 114)
ACCENT: Colour = (255, 176, 59)
GOOD: Colour = (96, 211, 148)
WARNING: Colour = (255, 138, 101)

_WEIGHT = 450
"""Of the other fonts, so that they look as heavy as Pillow's own."""

_PLAIN = str.maketrans(
    {"–": "-", "—": "-", "×": "x", "→": ">", "‘": "'", "’": "'", "“": '"', "”": '"', "\u00a0": " "}
)


class Sheet(NamedTuple):
    """An image with what draws on it."""

    image: Image.Image
    draw: ImageDraw.ImageDraw

    @classmethod
    def blank(cls, width: int, height: int) -> "Sheet":
        """An empty sheet of paper."""
        image = Image.new("RGB", (width, height), PAPER)
        return cls(image, ImageDraw.Draw(image))


@lru_cache(maxsize=32)
def font(size: int) -> Font:
    """Pillow's own scalable font at `size` pixels."""
    return ImageFont.load_default(size)


def _line(size: int) -> tuple[int, int]:
    """Pixels that a line has above and below its baseline."""
    own = font(size)
    return own.getmetrics() if isinstance(own, ImageFont.FreeTypeFont) else (size, 0)


@lru_cache(maxsize=4096)
def _has_glyph(character: str) -> bool:
    face = font(24)
    return character.isspace() or bytes(face.getmask(character)) != bytes(
        face.getmask("\U000f0000")
    )


@lru_cache(maxsize=1024)
def _runs(text: str) -> tuple[tuple[str, Face | None], ...]:
    """The text cut into runs of one face, in the order they are drawn in; None: Pillow's own font.

    What no font has becomes plain letters, or a question mark, and never an empty box.
    """
    runs: list[tuple[str, Face | None]] = []
    for own, group in groupby(
        CharacterBreaker(text.translate(_PLAIN), "en"),
        lambda cluster: all(map(_has_glyph, cluster)),
    ):
        for part, face in [("".join(group), None)] if own else _foreign(list(group)):
            if runs and (runs[-1][1] == face or part.isspace()):
                runs[-1] = (runs[-1][0] + part, runs[-1][1])
            else:
                runs.append((part, face))
    directions = (bidirectional(character) for character in text)
    first = next((found for found in directions if found in ("L", "R", "AL")), "L")
    return tuple(runs if first == "L" else reversed(runs))


def _foreign(clusters: Sequence[str]) -> list[tuple[str, Face | None]]:
    """Runs of what Pillow's own font lacks."""
    try:
        return [(run.text, run.face) for run in runs_of("".join(clusters))]
    except UnsupportedCharacters:
        if len(clusters) == 1:
            return [(_plain(clusters[0]), None)]
        return [run for cluster in clusters for run in _foreign([cluster])]


def _plain(cluster: str) -> str:
    parts = (part for part in normalize("NFKD", cluster) if not combining(part))
    return "".join(part if _has_glyph(part) else "?" for part in parts) or "?"


@lru_cache(maxsize=64)
def _font_of(face: Face | None, size: int) -> Font:
    if face is None:
        return font(size)
    opened = ImageFont.truetype(face.path, size, index=max(0, face.number))
    # Weight is the one axis that these fonts are shipped with.
    opened.set_variation_by_axes([_WEIGHT for _ in opened.get_variation_axes()])
    return opened


def clip_colour(index: int) -> Colour:
    """A colour for each clip: hues a golden angle apart never come close to their neighbours."""
    red, green, blue = colorsys.hls_to_rgb((0.58 + index * 0.381966) % 1.0, 0.62, 0.55)
    return round(red * 255), round(green * 255), round(blue * 255)


@lru_cache(maxsize=4096)
def width_of(text: str, size: int) -> int:
    """Width of one line in pixels."""
    return round(sum(_font_of(face, size).getlength(part) for part, face in _runs(text)))


def shortened(text: str, size: int, width: int) -> str:
    """The text, its middle left out when it is wider than `width` pixels."""
    if width_of(text, size) <= width:
        return text
    keep = len(text)
    while keep > 2:
        keep -= 1
        cut = f"{text[: (keep + 1) // 2]}…{text[len(text) - keep // 2 :]}"
        if width_of(cut, size) <= width:
            return cut
    return "…"


def wrapped(text: str, size: int, width: int, max_lines: int) -> list[str]:
    """The text in lines of at most `width` pixels; the last one ends in an ellipsis when there is
    more.
    """
    lines: list[str] = []
    line = ""
    # A number stays with its unit.
    words = [
        shortened(word, size, width)
        for word in re.sub(r"(?<=\d) (?=s\b)", "\u00a0", text).split(" ")
        if word
    ]
    for index, word in enumerate(words):
        longer = f"{line} {word}".strip()
        if width_of(longer, size) <= width:
            line = longer
            continue
        lines.append(line)
        line = word
        if len(lines) == max_lines:
            last = lines[-1]
            while last and width_of(f"{last} …", size) > width:
                last = last.rsplit(" ", 1)[0] if " " in last else ""
            lines[-1] = f"{last} …".strip()
            return lines
        if index == len(words) - 1:
            break
    return [*lines, line] if line else lines


def text(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    content: str,
    size: int,
    colour: Colour = INK,
    anchor: str = "la",
) -> None:
    """One line of text in any script.

    `anchor` is as in Pillow: left, right or middle, and top or middle (`la`, `ra`, `mm`).
    """
    x, y = at
    x -= {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]] * width_of(content, size)
    # On the baseline of Pillow's own font, whatever the others have above and below it.
    up, down = _line(size)
    y += up if anchor[1] == "a" else (up - down) / 2
    for part, face in _runs(content):
        drawn_with = _font_of(face, size)
        draw.text((x, y), part, font=drawn_with, fill=colour, anchor="ls")
        x += drawn_with.getlength(part)


def pill(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    content: str,
    size: int,
    colour: Colour,
    ink: Colour = PAPER,
) -> int:
    """A label on a rounded ground; returns the x where it ends."""
    wide, high = width_of(content, size) + size, round(size * 1.6)
    draw.rounded_rectangle(
        (at[0], at[1], at[0] + wide, at[1] + high), radius=high // 2, fill=colour
    )
    text(draw, (at[0] + wide / 2, at[1] + high / 2), content, size, ink, "mm")
    return at[0] + wide


def bar(draw: ImageDraw.ImageDraw, box: Corners, share: float, colour: Colour) -> None:
    """A horizontal bar filled to `share` (0..1)."""
    left, top, right, bottom = box
    radius = (bottom - top) // 2
    draw.rounded_rectangle(box, radius=radius, fill=LINE)
    filled = round((right - left) * max(0.0, min(1.0, share)))
    if filled >= 2 * radius:
        draw.rounded_rectangle((left, top, left + filled, bottom), radius=radius, fill=colour)


def fitted(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """The largest size of the same shape inside `box`, at least 1x1."""
    scale = min(box[0] / size[0], box[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def paste_rounded(
    canvas: Image.Image, image: Image.Image, at: tuple[int, int], radius: int = 6
) -> None:
    """Paste an image with rounded corners."""
    canvas.paste(image, at, _rounded(image.size, radius))


@lru_cache(maxsize=16)
def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    """A mask with rounded corners."""
    width, height = size
    # Drawn four times as large, so that the corners come out smooth.
    mask = Image.new("L", (width * 4, height * 4), 0)
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, mask.width - 1, mask.height - 1), radius=radius * 4, fill=255
    )
    return mask.resize(size, Image.Resampling.LANCZOS)


def dimmed_outside(image: Image.Image, box: Corners, colour: Colour) -> Image.Image:
    """The image, darker outside `box`, which gets an outline."""
    dark = Image.blend(image, Image.new("RGB", image.size, (0, 0, 0)), 0.62)
    left, top, right, bottom = box
    dark.paste(image.crop(box), (left, top))
    ImageDraw.Draw(dark).rectangle((left, top, right - 1, bottom - 1), outline=colour, width=3)
    return dark


def draw_move(image: Image.Image, begin: Corners, end: Corners, colour: Colour) -> None:
    """Draw where a box goes: its outline at the end, and an arrow between its middles."""
    draw = ImageDraw.Draw(image)
    draw.rectangle((end[0], end[1], end[2] - 1, end[3] - 1), outline=colour, width=1)
    (x, y), (to_x, to_y) = (((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in (begin, end))
    long = max(1.0, ((to_x - x) ** 2 + (to_y - y) ** 2) ** 0.5)
    along_x, along_y = (to_x - x) / long, (to_y - y) / long
    draw.line((x, y, to_x, to_y), fill=colour, width=3)
    barbs = [
        (to_x - 9 * along_x + side * 5 * along_y, to_y - 9 * along_y - side * 5 * along_x)
        for side in (-1, 1)
    ]
    draw.polygon([(to_x, to_y), *barbs], fill=colour)


def rows(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], lines: Sequence[str], size: int, colour: Colour
) -> int:
    """Lines under each other; returns the y below the last."""
    x, y = at
    for line in lines:
        text(draw, (x, y), line, size, colour)
        y += round(size * 1.38)
    return y
