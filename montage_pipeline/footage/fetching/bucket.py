"""Files of our own bucket: s3:// addresses.

Belongs here: which of them may be read, and downloading one whole. Does not belong here: reading
ranges of one (ranges), the bucket itself (storage).
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.fetching.cache import Arrival, ClipCache, cache_failures
from montage_pipeline.footage.fetching.limits import Limits
from montage_pipeline.footage.fetching.sniff import HEAD_BYTES
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.names import clip_name

if TYPE_CHECKING:
    from montage_pipeline.storage.model import StoredObject


class ClipStore(Protocol):
    """What is needed of the object store; `ObjectStore` is one."""

    bucket: str

    def head(self, key: str) -> "StoredObject | None":
        """The object's facts, or None."""
        ...

    def download(self, key: str, path: Path) -> None:
        """Write the object to `path`."""
        ...

    def get_range(self, key: str, start: int, length: int, *, etag: str) -> bytes:
        """Some bytes of the object, if it still has this ETag."""
        ...


def fetch_from_bucket(
    cache: ClipCache, store: ClipStore | None, url: str, limits: Limits
) -> FetchedClip:
    """An object of our bucket, from the cache as long as it is unchanged.

    Raises PermanentError: CLIP_BAD_URL (another bucket), CLIP_NOT_FOUND, CLIP_TOO_LARGE or
    CLIP_NOT_VIDEO; and MontageError for what may pass.
    """
    key = key_in_bucket(store, url)
    if store is None or key is None:
        raise PermanentError(
            ErrorCode.CLIP_BAD_URL,
            f"{url}: s3:// addresses can only name files of our own bucket",
            url=url,
        )
    stored = store.head(key)
    if stored is None:
        raise PermanentError(
            ErrorCode.CLIP_NOT_FOUND,
            f"{clip_name(url)} is not in the bucket; was the upload finished?",
            url=url,
        )
    limits.refuse_size(url, stored.bytes)

    version = version_of(stored)
    with cache.alone_with(url):
        if (held := cache.unchanged(url, version)) is not None:
            return held
        part = cache.new_part()
        try:
            with cache_failures():
                store.download(key, part)
                sha256 = _checked_sha256(url, part, stored, limits)
                return cache.add(url, Arrival(part, sha256, part.stat().st_size, version))
        finally:
            part.unlink(missing_ok=True)


def key_in_bucket(store: ClipStore | None, url: str) -> str | None:
    """The key that an s3:// address names in our bucket; None for any other address."""
    parts = urlsplit(url)
    if store is None or parts.scheme != "s3" or parts.netloc != store.bucket:
        return None
    return unquote(parts.path.removeprefix("/"))


def version_of(stored: "StoredObject") -> str:
    """The mark of an object's content."""
    return f"{stored.etag}:{stored.bytes}"


def _checked_sha256(url: str, part: Path, stored: "StoredObject", limits: Limits) -> str:
    with part.open("rb") as file:
        limits.refuse_start(url, file.read(HEAD_BYTES), stored.content_type)
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()
