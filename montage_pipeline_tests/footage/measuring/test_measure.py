"""Measures move the right way when footage is made worse."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.measuring.measures import SpanMeasures
from montage_pipeline.footage.measuring.objects import LivingThing
from montage_pipeline.footage.model import Box
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.spans import Span
from montage_pipeline_tests.footage.media import H264 as FAST_H264
from montage_pipeline_tests.footage.media import filmed, indexed, make_clip, scenery

pytestmark = pytest.mark.usefixtures("bare_footage")

SIZE = "480x270"
H264 = (*FAST_H264, "-crf", "20")


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenery(tmp_path_factory.mktemp("view") / "view.png")


@pytest.fixture(scope="module")
def good(view: Path, tmp_path_factory: pytest.TempPathFactory) -> SpanMeasures:
    return figures(view, tmp_path_factory.mktemp("good") / "good.mp4")


def figures(
    view: Path,
    path: Path,
    filters: str = "",
    movement: str = "x=20+n:y=20",
    output: tuple[str, ...] = H264,
) -> SpanMeasures:
    """The figures of a view as it is filmed, changed by filters, and encoded."""
    source = filmed(view, movement)
    make_clip(
        path, source=source, size=SIZE, rate="15", duration_s=1.5, filters=filters, output=output
    )
    clip = indexed(path)
    start_s = clip.facts.start_s
    return measure(clip).between(Span(start_s, start_s + clip.facts.duration_s))


def test_more_blur_is_less_sharp(good: SpanMeasures, view: Path, tmp_path: Path) -> None:
    scores = [good.sharpness] + [
        figures(view, tmp_path / f"{sigma}.mp4", f"gblur=sigma={sigma}").sharpness
        for sigma in (2, 5, 12)
    ]
    assert all(better > worse + 0.03 for better, worse in pairwise(scores)), scores
    assert scores[0] > 0.6
    assert scores[-1] < 0.4


def test_less_light_is_worse_exposed_and_so_is_too_much(
    good: SpanMeasures, view: Path, tmp_path: Path
) -> None:
    darker = [good.exposure] + [
        figures(view, tmp_path / f"d{n}.mp4", f"lutyuv=y='16+(val-16)*{n}'").exposure
        for n in (0.35, 0.12)
    ]
    assert all(better > worse + 0.05 for better, worse in pairwise(darker)), darker
    burnt = figures(view, tmp_path / "burnt.mp4", "lutyuv=y='clip(val*1.4+130,16,235)'")
    assert burnt.exposure < good.exposure - 0.2
    assert burnt.white_share > 0.5


def test_shake_is_unstable_and_a_pan_is_not(good: SpanMeasures, view: Path, tmp_path: Path) -> None:
    pan = figures(view, tmp_path / "pan.mp4", movement="x='n*6':y=30")
    swaying = figures(
        view, tmp_path / "sway.mp4", movement="x='80+6*sin(n*1.1)':y='45+6*cos(n*0.9)'"
    )
    shaken = figures(
        view,
        tmp_path / "shake.mp4",
        movement="x='80+22*sin(n*2.1)+10*sin(n*5.3)':y='45+22*cos(n*1.7)'",
    )
    assert min(good.stability, pan.stability) > 0.75
    assert pan.stability > swaying.stability + 0.1 > shaken.stability + 0.2
    assert shaken.stability < 0.2
    assert pan.motion > good.motion + 0.1


def test_something_passing_by_is_motion_not_shake(view: Path, tmp_path: Path) -> None:
    other = scenery(tmp_path / "other.png", seed=5)
    path = tmp_path / "passing.mp4"
    still, van = filmed(view, "x=20:y=20"), filmed(other, "x=20:y=20")
    graph = "[1:v]crop=200:150[van];[0:v][van]overlay=x='n*24-200':y=60"
    inputs = [
        argument
        for source in (still, van)
        for argument in ("-f", "lavfi", "-i", source.format(size=SIZE, rate="15"))
    ]
    run_ffmpeg(["-y", *inputs, "-filter_complex", graph, "-t", "1.5", *H264, str(path)])
    seen = measure(indexed(path)).between(Span(0, 1.5))
    assert seen.stability > 0.8
    assert seen.motion > 0.3
    assert seen.moving is not None


def test_a_frozen_view(good: SpanMeasures, view: Path, tmp_path: Path) -> None:
    assert good.frozen_share < 0.2
    slow = ("-c:v", "libx264", "-preset", "medium", "-crf", "23", "-pix_fmt", "yuv420p")
    assert (
        figures(view, tmp_path / "still.mp4", movement="x=20:y=20", output=slow).frozen_share > 0.9
    )


def test_colour_and_its_absence(good: SpanMeasures, view: Path, tmp_path: Path) -> None:
    assert figures(view, tmp_path / "grey.mp4", "hue=s=0").colour < 0.1 < good.colour


def test_fingerprint_stays_with_another_encode_and_leaves_with_another_view(
    good: SpanMeasures, view: Path, tmp_path: Path
) -> None:
    coarse = figures(view, tmp_path / "coarse.mp4", "scale=280:150", output=(*H264, "-crf", "36"))
    other = figures(view, tmp_path / "other.mp4", "vflip,hue=h=90")
    assert (good.fingerprint ^ coarse.fingerprint).bit_count() <= 8
    assert (good.fingerprint ^ other.fingerprint).bit_count() >= 16


def test_who_is_shown_is_told_by_the_crop_that_would_show_them(view: Path, tmp_path: Path) -> None:
    path = tmp_path / "view.mp4"
    make_clip(path, source=filmed(view, "x=20:y=20"), size=SIZE, rate="15", duration_s=1.5)
    clip = measure(indexed(path))

    def shown(x: float, width: float = 0.25, height: float = 0.9) -> float:
        person = LivingThing(Box(x=x, y=0.05, width=width, height=height), 0.9)
        seen = tuple(replace(sample, living=(person,)) for sample in clip.samples)
        return replace(clip, samples=seen).between(Span(0, 1.5)).shown_living

    # An upright crop is a third of the frame as wide: who stands in it nearly fills it.
    assert shown(0.375) == 1
    assert shown(0.375) > shown(0.15) > shown(0.05) > 5 * shown(0.0) / 4 > 0
    assert shown(0.45, 0.05, 0.2) < 0.4, "far away"
    # What lies outside of the crop adds nothing.
    assert shown(0.1, 0.8, 0.2) == pytest.approx(shown(0.34, 0.32, 0.2), rel=0.01)
