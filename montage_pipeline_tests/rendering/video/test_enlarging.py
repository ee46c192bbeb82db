"""Enlarged crops come nearer to the original than a plain enlargement, and do not ring."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.editing.timeline import CropRect
from montage_pipeline.rendering.engines import engine_for
from montage_pipeline.rendering.video.enlarging import sharpening
from montage_pipeline.settings import Settings
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import CounterClip, Signal
from montage_pipeline_tests.rendering.edits import Cut, bt709_frames, paths_of, timeline_of

_HEIGHT, _WIDTH = 480, 270
_MAX_OVERSHOOT = 16.0
"""Levels beyond the brightest and darkest of the original nearby, for 99 in 100 pixels at edges;
Lanczos alone has 8 here.
"""


def _scene() -> NDArray[np.uint8]:
    """A frame with what real ones have: soft shapes of every size, hard edges, fine lines, noise in
    places; lit unevenly.
    """
    random = np.random.default_rng(3)
    frame = np.zeros((_HEIGHT, _WIDTH), np.float32)
    for size in (4, 9, 20, 50, 120):
        noise = random.normal(size=(_HEIGHT // size + 2, _WIDTH // size + 2)).astype(np.float32)
        frame += size**0.5 * cv2.resize(noise, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC)
    frame = 120 + 60 * frame / frame.std() * 0.5
    for _ in range(40):
        centre = tuple(int(n) for n in random.integers(0, (_WIDTH, _HEIGHT)))
        level = float(random.integers(20, 235))
        axes = tuple(int(n) for n in random.integers(6, 40, 2))
        cv2.ellipse(
            frame, centre, axes, float(random.integers(180)), 0, 360, level, -1, cv2.LINE_AA
        )
        end = tuple(int(n) for n in random.integers(0, (_WIDTH, _HEIGHT)))
        cv2.line(frame, centre, end, 255 - level, int(random.integers(1, 4)), cv2.LINE_AA)
    soft = cv2.GaussianBlur(frame, (0, 0), 0.6)  # a lens
    return np.asarray(np.clip(soft, 0, 255), np.uint8)


def _shrunk(factor: int) -> Signal:
    """A clip's every frame is the scene, `factor` times smaller."""
    small = cv2.resize(
        _scene(), (_WIDTH // factor, _HEIGHT // factor), interpolation=cv2.INTER_AREA
    )
    levels = (small.astype(np.uint16) * 257)[..., None].repeat(3, axis=-1)

    def signal(frame: NDArray[np.uint8]) -> NDArray[np.uint16]:
        assert frame.shape[:2] == levels.shape[:2]
        return levels

    return signal


def _psnr_db(shown: NDArray[np.float64], original: NDArray[np.float64]) -> float:
    inside = (slice(8, -8), slice(8, -8))
    return float(20 * np.log10(255 / np.sqrt(((shown - original)[inside] ** 2).mean())))


def _overshoot(shown: NDArray[np.float64], original: NDArray[np.float64], factor: int) -> float:
    """How far 99 in 100 pixels at edges stay within the levels that the original has nearby."""
    near = np.ones((2 * factor + 1, 2 * factor + 1), np.uint8)
    high, low = cv2.dilate(original, near), cv2.erode(original, near)
    beyond = np.maximum(shown - high, low - shown)
    return float(np.percentile(np.maximum(beyond, 0)[high - low > 40], 99))


@pytest.mark.parametrize("engine_name", ["ffmpeg", "moviepy"])
def test_enlarged_crops_come_nearer_to_the_original_and_do_not_ring(
    engine_name: str, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    original = _scene().astype(float)
    for factor in (2, 3):
        width, height = _WIDTH // factor, _HEIGHT // factor
        lossless = ("-c:v", "ffv1")
        source = CounterClip(
            f"small{factor}.mkv", frames=3, width=width, height=height, video=lossless,
            signal=_shrunk(factor), extra=("-pix_fmt", "yuv420p"),
        )  # fmt: skip
        cuts = [Cut(clip(source), 0.0, 3, crop=CropRect(x=0, y=0, width=width, height=height))]
        timeline = timeline_of(cuts, width=_WIDTH, height=_HEIGHT)
        engine = engine_for(Settings(render_engine=engine_name, render_quality="best"))
        output = tmp_path / f"{factor}.mp4"
        engine.render(timeline, paths_of(cuts), music, output, lambda share: None)
        shown = next(bt709_frames(output)).mean(axis=-1)

        small = cv2.resize(_scene(), (width, height), interpolation=cv2.INTER_AREA)
        plain = cv2.resize(small, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC).astype(float)
        nearer_db = _psnr_db(shown, original) - _psnr_db(plain, original)
        assert nearer_db > 0.2, f"{factor} times: {nearer_db:.2f} dB"
        assert _overshoot(shown, original, factor) < _MAX_OVERSHOOT, f"{factor} times"


def test_sharpening_grows_with_the_enlargement_up_to_a_limit() -> None:
    amounts = [sharpening(factor / 10) for factor in range(5, 100)]
    assert amounts == sorted(amounts)
    assert sharpening(1.5) == 0 < sharpening(1.6)
    assert sharpening(3.0) == sharpening(10.0) <= 0.3


def test_rgb_is_sharpened_in_its_own_colours(clip: ClipMaker, music: Path, tmp_path: Path) -> None:
    made = {
        kind: clip(
            CounterClip(f"{kind}.mkv", frames=3, width=96, height=128, filters=pixels,
                        raw_filters=True, video=("-c:v", "ffv1"))
        )
        for kind, pixels in {
            "rgb": "format=bgr0",
            "yuv": "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int"
            ",format=yuv444p,setparams=colorspace=bt709",
        }.items()
    }  # fmt: skip
    cuts = [Cut(source, 0.0, 3) for source in made.values()]
    timeline = timeline_of(cuts)
    assert [facts.color_space for facts in timeline.clips] == ["gbr", "bt709"]
    engine = engine_for(Settings(render_quality="best"))
    engine.render(timeline, paths_of(cuts), music, tmp_path / "reel.mp4", lambda share: None)
    frames = [frame.astype(float) for frame in bt709_frames(tmp_path / "reel.mp4")]
    assert np.abs(frames[0] - frames[3]).mean() < 1.5
