"""FFmpeg's filters take the same view of a whole frame as whoever looks at single frames."""

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from montage_pipeline.footage.decoding.plain import plain_frame
from montage_pipeline.footage.model import ClipFacts, Sphere, View
from montage_pipeline.footage.probing.geometry import window_side
from montage_pipeline.media.ffmpeg import ffmpeg_path
from montage_pipeline.rendering.video.view_filter import view_filters
from montage_pipeline_tests.footage.media import grey_scenery, indexed, make_clip

WIDTH, HEIGHT = 640, 320
HALF = Sphere(left_deg=90, right_deg=90)


def _stored(folder: Path) -> NDArray[np.uint8]:
    whole = grey_scenery(folder / "scenery.png", 5)
    return np.ascontiguousarray(whole[:HEIGHT, :WIDTH])


def _filtered(luma: NDArray[np.uint8], view: View, width: int, height: int) -> NDArray[np.uint8]:
    raw = ("-f", "rawvideo", "-pix_fmt", "gray")
    args = (*raw, "-s", f"{WIDTH}x{HEIGHT}", "-i", "-", "-vf", ",".join(view_filters(view)))
    output = subprocess.run(
        [ffmpeg_path(), "-v", "error", *args, *raw, "-"],
        input=luma.tobytes(),
        capture_output=True,
        check=True,
    ).stdout
    return np.frombuffer(output, np.uint8).reshape(height, width)


@pytest.mark.parametrize(
    ("eye", "sphere"),
    [
        ("left", None),
        ("upper", None),
        (None, Sphere()),
        (None, HALF),
        (None, Sphere(left_deg=100, right_deg=60, up_deg=40, down_deg=70)),
        ("left", HALF),
        ("upper", Sphere()),
    ],
)
def test_the_view_is_the_one_that_is_analysed(
    eye: str | None, sphere: Sphere | None, tmp_path: Path
) -> None:
    view = View.model_validate(
        {"stored_width": WIDTH, "stored_height": HEIGHT, "eye": eye, "sphere": sphere}
    )
    width, height = WIDTH // (1 + (eye == "left")), HEIGHT // (1 + (eye == "upper"))
    if sphere is not None:
        width = height = window_side(sphere, width)
    luma = _stored(tmp_path)
    frame = VideoFrame.from_ndarray(luma, format="gray")
    frame.time_base = Fraction(1, 25)

    some = indexed(make_clip(tmp_path / "any.mp4", duration_s=0.2)).facts
    facts: ClipFacts = some.model_copy(
        update={"view": view, "coded_width": width, "coded_height": height}
    )
    analysed = plain_frame(frame, facts).to_ndarray(format="gray")
    apart = np.abs(_filtered(luma, view, width, height).astype(int) - analysed)
    assert apart.mean() < 1.0  # levels of 255: a pixel beside is 3 or more
    assert luma.std() > 30
