"""Bodies and answers of uploads in parts."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StrictInt

from montage_pipeline.api.schemas.base import ApiModel, Timestamp

MAX_PARTS_SIGNED = 100
"""At once: more than a client sends before the signatures expire."""


class PartsBody(ApiModel):
    """The parts that are sent next."""

    numbers: Annotated[
        list[Annotated[StrictInt, Field(ge=1, le=10_000)]],
        Field(min_length=1, max_length=MAX_PARTS_SIGNED),
    ] = Field(description="Numbers of parts, from 1.")


class PartOut(ApiModel):
    """A part, and how many bytes it has."""

    number: int
    bytes: int


class PartUrlOut(PartOut):
    """Where to PUT the bytes of one part. No header is needed but the length."""

    upload_url: str = Field(description="Takes the bytes until `expiresAt`; keep it secret.")
    expires_at: Timestamp


class PartUrlsOut(ApiModel):
    """Where to PUT each part that was asked for."""

    parts: list[PartUrlOut]


class MultipartUploadOut(ApiModel):
    """A file on its way, in parts."""

    id: UUID
    clip_url: str = Field(
        description="What to send in `clipUrls`, or as `musicUrl`, once it is complete."
    )
    bytes: int = Field(description="The size of the whole file.")
    part_bytes: int = Field(description="The size of every part but the last.")
    parts: int = Field(description="How many parts there are.")
    received: list[PartOut] = Field(description="Parts that are there whole: send the others.")
    expires_at: Timestamp = Field(description="When it is dropped unless it is complete.")


class MultipartUploadsOut(ApiModel):
    """Files on their way."""

    uploads: list[MultipartUploadOut]
