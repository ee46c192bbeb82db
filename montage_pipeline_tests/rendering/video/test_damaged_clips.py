"""A damaged clip is right where it is whole; what cannot be shown right is refused."""

import time
from pathlib import Path

import numpy as np
import pytest

from montage_pipeline.errors import PermanentError
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.probe import probe_with_notes
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import CounterClip, read_number, run
from montage_pipeline_tests.rendering.edits import Cut, timeline_of
from montage_pipeline_tests.rendering.sources import X265, as_fetched, coded, remuxed, written
from montage_pipeline_tests.rendering.video.any_source import LONG, rendered


def test_damaged_clip_ends_in_time_and_is_right_where_it_is_whole(
    clip: ClipMaker, media: Path, music: Path, tmp_path: Path, ffmpeg_engine: RenderEngine
) -> None:
    chance, cuts = np.random.default_rng(3), []
    hevc = CounterClip(
        "whole-hevc.mkv", frames=75, width=192, height=144, video=(*X265, "-g", "15")
    )
    for source, name in (
        (remuxed(clip(LONG), "whole-damaged.ts", "-c", "copy"), "damaged.ts"),
        (clip(hevc), "damaged.mkv"),
    ):
        content = bytearray(source.path.read_bytes())
        for place in chance.integers(int(len(content) * 0.45), int(len(content) * 0.7), 10):
            content[place : place + 30] = chance.bytes(30)
        cuts.append(Cut(written(media, name, bytes(content)), 0.2, 65))
    timeline = timeline_of(cuts)
    began_s = time.monotonic()
    shown = iter(rendered(ffmpeg_engine, cuts, music, tmp_path))
    assert time.monotonic() - began_s < 60
    for segment in timeline.segments:
        numbers = [
            read_number(next(shown), timeline.clips[segment.clip], segment.crop) for _ in range(65)
        ]
        assert numbers[:20] == list(range(6, 26))
        assert numbers[-5:] == list(range(66, 71))


def test_clip_that_ends_before_its_time_is_named(
    clip: ClipMaker, media: Path, music: Path, tmp_path: Path, engine: RenderEngine
) -> None:
    uneven = "settb=1/1000,setpts='1000*(N/24+0.15*floor(N/7)+0.009*mod(N,3))'"
    source = clip(
        CounterClip("ends-early.mkv", fps="24", filters=uneven, frames=70, width=192, height=144)
    )
    cuts = [Cut(source, 2.2, 40)]
    timeline = timeline_of(cuts)
    assert timeline.clips[0].variable_frame_rate
    content = source.path.read_bytes()
    cut = written(media, "ended-early.mkv", content[: len(content) * 6 // 10])
    with pytest.raises(RenderError, match=r"ends-early\.mkv"):
        engine.render(
            timeline, {source.url: cut.path}, music, tmp_path / "reel.mp4", lambda share: None
        )
    assert not (tmp_path / "reel.mp4").exists()


def test_what_cannot_be_shown_right_is_refused(clip: ClipMaker, media: Path) -> None:
    def code(refused: FetchedClip) -> str:
        with pytest.raises(PermanentError) as caught:
            probe_with_notes(refused)
        return caught.value.code

    assert (
        code(clip(coded("ycgco.mp4", "yuv444p", tags="ycgco/bt709/bt709"))) == "clip_strange_colour"
    )
    # Dolby Vision's own colours (profile 5) come without tags, and nothing but its decoder makes
    # them right.
    dolby = coded(
        "dolby.mp4", "yuv420p10le", (*X265, "-tag:v", "dvh1", "-strict", "unofficial"), tags=""
    )
    assert code(clip(dolby)) == "clip_strange_colour"
    huge = [
        "-f",
        "lavfi",
        "-i",
        "color=s=9600x8000:r=5:d=0.4,format=yuvj420p",
        "-c:v",
        "mjpeg",
        "-q:v",
        "20",
    ]
    run([*huge, str(media / "huge.mov")])
    assert code(as_fetched(media / "huge.mov")) == "clip_bad_size"
    stored = clip(LONG).path.read_bytes()
    assert (
        code(written(media, "no-index.mp4", stored[: len(stored) * 7 // 10])) == "clip_unreadable"
    )
    assert code(written(media, "nothing.mp4", stored[:3000])) == "clip_unreadable"
