"""Every frame of the finished file is the one the timeline names, whatever the clip's clock is
like.
"""

from pathlib import Path

import pytest

from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.rendering.render import render_checked
from montage_pipeline_tests.rendering.conftest import BOTH_ENGINES, ClipMaker
from montage_pipeline_tests.rendering.counters import (
    CounterClip,
    expected_number,
    read_number,
    source_times,
)
from montage_pipeline_tests.rendering.edits import Cut, frames_of, paths_of, timeline_of

_B_FRAMES = (
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-bf",
    "3",
    "-b_strategy",
    "0",
    "-g",
    "250",
    "-crf",
    "16",
)
# Holes of up to 0.4 s and frames 10 ms apart, as phones and screen recorders write them.
_UNEVEN = "settb=1/1000,setpts='1000*(N/24+0.15*floor(N/7)+0.009*mod(N,3))'"
_CLOCKS = [
    CounterClip("f10.mp4", fps="10", frames=30),
    CounterClip("f12.mp4", fps="25/2", frames=36),
    CounterClip("f24.mkv", fps="24"),
    CounterClip("f25.mp4", fps="25", video=_B_FRAMES, frames=75),
    CounterClip("f29.mp4", fps="30000/1001", video=_B_FRAMES, frames=75),
    CounterClip("f30.mov", fps="30"),
    CounterClip("f60.mp4", fps="60", video=_B_FRAMES, frames=150),
    CounterClip("uneven.mkv", fps="24", filters=_UNEVEN, frames=70),
    CounterClip(
        "uneven.mp4",
        fps="24",
        filters=_UNEVEN,
        frames=70,
        video=_B_FRAMES,
        extra=("-video_track_timescale", "90000"),
    ),
    CounterClip(
        "late.mp4",
        video=_B_FRAMES,
        output=("-output_ts_offset", "1.7"),
        audio="sine=440:duration=2",
    ),
    CounterClip("late.mkv", output=("-output_ts_offset", "0.033")),
    CounterClip("broadcast.ts", fps="25", video=_B_FRAMES),
    CounterClip(
        "late.ts",
        fps="30000/1001",
        output=("-output_ts_offset", "3600"),
        audio="sine=440:duration=2",
    ),
    CounterClip(
        "web.webm",
        video=(
            "-c:v",
            "libvpx",
            "-threads",
            "1",
            "-deadline",
            "realtime",
            "-cpu-used",
            "8",
            "-b:v",
            "1M",
            "-g",
            "60",
        ),
    ),
    CounterClip(
        "hevc.mp4",
        video=(
            "-c:v",
            "libx265",
            "-preset",
            "ultrafast",
            "-x265-params",
            "log-level=none:open-gop=1:keyint=20",
            "-crf",
            "14",
        ),
    ),
    CounterClip("motion.avi", video=("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p")),
]


@pytest.mark.parametrize(
    ("engine", "fps"),
    [
        ("ffmpeg", (30, 1)),
        pytest.param("ffmpeg", (30000, 1001), marks=pytest.mark.slow),
        pytest.param("moviepy", (30, 1), marks=pytest.mark.slow),
    ],
    indirect=["engine"],
)
def test_every_frame_is_the_one_on_screen_at_its_time(
    engine: RenderEngine, fps: tuple[int, int], clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    clips: list[FetchedClip] = [clip(clock) for clock in _CLOCKS]
    cuts = [Cut(made, 1.1234, 19) for made in clips]
    if fps == (30, 1):
        # The very start where it is not zero, and a segment of a single frame.
        cuts += [Cut(made, 0.0, 4) for made in clips[6:13]] + [Cut(clips[3], 0.71, 1)]
    timeline = timeline_of(cuts, fps=fps)
    assert [
        facts.url.rsplit("/", 1)[1] for facts in timeline.clips if facts.variable_frame_rate
    ] == ["uneven.mkv", "uneven.mp4"]

    video, _, _, _, check, _ = render_checked(
        timeline, paths_of(cuts), music, tmp_path, engine, lambda share: None
    )

    expected: list[int] = []
    for segment in timeline.segments:
        facts = timeline.clips[segment.clip]
        times = source_times(paths_of(cuts)[facts.url], facts.video_stream)
        expected += [
            expected_number(times, segment.source_in_s + k * fps[1] / fps[0])
            for k in range(segment.frames)
        ]
    shown: list[int] = []
    frames = frames_of(video)
    for segment in timeline.segments:
        facts = timeline.clips[segment.clip]
        shown += [read_number(next(frames), facts, segment.crop) for _ in range(segment.frames)]
    assert shown == expected
    assert check.frames == timeline.total_frames == len(expected)
    assert next(frames, None) is None


@BOTH_ENGINES
def test_the_last_frame_stays_for_its_own_time(
    engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    source = clip(CounterClip("f10.mp4", fps="10", frames=30))
    cuts = [Cut(source, 2.5, 15)]
    timeline = timeline_of(cuts)
    output = tmp_path / "reel.mp4"
    engine.render(timeline, paths_of(cuts), music, output, lambda share: None)
    shown = [
        read_number(frame, timeline.clips[0], timeline.segments[0].crop)
        for frame in frames_of(output)
    ]
    assert shown == [25] * 3 + [26] * 3 + [27] * 3 + [28] * 3 + [29] * 3
