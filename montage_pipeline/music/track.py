"""A finished piece into the object store: the `music_track` asset's value."""

import hashlib
from pathlib import Path

from montage_pipeline.media.loudness import measure_loudness
from montage_pipeline.music.composer import ComposedMusic
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.storage.object_store import ObjectStore


def store_track(composed: ComposedMusic, store: ObjectStore, key_prefix: str) -> MusicTrack:
    """Measure and upload the file as `<key_prefix>/music.<ext>`, e.g. with the prefix
    `work/<request id>`.
    """
    loudness = measure_loudness(composed.path)
    sha256 = _sha256(composed.path)
    key = f"{key_prefix.rstrip('/')}/music{composed.path.suffix}"
    stored = store.put_file(key, composed.path, content_type=composed.content_type, sha256=sha256)
    return MusicTrack(
        key=key,
        sha256=sha256,
        bytes=stored.bytes,
        content_type=composed.content_type,
        duration_s=composed.duration_s,
        grid=composed.grid,
        loudness_lufs=loudness.integrated_lufs,
        true_peak_dbtp=loudness.true_peak_dbtp,
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
