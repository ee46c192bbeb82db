"""How a caption is laid out: its box, its lines and their size; and whether it can be shown at all.

Belongs here: where text may stand, the choice of lines, the size. Does not belong here: where a
line may be broken (breaking), how wide it is (measuring), the script for libass (script).
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, combinations, pairwise

from montage_pipeline.captions.breaking import cluster_breaks, line_breaks, split_at, word_breaks
from montage_pipeline.captions.fonts import UnsupportedCharacters, runs_of
from montage_pipeline.captions.measuring import Line, TextFonts
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.rules import SAFE_MARGINS
from montage_pipeline.vocabulary import Format

MAX_LINES = 3
"""More would be a paragraph, which nobody reads in a hook."""

OUTLINE, SHADOW = 0.06, 0.035
"""Shares of the font size: thick enough to part white letters from a white background."""

# Font sizes, as shares of the shorter side of the frame.
_MAX_SIZE = 0.095  # about a tenth: a short caption fills the width without shouting
_MIN_SIZE = 0.015  # smaller text cannot be read on a phone
_BREAK_WORDS_BELOW = 0.036  # text smaller than this is worse than a broken word

# Shares of the font size.
_LINE_PITCH = 1.22  # from one baseline to the next; a common line spacing
_LINE_GAP = 0.14  # at least, between the outlines of two lines with tall marks


@dataclass(frozen=True)
class Box:
    """Where text may stand, in pixels; `right` and `bottom` are the first outside."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Layout:
    """Lines in a box, at a font size in pixels.

    `baselines` are how far each line's lies below the first line's, in font sizes.
    """

    box: Box
    fonts: TextFonts
    lines: tuple[Line, ...]
    size: int
    baselines: tuple[float, ...]


def safe_box(format: Format, width: int, height: int) -> Box:
    """Where text may stand in a frame of this format and size."""
    margins = SAFE_MARGINS[format]
    side = width * margins.sides
    return Box(
        left=side,
        top=height * margins.top,
        right=width - side,
        bottom=height * (1 - margins.bottom),
    )


def plain_text(text: str) -> str:
    """The text as it is drawn: in composed form, any white space a single space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def refuse_undrawable(text: str) -> None:
    """Raise PermanentError("caption_unsupported") naming what no shipped font has."""
    try:
        runs_of(plain_text(text))
    except UnsupportedCharacters as error:
        message = f"the text cannot be drawn, no font here has {error}; leave these characters out"
        problem = {"code": ErrorCode.CAPTION_UNSUPPORTED, "option": "captions", "message": message}
        raise PermanentError(
            ErrorCode.CAPTION_UNSUPPORTED, f"captions: {message}", problems=[problem]
        ) from None


def refuse_unfit(text: str, format: Format) -> None:
    """Raise PermanentError for a caption that no Reel of this format can show.

    Its code is "caption_unsupported" or "caption_too_long".
    """
    refuse_undrawable(text)
    laid_out(plain_text(text), format, *format.frame_size)


@lru_cache(maxsize=32)
def laid_out(text: str, format: Format, width: int, height: int) -> Layout:
    """`text` (as `plain_text` gives it) in the safe box of a frame of this size.

    The largest size with the most even lines; words are broken only where they would be too small
    otherwise.

    Raises PermanentError("caption_too_long") when the text would be too small to be read.
    """
    short_side = min(width, height)
    space = _Space(TextFonts(text), safe_box(format, width, height), short_side * _MAX_SIZE)
    layout = space.largest(split_at(text, word_breaks(text)))
    for breaks in (line_breaks(text), cluster_breaks(text)):
        if layout.size >= short_side * _BREAK_WORDS_BELOW:
            break
        finer = space.largest(split_at(text, breaks))
        if finer.size > layout.size:
            layout = finer

    if layout.size < short_side * _MIN_SIZE:
        message = "the caption would be too small to be read; make it shorter"
        problem = {"code": ErrorCode.CAPTION_TOO_LONG, "option": "captions", "message": message}
        raise PermanentError(ErrorCode.CAPTION_TOO_LONG, message, problems=[problem])
    return layout


@dataclass(frozen=True)
class _Space:
    """The fonts of a text, the box that it must fit, and the largest font size in pixels."""

    fonts: TextFonts
    box: Box
    max_size: float

    def largest(self, fragments: Sequence[str]) -> Layout:
        """The fragments on one to three lines, whichever makes the text largest."""
        choices = [self._fitted(lines) for lines in self._even_lines(fragments)]
        # Fewer lines when the size is the same.
        return max(choices, key=lambda layout: (layout.size, -len(layout.lines)))

    def _even_lines(self, fragments: Sequence[str]) -> Iterator[list[str]]:
        """For each number of lines, the fragments joined so that the widest line is narrowest."""
        widths = [self.fonts.line(fragment).width for fragment in fragments]
        starts = list(accumulate(widths, initial=0.0))
        for count in range(1, min(MAX_LINES, len(fragments)) + 1):
            best = min(
                _evenness(starts, (0, *inner, len(fragments)))
                for inner in combinations(range(1, len(fragments)), count - 1)
            )
            yield ["".join(fragments[a:b]).strip() for a, b in pairwise(best[-1])]

    def _fitted(self, texts: Sequence[str]) -> Layout:
        """These lines, as large as fits the box."""
        lines = tuple(self.fonts.line(text) for text in texts)
        baselines = [0.0]
        for above, below in pairwise(lines):
            touching = above.descent + below.ascent + 2 * OUTLINE
            baselines.append(baselines[-1] + max(_LINE_PITCH, touching + _LINE_GAP))

        around = 2 * OUTLINE + SHADOW
        width = max(line.width for line in lines) + around
        height = lines[0].ascent + baselines[-1] + lines[-1].descent + around
        size = min(
            self.max_size,
            (self.box.right - self.box.left) / width,
            (self.box.bottom - self.box.top) / height,
        )
        return Layout(self.box, self.fonts, lines, int(size), tuple(baselines))


def _evenness(
    starts: Sequence[float], bounds: tuple[int, ...]
) -> tuple[float, float, tuple[int, ...]]:
    """Less is better: width of the widest line, then the sum of squares; and the bounds."""
    lengths = [starts[b] - starts[a] for a, b in pairwise(bounds)]
    return max(lengths), sum(length * length for length in lengths), bounds
