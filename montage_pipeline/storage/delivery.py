"""Delivery: the finished files move from `work/` to the keys they keep for good.

Belongs here: the promise that what lies at the final keys is what was rendered. Does not belong
here: how the store is spoken to (`object_store`).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.logs import get_logger
from montage_pipeline.storage.keys import reel_key
from montage_pipeline.storage.model import DeliveredObject, StoredObject
from montage_pipeline.storage.object_store import IMMUTABLE_CACHE_CONTROL, ObjectStore

log = get_logger(__name__)

_CANNOT_COPY = {400, 405, 501}
"""How a store answers that has no CopyObject, or whose limit of 5 GB the source exceeds."""


@dataclass(frozen=True)
class WorkFile:
    """A file in the store, and the hash (hex) that it must have."""

    key: str
    sha256: str


@dataclass(frozen=True)
class ReelFiles:
    """What is delivered of one Reel. The hashes of poster and covers are taken as they are found.

    `cover_keys` are further frames that could be the poster.
    """

    video: WorkFile
    music: WorkFile
    poster_key: str
    cover_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReelOwner:
    """Whose Reel it is, and of which item."""

    user_id: str
    content_item_id: str


@dataclass(frozen=True)
class Route:
    """From where to where: `reels` may be another bucket of the same store, which everybody may
    read. `workdir` is used only when the store cannot copy by itself.
    """

    work: ObjectStore
    reels: ObjectStore
    workdir: Path


def deliver(route: Route, files: ReelFiles, owner: ReelOwner) -> DeliveredObject:
    """Put a Reel with its music and poster under `keys.reel_key`.

    The keys carry the content's hash, so delivering the same files again writes nothing (`uploaded`
    is False) and gives the same keys.

    Raises PermanentError: STORE_MISSING when a work file is gone, WORK_FILE_CHANGED when its
    content is not the one named; making that file again cures both.
    """
    base = reel_key(owner.user_id, owner.content_item_id, files.video.sha256)
    music_suffix = PurePosixPath(files.music.key).suffix or ".bin"
    placing, reels = _Placing(route), route.reels
    video = placing.place(files.video, f"{base}.mp4")
    music = placing.place(files.music, f"{base}.music{music_suffix}")
    poster = placing.place_still(files.poster_key, f"{base}.jpg")
    covers = [
        placing.place_still(key, f"{base}.cover-{rank}.jpg")
        for rank, key in enumerate(files.cover_keys, start=2)
    ]

    return DeliveredObject(
        bucket=reels.bucket,
        key=video.key,
        etag=video.etag,
        bytes=video.bytes,
        content_type=video.content_type,
        sha256=files.video.sha256,
        generated_media_url=reels.media_url(video.key),
        music_url=reels.media_url(music.key),
        poster_url=reels.media_url(poster.key),
        cover_keys=tuple(still.key for still in (poster, *covers)),
        uploaded=placing.written,
    )


class DeliveredFile(NamedTuple):
    """A file beside an item's Reel, with its poster, and where they can be watched."""

    bytes: int
    url: str
    poster_url: str


def deliver_file(route: Route, video: WorkFile, poster_key: str, owner: ReelOwner) -> DeliveredFile:
    """Put a further file of an item, the Reel in another shape or a preview of it, where Reels
    are; as `deliver` does, and raising what it raises.
    """
    base = reel_key(owner.user_id, owner.content_item_id, video.sha256)
    placing, reels = _Placing(route), route.reels
    placed = placing.place(video, f"{base}.mp4")
    poster = placing.place_still(poster_key, f"{base}.jpg")
    return DeliveredFile(placed.bytes, reels.media_url(placed.key), reels.media_url(poster.key))


class _Placing:
    """Puts files at their final keys; `written` says whether anything had to be."""

    def __init__(self, route: Route) -> None:
        self.written = False
        self._work = route.work
        self._reels = route.reels
        self._workdir = route.workdir

    def place_still(self, key: str, final_key: str) -> StoredObject:
        """The object at `final_key`, after it holds the frame at `key`, whatever that is."""
        return self.place(WorkFile(key, self.sha256_of(key)), final_key)

    def place(self, file: WorkFile, key: str) -> StoredObject:
        """The object at `key`, after it holds the content of `file`."""
        work, reels = self._work, self._reels
        source = work.head(file.key)
        present = reels.head(key)
        if (
            present is not None
            and reels.stored_sha256(key) == file.sha256
            and (source is None or source.bytes == present.bytes)
        ):
            return present

        if source is None:
            raise PermanentError(
                ErrorCode.STORE_MISSING,
                f"{work.bucket}/{file.key} is not in the object store: make it again",
                bucket=work.bucket,
                key=file.key,
            )
        if (actual := self.sha256_of(file.key)) != file.sha256:
            raise PermanentError(
                ErrorCode.WORK_FILE_CHANGED,
                f"{work.bucket}/{file.key} has sha256 {actual}, not {file.sha256}: "
                "another attempt wrote it; make it again",
                bucket=work.bucket,
                key=file.key,
            )

        stored = self._copied(file, key, source.content_type)
        if stored.bytes != source.bytes:
            raise PermanentError(
                ErrorCode.DELIVERY_INCOMPLETE,
                f"{reels.bucket}/{key} has {stored.bytes} bytes, its source {source.bytes}",
                bucket=reels.bucket,
                key=key,
            )
        self.written = True
        return stored

    def _copied(self, file: WorkFile, key: str, content_type: str) -> StoredObject:
        try:
            return self._reels.copy(
                file.key,
                key,
                source_bucket=self._work.bucket,
                content_type=content_type,
                cache_control=IMMUTABLE_CACHE_CONTROL,
                sha256=file.sha256,
            )
        except PermanentError as error:
            if error.details.get("status") not in _CANNOT_COPY:
                raise
            # The bytes pass through this machine instead.
            log.warning("store_cannot_copy", key=file.key, reason=error.message)
            return self._copied_through_here(file, key, content_type)

    def _copied_through_here(self, file: WorkFile, key: str, content_type: str) -> StoredObject:
        local = self._workdir / PurePosixPath(key).name
        try:
            self._work.download(file.key, local)
            return self._reels.put_file(
                key,
                local,
                content_type=content_type,
                cache_control=IMMUTABLE_CACHE_CONTROL,
                sha256=file.sha256,
            )
        finally:
            local.unlink(missing_ok=True)

    def sha256_of(self, key: str) -> str:
        """The hash recorded with a work file, else that of its bytes."""
        recorded = self._work.stored_sha256(key)
        if recorded is not None:
            return recorded
        local = self._workdir / PurePosixPath(key).name
        try:
            self._work.download(key, local)
            with local.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        finally:
            local.unlink(missing_ok=True)
