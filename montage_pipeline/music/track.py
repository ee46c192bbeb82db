"""Stores a finished piece: the value of the `music_track` asset."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

from montage_pipeline.media.loudness import measure_loudness
from montage_pipeline.music.composer import ComposedMusic
from montage_pipeline.music.listening import listen_to
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.storage.keys import work_key
from montage_pipeline.storage.object_store import ObjectStore


def store_track(composed: ComposedMusic, store: ObjectStore, request_id: UUID | str) -> MusicTrack:
    """Measure the file and upload it as `music.<ext>` among the request's working files."""
    with ThreadPoolExecutor(1, thread_name_prefix="listening") as beside:
        listening = beside.submit(listen_to, composed.path)
        loudness = measure_loudness(composed.path)
        sha256 = _sha256(composed.path)
        key = work_key(request_id, f"music{composed.path.suffix}")
        stored = store.put_file(
            key, composed.path, content_type=composed.content_type, sha256=sha256
        )
        sounding = listening.result().sounding

    return MusicTrack(
        key=key,
        sha256=sha256,
        bytes=stored.bytes,
        content_type=composed.content_type,
        duration_s=composed.duration_s,
        grid=composed.grid,
        loudness_lufs=loudness.integrated_lufs,
        true_peak_dbtp=loudness.true_peak_dbtp,
        sounding=sounding,
        mood=composed.mood,
        prompt=composed.prompt,
        composer=composed.composer,
        model=composed.model,
        provider_request_id=composed.provider_request_id,
        seed=composed.seed,
        warnings=composed.warnings,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
