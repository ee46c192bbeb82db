"""Parts kept for later renders, in the object store: a change of music or of one segment does not
encode the rest again.

Belongs here: fetching, keeping and evicting parts by their address. Does not belong here: what the
address is made of (part).
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
_FRESH_SHARE = 0.25  # of the longest age: a part older than that is marked as used when it is used

log = get_logger(__name__)


class ChunkStore(Protocol):
    """Where parts are kept.

    It is a cache: a part that cannot be had or kept is made again, and the log says why.
    """

    def fetch(self, address: str, output: Path) -> bool:
        """Write the part to `output`; False when it is not here."""
        ...

    def keep(self, address: str, part: Path) -> None:
        """Keep a part."""
        ...


class ObjectChunkStore:
    """Parts under `cache/chunks/` in the object store, checked by their hash on the way back."""

    def __init__(self, store: ObjectStore, max_bytes: int, max_age: timedelta) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._max_age = max_age

    def fetch(self, address: str, output: Path) -> bool:
        """See ChunkStore."""
        key = CHUNKS_PREFIX + address
        try:
            known = self._store.head(key)
            if known is None or known.sha256 is None:
                return False
            self._store.download(key, output)
            with output.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != known.sha256:
                log.warning("a kept part is damaged and is made again", part=address)
                output.unlink()
                return False
            if (
                known.modified is not None
                and datetime.now(UTC) - known.modified > self._max_age * _FRESH_SHARE
            ):
                # Writing it anew is how an object store notes a use: eviction goes by the time of
                # the last write.
                self._store.copy(
                    key, key, content_type=_CONTENT_TYPE, cache_control="no-store", sha256=found
                )
        except MontageError as error:
            log.warning(
                "kept parts cannot be read; the part is made again",
                part=address,
                reason=error.message,
            )
            output.unlink(missing_ok=True)
            return False
        return True

    def keep(self, address: str, part: Path) -> None:
        """See ChunkStore."""
        if part.stat().st_size > self._max_bytes:
            return
        try:
            with part.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self._store.put_file(
                CHUNKS_PREFIX + address, part, content_type=_CONTENT_TYPE, sha256=digest
            )
        except MontageError as error:
            log.warning(
                "a part could not be kept for later renders", part=address, reason=error.message
            )

    def evict(self) -> tuple[int, int]:
        """Remove parts that are too old, then the longest unused above the size limit; how many
        were removed and are left.
        """
        oldest = datetime.now(UTC) - self._max_age
        listed = [
            (one.modified, one)
            for one in self._store.list_objects(CHUNKS_PREFIX)
            if one.modified is not None
        ]
        size, removed = 0, 0
        for modified, one in sorted(listed, key=lambda entry: entry[0], reverse=True):
            size += one.bytes
            if modified <= oldest or size > self._max_bytes:
                self._store.delete(one.key)
                size -= one.bytes
                removed += 1
        return removed, len(listed) - removed
