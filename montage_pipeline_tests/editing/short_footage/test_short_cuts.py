"""With the wish for it, clips too short for a cut are shown as briefly as they are, few of them."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline_tests.editing.footage import steady_music
from montage_pipeline_tests.editing.requests import edit_request
from montage_pipeline_tests.editing.rules import assert_beats, assert_used_once
from montage_pipeline_tests.editing.short_footage.test_slowing import clips_at, shown
from montage_pipeline_tests.examples import examples

LONG = [(14.0, 30)] * 3


def planned(
    clips: ClipAnalysis, duration_s: float = 15, bpm: float = 120, **wishes: Any
) -> Timeline:
    request, track = edit_request(duration_s, **wishes), steady_music(bpm, 60)
    timeline = plan_timeline(request, clips, track)
    assert_used_once(timeline)
    assert_beats(timeline, track)
    return timeline


def assert_short_cuts(timeline: Timeline, clips: ClipAnalysis) -> None:
    """Of clips that have no more, none under 1.2 s, at most one segment of three."""
    short = [segment for segment in timeline.segments[1:] if segment.frames < 90]
    assert len(short) <= len(timeline.segments) / 3
    for segment in short:
        assert segment.frames >= 36
        assert segment.speed == 1
        assert clips.clips[segment.clip].facts.duration_s < 3
        assert "short cut" in segment.why
    assert all(segment.frames <= 150 for segment in timeline.segments)


def test_short_clips_are_shown_when_that_is_wished_for() -> None:
    clips = clips_at((2.2, 30), (1.5, 30), *LONG)
    without = planned(clips)
    assert len({segment.clip for segment in without.segments} & {0, 1}) <= 1
    assert all(segment.frames >= 90 for segment in without.segments[1:])

    timeline = planned(clips, short_cuts=True)
    assert {segment.clip for segment in timeline.segments} == set(range(5))
    assert_short_cuts(timeline, clips)
    assert sum(segment.frames for segment in timeline.segments) == 450
    assert timeline == planned(clips, short_cuts=True)


def test_short_cuts_make_a_reel_longer() -> None:
    clips = clips_at((5.4, 30), (4.0, 30), (2.3, 30))
    url = clips.clips[0].facts.url
    without = planned(clips, 10, hook_clip=url)
    assert sum(segment.frames for segment in without.segments) < 300
    assert "cuts of 3 to 5 s of" in without.warnings[0]

    # Two cuts of 3 s or more and the opening leave 2.3 s to fill.
    timeline = planned(clips, 10, hook_clip=url, short_cuts=True)
    assert sum(segment.frames for segment in timeline.segments) == 300
    assert [segment.frames < 90 for segment in shown(timeline, 2)] == [True]
    assert_short_cuts(timeline, clips)

    # One short cut of three: of three such clips two stay out, and the Reel shorter than asked.
    few = clips_at((5.4, 30), (2.6, 30), (2.3, 30), (2.3, 30))
    shorter = planned(few, 12, short_cuts=True)
    assert_short_cuts(shorter, few)
    assert "(a third of them 1.2 s at least)" in shorter.warnings[0]


def test_footage_that_is_long_enough_is_never_shown_for_less() -> None:
    clips = clips_at((3.1, 30), (8.0, 30), *LONG)
    assert planned(clips, short_cuts=True) == planned(clips)


def test_slow_motion_comes_before_a_short_cut() -> None:
    clips = clips_at((2.2, 60), (2.2, 30), *LONG)
    timeline = planned(clips, short_cuts=True)
    assert [segment.speed for segment in shown(timeline, 0) if segment.role != "hook"] in (
        [0.5],
        [],
    )
    assert_short_cuts(timeline, clips)


def test_a_clip_that_must_appear_appears_in_a_short_cut() -> None:
    clips = clips_at((2.2, 30), (1.5, 30), *LONG)
    url = [clip.facts.url for clip in clips.clips]
    wishes: dict[str, Any] = {"hook_clip": url[3], "must_use": (url[1],)}
    with pytest.raises(PermanentError) as refused:
        planned(clips, **wishes)
    assert refused.value.code is ErrorCode.MUST_USE_UNUSABLE
    timeline = planned(clips, short_cuts=True, **wishes)
    assert timeline.segments[0].clip == 3
    assert [36 <= segment.frames < 90 for segment in shown(timeline, 1)] == [True]


@settings(max_examples=examples(0.15), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    short=st.lists(
        st.tuples(st.floats(0.9, 3.3), st.sampled_from([24, 30, 60])), min_size=1, max_size=5
    ),
    long=st.lists(st.tuples(st.floats(3.4, 15), st.just(30)), min_size=2, max_size=5),
    duration_s=st.sampled_from([7, 10, 15, 21]),
    bpm=st.floats(70, 180),
)
def test_any_footage_keeps_the_rule(
    short: list[tuple[float, int]],
    long: list[tuple[float, int]],
    duration_s: float,
    bpm: float,
) -> None:
    clips = clips_at(*short, *long)
    try:
        timeline = planned(clips, duration_s, bpm, short_cuts=True)
    except PermanentError as refused:
        if refused.code is not ErrorCode.NOT_ENOUGH_FOOTAGE:
            raise
        return
    if timeline.segments[-1].frames <= 150:
        assert_short_cuts(timeline, clips)
