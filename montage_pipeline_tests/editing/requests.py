"""Requests for the editing tests."""

from typing import Any

from montage_pipeline.editing.request import EditRequest
from montage_pipeline.vocabulary import Format


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
