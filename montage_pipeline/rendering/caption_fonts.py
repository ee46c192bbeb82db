"""The fonts that captions are drawn with, and which of them draws which part of a text.

Belongs here: the faces that are shipped, what they cover, and static bold fonts of just the characters that are drawn.
Does not belong here: lines, sizes and places (captions).

libass is never left to choose: each run of text names one font, made here under a name that no other font has and with
every character of the run in it. So the fonts of the machine cannot matter, and a caption looks the same everywhere.
"""

import hashlib
import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING

from icu4py.breakers import CharacterBreaker

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

ASCENT = 0.8
"""Of the font size, above the baseline: every font made here has it, so that one line may mix them."""

_WEIGHT = 700
_RECIPE = 1
"""Counts up when the same face and characters are made into another font."""

LEFT_TO_RIGHT, RIGHT_TO_LEFT, WORD_JOINER = "\u200e", "\u200f", "\u2060"
SOME_SCRIPT = "\u180e"
"""Invisible and of no direction, but of a script: without one in the line libass parts what is common to all scripts from what
takes the script of its neighbours, as a digit from the key cap around it."""
_SELECTORS = frozenset("\ufe0e\ufe0f")
"""They ask for the plain or the pictorial form of what stands before them."""
_INVISIBLE = _SELECTORS | frozenset("\u061c\u200b\u200c\u200d" + LEFT_TO_RIGHT + RIGHT_TO_LEFT + WORD_JOINER + SOME_SCRIPT)
"""Joiners, marks and selectors: they shape what stands beside them and are not drawn themselves."""

_EMOJI_STYLE = frozenset("\ufe0f\u20e3")
_PICTOGRAPHS_FROM = 0x1F000
_UNDRAWABLE = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True)
class Face:
    """A variable font file of a package; `number` is its place in a collection."""

    package: str
    file: str
    number: int = -1

    @property
    def path(self) -> Path:
        """Where the file is."""
        return Path(str(resources.files(self.package))) / self.file

    def open(self) -> "TTFont":
        """The font, read as it is used."""
        # The font tools take most of a second to import: only for those who want text on the picture.
        from fontTools.ttLib import TTFont

        return TTFont(self.path, fontNumber=self.number, lazy=True, recalcTimestamp=False)


def _noto(script: str) -> Face:
    return Face("manimgx_fonts", f"Noto{script}[wght].ttf")


_LATIN_GREEK_CYRILLIC = _noto("Sans")
_WEST_ASIA = ("SansArabic", "SansHebrew", "SansArmenian", "SansGeorgian")
_SOUTH_ASIA = (
    *("SansDevanagari", "SansBengali", "SansGujarati", "SansGurmukhi", "SansOriya"),
    *("SansTamil", "SansTelugu", "SansKannada", "SansMalayalam", "SansSinhala"),
)
_OTHERS = ("SansThai", "SansLao", "SansKhmer", "SansMyanmar", "SansEthiopic")
_TEXT = (_LATIN_GREEK_CYRILLIC, *map(_noto, (*_WEST_ASIA, *_SOUTH_ASIA, *_OTHERS)))
_SYMBOLS, _EMOJI = _noto("SansSymbols"), _noto("Emoji")
_CJK = {region: Face("manimgx_fonts_cjk", "NotoSansCJK-VF.otf.ttc", number) for number, region in enumerate(("JP", "KR", "SC", "TC", "HK"))}


@dataclass(frozen=True)
class Run:
    """A stretch of text that one face draws."""

    face: Face
    text: str


@dataclass(frozen=True)
class StaticFont:
    """A font file of one weight. `family` is unique to its content."""

    family: str
    data: bytes


class UnsupportedCharacters(ValueError):
    """No shipped font has these."""

    def __init__(self, characters: Sequence[str]) -> None:
        super().__init__(", ".join(map(character_name, characters)))


def character_name(character: str) -> str:
    """For people: the character, where it can be shown, with its number and name."""
    shown = f"{character} " if unicodedata.category(character)[0] not in "CZM" else ""
    return f"{shown}(U+{ord(character):04X} {unicodedata.name(character, 'without a name')})"


def runs_of(text: str) -> list[Run]:
    """The text cut into runs, in order. Raises UnsupportedCharacters naming what no face has."""
    faces = (*_TEXT, _CJK[_cjk_region(text)], _SYMBOLS, _EMOJI)
    runs: list[Run] = []
    missing: dict[str, None] = {}
    for cluster in CharacterBreaker(text, "en"):
        face = _face_of(cluster, faces, runs[-1].face if runs else None)
        # The face is the form that was asked for, and libass would part ligatures at the selector.
        kept = "".join(character for character in cluster if character not in _SELECTORS)
        if face is None:
            missing |= dict.fromkeys(_uncovered(cluster, faces))
        elif runs and runs[-1].face == face:
            runs[-1] = Run(face, runs[-1].text + kept)
        else:
            runs.append(Run(face, kept))
    if missing:
        raise UnsupportedCharacters(list(missing))
    return runs


