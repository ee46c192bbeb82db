"""How long a Reel can be, and when it cannot be one."""

import pytest

from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline_tests.editing.footage import clips_of, steady_music
from montage_pipeline_tests.editing.requests import edit_request


def test_seven_seconds_end_on_one_longer_cut() -> None:
    timeline = plan_timeline(edit_request(7), clips_of(8, 9), steady_music(120, 12))
    assert [segment.frames for segment in timeline.segments] == [51, 159]
    assert any("last cut is 5.3 s" in warning for warning in timeline.warnings)


def test_seven_seconds_without_a_long_take_become_the_longest_reel_there_is() -> None:
    timeline = plan_timeline(edit_request(7), clips_of(2, 5.1, 5.1), steady_music(120, 12))
    assert [segment.frames for segment in timeline.segments] == [51, 150]
    assert any("Asked for 7 s, got 6.7 s" in warning for warning in timeline.warnings)


def test_short_footage_gives_the_longest_possible_reel_and_says_so() -> None:
    timeline = plan_timeline(edit_request(30), clips_of(1.8, 4, 4, 4, 4), steady_music(120, 40))
    assert timeline.total_frames == 51 + 4 * 120
    assert timeline.asked_duration_s == 30
    assert any("Asked for 30 s, got 17.7 s" in warning for warning in timeline.warnings)


def test_far_too_little_footage_is_refused_with_the_figures() -> None:
    with pytest.raises(PermanentError) as refused:
        plan_timeline(edit_request(30), clips_of(1.8, 4, 4), steady_music(120, 40))
    assert refused.value.code is ErrorCode.NOT_ENOUGH_FOOTAGE
    assert refused.value.details == {"usable_s": 9.7, "missing_s": 20.3, "asked_s": 30.0}
    assert "9.7 s" in refused.value.message
    assert "20.3 s" in refused.value.message


@pytest.mark.parametrize("lengths_s", [(), (1.0,), (2.0, 2.0, 2.9), (4.0,)])
def test_no_reel_at_all_is_refused(lengths_s: tuple[float, ...]) -> None:
    with pytest.raises(PermanentError) as refused:
        plan_timeline(edit_request(7), clips_of(*lengths_s), steady_music(120, 12))
    assert refused.value.code is ErrorCode.NOT_ENOUGH_FOOTAGE


def test_every_frame_of_awkward_footage_is_found() -> None:
    """Twenty moments that hold one cut each: the one way to 60 s uses nearly all of them."""
    clips = clips_of(1.7, *[3.05] * 19, hook=0.5)
    timeline = plan_timeline(edit_request(60), clips, steady_music(120, 70))
    assert timeline.total_frames == 51 + 19 * 91
    exact = plan_timeline(edit_request(58.7), clips_of(1.7, *[3.0] * 19), steady_music(120, 70))
    assert exact.total_frames == 1761
    assert not exact.warnings
