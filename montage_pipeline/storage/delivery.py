"""Delivery: the finished files move from `work/` to the keys they keep for good.

Belongs here: the final keys, and the promise that what lies there is what was rendered.
Does not belong here: how the store is spoken to (`object_store.py`).
"""

import hashlib
from pathlib import Path, PurePosixPath

from montage_pipeline import logs
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.storage.model import DeliveredObject, StoredObject
from montage_pipeline.storage.object_store import IMMUTABLE_CACHE_CONTROL, ObjectStore

log = logs.get_logger(__name__)

_KEY_HASH_DIGITS = 16


def deliver(
    store: ObjectStore,
    *,
    video_key: str,
    video_sha256: str,
    music_key: str,
    music_sha256: str,
    poster_key: str,
    user_id: str,
    content_item_id: str,
    workdir: Path,
) -> DeliveredObject:
    """Put a Reel with its music and poster under `reels/<user>/<item>/<first 16 digits of the
    video's sha256>`.

    The keys carry the content's hash, so delivering the same files again writes nothing (`uploaded`
    is False) and gives
    the same keys. Hashes are hex sha256. `workdir` is used only when the store cannot copy by
    itself.
    Raises PermanentError("store_missing") when a work file is gone,
    PermanentError("work_file_changed") when its content is not
    the one named; both are cured by making that file again.
    """
    base = f"reels/{user_id}/{content_item_id}/{video_sha256[:_KEY_HASH_DIGITS]}"
    music_suffix = PurePosixPath(music_key).suffix or ".bin"
    video, video_written = _place(store, video_key, f"{base}.mp4", video_sha256, workdir)
    music, music_written = _place(
        store, music_key, f"{base}.music{music_suffix}", music_sha256, workdir
    )
    poster, poster_written = _place(
        store, poster_key, f"{base}.jpg", _sha256_of(store, poster_key, workdir), workdir
    )
    return DeliveredObject(
        bucket=store.bucket,
        key=video.key,
        etag=video.etag,
        bytes=video.bytes,
        content_type=video.content_type,
        sha256=video_sha256,
        generated_media_url=store.media_url(video.key),
        music_url=store.media_url(music.key),
        poster_url=store.media_url(poster.key),
        uploaded=video_written or music_written or poster_written,
    )


def _place(
    store: ObjectStore, source_key: str, key: str, sha256: str, workdir: Path
) -> tuple[StoredObject, bool]:
    source = store.head(source_key)
    present = store.head(key)
    if (
        present is not None
        and store.stored_sha256(key) == sha256
        and (source is None or source.bytes == present.bytes)
    ):
        return present, False
    if source is None:
        raise PermanentError(
            ErrorCode.STORE_MISSING,
            f"{store.bucket}/{source_key} is not in the object store: make it again",
            bucket=store.bucket,
            key=source_key,
        )
    if (actual := _sha256_of(store, source_key, workdir)) != sha256:
        raise PermanentError(
            ErrorCode.WORK_FILE_CHANGED,
            f"{store.bucket}/{source_key} has sha256 {actual}, not {sha256}: another attempt wrote it; make it again",
            bucket=store.bucket,
            key=source_key,
        )
    try:
        stored = store.copy(
            source_key,
            key,
            content_type=source.content_type,
            cache_control=IMMUTABLE_CACHE_CONTROL,
            sha256=sha256,
        )
    except PermanentError as error:
        if error.details.get("status") not in {400, 405, 501}:
            raise
        # A store without CopyObject, or a source above its 5 GB limit: the bytes go through this
        # machine, and the log says so.
        log.warning(
            "the store cannot copy by itself; downloading and uploading instead",
            key=source_key,
            reason=error.message,
        )
        stored = _copy_through(store, source_key, key, source.content_type, sha256, workdir)
    if stored.bytes != source.bytes:
        raise PermanentError(
            ErrorCode.DELIVERY_INCOMPLETE,
            f"{store.bucket}/{key} has {stored.bytes} bytes, its source {source.bytes}",
            bucket=store.bucket,
            key=key,
        )
    return stored, True


def _copy_through(
    store: ObjectStore, source_key: str, key: str, content_type: str, sha256: str, workdir: Path
) -> StoredObject:
    local = workdir / PurePosixPath(key).name
    try:
        store.download(source_key, local)
        return store.put_file(
            key,
            local,
            content_type=content_type,
            cache_control=IMMUTABLE_CACHE_CONTROL,
            sha256=sha256,
        )
    finally:
        local.unlink(missing_ok=True)


def _sha256_of(store: ObjectStore, key: str, workdir: Path) -> str:
    """The hash recorded with the object, else of its bytes."""
    recorded = store.stored_sha256(key)
    if recorded is not None:
        return recorded
    local = workdir / PurePosixPath(key).name
    try:
        store.download(key, local)
        with local.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    finally:
        local.unlink(missing_ok=True)
