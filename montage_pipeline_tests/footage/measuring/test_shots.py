"""Shots are found where they were cut, and nowhere else."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.measuring.shots import ShotDetector
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline_tests.footage.media import H264, filmed, indexed, make_clip, scenery

pytestmark = pytest.mark.usefixtures("bare_footage")

SIZE = "480x270"
WITHOUT_KEYFRAMES = (*H264, "-crf", "20", "-g", "300", "-sc_threshold", "0")


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenery(tmp_path_factory.mktemp("view") / "view.png")


def shots_of(path: Path) -> list[tuple[float, float]]:
    shots = measure(indexed(path)).shots
    return [(round(shot.start_s, 3), round(shot.end_s, 3)) for shot in shots]


def edited(
    path: Path, view: Path, scenes: Sequence[tuple[str, float]], graph: str = "", rate: str = "30"
) -> Path:
    """Scenes (a filter chain and seconds each) of one view, back to back or by a filter graph.

    No keyframe gives a cut away.
    """
    source = filmed(view).format(size=SIZE, rate=rate)
    inputs: list[str] = []
    for look, seconds in scenes:
        inputs += ["-f", "lavfi", "-t", str(seconds), "-i", f"{source},{look},setsar=1"]
    streams = "".join(f"[{place}:v]" for place in range(len(scenes)))
    chain = graph or f"{streams}concat=n={len(scenes)}:v=1"
    run_ffmpeg(["-y", *inputs, "-filter_complex", chain, *WITHOUT_KEYFRAMES, str(path)])
    return path


def test_hard_cuts_are_found_to_the_frame(view: Path, tmp_path: Path) -> None:
    scenes = [
        ("null", 1.5),
        ("vflip,hue=h=120", 0.8),
        ("negate,hflip", 2.1),
        (f"crop=160:90:200:100,scale={SIZE.replace('x', ':')}", 1.2),
    ]
    assert shots_of(edited(tmp_path / "cuts.mp4", view, scenes)) == [
        (0.0, 1.5),
        (1.5, 2.3),
        (2.3, 4.4),
        (4.4, 5.6),
    ]


def test_cuts_of_a_fast_clip_are_found(view: Path, tmp_path: Path) -> None:
    path = edited(tmp_path / "fast.mp4", view, [("null", 1.0), ("negate,hflip", 1.0)], rate="60")
    (_, first_end), (second_start, _) = shots_of(path)
    assert 1.0 - 1.01 / 30 <= first_end <= 1.0 <= second_start <= 1.0 + 1.01 / 30


@pytest.mark.parametrize(
    ("movement", "filters"),
    [
        (
            "x=20+n:y=20",
            "geq=lum='if(between(N,20,21),min(lum(X,Y)+120,235),lum(X,Y))'"
            ":cb='cb(X,Y)':cr='cr(X,Y)'",
        ),
        ("x=20+n:y=20", "eq=brightness='if(gt(n,20),-0.25,0)':eval=frame"),
        ("x=20+n*12:y=30", "null"),
        ("x='80+40*sin(n*0.5)':y=30", "null"),
    ],
    ids=["flash", "sudden shade", "fast pan", "whip"],
)
def test_flash_light_and_fast_movement_are_no_cuts(
    view: Path, tmp_path: Path, movement: str, filters: str
) -> None:
    path = make_clip(
        tmp_path / "one.mp4",
        source=filmed(view, movement),
        size=SIZE,
        filters=filters,
        duration_s=1.5,
    )
    assert len(shots_of(path)) == 1


def test_dissolves_and_fades_belong_to_no_shot(view: Path, tmp_path: Path) -> None:
    mixed = edited(
        tmp_path / "mix.mp4",
        view,
        [("null", 2.5), ("negate,hflip", 2.5)],
        "[0:v][1:v]xfade=duration=0.8:offset=1.6",
    )
    (first_start, first_end), (second_start, second_end) = shots_of(mixed)
    assert first_start == 0
    assert 1.2 < first_end <= 1.8
    assert 2.2 <= second_start < 2.8
    assert second_end == pytest.approx(4.1, abs=0.05)
    faded = edited(tmp_path / "fade.mp4", view, [("fade=t=in:d=1", 2.0)])
    ((start, end),) = shots_of(faded)
    assert 0.6 < start < 1.2
    assert end == pytest.approx(2.0, abs=0.01)


def test_a_dissolve_between_two_shots_that_move_is_found() -> None:
    """A frame on the way is no mix of the first and the last one: meanwhile both have moved."""
    shots = [_moving_shot(seed) for seed in (1, 2)]
    grey = np.full(_SMALL, 128, np.uint8)
    detector = ShotDetector(1 / _FPS)
    for frame in range(3 * _FPS):
        time_s = frame / _FPS
        share = min(1.0, max(0.0, (time_s - 1.2) / 0.6))
        luma = (1 - share) * shots[0](time_s) + share * shots[1](time_s)
        detector.add(time_s, np.clip(luma, 0, 255).astype(np.uint8), (grey, grey))

    before, after = detector.shots(3.0)
    assert before.end_s == pytest.approx(1.2, abs=0.2)
    assert after.start_s == pytest.approx(1.8, abs=0.2)


@pytest.mark.parametrize("taking_s", [0.5, 0.7, 1.0])
def test_a_body_that_fills_the_frame_is_no_dissolve(taking_s: float) -> None:
    """Frames on the way lie between the first and the last one, with all their contrast."""
    grey = np.full(_SMALL, 128, np.uint8)
    height, width = _SMALL
    down, across = np.mgrid[:height, :width]
    from_middle = ((down / height - 0.5) / 0.6) ** 2 + ((across / width - 0.5) / 0.6) ** 2
    dark, bright = 0.6 * _scene(1, 2.0) + 40, _scene(2, 2.0) + 120

    detector = ShotDetector(1 / _FPS)
    for frame in range(3 * _FPS):
        share = min(1.0, max(0.0, (frame / _FPS - 1.2) / taking_s))
        body = 1 / (1 + np.exp(4 * (from_middle - 3 * share + 0.5)))
        luma = (1 - body) * dark + body * bright
        detector.add(frame / _FPS, np.clip(luma, 0, 255).astype(np.uint8), (grey, grey))

    ((begin_s, end_s),) = detector.shots(3.0)
    assert (begin_s, end_s) == (0, 3)


_FPS, _SMALL = 25, (24, 40)
_PASSED_PER_S = 12  # pixels


def _scene(seed: int, blur: float) -> NDArray[np.float64]:
    """Soft patches, 30 levels about 0."""
    scene = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=_SMALL), (0, 0), blur)
    return np.asarray(30 * (scene - scene.mean()) / scene.std(), np.float64)


def _moving_shot(seed: int) -> Callable[[float], NDArray[np.float64]]:
    """The luma of a shot at each time (s): a scene that passes by."""
    height, width = _SMALL
    noise = np.random.default_rng(seed).normal(size=(height, 3 * width))
    scene = cv2.GaussianBlur(noise, (0, 0), 2.5)
    scene *= 30 / scene.std()

    def luma(time_s: float) -> NDArray[np.float64]:
        left = round(_PASSED_PER_S * time_s)
        return np.asarray(128 + scene[:, left : left + width], np.float64)

    return luma
