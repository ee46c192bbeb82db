"""Clips in a log profile are told, and left as they are for who wants colours as shot."""

from montage_pipeline.editing.grading.flat import as_shot, with_flat_clips_told
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.footage.model import LogProfile
from montage_pipeline_tests.editing.footage import clips_of, steady_music
from montage_pipeline_tests.editing.requests import edit_request


def _edit() -> Timeline:
    plan = plan_timeline(edit_request(duration_s=10.0), clips_of(20, 20), steady_music(120, 30))
    shown = {segment.clip for segment in plan.segments}
    assert shown == {0, 1}
    flat = LogProfile(name="S-Log3", floor=0.1, ceiling=0.6)
    clips = (plan.clips[0].model_copy(update={"log": flat}), plan.clips[1])
    return plan.model_copy(update={"clips": clips})


def test_it_is_said_which_clips_were_flat() -> None:
    (sentence,) = set(with_flat_clips_told(_edit()).warnings) - set(_edit().warnings)
    assert sentence.startswith("clip0.mp4 was filmed in S-Log3; its contrast")


def test_as_shot_leaves_them_flat_and_says_nothing() -> None:
    edit = as_shot(_edit())
    assert [clip.log for clip in edit.clips] == [None, None]
    assert edit.warnings == _edit().warnings
