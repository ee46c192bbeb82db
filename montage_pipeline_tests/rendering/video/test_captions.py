"""A caption is on the frames of its segment and nowhere else, the same in both engines."""

from datetime import timedelta
from pathlib import Path

import numpy as np

from montage_pipeline.captions.layout import safe_box
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.rendering.video.chunks.store import ObjectChunkStore
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.captions.drawing import ink_box
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import CounterClip
from montage_pipeline_tests.rendering.edits import Cut, frames_of, paths_of, timeline_of

_CLIP = CounterClip("f30.mov", fps="30")
_WIDTH, _HEIGHT = 360, 640


def _captioned(timeline: Timeline, number: int, text: str) -> Timeline:
    segments = list(timeline.segments)
    segments[number] = segments[number].model_copy(update={"caption": text})
    return timeline.model_copy(update={"segments": tuple(segments)})


def test_only_the_frames_of_its_segment_show_it_and_only_in_the_safe_box(
    engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    source = clip(_CLIP)
    cuts = [Cut(source, 0.1, 8), Cut(source, 0.8, 8)]
    plain = timeline_of(cuts, width=_WIDTH, height=_HEIGHT)
    for name, edit in {
        "plain": plain,
        "text": _captioned(plain, 0, "Three days by the sea"),
    }.items():
        engine.render(edit, paths_of(cuts), music, tmp_path / f"{name}.mp4", lambda share: None)
    without, text = (
        np.stack(list(frames_of(tmp_path / f"{name}.mp4"))).astype(int)
        for name in ("plain", "text")
    )
    assert (text[8:] == without[8:]).all()
    # What the encoder does about the text elsewhere is faint.
    changed = (np.abs(text[:8] - without[:8]) > 90).any(axis=-1)
    box = safe_box(Format.REEL, _WIDTH, _HEIGHT)
    for frame in changed:
        left, top, right, bottom = ink_box(frame.astype(np.uint8), 0)
        assert box.left <= left
        assert right <= box.right
        assert box.top <= top
        assert bottom <= box.bottom
        assert frame.sum() > 0.01 * _WIDTH * _HEIGHT
    white = (text[:8] > 215).all(axis=-1) & changed
    assert (white.all(axis=0).sum() / white.any(axis=0).sum()) > 0.3, "the letters stand still"


def test_both_engines_draw_the_same(clip: ClipMaker, music: Path, tmp_path: Path) -> None:
    from montage_pipeline.rendering.moviepy_engine import MoviePyEngine

    cuts = [Cut(clip(_CLIP), 0.1, 6)]
    timeline = _captioned(timeline_of(cuts, width=_WIDTH, height=_HEIGHT), 0, "سلام Reel 🎉")
    for engine in (FfmpegEngine(Settings()), MoviePyEngine(Settings())):
        engine.render(
            timeline, paths_of(cuts), music, tmp_path / f"{engine.name}.mp4", lambda share: None
        )
    ours, theirs = (
        np.stack(list(frames_of(tmp_path / f"{name}.mp4"))).astype(int)
        for name in ("ffmpeg", "moviepy")
    )
    assert np.abs(ours - theirs).mean() < 3


def test_a_caption_makes_only_its_own_chunk_anew(
    object_store: ObjectStore, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    cuts = [Cut(clip(_CLIP), 0.1, 6), Cut(clip(_CLIP), 0.8, 6), Cut(clip(_CLIP), 1.3, 6)]
    timeline = timeline_of(cuts, width=_WIDTH, height=_HEIGHT)
    engine = FfmpegEngine(Settings(), ObjectChunkStore(object_store, 10**9, timedelta(days=1)))

    def reused(edit: Timeline) -> int:
        return engine.render(
            edit, paths_of(cuts), music, tmp_path / "reel.mp4", lambda share: None
        ).parts_reused

    first = _captioned(timeline, 0, "One")
    assert [
        reused(edit) for edit in (timeline, first, first, _captioned(timeline, 0, "Two"), timeline)
    ] == [0, 2, 3, 2, 3]
    assert reused(first.model_copy(update={"segments": first.segments[::-1]})) == 3
    assert reused(first.model_copy(update={"format": Format.SQUARE})) == 2, "another safe box"
