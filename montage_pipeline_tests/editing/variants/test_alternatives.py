"""Several edits of the same footage: how different they are, by a count of frames."""

import pytest

from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.editing.variants.alternatives import (
    CLEARLY_DIFFERENT,
    STILL_ANOTHER,
    plan_variants,
)
from montage_pipeline_tests.editing.footage import clips_of, steady_clips, steady_music
from montage_pipeline_tests.editing.requests import edit_request
from montage_pipeline_tests.editing.rules import assert_rules

MUSIC = steady_music(120, 40)


def _frames(timeline: Timeline) -> set[tuple[str, int]]:
    """Every frame of footage that is shown, by hundredths of a second."""
    return {
        (segment.clip_url, round(100 * segment.source_s(frame, timeline.fps.fraction)))
        for segment in timeline.segments
        for frame in range(segment.frames)
    }


def _in_common(timeline: Timeline, other: Timeline) -> float:
    shown = _frames(timeline)
    return len(shown & _frames(other)) / len(shown)


@pytest.mark.parametrize(
    ("count", "length_s"), [(6, 20), pytest.param(2, 60, marks=pytest.mark.slow)]
)
def test_three_edits_share_little_where_there_is_enough(count: int, length_s: float) -> None:
    clips, request = steady_clips(count, length_s, moment_s=4), edit_request(30)
    found = plan_variants(request, clips, MUSIC, 3)
    one, two, three = found.timelines
    assert one == plan_timeline(request, clips, MUSIC), "the first is as without the others"
    for timeline in found.timelines:
        assert_rules(timeline, request, clips, MUSIC)
        assert timeline.total_frames == one.total_frames
        assert not timeline.left_out
        assert not timeline.warnings
    for edit, other in ((two, one), (three, one), (three, two)):
        assert _in_common(edit, other) <= CLEARLY_DIFFERENT
    assert found.notes == ()
    assert found == plan_variants(request, clips, MUSIC, 3), "the same request, the same edits"


def test_with_less_footage_they_share_some_and_say_so() -> None:
    clips = clips_of(12, 12, 12)
    found = plan_variants(edit_request(20), clips, MUSIC, 3)
    assert found.notes
    for number, edit in enumerate(found.timelines):
        worst = max((_in_common(edit, other) for other in found.timelines[:number]), default=0.0)
        assert found.shared[number] == pytest.approx(worst, abs=0.02)
        assert worst <= STILL_ANOTHER


def test_nearly_the_same_edit_is_not_offered() -> None:
    # Every second that there is goes into the Reel.
    found = plan_variants(edit_request(15), clips_of(8, 7.5), MUSIC, 3)
    assert len(found.timelines) == 1
    assert "footage for 1 clearly different edit; 3 were asked for" in found.notes[0]


def test_the_clip_that_must_appear_is_in_every_edit() -> None:
    clips = steady_clips(6, 20, moment_s=4)
    wished = clips.clips[2].facts.url
    found = plan_variants(edit_request(20, must_use=(wished,)), clips, MUSIC, 3)
    assert len(found.timelines) == 3
    for timeline in found.timelines:
        assert wished in {segment.clip_url for segment in timeline.segments}
