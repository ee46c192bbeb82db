"""The check of the finished file finds what was done to it, and names the rule."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import MontageError
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.rendering import check
from montage_pipeline.rendering.check import BadRender, check_file
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.settings import Settings
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import (
    CounterClip,
    expected_number,
    read_number,
    run,
    source_times,
)
from montage_pipeline_tests.rendering.edits import (
    HEIGHT,
    WIDTH,
    Cut,
    frames_of,
    paths_of,
    timeline_of,
)

Reel = tuple[Path, Timeline, FetchedClip]
_BARE = ("-movflags", "+faststart", "-use_editlist", "0")


@pytest.fixture(scope="module")
def reel(clip: ClipMaker, music: Path, tmp_path_factory: pytest.TempPathFactory) -> Reel:
    source = clip(CounterClip("f30.mov", fps="30"))
    cuts = [Cut(source, 0.2, 50), Cut(source, 0.5, 40)]
    timeline = timeline_of(cuts)
    path = tmp_path_factory.mktemp("reel") / "reel.mp4"
    FfmpegEngine(Settings()).render(timeline, paths_of(cuts), music, path, lambda share: None)
    return path, timeline, source


def test_good_file_passes_with_its_figures(reel: Reel) -> None:
    path, timeline, _ = reel
    found = check_file(path, timeline)
    assert (found.width, found.height, found.frames) == (WIDTH, HEIGHT, 90)
    assert found.fps.fraction == 30
    assert found.duration_s == 3.0
    assert (found.video_codec, found.pixel_format, found.color_space) == (
        "h264",
        "yuv420p",
        "bt709",
    )
    assert (found.audio_codec, found.audio_sample_rate, found.audio_channels) == ("aac", 48_000, 2)
    assert found.moov_first
    assert found.loudness_lufs == pytest.approx(-14, abs=0.5)


@pytest.mark.parametrize(
    ("how", "rule"),
    [
        (("-c", "copy", "-use_editlist", "0"), "moov before mdat is False"),
        (("-c", "copy", "-movflags", "+faststart"), "edit list is True"),
        (
            ("-c", "copy", *_BARE, "-bsf:v", "setts=ts=TS*2:duration=DURATION*2"),
            "frame interval is 0.066667 s, expected 0.033333 s",
        ),
        (("-c", "copy", *_BARE, "-bsf:v", "setts=ts=TS+gt(N\\,10)*200"), "frame interval"),
        (
            ("-c", "copy", *_BARE, "-bsf:v", "h264_metadata=video_full_range_flag=1"),
            "in the video stream is (2,",
        ),
        (
            ("-c", "copy", *_BARE, "-bsf:v", "h264_metadata=matrix_coefficients=6"),
            "in the video stream is (1, 6,",
        ),
        (("-c", "copy", *_BARE, "-frames:v", "80"), "frames in the file is 80, expected 90"),
        (("-c", "copy", *_BARE, "-c:a", "aac", "-af", "volume=-4dB"), "loudness is -1"),
        (("-c", "copy", *_BARE, "-c:a", "aac", "-af", "volume=9dB"), "true peak"),
        (("-c", "copy", *_BARE, "-c:a", "aac", "-ac", "1"), "channels is 1, expected 2"),
        (
            ("-c", "copy", *_BARE, "-c:a", "aac", "-af", "atrim=end=2.5"),
            "gap between the ends of video and audio",
        ),
        (("-c", "copy", *_BARE, "-an"), "0 audio tracks"),
        (("-c", "copy", *_BARE, "-c:v", "libx264", "-g", "300", "-bf", "0"), "longest GOP"),
        (
            ("-c", "copy", *_BARE, "-c:v", "libx264", "-pix_fmt", "yuv422p", "-bf", "0"),
            "pixel format is yuv422p",
        ),
        (
            ("-c", "copy", *_BARE, "-c:v", "libx264", "-vf", "scale=160:320", "-bf", "0"),
            "size is 160x320",
        ),
        (
            (
                "-c",
                "copy",
                *_BARE,
                "-c:v",
                "libx264",
                "-bf",
                "2",
                "-x264-params",
                "open-gop=1:keyint=20:scenecut=0",
            ),
            "open GOPs",
        ),
    ],
)
def test_tampered_file_fails_and_names_the_rule(
    how: Sequence[str], rule: str, reel: Reel, tmp_path: Path
) -> None:
    path, timeline, _ = reel
    bad = tmp_path / "bad.mp4"
    run(["-i", str(path), *how, str(bad)])
    with pytest.raises(MontageError) as failure:
        check_file(bad, timeline)
    assert failure.value.code == "bad_render"
    assert rule in failure.value.message


def test_a_peak_a_little_over_the_limit_is_too_high(reel: Reel) -> None:
    path, timeline, _ = reel
    found = check_file(path, timeline)
    at_limit, over = (
        timeline.model_copy(update={"max_true_peak_dbtp": found.true_peak_dbtp - by_db})
        for by_db in (0.0, 0.3)
    )
    check_file(path, at_limit)
    with pytest.raises(MontageError, match=r"true peak is -?[\d.]+ dBTP, expected at most"):
        check_file(path, over)


def test_bit_rate_is_held_on_average_and_in_every_second(
    reel: Reel, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, timeline, _ = reel
    sizes = [len(packet) for packet in _video_packets(path)]
    busiest_mbps = max(sum(sizes[at : at + 30]) for at in range(len(sizes))) * 8 / 1e6
    for limit, holds in ((busiest_mbps * 0.999, False), (busiest_mbps * 1.001, True)):
        monkeypatch.setattr(check, "MAX_BIT_RATE_MBPS", limit)
        try:
            rules = check_file(path, timeline).rules
        except BadRender as error:
            rules = error.rules
        assert {rule.name: rule.holds for rule in rules}["video's busiest second"] is holds


def _video_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_truncated_file_fails(reel: Reel, tmp_path: Path) -> None:
    path, timeline, _ = reel
    data = path.read_bytes()
    for share in (0.02, 0.5, 0.98):
        bad = tmp_path / "cut.mp4"
        bad.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(MontageError) as failure:
            check_file(bad, timeline)
        assert failure.value.code == "bad_render"


def test_a_damaged_frame_fails(reel: Reel, tmp_path: Path) -> None:
    path, timeline, _ = reel
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3_000] = b"\x55" * 3_000
    bad = tmp_path / "damaged.mp4"
    bad.write_bytes(data)
    with pytest.raises(MontageError, match="that decode") as failure:
        check_file(bad, timeline)
    assert failure.value.code == "bad_render"


def test_stills_are_the_very_frames(reel: Reel, tmp_path: Path) -> None:
    path, timeline, source = reel
    stills = {number: tmp_path / f"{number}.jpg" for number in (30, 0, 5000)}
    check_file(path, timeline, stills=stills)
    with Image.open(stills[30]) as image:
        assert (image.format, image.size) == ("JPEG", (WIDTH, HEIGHT))
        frame = np.asarray(image.convert("RGB"))
    segment = timeline.segments[0]
    times = source_times(source.path, 0)
    assert read_number(frame, timeline.clips[0], segment.crop) == expected_number(
        times, segment.source_in_s + 1.0
    )
    shown = list(frames_of(path))[30]
    assert abs(frame.astype(int) - shown).mean() < 4
    with Image.open(stills[0]) as first:
        assert abs(np.asarray(first.convert("RGB")).astype(int) - next(frames_of(path))).mean() < 4
    # There is no frame 5000.
    assert {entry.name for entry in tmp_path.iterdir()} == {"0.jpg", "30.jpg"}
