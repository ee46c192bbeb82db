"""The fonts that text is drawn with, for any script, and which of them draws which run of a text.

Belongs here: the shipped faces, and what they cover. Does not belong here: laying text out
(layout), drawing it (script).
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from icu4py.breakers import CharacterBreaker

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

LEFT_TO_RIGHT, RIGHT_TO_LEFT, WORD_JOINER = "\u200e", "\u200f", "\u2060"
"""Invisible characters: two that set the direction of a line, and one that joins words."""

SOME_SCRIPT = "\u180e"
"""Invisible and of no direction, but of a script.

Without one in the line libass parts what is common to all scripts from what takes the script of its
neighbours, as a digit from the key cap around it.
"""

_SELECTORS = frozenset("\ufe0e\ufe0f")
"""They ask for the plain or the pictorial form of what stands before them."""

INVISIBLE = _SELECTORS | frozenset(
    "\u061c\u200b\u200c\u200d" + LEFT_TO_RIGHT + RIGHT_TO_LEFT + WORD_JOINER + SOME_SCRIPT
)
"""Joiners, marks and selectors: they shape what stands beside them and are not drawn themselves."""

_EMOJI_STYLE = frozenset("\ufe0f\u20e3")
"""The selector of the pictorial form, and the key cap: what holds one is drawn as an emoji."""

_PICTOGRAPHS_FROM = 0x1F000
"""Where Unicode keeps its emoji; few of what lies below are pictorial by default."""

_UNDRAWABLE = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories: controls, surrogates, private use, unassigned, line and paragraph marks."""


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
        # The font tools take most of a second to import: only for those who want a caption.
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
_CJK = {
    region: Face("manimgx_fonts_cjk", "NotoSansCJK-VF.otf.ttc", number)
    for number, region in enumerate(("JP", "KR", "SC", "TC", "HK"))
}


@dataclass(frozen=True)
class Run:
    """A stretch of text that one face draws."""

    face: Face
    text: str


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
    drawn = [character for character in cluster if character not in INVISIBLE]
    if any(unicodedata.category(character) in _UNDRAWABLE for character in drawn):
        return None
    if not drawn:
        return current or faces[0]
    for face in _in_order(cluster, drawn[0], faces, current):
        if all(ord(character) in _covered(face) for character in drawn):
            return face
    return None


def _in_order(
    cluster: str, first: str, faces: Sequence[Face], current: Face | None
) -> Iterator[Face]:
    if not _EMOJI_STYLE.isdisjoint(cluster) or ord(first) >= _PICTOGRAPHS_FROM:
        yield _EMOJI
    # Spaces, digits and signs go with the text before them; not after symbols and emoji, whose
    # digits are for key caps.
    if (
        current is not None
        and current not in (_SYMBOLS, _EMOJI)
        and unicodedata.category(first)[0] not in "LM"
    ):
        yield current
    yield from faces


def _uncovered(cluster: str, faces: Sequence[Face]) -> list[str]:
    """The characters at fault; the whole cluster when no face has all of them together."""
    alone = [
        character
        for character in cluster
        if character not in INVISIBLE
        and (
            unicodedata.category(character) in _UNDRAWABLE
            or not any(ord(character) in _covered(face) for face in faces)
        )
    ]
    return alone or list(cluster)


@cache
def _covered(face: Face) -> frozenset[int]:
    with face.open() as font:
        return frozenset(font.getBestCmap())


def _cjk_region(text: str) -> str:
    """Whose shapes of Han characters to draw.

    The scripts around them decide, else the national character set that has them all.
    """
    names = [unicodedata.name(character, "") for character in text]
    if any(name.startswith(("HIRAGANA", "KATAKANA")) for name in names):
        return "JP"
    if any(name.startswith("HANGUL") for name in names):
        return "KR"
    han = "".join(
        character
        for character, name in zip(text, names, strict=True)
        if name.startswith("CJK UNIFIED")
    )
    return "SC" if _encodes(han, "gb2312") or not _encodes(han, "big5") else "TC"


def _encodes(text: str, character_set: str) -> bool:
    try:
        text.encode(character_set)
    except UnicodeEncodeError:
        return False
    return True
