"""Clips that are not shown as they are stored: the renderer shows of them what was analysed."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from montage_pipeline.footage.decoding.sample import frames_at
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.rendering.render import render_checked
from montage_pipeline.settings import Settings
from montage_pipeline_tests.footage.media import fetched, indexed
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


@pytest.mark.parametrize("kind", ["turned", "around", "eyes", "flat", "cropped"])
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
