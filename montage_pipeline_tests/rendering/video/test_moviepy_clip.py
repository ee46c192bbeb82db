"""Effects of MoviePy change their segment and no other; unsuitable ones are refused."""

from pathlib import Path

import numpy as np
import pytest

from montage_pipeline.editing.timeline import Effect, Timeline
from montage_pipeline.errors import PermanentError
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.settings import Settings
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import CounterClip
from montage_pipeline_tests.rendering.edits import Cut, frames_of, paths_of, timeline_of

_SOURCE = CounterClip("f30.mov", fps="30")


def _with_effect(timeline: Timeline, number: int, effect: Effect) -> Timeline:
    segments = list(timeline.segments)
    segments[number] = segments[number].model_copy(update={"effect": effect})
    return timeline.model_copy(update={"segments": tuple(segments)})


def test_an_effect_changes_its_segment_and_no_other(
    clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    source = clip(_SOURCE)
    cuts = [Cut(source, 0.1, 12), Cut(source, 0.8, 12), Cut(source, 1.3, 12)]
    timeline = timeline_of(cuts)
    engine = FfmpegEngine(Settings())
    for name, edit in {
        "plain": timeline,
        "grey": _with_effect(timeline, 1, Effect(name="BlackAndWhite")),
    }.items():
        engine.render(edit, paths_of(cuts), music, tmp_path / f"{name}.mp4", lambda share: None)
    plain, grey = (
        np.stack(list(frames_of(tmp_path / f"{name}.mp4"))).astype(int)
        for name in ("plain", "grey")
    )
    assert (plain[:12] == grey[:12]).all()
    assert (plain[24:] == grey[24:]).all()
    assert np.ptp(grey[12:24], axis=-1).max() <= 6
    assert np.ptp(plain[12:24], axis=-1).mean() > 25
    luma = np.array([0.299, 0.587, 0.114])
    assert np.abs((plain[12:24] @ luma) - grey[12:24].mean(axis=-1)).mean() < 12


@pytest.mark.parametrize(
    ("effect", "reason"),
    [
        (Effect(name="Sparkle"), "has no effect 'Sparkle'"),
        (Effect(name="MultiplyColor", parameters={"factors": 2}), "takes"),
        (Effect(name="MultiplySpeed", parameters={"factor": 2}), "keeps its"),
        (Effect(name="Margin", parameters={"margin_size": 8}), "keeps its"),
        (Effect(name="HeadBlur", parameters={"fx": "a", "fy": "b", "radius": 3}), "HeadBlur"),
    ],
)
def test_unsuitable_effects_are_refused(
    effect: Effect, reason: str, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    cuts = [Cut(clip(_SOURCE), 0.1, 12)]
    timeline = _with_effect(timeline_of(cuts), 0, effect)
    with pytest.raises(PermanentError, match=reason) as failure:
        FfmpegEngine(Settings()).render(
            timeline, paths_of(cuts), music, tmp_path / "reel.mp4", lambda share: None
        )
    assert failure.value.code == "bad_effect"
    assert list(tmp_path.iterdir()) == []
