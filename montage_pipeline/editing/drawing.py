"""Drawing primitives of the storyboard: colours, text that stays in its box, bars, framed pictures."""

import colorsys
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

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


_PLAIN = str.maketrans({"–": "-", "—": "-", "×": "x", "→": ">", "‘": "'", "’": "'", "“": '"', "”": '"', "\u00a0": " "})


@lru_cache(maxsize=32)
def font(size: int) -> Font:
    """Pillow's own scalable font at `size` pixels."""
    return ImageFont.load_default(size)


@lru_cache(maxsize=4096)
def _has_glyph(character: str) -> bool:
    face = font(24)
    return character.isspace() or bytes(face.getmask(character)) != bytes(face.getmask("\U000f0000"))


@lru_cache(maxsize=1024)
def printable(text: str) -> str:
    """The text with what the font lacks (it knows little beyond ASCII) in plain letters, or as a question mark, not as empty boxes."""
    shown: list[str] = []
    for character in text.translate(_PLAIN):
        plain = unicodedata.normalize("NFKD", character)
        plain = character if _has_glyph(character) else "".join(part for part in plain if not unicodedata.combining(part))
        shown.append("".join(part if _has_glyph(part) else "?" for part in plain))
    return "".join(shown)


def clip_colour(index: int) -> Colour:
    """A colour of its own for each clip: hues a golden angle apart never come close to their neighbours."""
    red, green, blue = colorsys.hls_to_rgb((0.58 + index * 0.381966) % 1.0, 0.62, 0.55)
    return round(red * 255), round(green * 255), round(blue * 255)


def width_of(text: str, size: int) -> int:
    """Width of one line in pixels."""
    return round(font(size).getlength(printable(text)))


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


def wrapped(text: str, size: int, width: int, most_lines: int) -> list[str]:
    """The text in lines of at most `width` pixels; the last one ends in an ellipsis when there is more."""
    lines: list[str] = []
    line = ""
    # A number stays with its unit.
    words = [shortened(word, size, width) for word in re.sub(r"(?<=\d) (?=s\b)", "\u00a0", text).split(" ") if word]
    for index, word in enumerate(words):
        longer = f"{line} {word}".strip()
        if width_of(longer, size) <= width:
            line = longer
            continue
        lines.append(line)
        line = word
        if len(lines) == most_lines:
            last = lines[-1]
            while last and width_of(f"{last} …", size) > width:
                last = last.rsplit(" ", 1)[0] if " " in last else ""
            lines[-1] = f"{last} …".strip()
            return lines
        if index == len(words) - 1:
            break
    return [*lines, line] if line else lines


def text(draw: ImageDraw.ImageDraw, at: tuple[int, int], content: str, size: int, colour: Colour = INK, anchor: str = "la") -> None:
    """One line of text; `anchor` as in Pillow (`la`: left, top; `ra`: right, top; `mm`: middle)."""
    draw.text(at, printable(content), font=font(size), fill=colour, anchor=anchor)


def pill(draw: ImageDraw.ImageDraw, at: tuple[int, int], content: str, size: int, colour: Colour, ink: Colour = PAPER) -> int:
    """A label on a rounded ground; returns the x where it ends."""
    wide, high = width_of(content, size) + size, round(size * 1.6)
    draw.rounded_rectangle((at[0], at[1], at[0] + wide, at[1] + high), radius=high // 2, fill=colour)
    draw.text((at[0] + wide / 2, at[1] + high / 2), printable(content), font=font(size), fill=ink, anchor="mm")
    return at[0] + wide


def bar(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], share: float, colour: Colour) -> None:
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


def paste_rounded(canvas: Image.Image, picture: Image.Image, at: tuple[int, int], radius: int = 6) -> None:
    """Paste a picture with rounded corners."""
    mask = Image.new("L", (picture.width * 4, picture.height * 4), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius=radius * 4, fill=255)
    canvas.paste(picture, at, mask.resize(picture.size, Image.Resampling.LANCZOS))


def dimmed_outside(picture: Image.Image, box: Corners, colour: Colour) -> Image.Image:
    """The picture, darker outside `box`, which gets an outline."""
    dark = Image.blend(picture, Image.new("RGB", picture.size, (0, 0, 0)), 0.62)
    left, top, right, bottom = box
    dark.paste(picture.crop(box), (left, top))
    ImageDraw.Draw(dark).rectangle((left, top, right - 1, bottom - 1), outline=colour, width=3)
    return dark


def moved(picture: Image.Image, begin: Corners, end: Corners, colour: Colour) -> None:
    """Draw where a box goes: its outline at the end, and an arrow from middle to middle."""
    draw = ImageDraw.Draw(picture)
    draw.rectangle((end[0], end[1], end[2] - 1, end[3] - 1), outline=colour, width=1)
    (x, y), (to_x, to_y) = (((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in (begin, end))
    long = max(1.0, ((to_x - x) ** 2 + (to_y - y) ** 2) ** 0.5)
    along_x, along_y = (to_x - x) / long, (to_y - y) / long
    draw.line((x, y, to_x, to_y), fill=colour, width=3)
    barbs = [(to_x - 9 * along_x + side * 5 * along_y, to_y - 9 * along_y - side * 5 * along_x) for side in (-1, 1)]
    draw.polygon([(to_x, to_y), *barbs], fill=colour)


def rows(draw: ImageDraw.ImageDraw, at: tuple[int, int], lines: Sequence[str], size: int, colour: Colour) -> int:
    """Lines under each other; returns the y below the last."""
    x, y = at
    for line in lines:
        text(draw, (x, y), line, size, colour)
        y += round(size * 1.38)
    return y
