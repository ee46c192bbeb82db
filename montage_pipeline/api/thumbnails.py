"""Small pictures of uploaded clips, for pages whose browser cannot decode them.

Belongs here: whose clip it is, how many are made at once, and what a failure is called. Does not
belong here: decoding (footage).
"""

import tempfile
from pathlib import Path
from threading import BoundedSemaphore
from uuid import UUID

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.logs import get_logger
from montage_pipeline.storage.keys import upload_key
from montage_pipeline.storage.object_store import ObjectStore

_SIDE = 320
"""Pixels of the longer side: sharp at the width of a row on a phone's screen of 3 px a point."""

_AT_ONCE = BoundedSemaphore(2)
"""In one process: each holds a decoder, and the API shares its machine with runs."""

_PATIENCE_S = 20.0
"""For one of these to get free; a page that drops twenty clips asks for one after the other."""

log = get_logger(__name__)


def thumbnail_of_upload(store: ObjectStore, user_id: UUID, upload_id: UUID) -> bytes:
    """A JPEG of the user's uploaded clip.

    Raises PermanentError: NOT_FOUND when they have no such upload, THUMBNAIL_UNAVAILABLE when no
    frame can be read, or too many are being made. MontageError when the store does not answer.
    """
    from montage_pipeline.footage.stored_frame import frame_of_stored

    keys = list(store.list_keys(upload_key(user_id, upload_id, "")))
    stored = store.head(keys[0]) if keys else None
    if stored is None:
        raise PermanentError(ErrorCode.NOT_FOUND, f"There is no finished upload {upload_id}.")
    if not _AT_ONCE.acquire(timeout=_PATIENCE_S):
        raise PermanentError(
            ErrorCode.THUMBNAIL_UNAVAILABLE, "Too many pictures are being made; ask again later."
        )
    try:
        with tempfile.TemporaryDirectory(prefix="montage-thumbnail-") as folder:
            return frame_of_stored(
                store, stored.key, stored.bytes, stored.etag, max_side=_SIDE, folder=Path(folder)
            )
    except PermanentError as error:
        log.info("thumbnail_unavailable", code=error.code, reason=error.message)
        raise PermanentError(
            ErrorCode.THUMBNAIL_UNAVAILABLE, f"No frame of it can be shown: {error.message}."
        ) from error
    finally:
        _AT_ONCE.release()
