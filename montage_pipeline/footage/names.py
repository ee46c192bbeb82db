"""How a clip is named to people: in logs, messages, storyboards and exported edits.

Belongs here: which parts of an address may be shown, and how a name that cannot be printed is
written. Does not belong here: which addresses are fetched (fetching).
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes, urlsplit

_MAX_INVALID = 200  # characters shown of what is no address; it may be anything, of any length

_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories: controls, invisible marks (some turn the direction of what follows), halves
of surrogate pairs (bytes of a file name that are not UTF-8), and line separators.
"""

_JOINERS = "\u200c\u200d"
"""Invisible too, but parts of words in some scripts and of many emoji."""


def shown_url(url: str) -> str:
    """The address as it may stand in logs and messages: without query, fragment and user.

    Queries carry signatures.
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return url.split("?", 1)[0].split("#", 1)[0][:_MAX_INVALID]
    if not parts.scheme:
        return parts.path
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path}"


def clip_name(url: str) -> str:
    """The name of the file as its owner knows it: decoded, without folders, on one line."""
    if url.startswith("/"):
        return printable(PurePosixPath(url).name) or shown_url(url)
    try:
        path = urlsplit(url).path
    except ValueError:
        path = shown_url(url)
    name = PurePosixPath(os.fsdecode(unquote_to_bytes(path))).name
    return printable(name) or shown_url(url)


def names_on_disk(urls: Sequence[str]) -> list[str]:
    """The names of files of this machine by their file:// addresses; where two have the same name,
    with as many of their folders as tell them apart.
    """
    names = [clip_name(url) for url in urls]
    folders = [file_path(url).parent.parts[1:] if url.startswith("file:") else () for url in urls]
    deepest = max(map(len, folders), default=0)
    for depth in range(1, deepest + 1):
        ambiguous = {name for name, count in Counter(names).items() if count > 1}
        names = [
            printable("/".join((*parts[-depth:], clip_name(url)))) if name in ambiguous else name
            for name, parts, url in zip(names, folders, urls, strict=True)
        ]
    return names


def file_path(url: str) -> Path:
    """The path of a file:// address, byte for byte: names need not be UTF-8."""
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(url).path)))


def printable(text: str) -> str:
    """The text on one line, as valid Unicode: what cannot be printed becomes an escape, as `ls -b`
    writes it (`\\n`, `\\x1b`, and `\\xe9` for a byte that is not UTF-8).
    """
    return "".join(map(_printable_character, text))


def _printable_character(character: str) -> str:
    if unicodedata.category(character) not in _UNPRINTABLE or character in _JOINERS:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"  # how Python holds a byte that is not UTF-8
    return character.encode("unicode_escape", "surrogatepass").decode()
