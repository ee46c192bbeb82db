"""What a deleted item leaves in the object store, and getting rid of it."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.logs import get_logger
from montage_pipeline.requests.deletion import Leavings, Purge
from montage_pipeline.storage.keys import (
    CHUNKS_PREFIX,
    UPLOAD_KEPT,
    UPLOADS_PREFIX,
    measures_of,
    reels_of,
    uploads_of,
    work_key,
)
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Step

log = get_logger(__name__)

_WITH_LATECOMERS = 2
"""Sweeps over what a run writes: one at once, one when a run that was canceled has surely ended."""

_RENDERED = f"{Step.RENDERED_VIDEO}.json"


def purges_of(leavings: Leavings, bucket: str) -> Iterator[Purge]:
    """Everything the item had in the store, and the uploads that only it used; and what was
    measured in any clip of the user, which holds small frames of them. It can be measured again.
    """
    for request_id in leavings.request_ids:
        yield Purge(work_key(request_id, ""), _WITH_LATECOMERS)
    yield Purge(reels_of(leavings.user_id, leavings.content_item_id), _WITH_LATECOMERS)
    yield Purge(measures_of(leavings.user_id), 1)

    own_uploads = uploads_of(leavings.user_id)
    folders = set()
    for url in leavings.urls:
        parts = urlsplit(url)
        key = parts.path.lstrip("/")
        if parts.scheme == "s3" and parts.netloc == bucket and key.startswith(own_uploads):
            folders.add(key.rsplit("/", 1)[0] + "/")
    # Once only: the URL to upload to is valid for a while, and what comes later is wanted again.
    yield from (Purge(folder, 1) for folder in sorted(folders))


def purge(store: ObjectStore, prefix: str) -> bool:
    """Delete every object whose key begins with this; False when the store does not let us.

    With a request's work go the encoded segments that it left in the cache. Whoever else could have
    used one makes it again.
    """
    try:
        for address in _chunks(store, prefix):
            store.delete(CHUNKS_PREFIX + address)
        for key in list(store.list_keys(prefix)):
            store.delete(key)
    except MontageError as error:
        log.warning("purge_failed", prefix=prefix, code=error.code, error=error.message)
        return False
    return True


_HOUR_S = 3600.0
_next_look_s = 0.0


def abort_old_uploads(store: ObjectStore) -> None:
    """Once an hour and process: drop uploads in parts that nobody completed in time."""
    global _next_look_s
    now_s = time.monotonic()
    if now_s < _next_look_s:
        return
    _next_look_s = now_s + _HOUR_S
    try:
        aborted = store.multipart.abort_old(UPLOADS_PREFIX, datetime.now(UTC) - UPLOAD_KEPT)
    except MontageError as error:
        log.warning("uploads_not_aborted", code=error.code, error=error.message)
        return
    if aborted:
        log.info("uploads_aborted", count=aborted)


def _chunks(store: ObjectStore, prefix: str) -> list[str]:
    """The addresses of the chunks that a request's render used, if this is a request's work."""
    try:
        rendered = json.loads(store.get_bytes(prefix + _RENDERED))
    except MontageError as error:
        if error.code is ErrorCode.STORE_MISSING:
            return []
        raise
    addresses: list[str] = []
    # Documents of earlier releases do not name them; those chunks go when they are old.
    with suppress(KeyError, TypeError):
        files = [rendered, *rendered.get("formats", [])]
        addresses = [str(address) for file in files for address in file["run"]["chunks"]]
    return addresses
