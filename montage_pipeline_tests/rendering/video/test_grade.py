"""A grade changes the colours it says, the same in both engines, and no others."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.editing.timeline import Effect, Grade, Timeline
from montage_pipeline.rendering.engines import engine_for
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.settings import Settings
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import CounterClip, patches
from montage_pipeline_tests.rendering.edits import Cut, bt709_frames, paths_of, timeline_of

_SOURCE = CounterClip("colours.mp4", frames=3, first=37)

_GRADES = {
    "brighter and warmer": Grade(gamma=0.75, saturation=1.15, red=0.02, blue=-0.02),
    "darker and paler": Grade(gamma=1.3, contrast=0.1, saturation=0.8, red=-0.015, blue=0.01),
    "flatter": Grade(contrast=-0.4),
}


def _with_grade(timeline: Timeline, number: int, grade: Grade | None) -> Timeline:
    segments = list(timeline.segments)
    segments[number] = segments[number].model_copy(update={"grade": grade})
    return timeline.model_copy(update={"segments": tuple(segments)})


def _means(frame: NDArray[np.uint8], timeline: Timeline) -> NDArray[np.float64]:
    """Mean R'G'B' (0..255) inside each patch of colour that lies in the crop."""
    facts, crop = timeline.clips[0], timeline.segments[0].crop
    scale = frame.shape[1] / crop.width
    found = []
    for (left, top, right, bottom), _ in patches(facts.width, facts.height):
        inside = [
            round((left - crop.x) * scale) + 6,
            round((right - crop.x) * scale) - 6,
            round((top - crop.y) * scale) + 4,
            round((bottom - crop.y) * scale) - 4,
        ]
        if inside[0] > 0 and inside[1] < frame.shape[1]:
            found.append(frame[inside[2] : inside[3], inside[0] : inside[1]].reshape(-1, 3))
    return np.array([pixels.mean(axis=0) for pixels in found])


def _expected(rgb: NDArray[np.float64], grade: Grade) -> NDArray[np.float64]:
    """By the words of `Grade`, in BT.709's own definition of Y'CbCr."""
    red, green, blue = rgb.T / 255
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    cb = grade.saturation * ((blue - luma) / 1.8556 + grade.blue * luma)
    cr = grade.saturation * ((red - luma) / 1.5748 + grade.red * luma)
    luma = luma**grade.gamma
    luma -= grade.contrast / (2 * np.pi) * np.sin(2 * np.pi * luma)
    red, blue = luma + 1.5748 * cr, luma + 1.8556 * cb
    green = (luma - 0.2126 * red - 0.0722 * blue) / 0.7152
    colours: NDArray[np.float64] = np.stack([red, green, blue], axis=-1)
    return np.clip(colours * 255, 0, 255)


@pytest.mark.parametrize("engine_name", ["ffmpeg", "moviepy"])
def test_a_grade_does_what_it_says_in_both_engines(
    engine_name: str, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    cuts = [Cut(clip(_SOURCE), 0.0, 1)] * (1 + len(_GRADES))
    timeline = timeline_of(cuts)
    for number, grade in enumerate(_GRADES.values(), start=1):
        timeline = _with_grade(timeline, number, grade)
    engine = engine_for(Settings(render_engine=engine_name, render_quality="best"))
    engine.render(timeline, paths_of(cuts), music, tmp_path / "reel.mp4", lambda share: None)

    plain, *graded = (_means(frame, timeline) for frame in bt709_frames(tmp_path / "reel.mp4"))
    assert len(plain) >= 4
    for (name, grade), shown in zip(_GRADES.items(), graded, strict=True):
        expected = _expected(plain, grade)
        assert np.abs(expected - plain).max() > 8, name
        # What leaves the cube of colours is clipped in Y'CbCr or in R'G'B', which differs.
        inside = ((expected > 4) & (expected < 251)).all(axis=-1)
        assert inside.sum() >= 3
        assert np.abs(shown - expected)[inside].max() < 3, name


def test_no_grade_and_one_that_changes_nothing_are_the_same_frames(
    clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    cuts = [Cut(clip(_SOURCE), 0.0, 2)] * 2
    timeline = _with_grade(timeline_of(cuts), 1, Grade())
    FfmpegEngine(Settings()).render(
        timeline, paths_of(cuts), music, tmp_path / "reel.mp4", lambda share: None
    )
    first, _, third, _ = bt709_frames(tmp_path / "reel.mp4")
    assert (first == third).all()


def test_an_effect_comes_after_the_grade(clip: ClipMaker, music: Path, tmp_path: Path) -> None:
    cuts = [Cut(clip(_SOURCE), 0.0, 3)]
    timeline = _with_grade(timeline_of(cuts), 0, Grade(red=0.05, blue=-0.05))
    grey = timeline.segments[0].model_copy(update={"effect": Effect(name="BlackAndWhite")})
    timeline = timeline.model_copy(update={"segments": (grey,)})
    FfmpegEngine(Settings()).render(
        timeline, paths_of(cuts), music, tmp_path / "reel.mp4", lambda share: None
    )
    frame = next(bt709_frames(tmp_path / "reel.mp4")).astype(int)
    assert np.ptp(frame, axis=-1).max() <= 6, "black and white stays so"
