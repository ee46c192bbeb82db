"""The fonts of one text, and how large its lines are in them.

Belongs here: measuring. Does not belong here: choosing lines and sizes (layout).
"""

import io
from dataclasses import dataclass

from PIL import ImageFont

from montage_pipeline.captions.fonts import Run, runs_of
from montage_pipeline.captions.static_fonts import StaticFont, static_font

_MEASURED_AT_PX = 200
"""Large enough that rounding to pixels does not matter to a share of the font size."""


@dataclass(frozen=True)
class Line:
    """One line of text and its size, in shares of the font size.

    `width` is that of its ink; `ascent` and `descent` are how far it reaches from the baseline.
    """

    runs: tuple[Run, ...]
    width: float
    ascent: float
    descent: float


class TextFonts:
    """The static fonts of one text."""

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
        """The font that draws this run."""
        return self._fonts[run.face]

    def line(self, text: str) -> Line:
        """A line of this text, which is some of the whole, measured."""
        # It may begin with a sign that belonged to the run before, so it is cut into runs by
        # itself.
        runs = tuple(run for run in runs_of(text) if run.face in self._fonts)
        width = ascent = descent = overhang = 0.0
        for run in runs:
            font = self._measuring[run.face]
            advance = font.getlength(run.text)
            left, top, right, bottom = font.getbbox(run.text, anchor="ls")
            width += advance
            overhang = max(overhang, -left, right - advance)
            ascent, descent = max(ascent, -top), max(descent, bottom)

        em = _MEASURED_AT_PX
        return Line(runs, (width + 2 * overhang) / em, ascent / em, descent / em)
