"""Small pictures of uploaded clips, for pages whose browser cannot decode them.

Belongs here: whose clip it is, how many are made at once, and what a failure is called. Does not
belong here: decoding (footage).
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore, Lock
from uuid import UUID

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.logs import get_logger
from montage_pipeline.storage.keys import upload_key
from montage_pipeline.storage.model import StoredObject
from montage_pipeline.storage.object_store import ObjectStore

_SIDE = 320
"""Pixels of the longer side: sharp at the width of a row on a phone's screen of 3 px a point."""

_AT_ONCE = BoundedSemaphore(2)
"""In one process: each holds a decoder, and the API shares its machine with runs."""

_PATIENCE_S = 20.0
"""For one of these to get free; a page that drops twenty clips asks for one after the other."""

_MAX_WAITING = 8
_MAX_WAITING_EACH = 4
"""In one process, those being made included: in all, and of one user. Who waits holds one of the 40
threads in which the API answers everybody; who finds no place is refused at once.
"""

log = get_logger(__name__)


class Places:
    """Who waits for a picture."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._of: Counter[UUID] = Counter()

    @contextmanager
    def one_of(self, user_id: UUID) -> Iterator[None]:
        """A place for as long as the block lasts. Raises PermanentError when none is free."""
        with self._lock:
            taken = self._of.total()
            if taken >= _MAX_WAITING or self._of[user_id] >= _MAX_WAITING_EACH:
                raise _busy()
            self._of[user_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._of[user_id] -= 1
                self._of += Counter()  # forgets those with none


_places = Places()


def _busy() -> PermanentError:
    return PermanentError(
        ErrorCode.THUMBNAIL_UNAVAILABLE, "Too many pictures are being made; ask again later."
    )


def thumbnail_of_upload(
    store: ObjectStore, user_id: UUID, upload_id: UUID, time_s: float | None = None
) -> bytes:
    """A JPEG of the user's uploaded clip, `time_s` seconds into it; None: near its beginning.

    Raises PermanentError: NOT_FOUND when they have no such upload, THUMBNAIL_UNAVAILABLE when no
    frame can be read, or too many are being made. MontageError when the store does not answer.
    """
    keys = list(store.list_keys(upload_key(user_id, upload_id, "")))
    stored = store.head(keys[0]) if keys else None
    if stored is None:
        raise PermanentError(ErrorCode.NOT_FOUND, f"There is no finished upload {upload_id}.")
    with _places.one_of(user_id):
        return _made(store, stored, time_s)


def _made(store: ObjectStore, stored: StoredObject, time_s: float | None) -> bytes:
    from montage_pipeline.footage.stored_frame import Wanted, frame_of_stored

    if not _AT_ONCE.acquire(timeout=_PATIENCE_S):
        raise _busy()
    try:
        with tempfile.TemporaryDirectory(prefix="montage-thumbnail-") as folder:
            wanted = Wanted(time_s, _SIDE)
            return frame_of_stored(
                store, stored.key, stored.bytes, stored.etag, wanted, Path(folder)
            )
    except PermanentError as error:
        log.info("thumbnail_unavailable", code=error.code, reason=error.message)
        raise PermanentError(
            ErrorCode.THUMBNAIL_UNAVAILABLE, f"No frame of it can be shown: {error.message}."
        ) from error
    finally:
        _AT_ONCE.release()
