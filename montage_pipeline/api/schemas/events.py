"""What is pushed while a Reel is made, beside `answers.StatusOut`."""

from typing import Any
from uuid import UUID

from pydantic import Field

from montage_pipeline.api.schemas.base import ApiModel


class PlanReadyOut(ApiModel):
    """The edit is decided; storyboard and timeline can be had before the Reel is rendered."""

    id: UUID = Field(description="The content item.")
    request_id: UUID = Field(description="The request whose edit it is.")
    artefacts: str = Field(description="Path to GET for their URLs.")


class DeletedOut(ApiModel):
    """The item is no more."""

    id: UUID = Field(description="The content item.")


_EVENTS = {"status": "StatusOut", "plan": PlanReadyOut.__name__, "deleted": DeletedOut.__name__}
"""The model of each event's data."""

SCHEMAS: dict[str, dict[str, Any]] = {
    model.__name__: model.model_json_schema() for model in (PlanReadyOut, DeletedOut)
}
"""For the OpenAPI document: FastAPI finds no models inside a stream of events."""


def event_schema() -> dict[str, Any]:
    """What one event of the stream looks like: OpenAPI 3.2's `itemSchema`."""
    return {
        "oneOf": [
            {
                "type": "object",
                "required": ["event", "data"],
                "properties": {
                    "event": {"const": name},
                    "id": {"type": "string", "description": "Send back as `Last-Event-ID`."},
                    "retry": {"type": "integer", "description": "Milliseconds."},
                    "data": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "contentSchema": {"$ref": f"#/components/schemas/{model}"},
                    },
                },
            }
            for name, model in _EVENTS.items()
        ]
    }
