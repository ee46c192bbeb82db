"""How much structure a JSON body may have, told from its bytes before anything parses it.

A parser makes objects, and a validator errors, for every value: a body of some hundred kilobytes
can hold a quarter of a million. Counting brackets and commas takes milliseconds.
"""

import re

MAX_DEPTH = 8
"""Bodies of this API are an object with lists of text in it: 2 levels."""

_STRING = re.compile(rb'"(?:[^"\\]|\\(?:.|\Z))*+(?:"|\Z)', re.DOTALL)
"""Possessive, and a string that never ends ends with the body: every byte is looked at once."""

_BRACKET = re.compile(rb"[\[\]{}]")


def is_text(body: bytes) -> bool:
    """Whether it can be JSON in UTF-8, whose only zero bytes are escaped. In UTF-16 and UTF-32,
    which Python's parser takes too, every bracket has one beside it.
    """
    return b"\x00" not in body


def refusal(body: bytes, max_values: int) -> str | None:
    """Why a body that is text is not parsed; None when it may be."""
    structure = _STRING.sub(b"", body)
    if structure.count(b",") + structure.count(b"[") + structure.count(b"{") > max_values:
        return f"has more than {max_values} values"
    depth = 0
    for bracket in _BRACKET.finditer(structure):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            return f"is nested deeper than {MAX_DEPTH} levels"
    return None
