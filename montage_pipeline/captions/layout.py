"""Text on the picture: a caption becomes a script for libass, which FFmpeg draws on the frames of
its segment.

Belongs here: where text may stand, how it is broken into lines, how large it is, the script and the
filter.
Does not belong here: fonts (fonts, caption_fonts), and running FFmpeg (part).

The script is written so that nothing is left to libass but drawing: each line is an event with its
own place, each run
names its font, and what has a meaning in a script cannot stand in a text.
"""

import hashlib
import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise
from pathlib import Path

from icu4py.breakers import CharacterBreaker, LineBreaker, WordBreaker
from PIL import ImageFont

from montage_pipeline.captions.fonts import (
    LEFT_TO_RIGHT,
    RIGHT_TO_LEFT,
    SOME_SCRIPT,
    WORD_JOINER,
    Run,
    UnsupportedCharacters,
    runs_of,
)
from montage_pipeline.captions.static_fonts import ASCENT, StaticFont, static_font
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.rules import SAFE_MARGINS
from montage_pipeline.vocabulary import Format

MAX_LINES = 3

# Shares of the shorter side of the picture.
_LARGEST, _SMALLEST = 0.095, 0.015
_BREAKS_INSIDE_WORDS_BELOW = 0.036

# Shares of the font size.
_OUTLINE, _SHADOW = 0.06, 0.035
_LINE_PITCH, _LINE_GAP = 1.22, 0.14

_MEASURED_AT_PX = 200


@dataclass(frozen=True)
class Box:
    """Where text may stand, in pixels; `right` and `bottom` are the first outside."""

    left: float
    top: float
    right: float
    bottom: float


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


def safe_box(format: Format, width: int, height: int) -> Box:
    """Where text may stand in a picture of this format and size."""
    margins = SAFE_MARGINS[format]
    side = width * margins.sides
    return Box(
        left=side,
        top=height * margins.top,
        right=width - side,
        bottom=height * (1 - margins.bottom),
    )


def refuse_undrawable(text: str) -> None:
    """PermanentError("caption_unsupported") naming the characters that no shipped font has."""
    try:
        runs_of(plain_text(text))
    except UnsupportedCharacters as error:
        message = f"the text cannot be drawn, no font here has {error}; leave these characters out"
        problem = {"code": ErrorCode.CAPTION_UNSUPPORTED, "option": "captions", "message": message}
        raise PermanentError(
            ErrorCode.CAPTION_UNSUPPORTED, f"captions: {message}", problems=[problem]
        ) from None


def refuse_unfit(text: str, format: Format) -> None:
    """PermanentError for a caption that no Reel of this format can show: "caption_unsupported",
    "caption_too_long".
    """
    refuse_undrawable(text)
    drawn_caption(plain_text(text), format, *format.frame_size)