def _face_of(cluster: str, faces: Sequence[Face], current: Face | None) -> Face | None:
    """The face for one grapheme cluster: it stays whole, or marks would come off their letters."""
    drawn = [character for character in cluster if character not in _INVISIBLE]
    if any(unicodedata.category(character) in _UNDRAWABLE for character in drawn):
        return None
    if not drawn:
        return current or faces[0]
    for face in _in_order(cluster, drawn[0], faces, current):
        if all(ord(character) in _covered(face) for character in drawn):
            return face
    return None


def _in_order(cluster: str, first: str, faces: Sequence[Face], current: Face | None) -> Iterator[Face]:
    if not _EMOJI_STYLE.isdisjoint(cluster) or ord(first) >= _PICTOGRAPHS_FROM:
        yield _EMOJI
    # Spaces, digits and signs go with the text before them. Not so after pictures: theirs are for key caps.
    if current is not None and current not in (_SYMBOLS, _EMOJI) and unicodedata.category(first)[0] not in "LM":
        yield current
    yield from faces


def _uncovered(cluster: str, faces: Sequence[Face]) -> list[str]:
    """The characters at fault; all of the cluster when each is covered and no face has them together."""
    alone = [
        character
        for character in cluster
        if character not in _INVISIBLE
        and (unicodedata.category(character) in _UNDRAWABLE or not any(ord(character) in _covered(face) for face in faces))
    ]
    return alone or list(cluster)


@cache
def _covered(face: Face) -> frozenset[int]:
    with face.open() as font:
        return frozenset(font.getBestCmap())


def _cjk_region(text: str) -> str:
    """Whose shapes of Han characters to draw: told by the scripts around them, else by the character set that has them all."""
    names = [unicodedata.name(character, "") for character in text]
    if any(name.startswith(("HIRAGANA", "KATAKANA")) for name in names):
        return "JP"
    if any(name.startswith("HANGUL") for name in names):
        return "KR"
    han = "".join(character for character, name in zip(text, names, strict=True) if name.startswith("CJK UNIFIED"))
    return "SC" if _encodes(han, "gb2312") or not _encodes(han, "big5") else "TC"


def _encodes(text: str, character_set: str) -> bool:
    try:
        text.encode(character_set)
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=64)
def static_font(face: Face, characters: frozenset[str]) -> StaticFont:
    """A bold font of one face with these characters, the space and the invisible ones.

    Its ascent and descent are ASCENT and the rest of the em, so that its size in libass is the size of its em.
    """
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont
    from fontTools.varLib.instancer import instantiateVariableFont

    text = "".join(sorted(characters | {" "}))
    versions = [metadata.version(name) for name in (face.package.replace("_", "-"), "fonttools")]
    made_of = "\n".join((face.package, face.file, str(face.number), *versions, str(_RECIPE), str(_WEIGHT), text))
    family = f"Caption {hashlib.sha256(made_of.encode()).hexdigest()[:20]}"
    subset = io.BytesIO()
    with face.open() as font:
        options = Options(hinting=False, name_IDs=[], notdef_outline=True, drop_tables=["STAT", "DSIG", "meta"])
        subsetter = Subsetter(options)
        subsetter.populate(text=text + "".join(_INVISIBLE))
        subsetter.subset(font)
        font.save(subset)
    # Read anew: the parts of a collection's outlines that were left unread cannot be instantiated.
    subset.seek(0)
    with TTFont(subset, recalcTimestamp=False) as variable:
        axes = {axis.axisTag: axis.defaultValue for axis in variable["fvar"].axes} | {"wght": _WEIGHT}
        font = instantiateVariableFont(variable, axes, inplace=True)
        _rename(font, family)
        _set_metrics(font)
        _map_invisible(font)
        made = io.BytesIO()
        font.save(made)
    return StaticFont(family, made.getvalue())


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
    """Invisible characters that the face lacks become its space, or libass would look for them in other fonts."""
    space = font.getBestCmap()[ord(" ")]
    for table in font["cmap"].tables:
        if table.isUnicode() and table.format != 14:
            for character in _INVISIBLE:
                table.cmap.setdefault(ord(character), space)
