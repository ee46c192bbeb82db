"""Structure is counted right from the bytes, whatever the strings hold."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from montage_pipeline.api.body_shape import MAX_DEPTH, is_text, refusal

_TEXT = st.text(alphabet=st.sampled_from('a,[]{}"\\:é\n'), max_size=8)
_DOCUMENTS = st.recursive(
    _TEXT | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=30,
)


def _inside(document: Any) -> list[Any]:
    if isinstance(document, dict):
        return list(document.values())
    return document if isinstance(document, list) else []


def _depth(document: Any) -> int:
    if not isinstance(document, list | dict):
        return 0
    return 1 + max((_depth(inner) for inner in _inside(document)), default=0)


def _marks(document: Any) -> int:
    """Brackets that open, and commas."""
    if not isinstance(document, list | dict):
        return 0
    inner = _inside(document)
    return 1 + max(len(inner) - 1, 0) + sum(_marks(value) for value in inner)


@given(document=_DOCUMENTS, ascii_only=st.booleans(), extra=st.integers(0, 9))
def test_counts_are_those_of_the_parsed_document(
    document: Any, ascii_only: bool, extra: int
) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only).encode()
    deep = document
    for _ in range(extra):
        deep = [deep]
    too_deep = _depth(deep) > MAX_DEPTH
    assert bool(refusal(json.dumps(deep).encode(), 10_000)) is too_deep
    if not _depth(document) > MAX_DEPTH:
        assert refusal(body, _marks(document)) is None
    if _marks(document):
        assert "values" in str(refusal(body, _marks(document) - 1))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        # Each quote would be looked at as the beginning of a string by a pattern that gives up.
        b'["' + b'\\"' * 300_000 + b"[" * 100,
        b"\\" * 500_000 + b"[" * 100,
    ],
)
def test_bodies_made_to_be_expensive_are_refused_or_harmless(body: bytes) -> None:
    reason = refusal(body, 300)
    if body.startswith(b'["'):
        assert reason is None  # One string that never ends: the parser stops at once.
    else:
        assert reason is not None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_other_encodings_are_no_text(encoding: str) -> None:
    assert is_text('{"a": "ü"}'.encode())
    assert not is_text('{"a": 1}'.encode(encoding))
