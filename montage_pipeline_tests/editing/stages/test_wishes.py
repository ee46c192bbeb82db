"""What the user asks for by clip."""

from typing import Any

import pytest

from montage_pipeline.analysis.model import ClipAnalysis, RejectedClip
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline_tests.editing.footage import (
    analysis,
    facts,
    moment,
    steady_clips,
    steady_music,
)
from montage_pipeline_tests.editing.requests import edit_request
from montage_pipeline_tests.editing.rules import assert_rules

MUSIC = steady_music(120, 40)


def request(duration_s: float = 20, **changes: Any) -> EditRequest:
    return edit_request(duration_s, "travel", **changes)


def url(clips: ClipAnalysis, clip: int) -> str:
    return clips.clips[clip].facts.url


def refused(wish: EditRequest, clips: ClipAnalysis) -> PermanentError:
    with pytest.raises(PermanentError) as error:
        plan_timeline(wish, clips, MUSIC)
    return error.value


# -- the clip that opens --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "clip", [0, 2, *(pytest.param(clip, marks=pytest.mark.slow) for clip in (1, 3))]
)
def test_the_asked_clips_best_moment_opens(clip: int) -> None:
    clips = steady_clips(4, 20)
    wish = request(hook_clip=url(clips, clip), caption="Look at this")
    timeline = plan_timeline(wish, clips, MUSIC)
    assert_rules(timeline, wish, clips, MUSIC)
    opening = timeline.segments[0]
    assert opening.moment == max(clips.clips[clip].moments, key=lambda m: m.hook).id
    assert "you chose" in opening.why
    assert [segment.caption for segment in timeline.segments] == [
        "Look at this",
        *[""] * (len(timeline.segments) - 1),
    ]


def test_a_clip_that_cannot_open_is_refused_with_the_reason() -> None:
    long = [(facts(f"clip{i}", 20), [moment(i, 0, 0, 20)]) for i in range(2)]
    short = (facts("short", 1.5), [moment(2, 0, 0, 1.5)])
    blurred = (facts("blurred", 9), [moment(3, 0, 0, 9, rejected=True)])
    clips = analysis([*long, short, blurred])
    clips = clips.model_copy(
        update={
            "rejected_clips": (
                RejectedClip(
                    url="https://c.example/x", code=ErrorCode.CLIP_NO_VIDEO, message="It is a song."
                ),
            )
        }
    )
    for clip, reason in (
        (url(clips, 2), "1.5 s"),
        (url(clips, 3), "out of focus"),
        ("https://c.example/x", "It is a song"),
        ("y", "not among"),
    ):
        error = refused(request(hook_clip=clip), clips)
        assert error.code is ErrorCode.HOOK_CLIP_UNUSABLE
        assert error.details["clip_url"] == clip
        assert reason in error.message


def test_a_clip_whose_opening_leaves_no_reel_is_refused_though_another_opening_would_do() -> None:
    clips = analysis(
        [(facts("a", 4), [moment(0, 0, 0, 4)]), (facts("b", 2), [moment(1, 0, 0, 2, hook=0.1)])]
    )
    assert plan_timeline(request(7), clips, MUSIC).segments[0].clip == 1
    assert refused(request(7, hook_clip=url(clips, 0)), clips).code is ErrorCode.HOOK_CLIP_UNUSABLE


# -- clips that must appear -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]
)
def test_every_clip_asked_for_appears_however_poor(seed: int) -> None:
    good = [
        (
            facts(f"good{i}", 20),
            [moment(i, k, k * 5, k * 5 + 5, interest=0.9, quality=0.9) for k in range(4)],
        )
        for i in range(5)
    ]
    poor = [
        (facts(f"poor{i}", 4), [moment(i, 0, 0, 4, interest=0.0, quality=0.0, hook=0.0)])
        for i in range(5, 9)
    ]
    clips = analysis([*good, *poor])
    without = plan_timeline(request(seed=seed), clips, MUSIC)
    assert not {5, 6, 7, 8} <= {segment.clip for segment in without.segments}
    wish = request(seed=seed, must_use=tuple(url(clips, clip) for clip in range(5, 9)))
    timeline = plan_timeline(wish, clips, MUSIC)
    assert_rules(timeline, wish, clips, MUSIC)
    assert {5, 6, 7, 8} <= {segment.clip for segment in timeline.segments}
    assert all(segment.on_beat for segment in timeline.segments[:-1])
    assert all(
        ("You asked for this clip." in segment.why) == (segment.clip >= 5)
        for segment in timeline.segments
    )


def test_a_clip_too_short_for_a_cut_opens_when_it_must_appear() -> None:
    clips = analysis(
        [
            (facts("a", 20), [moment(0, 0, 0, 20, hook=0.9, peak_s=None, role=None)]),
            (facts("b", 2.5), [moment(1, 0, 0, 2.5, hook=0.1, peak_s=None, role=None)]),
        ]
    )
    assert plan_timeline(request(10), clips, MUSIC).segments[0].clip == 0
    assert plan_timeline(request(10, must_use=(url(clips, 1),)), clips, MUSIC).segments[0].clip == 1
    error = refused(request(10, must_use=(url(clips, 1),), hook_clip=url(clips, 0)), clips)
    assert error.code is ErrorCode.MUST_USE_UNUSABLE
    assert "2.5 s" in error.message


def test_clips_that_cannot_all_appear_are_refused_by_name() -> None:
    clips = steady_clips(6, 20)
    error = refused(request(10, must_use=tuple(url(clips, clip) for clip in range(6))), clips)
    assert (error.code, error.details["clip_url"]) == (ErrorCode.MUST_USE_UNUSABLE, url(clips, 3))
    assert "room for 3 cuts" in error.message
    gone = analysis(
        [
            (facts("a", 20), [moment(0, 0, 0, 20)]),
            (facts("b", 9), [moment(1, 0, 0, 9, rejected=True)]),
        ]
    )
    assert "out of focus" in refused(request(10, must_use=(url(gone, 1),)), gone).message
    # As many clips as cuts fit exactly, one of them as the opening.
    timeline = plan_timeline(
        request(10, must_use=tuple(url(clips, clip) for clip in range(3))), clips, MUSIC
    )
    assert {segment.clip for segment in timeline.segments} == {0, 1, 2}


def test_must_use_holds_where_nearly_all_footage_is_needed() -> None:
    clips = analysis(
        [(facts(f"c{i}", 3.2 + 0.2 * i), [moment(i, 0, 0, 3.2 + 0.2 * i)]) for i in range(7)]
    )
    for clip in range(7):
        timeline = plan_timeline(request(16, must_use=(url(clips, clip),)), clips, MUSIC)
        assert clip in {segment.clip for segment in timeline.segments}
