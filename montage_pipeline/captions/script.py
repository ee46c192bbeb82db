"""A caption as a script for libass and the filter of FFmpeg that draws it.

Belongs here: the script and its escapes. Does not belong here: lines, sizes and places (layout).

The script leaves nothing to libass but drawing: each line is an event with its own place, each run
names its font, and nothing that has a meaning in a script can stand in a text.
"""

import hashlib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from montage_pipeline.captions.fonts import (
    LEFT_TO_RIGHT,
    RIGHT_TO_LEFT,
    SOME_SCRIPT,
    WORD_JOINER,
)
from montage_pipeline.captions.layout import OUTLINE, SHADOW, Layout, laid_out
from montage_pipeline.captions.measuring import Line
from montage_pipeline.captions.static_fonts import ASCENT, StaticFont
from montage_pipeline.vocabulary import Format

_STYLE_FIELDS = (
    "Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, "
    "Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, "
    "BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding"
)
_EVENT_FIELDS = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
_ALL_THE_TIME = "0:00:00.00,9:59:59.99"


@dataclass(frozen=True)
class Caption:
    """A script for libass and the fonts it names. `name` is unique to their content."""

    name: str
    script: str
    fonts: tuple[StaticFont, ...]

    @property
    def filter(self) -> str:
        """The filter that draws it, for an FFmpeg that runs where `write` wrote."""
        return f"ass=filename={self.name}.ass:fontsdir={self.name}:shaping=complex"

    def write(self, folder: Path) -> None:
        """Put script and fonts where the filter looks for them."""
        fonts = folder / self.name
        fonts.mkdir(exist_ok=True)
        for number, font in enumerate(self.fonts):
            (fonts / f"{number}.font").write_bytes(font.data)
        (folder / f"{self.name}.ass").write_text(self.script, "utf-8")


@lru_cache(maxsize=32)
def drawn_caption(text: str, format: Format, width: int, height: int) -> Caption:
    """`text` (as `plain_text` gives it) in the safe box of a frame of this size.

    Raises PermanentError("caption_too_long") when it would be too small to be read.
    """
    layout = laid_out(text, format, width, height)
    script = "\n".join(
        [*_header(layout, width, height), *_events(layout, _base_direction(text)), ""]
    )
    runs = [run for line in layout.lines for run in line.runs]
    used = tuple(dict.fromkeys(layout.fonts.of(run) for run in runs))

    digest = hashlib.sha256(script.encode())
    for font in used:
        digest.update(font.data)
    return Caption(f"caption-{digest.hexdigest()[:20]}", script, used)


def _header(layout: Layout, width: int, height: int) -> list[str]:
    size = layout.size
    family = layout.fonts.of(layout.lines[0].runs[0]).family
    # White on black can be read on any frame. Encoding -1 makes libass order runs of both
    # directions as Unicode has it.
    colours = "&H00FFFFFF,&H00FFFFFF,&H00000000,&H50000000"
    shape = f"-1,0,0,0,100,100,0,0,1,{size * OUTLINE:.2f},{size * SHADOW:.2f},8,0,0,0,-1"
    return [
        "[Script Info]",
        "ScriptType: v4.00+",
        f"PlayResX: {width}",
        f"PlayResY: {height}",
        "WrapStyle: 2",
        "ScaledBorderAndShadow: yes",
        "Kerning: yes",
        "YCbCr Matrix: None",
        "",
        "[V4+ Styles]",
        f"Format: {_STYLE_FIELDS}",
        f"Style: Caption,{family},{size},{colours},{shape}",
        "",
        "[Events]",
        f"Format: {_EVENT_FIELDS}",
    ]


def _events(layout: Layout, direction: str) -> list[str]:
    """One event for each line; the text stands on the lower edge of its box."""
    box, size = layout.box, layout.size
    last_baseline = box.bottom - size * (layout.lines[-1].descent + OUTLINE + SHADOW)
    first_baseline = last_baseline - size * layout.baselines[-1]
    # The shadow falls to the right: the ink is in the middle without it.
    middle = (box.left + box.right - size * SHADOW) / 2

    events = []
    for line, below in zip(layout.lines, layout.baselines, strict=True):
        top = first_baseline + size * (below - ASCENT)
        place = f"{{\\pos({middle:.2f},{top:.2f})}}"
        text = _event_text(layout, line, direction)
        events.append(f"Dialogue: 0,{_ALL_THE_TIME},Caption,,0,0,0,,{place}{text}")
    return events


def _event_text(layout: Layout, line: Line, direction: str) -> str:
    """The runs of a line, each with its font; the first begins with the marks of the line."""
    characters = [character for run in line.runs for character in run.text]
    has_letters = any(unicodedata.category(character)[0] == "L" for character in characters)
    marks = direction if has_letters else direction + SOME_SCRIPT
    return "".join(
        f"{{\\fn{layout.fonts.of(run).family}}}{'' if number else marks}{_escaped(run.text)}"
        for number, run in enumerate(line.runs)
    )


def _base_direction(text: str) -> str:
    """The mark that makes each line run as the whole text does, whatever it begins with."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in ("L", "R", "AL"):
            return LEFT_TO_RIGHT if direction == "L" else RIGHT_TO_LEFT
    return LEFT_TO_RIGHT


def _escaped(text: str) -> str:
    """Text in which nothing has a meaning to libass.

    A backslash means something only together with what follows, so an invisible joiner follows;
    that of an escaped brace comes last.
    """
    return text.replace("\\", "\\" + WORD_JOINER).replace("{", "\\{").replace("}", "\\}")
