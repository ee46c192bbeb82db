"""A finished piece in the object store."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from montage_pipeline.music.composer import ComposedMusic
from montage_pipeline.music.track import store_track

if TYPE_CHECKING:
    from montage_pipeline.storage.object_store import ObjectStore


def test_a_track_in_the_store_is_the_file_with_its_facts(
    pieces: dict[str, ComposedMusic], object_store: "ObjectStore", tmp_path: Path
) -> None:
    music = pieces["minimal"]
    track = store_track(music, object_store, "1234")
    assert track.key == "work/1234/music.flac"
    assert track.content_type == "audio/flac"
    object_store.download(track.key, tmp_path / "back.flac")
    body = (tmp_path / "back.flac").read_bytes()
    assert body == music.path.read_bytes()
    assert (track.bytes, track.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert track.loudness_lufs == pytest.approx(-14, abs=0.5)
    assert (track.composer, track.grid, track.provider_request_id) == ("local", music.grid, None)
