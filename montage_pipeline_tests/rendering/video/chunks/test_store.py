"""Kept chunks: when a new one is needed, and that a kept one has the same frames."""

import hashlib
from datetime import timedelta
from pathlib import Path

import av
import pytest

from montage_pipeline.editing.timeline import Effect, Grade, Timeline
from montage_pipeline.footage.model import FrameRate
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.rendering.model import EngineRun
from montage_pipeline.rendering.video.chunks.store import ObjectChunkStore
from montage_pipeline.settings import Settings
from montage_pipeline.storage.keys import CHUNKS_PREFIX
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import CounterClip
from montage_pipeline_tests.rendering.edits import Cut, music_of, paths_of, timeline_of

_SOURCES = (CounterClip("f30.mov", fps="30"), CounterClip("f60.mp4", fps="60", frames=150))


def _frame_hashes(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [
            hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest()
            for frame in container.decode(video=0)
        ]


def _segment(timeline: Timeline, number: int, **changes: object) -> Timeline:
    segments = list(timeline.segments)
    segments[number] = segments[number].model_copy(update=changes)
    return timeline.model_copy(update={"segments": tuple(segments)})


@pytest.mark.parametrize(
    "changes",
    [("in point", "effect"), pytest.param(("crop", "grade"), marks=pytest.mark.slow)],
    ids=" and ".join,
)
def test_only_what_changed_is_encoded_and_kept_chunks_are_the_same_frames(
    changes: tuple[str, ...],
    object_store: ObjectStore,
    clip: ClipMaker,
    music: Path,
    tmp_path: Path,
) -> None:
    clips = [clip(source) for source in _SOURCES]
    cuts = [
        Cut(clips[0], 0.1, 20),
        Cut(clips[1], 0.3, 25),
        Cut(clips[0], 1.0, 22),
        Cut(clips[1], 1.4, 21),
    ]
    timeline, paths = timeline_of(cuts), paths_of(cuts)
    chunks = ObjectChunkStore(object_store, 10**9, timedelta(days=1))

    def render(
        edit: Timeline,
        name: str,
        *,
        kept: bool = True,
        sound: Path = music,
        settings: Settings | None = None,
    ) -> EngineRun:
        engine = FfmpegEngine(settings or Settings(), chunks if kept else None)
        return engine.render(edit, paths, sound, tmp_path / name, lambda share: None)

    first = render(timeline, "first.mp4")
    assert (first.parts, first.parts_reused) == (4, 0)
    whole = _frame_hashes(tmp_path / "first.mp4")

    # Music, gains and everything else that is only heard.
    heard = _segment(timeline, 1, clip_gain_db=-6.0).model_copy(
        update={"music": timeline.music.model_copy(update={"gain_db": -3.0})}
    )
    again = render(heard, "heard.mp4", sound=music_of(tmp_path / "other.wav", 5))
    assert again.parts_reused == 4
    assert _frame_hashes(tmp_path / "heard.mp4") == whole

    # Another order, and another place in the Reel.
    turned = timeline.model_copy(update={"segments": timeline.segments[::-1]})
    assert render(turned, "turned.mp4").parts_reused == 4

    edits: dict[str, Timeline] = {
        "in point": _segment(timeline, 2, source_in_s=timeline.segments[2].source_in_s + 0.1),
        "crop": _segment(timeline, 2, crop=timeline.segments[2].crop.model_copy(update={"x": 4})),
        "effect": _segment(timeline, 2, effect=Effect(name="InvertColors")),
        "grade": _segment(timeline, 2, grade=Grade(gamma=0.9)),
    }
    for name in changes:
        assert render(edits[name], "changed.mp4").parts_reused == 3, name
        fresh = render(edits[name], "fresh.mp4", kept=False)
        assert fresh.parts_reused == 0
        shown = _frame_hashes(tmp_path / "changed.mp4")
        assert shown == _frame_hashes(tmp_path / "fresh.mp4"), name
        assert [a == b for a, b in zip(shown, whole, strict=True)].count(True) >= 66, name

    replaced = timeline.model_copy(
        update={
            "clips": (timeline.clips[0].model_copy(update={"sha256": "1" * 64}), timeline.clips[1])
        }
    )
    assert render(replaced, "replaced.mp4").parts_reused == 2
    slower = timeline.model_copy(update={"fps": FrameRate(num=25, den=1)})
    assert render(slower, "slower.mp4").parts_reused == 0
    assert (
        render(timeline, "draft.mp4", settings=Settings(render_quality="draft")).parts_reused == 0
    )


def test_a_damaged_chunk_is_made_again_and_old_and_surplus_ones_go(
    object_store: ObjectStore, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    source = clip(_SOURCES[0])
    cuts = [Cut(source, 0.1, 20), Cut(source, 1.0, 20)]
    timeline = timeline_of(cuts)
    chunks = ObjectChunkStore(object_store, 10**9, timedelta(days=1))
    engine = FfmpegEngine(Settings(), chunks)
    engine.render(timeline, paths_of(cuts), music, tmp_path / "a.mp4", lambda share: None)
    keys = list(object_store.list_keys(CHUNKS_PREFIX))
    assert len(keys) == 2

    stored = object_store.head(keys[0])
    assert stored is not None
    bad = tmp_path / "bad.nut"
    bad.write_bytes(object_store.get_bytes(keys[0])[:-200] + bytes(200))
    object_store.put_file(keys[0], bad, content_type="video/x-nut", sha256=stored.sha256)
    run = engine.render(timeline, paths_of(cuts), music, tmp_path / "b.mp4", lambda share: None)
    assert run.parts_reused == 1
    assert _frame_hashes(tmp_path / "b.mp4") == _frame_hashes(tmp_path / "a.mp4")

    assert chunks.evict() == (0, 2)
    sizes = [stored.bytes for stored in object_store.list_objects(CHUNKS_PREFIX)]
    assert ObjectChunkStore(object_store, max(sizes), timedelta(days=1)).evict() == (1, 1)
    assert ObjectChunkStore(object_store, 10**9, timedelta(0)).evict() == (1, 0)


def test_a_store_that_is_down_does_not_stop_the_render(
    clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    nowhere = ObjectStore(
        endpoint_url="http://127.0.0.1:9",
        access_key_id="a",
        secret_access_key="b",
        bucket="c",
        attempts=1,
        read_timeout_s=1,
    )
    cuts = [Cut(clip(_SOURCES[0]), 0.1, 10)]
    engine = FfmpegEngine(Settings(), ObjectChunkStore(nowhere, 10**9, timedelta(days=1)))
    run = engine.render(
        timeline_of(cuts), paths_of(cuts), music, tmp_path / "reel.mp4", lambda share: None
    )
    assert run.parts_reused == 0
    assert (tmp_path / "reel.mp4").exists()
