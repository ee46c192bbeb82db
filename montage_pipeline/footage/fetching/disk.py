"""Files of this machine, read where they lie. For development and the command line only."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.fetching.cache import CachedSource, ClipCache
from montage_pipeline.footage.fetching.limits import Limits
from montage_pipeline.footage.fetching.sniff import HEAD_BYTES
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.names import printable

_CHUNK_BYTES = 1 << 20  # read at a time


def fetch_from_disk(cache: ClipCache, url: str, path: Path, limits: Limits) -> FetchedClip:
    """A local file; its hash is remembered as long as it is unchanged.

    Raises PermanentError: CLIP_NOT_FOUND, CLIP_REFUSED, CLIP_TOO_LARGE or CLIP_NOT_VIDEO;
    MontageError: CLIP_FETCH_FAILED.
    """
    with _file_failures(url, path):
        status = path.stat()
        if not path.is_file():
            raise PermanentError(
                ErrorCode.CLIP_NOT_VIDEO, f"{printable(path.name)} is not a file", url=url
            )
        limits.refuse_size(url, status.st_size)

    version = f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
    known = cache.source(url)
    if known is None or known.version != version:
        with _file_failures(url, path):
            sha256 = _checked_sha256(url, path, limits)
        known = CachedSource(sha256=sha256, bytes=status.st_size, version=version)
        cache.remember(url, known)
    readable = cache.utf8_path(path)
    return FetchedClip(url=url, path=readable, sha256=known.sha256, bytes=known.bytes)


@contextmanager
def _file_failures(url: str, path: Path) -> Iterator[None]:
    """Say what a failure to read the file means."""
    try:
        yield
    except FileNotFoundError as error:
        raise PermanentError(
            ErrorCode.CLIP_NOT_FOUND, f"there is no file {printable(str(path))}", url=url
        ) from error
    except PermissionError as error:
        raise PermanentError(
            ErrorCode.CLIP_REFUSED,
            f"{printable(str(path))} cannot be read: permission denied",
            url=url,
        ) from error
    except OSError as error:
        raise MontageError(
            ErrorCode.CLIP_FETCH_FAILED,
            f"{printable(str(path))} cannot be read: {error.strerror or error}",
            url=url,
        ) from error


def _checked_sha256(url: str, path: Path, limits: Limits) -> str:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        limits.refuse_start(url, head)
        digest = hashlib.sha256(head)
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
