"""A long clip in the object store is rendered from the bytes that are used, and from the right
version of it.
"""

from pathlib import Path

import pytest

from montage_pipeline.errors import MontageError, PermanentError
from montage_pipeline.footage.fetching import fetch, ranges
from montage_pipeline.footage.fetching.fetch import ClipFetcher
from montage_pipeline.footage.model import ClipSource, FetchedClip
from montage_pipeline.footage.probe import probe
from montage_pipeline.rendering.engines import engine_for
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline_tests.rendering.counters import (
    CounterClip,
    expected_number,
    read_number,
    source_times,
    write_clip,
)
from montage_pipeline_tests.rendering.edits import Cut, frames_of, timeline_of

_LONG = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-qp", "8")
_CLIPS = [
    CounterClip(
        "end.mp4",
        frames=480,
        video=_LONG,
        audio="sine=330:duration=16",
        filters="noise=alls=12:allf=t",
    ),
    CounterClip("cues.mkv", frames=420, video=_LONG, filters="noise=alls=12:allf=t"),
]
_BLOCK = 1 << 16


@pytest.fixture(scope="module")
def long_clips(tmp_path_factory: pytest.TempPathFactory) -> list[FetchedClip]:
    folder = tmp_path_factory.mktemp("long")
    return [write_clip(clip, folder) for clip in _CLIPS]


def _fetcher(store: ObjectStore, folder: Path) -> ClipFetcher:
    return ClipFetcher(Settings(), store, folder)


@pytest.mark.parametrize("engine_name", ["ffmpeg", pytest.param("moviepy", marks=pytest.mark.slow)])
def test_only_what_is_used_is_fetched(
    engine_name: str,
    long_clips: list[FetchedClip],
    object_store: ObjectStore,
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetch, "_RANGE_FROM_BYTES", 1 << 20)
    monkeypatch.setattr(ranges, "BLOCK_BYTES", _BLOCK)
    stored = []
    with _fetcher(object_store, tmp_path / "first") as analysing:
        for clip in long_clips:
            object_store.put_file(f"uploads/{clip.path.name}", clip.path, content_type="video/mp4")
            stored.append(analysing.fetch(f"s3://{object_store.bucket}/uploads/{clip.path.name}"))
    cuts = [Cut(stored[0], 13.2, 20), Cut(stored[1], 10.7, 20), Cut(stored[0], 6.35, 15)]
    timeline = timeline_of(cuts)

    with _fetcher(object_store, tmp_path / "elsewhere") as rendering:
        sources: dict[str, ClipSource] = {
            facts.url: rendering.reach(facts, 1.2) for facts in timeline.clips
        }
        assert all(str(source).startswith("http://127.0.0.1:") for source in sources.values())
        output = tmp_path / "reel.mp4"
        engine_for(Settings(render_engine=engine_name)).render(
            timeline, sources, music, output, lambda share: None
        )
        assert rendering.range_error() is None
        assert rendering._ranges is not None
        fetched = rendering._ranges.fetched_bytes
    assert 0 < fetched < 0.3 * sum(clip.bytes for clip in long_clips)
    assert [
        entry
        for entry in (tmp_path / "elsewhere").rglob("*")
        if entry.is_file() and entry.suffix != ".lock"
    ] == []

    frames = frames_of(output)
    for segment in timeline.segments:
        facts = timeline.clips[segment.clip]
        times = source_times(long_clips[segment.clip].path, facts.video_stream)
        for k in range(segment.frames):
            assert read_number(next(frames), facts, segment.crop) == expected_number(
                times, segment.source_in_s + k / 30
            )


def test_small_or_much_used_clips_and_those_at_hand_are_files(
    long_clips: list[FetchedClip],
    object_store: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"s3://{object_store.bucket}/uploads/a.mp4"
    object_store.put_file("uploads/a.mp4", long_clips[0].path, content_type="video/mp4")
    with _fetcher(object_store, tmp_path / "first") as first:
        facts = probe(first.fetch(url))
        assert isinstance(first.reach(facts, 1.0), Path)
    with _fetcher(object_store, tmp_path / "small") as small:
        monkeypatch.setattr(fetch, "_RANGE_FROM_BYTES", 1 << 40)
        assert isinstance(small.reach(facts, 1.0), Path)
    monkeypatch.setattr(fetch, "_RANGE_FROM_BYTES", 1 << 20)
    with _fetcher(object_store, tmp_path / "much") as much:
        assert isinstance(much.reach(facts, 9.0), Path)


def test_a_clip_that_was_replaced_is_not_mixed_in(
    long_clips: list[FetchedClip],
    object_store: ObjectStore,
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetch, "_RANGE_FROM_BYTES", 1 << 20)
    monkeypatch.setattr(ranges, "BLOCK_BYTES", _BLOCK)
    url = f"s3://{object_store.bucket}/uploads/a.mkv"
    object_store.put_file("uploads/a.mkv", long_clips[1].path, content_type="video/x-matroska")
    with _fetcher(object_store, tmp_path / "first") as first:
        timeline = timeline_of([Cut(first.fetch(url), 12.0, 20)])
    with _fetcher(object_store, tmp_path / "second") as second:
        source = second.reach(timeline.clips[0], 0.7)
        object_store.put_bytes(
            "uploads/a.mkv",
            long_clips[1].path.read_bytes()[:-1] + b"\x01",
            content_type="video/x-matroska",
        )
        with pytest.raises(MontageError):
            engine_for(Settings()).render(
                timeline, {url: source}, music, tmp_path / "reel.mp4", lambda share: None
            )
        failure = second.range_error()
        assert isinstance(failure, PermanentError)
        assert failure.code == "store_changed"
        with pytest.raises(PermanentError) as changed:
            second.reach(timeline.clips[0], 0.7)
        assert changed.value.code == "clip_changed"
    assert not (tmp_path / "reel.mp4").exists()