def plain_text(text: str) -> str:
    """The text as it is drawn: in composed form, with single spaces where there was any white
    space.
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


@lru_cache(maxsize=32)
def drawn_caption(text: str, format: Format, width: int, height: int) -> Caption:
    """`text` (as `plain_text` gives it) laid out in the safe box of a picture of this size.

    Raises PermanentError("caption_too_long") when it would have to be too small to be read.
    """
    fonts = _Fonts(text)
    box = safe_box(format, width, height)
    short_side = min(width, height)
    layout = _best_layout(text, fonts, box, short_side)
    if layout.size < short_side * _SMALLEST:
        message = "the caption would be too small to be read; make it shorter"
        problem = {"code": ErrorCode.CAPTION_TOO_LONG, "option": "captions", "message": message}
        raise PermanentError(ErrorCode.CAPTION_TOO_LONG, message, problems=[problem])
    script = _script(layout, fonts, box, width, height, _base_direction(text))
    used = tuple(dict.fromkeys(fonts.of(run) for line in layout.lines for run in line.runs))
    digest = hashlib.sha256(script.encode())
    for font in used:
        digest.update(font.data)
    return Caption(f"caption-{digest.hexdigest()[:20]}", script, used)


class _Fonts:
    """The static fonts of one text, and what they say about the size of its parts."""

    def __init__(self, text: str) -> None:
        characters: dict[object, set[str]] = {}
        runs = runs_of(text)
        for run in runs:
            characters.setdefault(run.face, set()).update(run.text)
        self._fonts = {
            run.face: static_font(run.face, frozenset(characters[run.face])) for run in runs
        }
        self._measuring = {
            face: ImageFont.truetype(
                io.BytesIO(font.data), _MEASURED_AT_PX, layout_engine=ImageFont.Layout.RAQM
            )
            for face, font in self._fonts.items()
        }

    def of(self, run: Run) -> StaticFont:
        return self._fonts[run.face]

    def line(self, text: str) -> "_Line":
        """A line of this text, measured."""
        # A part of the text may begin with a sign that belonged to the run before: it is cut into
        # runs by itself.
        runs = tuple(run for run in runs_of(text) if run.face in self._fonts)
        width = ascent = descent = beside = 0.0
        for run in runs:
            font = self._measuring[run.face]
            advance = font.getlength(run.text)
            left, top, right, bottom = font.getbbox(run.text, anchor="ls")
            width += advance
            beside = max(beside, -left, right - advance)
            ascent, descent = max(ascent, -top), max(descent, bottom)
        em = _MEASURED_AT_PX
        return _Line(runs, (width + 2 * beside) / em, ascent / em, descent / em)


@dataclass(frozen=True)
class _Line:
    """One line and its size, in shares of the font size: the width of its ink, and how far it
    reaches from the baseline.
    """

    runs: tuple[Run, ...]
    width: float
    ascent: float
    descent: float


@dataclass(frozen=True)
class _Layout:
    """Lines at a font size in pixels. `baselines` are below the first line's, in font sizes."""

    lines: tuple[_Line, ...]
    size: int
    baselines: tuple[float, ...]


def _best_layout(text: str, fonts: _Fonts, box: Box, short_side: int) -> _Layout:
    """The largest text with the most even lines; words are broken only where they would be too
    small otherwise.
    """
    words = _parts(text, _word_breaks(text))
    layout = _largest(words, fonts, box, short_side)
    for breaks in (_line_breaks(text), _cluster_breaks(text)):
        if layout.size >= short_side * _BREAKS_INSIDE_WORDS_BELOW:
            break
        finer = _largest(_parts(text, breaks), fonts, box, short_side)
        if finer.size > layout.size:
            layout = finer
    return layout


def _largest(parts: Sequence[str], fonts: _Fonts, box: Box, short_side: int) -> _Layout:
    choices = [_fitted(lines, fonts, box, short_side) for lines in _even_lines(parts, fonts)]
    # Fewer lines when the size is the same.
    return max(choices, key=lambda layout: (layout.size, -len(layout.lines)))


def _even_lines(parts: Sequence[str], fonts: _Fonts) -> Iterator[list[str]]:
    """For one line, two and three: the parts joined so that the widest line is as narrow as can be."""
    widths = [fonts.line(part).width for part in parts]
    starts = [0.0]
    for width in widths:
        starts.append(starts[-1] + width)
    for count in range(1, min(MAX_LINES, len(parts)) + 1):
        best: tuple[float, float, tuple[int, ...]] | None = None
        for inner in combinations(range(1, len(parts)), count - 1):
            cuts = (0, *inner, len(parts))
            lengths = [starts[b] - starts[a] for a, b in pairwise(cuts)]
            choice = (max(lengths), sum(length * length for length in lengths), cuts)
            best = choice if best is None else min(best, choice)
        assert best is not None
        yield ["".join(parts[a:b]).strip() for a, b in pairwise(best[2])]


