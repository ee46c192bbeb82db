"""A segment at less than its clip's own speed shows the frames of that time, and in slow motion
each of them is another one of the clip's.
"""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from montage_pipeline.rendering.check import check_file
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline_tests.rendering.conftest import BOTH_ENGINES, ClipMaker
from montage_pipeline_tests.rendering.counters import (
    CounterClip,
    expected_number,
    read_number,
    source_times,
)
from montage_pipeline_tests.rendering.edits import Cut, frames_of, paths_of, timeline_of
from montage_pipeline_tests.rendering.test_likeness import miniatures_of, with_miniatures

pytestmark = pytest.mark.usefixtures("bare_footage")

_CODED = ("-c:v", "libx264", "-preset", "medium", "-bf", "3", "-b_strategy", "0", "-g", "250")
_CLIPS = {
    # Speeds at which every frame of the Reel is the next one of the clip, or the next but one.
    (CounterClip("f60.mp4", fps="60", video=_CODED, frames=150), Fraction(1, 2)): 1,
    (CounterClip("f59.mov", fps="60000/1001", frames=150), Fraction(1001, 2000)): 1,
    (CounterClip("f48.mkv", fps="48", frames=120), Fraction(5, 8)): 1,
    (CounterClip("f120.mp4", fps="120", frames=240), Fraction(1, 2)): 2,
    # Without: some frames are shown twice.
    (CounterClip("f30.mp4", fps="30", frames=90), Fraction(97, 100)): None,
    (CounterClip("f25.ts", fps="25", video=_CODED, frames=75), Fraction(985, 1000)): None,
}


def test_every_frame_is_the_one_of_its_time_at_that_speed(
    engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    cuts = [
        # A little into a frame, as the planner begins.
        Cut(clip(source), 0.5013, 24, speed=float(speed))
        for source, speed in _CLIPS
    ]
    timeline = timeline_of(cuts)
    output = tmp_path / "reel.mp4"
    engine.render(timeline, paths_of(cuts), music, output, lambda share: None)

    frames = frames_of(output)
    for segment, (source, speed), step in zip(
        timeline.segments, _CLIPS, _CLIPS.values(), strict=True
    ):
        facts = timeline.clips[segment.clip]
        shown = [read_number(next(frames), facts, segment.crop) for _ in range(segment.frames)]
        times = source_times(paths_of(cuts)[facts.url], facts.video_stream)
        first_s = Fraction(segment.source_in_s)
        assert shown == [
            expected_number(times, float(first_s + k * speed / 30)) for k in range(segment.frames)
        ], source.name
        if step is not None:
            assert {later - earlier for earlier, later in pairwise(shown)} == {step}, source.name
    assert next(frames, None) is None


@BOTH_ENGINES
def test_slow_motion_to_the_clips_last_frame_is_whole(
    engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    source = clip(CounterClip("f60.mp4", fps="60", video=_CODED, frames=150))
    cuts = [Cut(source, 1.5, 60, speed=0.5)]
    timeline = timeline_of(cuts)
    output = tmp_path / "reel.mp4"
    engine.render(timeline, paths_of(cuts), music, output, lambda share: None)
    facts, crop = timeline.clips[0], timeline.segments[0].crop
    shown = [read_number(frame, facts, crop) for frame in frames_of(output)]
    assert shown == [*range(90, 150)]


def test_the_finished_file_is_compared_at_the_times_it_shows(
    ffmpeg_engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    source = clip(CounterClip("f60.mp4", fps="60", video=_CODED, frames=150))
    cuts = [Cut(source, 0.301, 90, speed=0.5)]
    timeline = with_miniatures(timeline_of(cuts), {source.url: miniatures_of(source.path)})
    output = tmp_path / "reel.mp4"
    engine_run = ffmpeg_engine.render(timeline, paths_of(cuts), music, output, lambda share: None)
    assert engine_run.parts == 1
    rule = next(rule for rule in check_file(output, timeline).rules if "analysed" in rule.name)
    assert rule.holds
    assert int(rule.measured.split(" of ")[0]) == 3
