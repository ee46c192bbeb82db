"""What is kept of the name of a person's file: letters and digits of every script, as a part of a
key that needs no folder, no escape and no second thought.
"""

import unicodedata
from pathlib import PurePosixPath

_MAX_NAME_CHARS = 100
_MAX_SUFFIX_CHARS = 16
"""Keys stay below the limit of 1024 bytes, also where a character takes four."""

_KEPT_CATEGORIES = ("L", "M", "N")
"""Letters, the marks that belong to them, and numbers (Unicode's general categories)."""

_KEPT_SIGNS = "._-"


def safe_file_name(file_name: str) -> str:
    """The name without folders, other characters as dashes; `clip` when nothing is left.

    What is safe already stays as it is.
    """
    name = unicodedata.normalize("NFC", file_name).replace("\\", "/")
    # What is taken off the end may leave another suffix, before which something is to be taken off.
    while (safer := _without_unsafe(name)) != name:
        name = safer
    return name


def _without_unsafe(name: str) -> str:
    path = PurePosixPath(PurePosixPath(name).name)
    suffix = _dashed(path.suffix)[:_MAX_SUFFIX_CHARS]
    return (_dashed(path.stem)[: _MAX_NAME_CHARS - len(suffix)].strip("._-") or "clip") + suffix


def _dashed(text: str) -> str:
    kept = "".join(character if _is_kept(character) else " " for character in text)
    return "-".join(kept.split()) if kept.strip() else ""


def _is_kept(character: str) -> bool:
    return character in _KEPT_SIGNS or unicodedata.category(character)[0] in _KEPT_CATEGORIES
