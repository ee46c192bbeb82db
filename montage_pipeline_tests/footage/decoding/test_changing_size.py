"""Clips that change the size of their frames: all of them are shown, at one size, and none is
stretched.
"""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from montage_pipeline.footage.decoding.sample import frames_at
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.probe import probe
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline_tests.footage.media import (
    H264,
    fetched,
    filmed,
    indexed,
    make_clip,
    scenery,
)

pytestmark = pytest.mark.usefixtures("bare_footage")

VP8 = (
    "-c:v",
    "libvpx",
    "-threads",
    "1",
    "-deadline",
    "realtime",
    "-cpu-used",
    "8",
    "-b:v",
    "2M",
    "-g",
    "30",
)
RATE, PART_S = 30, 2


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video call of three parts: small, large, and tall with the same in its middle."""
    folder = tmp_path_factory.mktemp("call")
    source = filmed(scenery(folder / "scenery.png", seed=4), "x=20:y=20")
    shapes = {"small": "scale=160:90", "large": "null", "tall": "pad=640:iw*2:0:-1:red"}
    parts = [
        make_clip(
            folder / f"{name}.webm",
            source=source,
            size="640x360",
            rate=str(RATE),
            duration_s=PART_S,
            filters=shape,
            output=VP8,
        )
        for name, shape in shapes.items()
    ]
    listed = folder / "parts.txt"
    listed.write_text("".join(f"file '{part}'\n" for part in parts))
    call = folder / "call.webm"
    run_ffmpeg(["-y", "-f", "concat", "-safe", "0", "-i", str(listed), "-c", "copy", str(call)])
    return call


def test_every_frame_is_used_and_judged_by_its_own_size(call: Path) -> None:
    clip = indexed(call)
    assert (clip.facts.width, clip.facts.height) == (640, 360)
    measured = measure(clip)
    assert measured.decoded_frames == 3 * PART_S * RATE
    assert not measured.damaged

    small, large = (
        [sample for sample in measured.samples if start_s < sample.time_s < start_s + PART_S - 0.1]
        for start_s in (0, PART_S)
    )
    assert {sample.size_share for sample in small} == {0.25}
    assert {sample.size_share for sample in large} == {1.0}
    assert max(sample.sharpness for sample in small) < min(sample.sharpness for sample in large)


def test_nothing_is_stretched(call: Path) -> None:
    facts = probe(fetched(call))
    small, large, tall = (
        frame.astype(int) for frame in frames_at(call, facts, [1.0, 3.0, 5.0], 640)
    )
    assert small.shape == large.shape == tall.shape == (360, 640, 3)
    assert np.abs(small - large).mean() < 16
    # The tall part is shown whole, in the middle of the clip's frame, beside bars.
    (height, width), (left, top) = (101, 180), (230, 129)
    inner = tall[top : top + height, left : left + width]
    fitted = cv2.resize(large.astype(np.uint8), (width, height), interpolation=cv2.INTER_AREA)
    assert np.abs(inner - fitted).mean() < 10
    assert tall[:, : left - 3].max() < 10 > tall[:, left + width + 3 :].max()


def test_a_size_that_changes_in_a_file_that_names_one_is_found(tmp_path: Path) -> None:
    """As browsers record calls: the index has the first size, and packets have the others."""
    source = filmed(scenery(tmp_path / "scenery.png", seed=4), "x=20:y=20")
    stream = tmp_path / "parts.h264"
    for name, shape in (("small", "scale=160:90"), ("large", "null")):
        output = (*H264, "-bsf:v", "h264_mp4toannexb")
        part = make_clip(
            tmp_path / f"{name}.h264",
            source=source,
            size="640x360",
            rate=str(RATE),
            duration_s=PART_S,
            filters=shape,
            output=output,
        )
        with stream.open("ab") as file:
            file.write(part.read_bytes())
    mp4 = tmp_path / "call.mp4"
    run_ffmpeg(["-y", "-framerate", str(RATE), "-i", str(stream), "-c", "copy", str(mp4)])
    with av.open(str(mp4)) as container:
        assert container.streams.video[0].width == 160

    clip = indexed(mp4)
    assert (clip.facts.width, clip.facts.height) == (640, 360)
    measured = measure(clip)
    assert measured.decoded_frames == 2 * PART_S * RATE
    assert {sample.size_share for sample in measured.samples} == {0.25, 1.0}
