"""Frames at times, compared with what FFmpeg itself shows."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.decoding.sample import FramesAsked, frames_at, frames_of_clips
from montage_pipeline.footage.probe import probe
from montage_pipeline.media.ffmpeg import ffmpeg_path, run_ffmpeg
from montage_pipeline_tests.footage.media import H264, HEVC_10, fetched, make_clip

# Every frame a grey of its own: frame n has level 16 + 2n, so it tells its own number.
COUNTING = "color=black:size={size}:rate={rate},format=yuv420p,geq=lum='16+2*N':cb=128:cr=128"


def counting(path: Path, rate: str) -> Path:
    return make_clip(path, source=COUNTING, rate=rate, duration_s=2, output=(*H264, "-crf", "4"))


def number_of(frame: NDArray[np.uint8]) -> int:
    return round((float(frame.mean()) * 219 / 255) / 2)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_the_frame_on_screen_at_a_time(tmp_path: Path, name: str) -> None:
    clip = fetched(
        make_clip(
            tmp_path / name,
            source=COUNTING,
            rate="25",
            duration_s=4,
            output=(*H264, "-bf", "3", "-g", "40", "-crf", "4"),
        )
    )
    facts = probe(clip)
    wanted = [70, 3, 99, 0, 41, 39, 40, 3]
    exact = [facts.start_s + number / 25 + 0.0006 for number in wanted]
    assert [number_of(frame) for frame in frames_at(clip.path, facts, exact, 64)] == wanted
    between = [facts.start_s + (number + 0.8) / 25 for number in wanted]
    assert [number_of(frame) for frame in frames_at(clip.path, facts, between, 64)] == wanted
    outside = frames_at(clip.path, facts, [facts.start_s - 5, facts.start_s + 500], 64)
    assert [number_of(frame) for frame in outside] == [0, 99]


def test_variable_frame_rate_shows_the_frame_that_is_still_up(tmp_path: Path) -> None:
    chosen = "select='lt(n,10)+gte(n,40)'"
    clip = fetched(
        make_clip(
            tmp_path / "vfr.mp4",
            source=COUNTING,
            filters=chosen,
            output=(*H264, "-crf", "4", "-fps_mode", "passthrough"),
        )
    )
    frames = frames_at(clip.path, probe(clip), [0.1, 0.9, 1.32, 1.35], 64)
    assert [number_of(frame) for frame in frames] == [3, 9, 9, 40]


@pytest.mark.parametrize(
    "held",
    [
        "",
        "-display_rotation 90",
        "-display_rotation -90",
        "-display_rotation 180",
        "-display_hflip",
        "-display_vflip",
        "-display_rotation 90 -display_hflip",
        "-display_rotation -90 -display_hflip",
    ],
)
def test_orientation_is_what_ffmpeg_shows(tmp_path: Path, held: str) -> None:
    plain, path = make_clip(tmp_path / "plain.mp4", duration_s=0.2), tmp_path / "held.mp4"
    run_ffmpeg(["-y", *held.split(), "-i", str(plain), "-c", "copy", str(path)])
    clip = fetched(path)
    facts = probe(clip)
    as_rgb = ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    command = [ffmpeg_path(), "-v", "error", "-i", str(path), *as_rgb]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    shown = np.frombuffer(raw, np.uint8).reshape(facts.height, facts.width, 3).astype(int)
    ours = frames_at(path, facts, [0.0], 320)[0].astype(int)
    assert ours.shape == shown.shape
    assert np.abs(ours - shown).mean() < 6


def test_square_pixels_and_size(tmp_path: Path) -> None:
    clip = fetched(make_clip(tmp_path / "sar.mp4", filters="setsar=2/1", duration_s=0.2))
    (frame,) = frames_at(clip.path, probe(clip), [0.0], 160)
    assert frame.shape == (45, 160, 3)
    assert frame.dtype == np.uint8
    assert frames_at(clip.path, probe(clip), [0.0], 5000)[0].shape == (180, 640, 3)


@pytest.mark.parametrize(
    ("transfer", "white_signal"), [("arib-std-b67", 0.75), ("smpte2084", 0.58)]
)
def test_hdr_is_shown_with_its_white_bright_and_its_grey_grey(
    tmp_path: Path, transfer: str, white_signal: float
) -> None:
    """Diffuse white (203 nits) must look white and 18 % grey mid-grey, as on an SDR screen."""
    grey_signal = 0.38  # of both transfers

    def shown(signal: float) -> float:
        tags = f"color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=limited"
        grey = f"format=yuv420p10le,geq=lum={round(64 + 876 * signal)}:cb=512:cr=512"
        clip = fetched(
            make_clip(
                tmp_path / f"{signal}.mp4",
                size="64x64",
                filters=f"{grey},setparams={tags}",
                duration_s=0.1,
                output=HEVC_10,
            )
        )
        (frame,) = frames_at(clip.path, probe(clip), [0.0], 64)
        assert np.ptp(frame.reshape(-1, 3).mean(axis=0)) < 4, "grey took on a colour"
        return float(frame.mean()) / 255

    # As the renderer shows them: what is measured here is what people see.
    assert 0.82 < shown(white_signal) < 0.91
    assert 0.39 < shown(grey_signal) < 0.46


def test_clips_read_side_by_side_show_what_each_shows_alone(tmp_path: Path) -> None:
    clips = [fetched(counting(tmp_path / f"{rate}.mp4", rate)) for rate in ("10", "25")]
    asked = [
        FramesAsked(clip.path, probe(clip), (0.9, 0.1 * place, 0.9), (64, 64, 32))
        for place, clip in enumerate(clips)
    ]
    together = frames_of_clips(asked)
    alone = [
        frames_at(of.source, of.facts, of.times_s[:2], 64)
        + frames_at(of.source, of.facts, of.times_s[2:], 32)
        for of in asked
    ]
    assert all(
        np.array_equal(one, other)
        for row, own in zip(together, alone, strict=True)
        for one, other in zip(row, own, strict=True)
    )


def test_one_clip_that_cannot_be_read_is_what_is_raised(tmp_path: Path) -> None:
    clip = fetched(counting(tmp_path / "whole.mp4", "10"))
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.path.read_bytes()[:200])
    asked = [FramesAsked(path, probe(clip), (0.5,), (64,)) for path in (clip.path, broken)]
    with pytest.raises(PermanentError) as caught:
        frames_of_clips(asked)
    assert caught.value.code is ErrorCode.CLIP_UNREADABLE
