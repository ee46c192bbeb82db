"""Clips that are not shown as they are stored: the renderer shows of them what was analysed."""

import subprocess
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from montage_pipeline.footage.decoding.plain import plain_frame
from montage_pipeline.footage.decoding.sample import frames_at
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.model import ClipFacts, Sphere, View
from montage_pipeline.footage.probing.geometry import window_side
from montage_pipeline.media.ffmpeg import ffmpeg_path
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.rendering.render import render_checked
from montage_pipeline.rendering.video.view_filter import view_filters
from montage_pipeline.settings import Settings
from montage_pipeline_tests.footage.media import fetched, grey_scenery, indexed, make_clip
from montage_pipeline_tests.footage.strange import (
    FINE,
    cropped_by_its_container,
    still_scene,
    tagged_360,
    turned_on_the_way,
)
from montage_pipeline_tests.footage.test_log_profile import in_s_log3
from montage_pipeline_tests.rendering.edits import Cut, frames_of, paths_of, timeline_of
from montage_pipeline_tests.rendering.test_likeness import miniatures_of, with_miniatures

pytestmark = pytest.mark.usefixtures("bare_footage")

STORED_WIDTH, STORED_HEIGHT = 640, 320
HALF = Sphere(left_deg=90, right_deg=90)


def _clip(kind: str, folder: Path) -> Path:
    if kind == "turned":
        return turned_on_the_way(folder)
    if kind == "cropped":
        return cropped_by_its_container(folder)
    if kind == "around":
        return tagged_360(still_scene(folder, "a.mp4", "scale=1280:640"), folder / "around.mp4")
    if kind == "flat":
        return still_scene(folder, "flat.mp4", f"hue=s=0.4,{in_s_log3(folder)}")
    packed = (*FINE, "-x264-params", "frame-packing=3")
    return still_scene(folder, "eyes.mp4", "split[a][b];[a][b]hstack", packed)


@pytest.mark.parametrize(
    "kind",
    # Which eye is shown is tested below too, and what a container crops where it is measured.
    [
        *("turned", "around", "flat"),
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("eyes", "cropped")),
    ],
)
def test_the_reel_shows_them_as_they_were_analysed(kind: str, music: Path, tmp_path: Path) -> None:
    path = _clip(kind, tmp_path)
    clip = fetched(path)
    facts = measure(indexed(path)).facts
    assert (facts.log is not None) == (kind == "flat")
    cuts = [Cut(clip, 0.2, 20), Cut(clip, facts.duration_s - 1.0, 20)]
    plan = timeline_of(cuts).model_copy(update={"clips": (facts,)})
    plan = with_miniatures(plan, {clip.url: miniatures_of(path)})

    engine = FfmpegEngine(Settings())
    reel = render_checked(plan, paths_of(cuts), music, tmp_path, engine, lambda share: None)
    rule = next(rule for rule in reel.check.rules if "analysed" in rule.name)
    assert rule.holds
    assert int(rule.measured.split(" of ")[0]) >= 2

    shown = [frame.astype(int) for frame in frames_of(reel.video)]
    for segment, first in zip(plan.segments, (0, 20), strict=True):
        (looked_at,) = frames_at(path, facts, [segment.source_in_s], 4096)
        crop = segment.crop
        wanted = looked_at[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
        size = (plan.width, plan.height)
        apart = shown[first] - cv2.resize(wanted, size, interpolation=cv2.INTER_AREA)
        assert np.abs(apart).mean() < 10


def _stored(folder: Path) -> NDArray[np.uint8]:
    whole = grey_scenery(folder / "scenery.png", 5)
    return np.ascontiguousarray(whole[:STORED_HEIGHT, :STORED_WIDTH])


def _filtered(luma: NDArray[np.uint8], view: View, width: int, height: int) -> NDArray[np.uint8]:
    raw = ("-f", "rawvideo", "-pix_fmt", "gray")
    args = (
        *raw,
        "-s",
        f"{STORED_WIDTH}x{STORED_HEIGHT}",
        "-i",
        "-",
        "-vf",
        ",".join(view_filters(view)),
    )
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
        {
            "stored_width": STORED_WIDTH,
            "stored_height": STORED_HEIGHT,
            "eye": eye,
            "sphere": sphere,
        }
    )
    width = STORED_WIDTH // (1 + (eye == "left"))
    height = STORED_HEIGHT // (1 + (eye == "upper"))
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
