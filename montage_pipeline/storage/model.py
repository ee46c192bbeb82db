"""What the store says of an object, and what a delivery hands over."""

from datetime import datetime
from typing import Literal

from montage_pipeline.records import Record


class StoredObject(Record):
    """An object as the store reports it.

    `etag` is without quotes; `sha256` (hex) is None unless it was recorded on writing.
    """

    bucket: str
    key: str
    etag: str
    bytes: int
    content_type: str
    modified: datetime | None = None
    sha256: str | None = None


class DeliveredObject(Record):
    """The value of the `r2_object` asset: the Reel's object, and where its files can be watched.

    `cover_keys` are the poster and the frames that could take its place, the best first. `uploaded`
    is False when everything lay in place already.
    """

    schema_version: Literal[1] = 1
    bucket: str
    key: str
    etag: str
    bytes: int
    content_type: str
    sha256: str
    generated_media_url: str
    music_url: str
    poster_url: str
    cover_keys: tuple[str, ...] = ()
    uploaded: bool