def _fitted(texts: Sequence[str], fonts: _Fonts, box: Box, short_side: int) -> _Layout:
    lines = tuple(fonts.line(text) for text in texts)
    baselines = [0.0]
    for above, below in pairwise(lines):
        baselines.append(
            baselines[-1]
            + max(_LINE_PITCH, above.descent + below.ascent + 2 * _OUTLINE + _LINE_GAP)
        )
    around = 2 * _OUTLINE + _SHADOW
    width = max(line.width for line in lines) + around
    height = lines[0].ascent + baselines[-1] + lines[-1].descent + around
    size = min(
        short_side * _LARGEST, (box.right - box.left) / width, (box.bottom - box.top) / height
    )
    return _Layout(lines, int(size), tuple(baselines))


def _parts(text: str, breaks: Sequence[int]) -> list[str]:
    return [text[a:b] for a, b in pairwise((0, *breaks, len(text)))]


def _word_breaks(text: str) -> list[int]:
    """Where a line may end without breaking a word, also in scripts that write no spaces between
    them.
    """
    between = set(_ends(WordBreaker(text, "en")))
    return [end for end in _line_breaks(text) if end in between]


def _line_breaks(text: str) -> list[int]:
    return _ends(LineBreaker(text, "en"))


def _cluster_breaks(text: str) -> list[int]:
    # Never before a space: the line after it would begin with one.
    return [end for end in _ends(CharacterBreaker(text, "en")) if text[end] != " "]


def _ends(pieces: Iterator[str] | LineBreaker | WordBreaker | CharacterBreaker) -> list[int]:
    """Where the pieces end, but for the last."""
    ends: list[int] = []
    end = 0
    for piece in pieces:
        end += len(piece)
        ends.append(end)
    return ends[:-1]


def _base_direction(text: str) -> str:
    """The mark that makes each line run as the whole text does, whatever it begins with."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in ("L", "R", "AL"):
            return LEFT_TO_RIGHT if direction == "L" else RIGHT_TO_LEFT
    return LEFT_TO_RIGHT


_STYLE_FIELDS = (
    "Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, "
    "ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding"
)


def _script(
    layout: _Layout, fonts: _Fonts, box: Box, width: int, height: int, direction: str
) -> str:
    size = layout.size
    family = fonts.of(layout.lines[0].runs[0]).family
    # White on black can be read on any picture. Encoding -1 makes libass order runs of both
    # directions as Unicode has it.
    style = f"Caption,{family},{size},&H00FFFFFF,&H00FFFFFF,&H00000000,&H50000000,-1,0,0,0,100,100,0,0,1"
    style += f",{size * _OUTLINE:.2f},{size * _SHADOW:.2f},8,0,0,0,-1"
    head = [
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
        f"Style: {style}",
        "",
        "[Events]",
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
    ]
    last_baseline = box.bottom - size * (layout.lines[-1].descent + _OUTLINE + _SHADOW)
    first_baseline = last_baseline - size * layout.baselines[-1]
    # The shadow falls to the right: the ink is in the middle without it.
    middle = (box.left + box.right - size * _SHADOW) / 2
    events = []
    for line, below in zip(layout.lines, layout.baselines, strict=True):
        top = first_baseline + size * (below - ASCENT)
        has_letters = any(
            unicodedata.category(character)[0] == "L" for run in line.runs for character in run.text
        )
        begin = direction if has_letters else direction + SOME_SCRIPT
        text = "".join(
            f"{{\\fn{fonts.of(run).family}}}{begin if number == 0 else ''}{_escaped(run.text)}"
            for number, run in enumerate(line.runs)
        )
        events.append(
            f"Dialogue: 0,0:00:00.00,9:59:59.99,Caption,,0,0,0,,{{\\pos({middle:.2f},{top:.2f})}}{text}"
        )
    return "\n".join([*head, *events, ""])


def _escaped(text: str) -> str:
    """Text in which nothing has a meaning to libass.

    A backslash means something only together with what follows, so an invisible joiner follows;
    that of an escaped brace comes last.
    """
    return text.replace("\\", "\\" + WORD_JOINER).replace("{", "\\{").replace("}", "\\}")
