"""Chunks kept for later renders, in the object store.

After a change of music or of one segment the rest is not encoded again.

Belongs here: fetching, keeping and evicting chunks by their address.
Does not belong here: what the address is made of (the makers).
"""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from montage_pipeline.errors import MontageError
from montage_pipeline.logs import get_logger
from montage_pipeline.storage.keys import CHUNKS_PREFIX
from montage_pipeline.storage.object_store import ObjectStore

_CONTENT_TYPE = "video/x-nut"

_FRESH_SHARE = 0.25
"""Of the maximum age: a chunk that was marked as used this recently is not marked again, which
would cost a request for each use.
"""

_log = get_logger(__name__)


class ChunkStore(Protocol):
    """Where chunks are kept.

    It is a cache: a chunk that cannot be fetched or kept is made again, and the log says why.
    """

    def fetch(self, address: str, output: Path) -> bool:
        """Write the chunk to `output`; False when it is not here."""
        ...

    def keep(self, address: str, chunk: Path) -> None:
        """Keep a chunk."""
        ...


class ObjectChunkStore:
    """Chunks under CHUNKS_PREFIX in the object store, checked by their hash on the way back."""

    def __init__(self, store: ObjectStore, max_bytes: int, max_age: timedelta) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._max_age = max_age

    def fetch(self, address: str, output: Path) -> bool:
        """See ChunkStore."""
        key = CHUNKS_PREFIX + address
        try:
            stored = self._store.head(key)
            if stored is None or stored.sha256 is None:
                return False
            self._store.download(key, output)
            digest = _sha256_of(output)
            if digest != stored.sha256:
                _log.warning("kept_chunk_damaged", chunk=address)
                output.unlink()
                return False
            self._mark_used(key, stored.modified, digest)
        except MontageError as error:
            _log.warning("kept_chunk_unreadable", chunk=address, reason=error.message)
            output.unlink(missing_ok=True)
            return False
        return True

    def keep(self, address: str, chunk: Path) -> None:
        """See ChunkStore."""
        if chunk.stat().st_size > self._max_bytes:
            return
        try:
            self._store.put_file(
                CHUNKS_PREFIX + address,
                chunk,
                content_type=_CONTENT_TYPE,
                sha256=_sha256_of(chunk),
            )
        except MontageError as error:
            _log.warning("chunk_not_kept", chunk=address, reason=error.message)

    def evict(self) -> tuple[int, int]:
        """Remove chunks that are too old, then the longest unused ones above the size limit.

        Returns how many were removed and how many are left.
        """
        expired = datetime.now(UTC) - self._max_age
        listed = [
            (stored.modified, stored)
            for stored in self._store.list_objects(CHUNKS_PREFIX)
            if stored.modified is not None
        ]
        kept_bytes, removed = 0, 0
        for modified, stored in sorted(listed, key=lambda entry: entry[0], reverse=True):
            kept_bytes += stored.bytes
            if modified <= expired or kept_bytes > self._max_bytes:
                self._store.delete(stored.key)
                kept_bytes -= stored.bytes
                removed += 1
        return removed, len(listed) - removed

    def _mark_used(self, key: str, modified: datetime | None, digest: str) -> None:
        """Write the object anew if it is old: eviction goes by the time of the last write."""
        if modified is None or datetime.now(UTC) - modified <= self._max_age * _FRESH_SHARE:
            return
        self._store.copy(
            key, key, content_type=_CONTENT_TYPE, cache_control="no-store", sha256=digest
        )


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
