"""Requests for the editing tests."""

from typing import Any

import pytest

from montage_pipeline.editing.request import EditRequest
from montage_pipeline.styles import STYLES
from montage_pipeline.vocabulary import Format

QUICK_AND_SLOW = [
    style if style in ("dynamic", "minimal") else pytest.param(style, marks=pytest.mark.slow)
    for style in STYLES
]
"""The styles with the quickest and the slowest cuts; the others lie between, in make test-all."""


def edit_request(
    duration_s: float = 30.0, style: str = "dynamic", seed: int = 1, **changes: Any
) -> EditRequest:
    """A request for a Reel; `changes` are further fields."""
    fields: dict[str, Any] = {
        "request_id": "r",
        "style": style,
        "format": Format.REEL,
        "duration_s": duration_s,
        "seed": seed,
    }
    return EditRequest.model_validate(fields | changes)
