"""Where in a moment the hook begins best."""

from pathlib import Path

import pytest

from montage_pipeline.analysis.hook_windows import hook_windows_of
from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.footage.decoding.packets import index_clip
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.probe import probe
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.rules import HOOK_S
from montage_pipeline.settings import Settings
from montage_pipeline.spans import Span
from montage_pipeline_tests.footage.media import fetched, scenery

pytestmark = pytest.mark.usefixtures("bare_footage")

_FROM_S, _TO_S = 4.0, 7.0


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10 s of a scene that rests; from 4 to 7 s something crosses it."""
    return _crossed(tmp_path_factory.mktemp("crossed"), "100*(t-4)")


def _crossed(folder: Path, across: str) -> Path:
    """The same, with the thing that crosses it at a place (pixels of 480) told by FFmpeg's `t`."""
    behind, thing = scenery(folder / "1.png", seed=1), scenery(folder / "2.png", seed=2)
    path = folder / "crossed.mp4"
    when = f"between(t,{_FROM_S},{_TO_S})"
    place = f"x='{across}':y=90:enable='{when}'"
    held = "loop=-1:1,fps=15,setpts=N/(15*TB)"  # one picture, decoded and scaled once
    scaled = f"[0]scale=480:270,{held}[s];[1]scale=480:270,crop=90:90,{held}[t]"
    drawn = f"{scaled};[s][t]overlay={place}"
    inputs = ["-i", str(behind), "-i", str(thing)]
    encoding = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(path)]
    run_ffmpeg(["-y", *inputs, "-filter_complex", drawn, "-t", "10", *encoding])
    return path


@pytest.fixture(scope="module")
def analysis(crossed: Path) -> ClipAnalysis:
    return LocalAnalyst(Settings()).analyse([fetched(crossed)], "dynamic", 7)


def test_the_best_opening_is_where_something_happens(analysis: ClipAnalysis) -> None:
    windows = [one for moment in analysis.clips[0].moments for one in moment.hook_windows]
    best = max(windows, key=lambda window: window.score)
    assert _FROM_S - 0.5 <= best.start_s <= _TO_S - HOOK_S + 0.5
    assert best.score > max(one.score for one in windows if one.start_s < 1.5)


def test_what_passes_beside_the_crop_opens_nothing(analysis: ClipAnalysis, tmp_path: Path) -> None:
    clip = _crossed(tmp_path, "20*(t-4)")
    beside = LocalAnalyst(Settings()).analyse([fetched(clip)], "dynamic", 7)
    assert _best_hook(beside) < _best_hook(analysis) - 0.03


def _best_hook(analysis: ClipAnalysis) -> float:
    return max(moment.hook for moment in analysis.clips[0].moments)


def test_a_moment_opens_as_well_as_its_best_window(analysis: ClipAnalysis) -> None:
    for moment in analysis.clips[0].moments:
        if moment.duration_s >= HOOK_S:
            assert moment.hook == max(window.score for window in moment.hook_windows)
            starts = [window.start_s for window in moment.hook_windows]
            assert starts[0] == pytest.approx(moment.start_s, abs=1e-3)
            assert starts[-1] <= moment.end_s - HOOK_S + 1e-3
            assert starts == sorted(starts)


def test_an_end_of_the_clip_opens_less_well_than_the_same_elsewhere(crossed: Path) -> None:
    clip = measure(index_clip(crossed, probe(fetched(crossed))))
    resting = {window.start_s: window.score for window in hook_windows_of(clip, Span(0, 10), 0.0)}
    assert resting[0.0] < resting[1.25]
    assert hook_windows_of(clip, Span(0, 1.5), 0.0) == (), "no hook fits"
