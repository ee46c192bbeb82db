"""Footage in which nobody is in view, nothing acts and only the camera moves gives way to the rest,
however sharp it is.
"""

from typing import Any

import pytest

from montage_pipeline.analysis.model import AnalystFacts, ClipAnalysis, QualityScores
from montage_pipeline.analysis.scoring import CAMERA_ONLY, camera_only
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.orchestration.assets.clip_reports import clip_reports
from montage_pipeline.requests.model import MontageRequest
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline_tests.editing.footage import analysis, facts, moment, steady_music
from montage_pipeline_tests.editing.requests import edit_request

_FAIR: dict[str, float] = {
    "sharpness": 0.6,
    "exposure": 0.8,
    "stability": 0.8,
    "motion": 0.7,
    "colour": 0.6,
    "faces": 0.0,
    "living": 0.3,
    "action": 0.4,
    "speech": 0.0,
}
_GOOD = _FAIR | {"sharpness": 1.0, "living": 0.8}
_PASSING = (
    _FAIR
    | {"sharpness": 1.0, "exposure": 1.0, "stability": 1.0}
    | dict.fromkeys(("living", "action"), 0.02)
)
"""A sharp and steady look out of a car."""


def _clips(
    *scores: dict[str, float], analyst: str = "local", length_s: float = 8.0
) -> ClipAnalysis:
    """A clip of one moment for each; the sharper, the better and the more interesting."""
    clips = []
    for clip, given in enumerate(scores):
        found = QualityScores(**given)
        changes: dict[str, Any] = {
            "scores": found,
            "quality": found.sharpness,
            "interest": found.sharpness,
            "hook": found.sharpness,
            "role": None,
            "peak_s": None,
            "subject": None,
            "without_subject": (),
        }
        clips.append((facts(f"clip{clip}", length_s), [moment(clip, 0, 0, length_s, **changes)]))
    return analysis(clips).model_copy(update={"analyst": AnalystFacts(name=analyst)})


def _shown(footage: ClipAnalysis, duration_s: float = 12, **changes: Any) -> list[int]:
    timeline = plan_timeline(
        edit_request(duration_s, **changes), footage, steady_music(120, duration_s + 10)
    )
    return [segment.clip for segment in timeline.segments]


@pytest.mark.parametrize("seed", range(4))
def test_where_there_is_no_room_for_all_it_is_left_out_and_said(seed: int) -> None:
    footage = _clips(*[_FAIR] * 4, _PASSING, *[_FAIR] * 3)
    request = edit_request(12, seed=seed)
    timeline = plan_timeline(request, footage, steady_music(120, 22))
    assert 4 not in {segment.clip for segment in timeline.segments}

    given: dict[str, Any] = {
        "clip_urls": tuple(clip.facts.url for clip in footage.clips),
        "options": MontageOptions(),
    }
    report = clip_reports(MontageRequest.model_construct(**given), footage, timeline)[4]
    assert report.reason
    assert report.reason.startswith("nobody is in view and only the camera moves; better moments")


@pytest.mark.parametrize("seed", range(4))
def test_it_neither_opens_nor_is_dropped_where_the_reel_needs_it(seed: int) -> None:
    shown = _shown(_clips(_FAIR, _PASSING), seed=seed)
    assert shown[0] == 0
    assert 1 in shown


def test_who_asks_for_it_gets_it() -> None:
    footage = _clips(*[_FAIR] * 4, _PASSING, *[_FAIR] * 3)
    assert 4 in _shown(footage, must_use=(footage.clips[4].facts.url,))


@pytest.mark.parametrize("seed", range(4))
def test_clips_that_are_worth_less_by_the_second_go_before_it(seed: int) -> None:
    footage = _clips(*[_FAIR | {"sharpness": 0.05}] * 5, _PASSING)
    tiny = {"width": 160, "height": 90}
    clips = [
        clip.model_copy(update={"facts": clip.facts.model_copy(update=tiny)})
        for clip in footage.clips[:5]
    ]
    footage = footage.model_copy(update={"clips": (*clips, footage.clips[5])})
    assert 5 not in _shown(footage, seed=seed)


@pytest.mark.parametrize("seed", range(4))
def test_footage_that_is_mostly_such_is_all_shown(seed: int) -> None:
    footage = _clips(*[_PASSING] * 3, _GOOD, _GOOD, length_s=20)
    assert set(_shown(footage, 18, seed=seed)) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    "changes",
    [
        {"motion": 0.0},  # a view
        {"living": 0.2},  # somebody, far away
        {"action": 0.2},  # a wave that breaks
        {"faces": 0.5},
        {"motion": 0.3, "action": 0.05},  # a crossing from above
        {"action": 0.1},  # a waterfall, a city in a time lapse
    ],
)
def test_a_view_a_person_or_an_action_is_something_to_look_at(changes: dict[str, float]) -> None:
    found = camera_only(_clips(_PASSING | changes, _FAIR))
    assert found["c0m0"] == 0


def test_who_judged_the_footage_knows_better_and_older_documents_say_nothing() -> None:
    assert camera_only(_clips(_PASSING, _FAIR))["c0m0"] > CAMERA_ONLY
    assert camera_only(_clips(_PASSING, _FAIR, analyst="claude"))["c0m0"] == 0
    unknown = _PASSING | {"living": 0.0, "action": 0.0}
    assert camera_only(_clips(unknown, unknown))["c0m0"] == 0
