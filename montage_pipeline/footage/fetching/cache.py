"""Clips kept on this machine: by content, with an index by address, shared by all processes.

Belongs here: where clip files lie, who may use and who may remove them. Does not belong here: how
bytes get here (web, bucket, disk).

A process that uses a clip holds a shared lock on its file; eviction takes only what nobody holds.
The locks are the kernel's, so they vanish with a process that dies.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.records import Record

_STALE_PART_S = 6 * 3600.0  # since it was last written; no download takes so long
_MAX_KEEP_TRIES = 20  # against an eviction between two steps, which is rare


class CachedSource(Record):
    """What one address gave when it was last fetched.

    `version` is the source's own mark (ETag, size and time).
    """

    sha256: str
    bytes: int
    version: str = ""


@dataclass(frozen=True)
class Arrival:
    """Bytes that came: where they lie, their hash, and the source's mark for this version."""

    part: Path
    sha256: str
    bytes: int
    version: str


class ClipCache:
    """Files under `folder`: `clips/<sha256>` and `sources/<hash of the address>.json`.

    One per fetcher; `close` lets go of the clips it handed out.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._clips = folder / "clips"
        self._sources = folder / "sources"
        self._parts = folder / "parts"
        self._links = folder / "links"
        self._max_bytes = max_bytes
        for subfolder in (self._clips, self._sources, self._parts):
            subfolder.mkdir(parents=True, exist_ok=True)
        self._held: dict[str, BinaryIO] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let other processes evict the clips this one used."""
        with self._lock:
            for file in self._held.values():
                file.close()
            self._held.clear()

    @contextmanager
    def alone_with(self, source: str) -> Iterator[None]:
        """Wait until no other thread or process is fetching the same address."""
        with (self._sources / f"{_name_of(source)}.lock").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def source(self, source: str) -> CachedSource | None:
        """What is remembered of an address; None when unknown."""
        try:
            return CachedSource.model_validate_json(
                (self._sources / f"{_name_of(source)}.json").read_bytes()
            )
        except (FileNotFoundError, ValidationError):
            return None

    def remember(self, source: str, cached: CachedSource) -> None:
        """Record what an address gave.

        The address itself is kept only as a hash, as it may carry a signature.
        """
        target = self._sources / f"{_name_of(source)}.json"
        part = self._parts / f"{target.name}.{secrets.token_hex(6)}"
        part.write_text(cached.model_dump_json())
        part.replace(target)

    def remembered(self, source: str) -> FetchedClip | None:
        """What an address gave when it was last fetched, held; None when that is not here."""
        known = self.source(source)
        path = self.hold(known.sha256) if known else None
        if known is None or path is None:
            return None
        return FetchedClip(
            url=source, path=path, sha256=known.sha256, bytes=known.bytes, version=known.version
        )

    def unchanged(self, source: str, version: str) -> FetchedClip | None:
        """What an address gave, held, if it was this version; None when that is not here."""
        known = self.source(source)
        return self.remembered(source) if known and known.version == version else None

    def add(self, source: str, arrival: Arrival) -> FetchedClip:
        """Keep what an address gave.

        Raises MontageError: CLIP_CACHE_FULL or CLIP_CACHE_FAILED.
        """
        cached = CachedSource(sha256=arrival.sha256, bytes=arrival.bytes, version=arrival.version)
        with cache_failures():
            path = self.keep(arrival.part, arrival.sha256)
            self.remember(source, cached)
        return FetchedClip(
            url=source, path=path, sha256=cached.sha256, bytes=cached.bytes, version=cached.version
        )

    def hold(self, sha256: str) -> Path | None:
        """The path of a cached clip, kept from eviction until `close`; None when it is not here."""
        path = self._clips / sha256
        with self._lock:
            if sha256 in self._held:
                return path
            try:
                file = path.open("rb")
            except FileNotFoundError:
                return None
            fcntl.flock(file, fcntl.LOCK_SH)
            if os.fstat(file.fileno()).st_nlink == 0:
                file.close()  # evicted between opening and locking
                return None
            self._held[sha256] = file
        with contextlib.suppress(OSError):
            os.utime(path)
        return path

    def utf8_path(self, path: Path) -> Path:
        """The path, or a link to it where its name is not UTF-8: decoders take no other."""
        try:
            str(path).encode()
        except UnicodeEncodeError:
            self._links.mkdir(exist_ok=True)
            link = self._links / hashlib.sha256(os.fsencode(path)).hexdigest()
            with contextlib.suppress(FileExistsError):
                link.symlink_to(path.absolute())
            return link
        return path

    def new_part(self) -> Path:
        """Where to write a clip that is on its way."""
        return self._parts / f"clip.{os.getpid()}.{secrets.token_hex(6)}"

    def new_folder(self) -> Path:
        """A folder for this process's temporary files; what is left of it goes with stale parts."""
        folder = self._parts / f"ranges.{os.getpid()}.{secrets.token_hex(6)}"
        folder.mkdir()
        return folder

    def keep(self, part: Path, sha256: str) -> Path:
        """Move a finished part into the cache and hold it.

        Makes room by removing what was not used for longest.
        """
        for _ in range(_MAX_KEEP_TRIES):
            # Linking, unlike renaming, never swaps the file under somebody who holds an equal one.
            if path := self.hold(sha256):
                part.unlink(missing_ok=True)
                self.evict()
                return path
            with contextlib.suppress(FileExistsError):
                os.link(part, self._clips / sha256)
        raise OSError(f"clip {sha256} was evicted again and again while it was being kept")

    def evict(self) -> None:
        """Remove abandoned parts, and the least recently used clips above the size limit.

        Clips in use are spared.
        """
        clips = []
        for path in self._clips.iterdir():
            with contextlib.suppress(FileNotFoundError):
                facts = path.stat()
                clips.append((facts.st_mtime_ns, facts.st_size, path))
        total = sum(size for _, size, _ in clips)
        for _, size, path in sorted(clips):
            if total <= self._max_bytes:
                break
            if _removed_unless_used(path):
                total -= size
        for part in self._parts.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - part.stat().st_mtime > _STALE_PART_S:
                    shutil.rmtree(part) if part.is_dir() else part.unlink()


@contextmanager
def cache_failures() -> Iterator[None]:
    """Say what a failure to write the cache means."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else str(error)
        raise MontageError(
            ErrorCode.CLIP_CACHE_FULL if full else ErrorCode.CLIP_CACHE_FAILED,
            f"the clip cache cannot be written: {reason}",
        ) from error


def _removed_unless_used(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def _name_of(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:40]
