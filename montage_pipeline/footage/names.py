"""How a clip is named to people: in logs, messages, storyboards and exported edits.

Belongs here: which parts of an address may be shown, and how a name that cannot be printed is
written. Does not belong here: which addresses are fetched (fetching).
"""

import os
import unicodedata
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
