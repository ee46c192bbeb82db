"""Static bold fonts for captions, of just the characters that are drawn.

Belongs here: making font files. Does not belong here: which face draws what (fonts); lines, sizes
and places (layout).

libass is never left to choose: each run of text names one font, made here under a name that no
other font has and with every character of the run in it. So the fonts of the machine cannot matter,
and a caption looks the same everywhere.
"""

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from typing import TYPE_CHECKING

from montage_pipeline.captions.fonts import INVISIBLE, Face

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

ASCENT = 0.8
"""Of the font size, above the baseline. All fonts made here have it, so a line may mix them."""

_WEIGHT = 700
"""Bold: thin strokes drown in video."""

_RECIPE = 1
"""Counts up when the same face and characters are made into another font."""


@dataclass(frozen=True)
class StaticFont:
    """A font file of one weight. `family` is unique to its content."""

    family: str
    data: bytes


@lru_cache(maxsize=64)
def static_font(face: Face, characters: frozenset[str]) -> StaticFont:
    """A bold font of one face with these characters, the space and the invisible ones.

    Its ascent and descent are ASCENT and the rest of the em, so that its size in libass is the size
    of its em.
    """
    text = "".join(sorted(characters | {" "}))
    family = _family(face, text)
    return StaticFont(family, _bold(_subset(face, text), family))


def _family(face: Face, text: str) -> str:
    """A name made of everything that shapes the font."""
    packages = (face.package.replace("_", "-"), "fonttools")
    versions = [metadata.version(package) for package in packages]
    shapers = (face.package, face.file, str(face.number), *versions, str(_RECIPE), str(_WEIGHT))
    made_of = "\n".join((*shapers, text))
    return f"Caption {hashlib.sha256(made_of.encode()).hexdigest()[:20]}"


def _subset(face: Face, text: str) -> io.BytesIO:
    """The face with these characters and the invisible ones, still variable."""
    from fontTools.subset import Options, Subsetter

    options = Options(
        hinting=False, name_IDs=[], notdef_outline=True, drop_tables=["STAT", "DSIG", "meta"]
    )
    subsetter = Subsetter(options)
    subsetter.populate(text=text + "".join(INVISIBLE))
    subset = io.BytesIO()
    with face.open() as font:
        subsetter.subset(font)
        font.save(subset)
    subset.seek(0)
    return subset


def _bold(subset: io.BytesIO, family: str) -> bytes:
    """The variable font fixed at one weight, under its own name."""
    from fontTools.ttLib import TTFont
    from fontTools.varLib.instancer import instantiateVariableFont

    made = io.BytesIO()
    # Read anew: outlines of a collection that were left unread cannot be instantiated.
    with TTFont(subset, recalcTimestamp=False) as variable:
        axes = {axis.axisTag: axis.defaultValue for axis in variable["fvar"].axes}
        font = instantiateVariableFont(variable, axes | {"wght": _WEIGHT}, inplace=True)
        _rename(font, family)
        _set_metrics(font)
        _map_invisible(font)
        font.save(made)
    return made.getvalue()


def _rename(font: "TTFont", family: str) -> None:
    font["name"].names = []
    for number, name in {1: family, 2: "Bold", 4: family, 6: family.replace(" ", "-")}.items():
        font["name"].setName(name, number, 3, 1, 0x409)
    font["OS/2"].usWeightClass = _WEIGHT
    font["OS/2"].fsSelection = 1 << 5  # bold, and nothing else
    font["head"].macStyle = 1


def _set_metrics(font: "TTFont") -> None:
    em = font["head"].unitsPerEm
    ascent = round(em * ASCENT)
    header, windows = font["hhea"], font["OS/2"]
    header.ascent, header.descent, header.lineGap = ascent, ascent - em, 0
    windows.sTypoAscender, windows.sTypoDescender, windows.sTypoLineGap = ascent, ascent - em, 0
    windows.usWinAscent, windows.usWinDescent = ascent, em - ascent


def _map_invisible(font: "TTFont") -> None:
    """Map the invisible characters that the face lacks to its space.

    Otherwise libass would look for them in other fonts.
    """
    space = font.getBestCmap()[ord(" ")]
    for table in font["cmap"].tables:
        if table.isUnicode() and table.format != 14:
            for character in INVISIBLE:
                table.cmap.setdefault(ord(character), space)
