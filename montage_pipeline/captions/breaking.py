"""Where a line of text may end: between words, where Unicode allows a break, between characters.

Belongs here: places to break, as offsets into the text. Does not belong here: which of them are
used (layout).
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from icu4py.breakers import CharacterBreaker, LineBreaker, WordBreaker

_LOCALE = "en"
"""Of the break rules. They follow the script of the text; the locale changes next to nothing."""


def word_breaks(text: str) -> list[int]:
    """Where a line may end without breaking a word, also in scripts without spaces."""
    between_words = set(_ends(WordBreaker(text, _LOCALE)))
    return [end for end in line_breaks(text) if end in between_words]


def line_breaks(text: str) -> list[int]:
    """Where Unicode allows a line to end."""
    return _ends(LineBreaker(text, _LOCALE))


def cluster_breaks(text: str) -> list[int]:
    """Between any two characters as people see them, except before a space.

    The line after it would begin with that space.
    """
    return [end for end in _ends(CharacterBreaker(text, _LOCALE)) if text[end] != " "]


def split_at(text: str, breaks: Sequence[int]) -> list[str]:
    """The text cut at these offsets."""
    return [text[start:end] for start, end in pairwise((0, *breaks, len(text)))]


def _ends(pieces: Iterable[str]) -> list[int]:
    """Where the pieces end, without the last, which ends with the text."""
    ends: list[int] = []
    end = 0
    for piece in pieces:
        end += len(piece)
        ends.append(end)
    return ends[:-1]
