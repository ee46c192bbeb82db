"""The better instants of a clip are told from the worse."""

from pathlib import Path

import numpy as np
import pytest

from montage_pipeline.analysis.instants import instants_of
from montage_pipeline.footage.decoding.packets import index_clip
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.measuring.measures import ClipMeasures
from montage_pipeline.footage.probe import probe
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline_tests.footage.media import fetched

pytestmark = pytest.mark.usefixtures("bare_footage")

_SCENE = "testsrc2=size=640x360:rate=25:duration=6"
_FROM_S, _TO_S = 2.5, 4.0

FAULTS = {
    "out of focus": f"gblur=sigma=8:enable='between(t,{_FROM_S},{_TO_S})'",
    "washed out": f"hue=s=0:enable='between(t,{_FROM_S},{_TO_S})'",
    "swung about": (
        f"scale=1280:720,crop=640:360:'if(between(t,{_FROM_S},{_TO_S}),320+300*sin(18*t),320)':180"
    ),
}


def measured(folder: Path, name: str, chain: str) -> ClipMeasures:
    path = folder / f"{name.replace(' ', '-')}.mp4"
    encoding = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    run_ffmpeg(["-y", "-f", "lavfi", "-i", _SCENE, "-vf", chain, *encoding, str(path)])
    return measure(index_clip(path, probe(fetched(path))))


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong_for_a_while_scores_below_the_rest(tmp_path: Path, fault: str) -> None:
    instants = instants_of(measured(tmp_path, fault, FAULTS[fault]))
    inside = [one.score for one in instants if _FROM_S + 0.3 <= one.time_s <= _TO_S - 0.3]
    outside = [one.score for one in instants if not _FROM_S - 0.6 <= one.time_s <= _TO_S + 0.6]
    assert np.mean(inside) < np.mean(outside) - 0.05


def test_a_clip_that_stays_the_same_has_no_better_instants(tmp_path: Path) -> None:
    scores = [one.score for one in instants_of(measured(tmp_path, "plain", "null"))]
    assert np.ptp(scores) < 0.35


def test_every_sample_has_its_instant_in_order(tmp_path: Path) -> None:
    clip = measured(tmp_path, "plain", "null")
    times = [one.time_s for one in instants_of(clip)]
    assert times == pytest.approx([sample.time_s for sample in clip.samples], abs=1e-4)
