"""What the user asks for by clip, and earlier Reels that the next one keeps away from."""

from typing import Any

import pytest

from montage_pipeline.analysis.model import ClipAnalysis, RejectedClip
from montage_pipeline.editing.originality import covered_s, footage_shown
from montage_pipeline.editing.planner import EditRequest, plan_timeline
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing.footage import (
    analysis,
    facts,
    moment,
    steady_clips,
    steady_music,
)
from montage_pipeline_tests.editing.rules import assert_rules

MUSIC = steady_music(120, 40)


def request(duration_s: float = 20, **changes: Any) -> EditRequest:
    fields = {
        "request_id": "r",
        "style": "travel",
        "format": Format.REEL,
        "duration_s": duration_s,
        "seed": 1,
    } | changes
    return EditRequest.model_validate(fields)


def url(clips: ClipAnalysis, clip: int) -> str:
    return clips.clips[clip].facts.url


def refused(wish: EditRequest, clips: ClipAnalysis) -> PermanentError:
    with pytest.raises(PermanentError) as error:
        plan_timeline(wish, clips, MUSIC)
    return error.value


# -- the clip that opens
# -----------------------------------------------------------------------------


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
        assert error.code == "hook_clip_unusable"
        assert error.details["clip_url"] == clip
        assert reason in error.message


def test_a_clip_whose_opening_leaves_no_reel_is_refused_though_another_opening_would_do() -> None:
    clips = analysis(
        [(facts("a", 4), [moment(0, 0, 0, 4)]), (facts("b", 2), [moment(1, 0, 0, 2, hook=0.1)])]
    )
    assert plan_timeline(request(7), clips, MUSIC).segments[0].clip == 1
    assert refused(request(7, hook_clip=url(clips, 0)), clips).code == "hook_clip_unusable"


# -- clips that must appear
# --------------------------------------------------------------------------


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
            (facts("a", 20), [moment(0, 0, 0, 20, hook=0.9)]),
            (facts("b", 2.5), [moment(1, 0, 0, 2.5, hook=0.1)]),
        ]
    )
    assert plan_timeline(request(10), clips, MUSIC).segments[0].clip == 0
    assert plan_timeline(request(10, must_use=(url(clips, 1),)), clips, MUSIC).segments[0].clip == 1
    error = refused(request(10, must_use=(url(clips, 1),), hook_clip=url(clips, 0)), clips)
    assert error.code == "must_use_unusable"
    assert "2.5 s" in error.message


def test_clips_that_cannot_all_appear_are_refused_by_name() -> None:
    clips = steady_clips(6, 20)
    error = refused(request(10, must_use=tuple(url(clips, clip) for clip in range(6))), clips)
    assert (error.code, error.details["clip_url"]) == ("must_use_unusable", url(clips, 3))
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


# -- earlier Reels
# -----------------------------------------------------------------------------------


def shared_share(timeline: Timeline, earlier: Timeline) -> float:
    shown = [(s.clip, s.source_in_s, s.source_in_s + s.frames / 30) for s in earlier.segments]
    return sum(
        covered_s(
            [(a, b) for clip, a, b in shown if clip == s.clip],
            s.source_in_s,
            s.source_in_s + s.frames / 30,
        )
        for s in timeline.segments
    ) / float(timeline.duration)


@pytest.mark.parametrize(
    ("count", "length_s", "duration_s"),
    [(6, 20, 30), (2, 60, 30), pytest.param(30, 8, 60, marks=pytest.mark.slow)],
)
def test_another_attempt_shares_little_footage(
    count: int, length_s: float, duration_s: float
) -> None:
    clips, track = steady_clips(count, length_s, moment_s=4), steady_music(120, 70)
    first = plan_timeline(request(duration_s), clips, track)
    seen = footage_shown(first, clips)
    second = plan_timeline(request(duration_s, seed=2, seen=seen), clips, track)
    third = plan_timeline(
        request(duration_s, seed=2, seen=seen + footage_shown(second, clips)[:1]), clips, track
    )
    assert shared_share(second, first) <= 0.3
    assert (
        second.segments[0].source_in_s != first.segments[0].source_in_s
        or second.segments[0].clip != first.segments[0].clip
    )
    assert all(segment.on_beat for segment in third.segments[:-1])
    new = next(part for part in second.originality.parts if part.name == "new footage")
    assert new.score == pytest.approx(1 - shared_share(second, first), abs=0.02)


def test_seen_footage_is_shown_again_where_there_is_no_other_and_said() -> None:
    clips = steady_clips(2, 20)
    first = plan_timeline(request(30), clips, MUSIC)
    second = plan_timeline(request(30, seed=2, seen=footage_shown(first, clips)), clips, MUSIC)
    assert second.total_frames == 900
    assert shared_share(second, first) < 0.95
    new = next(part for part in second.originality.parts if part.name == "new footage")
    assert new.score < 0.6
    assert "Earlier Reels showed" in new.note
    assert any("An earlier Reel showed" in segment.why for segment in second.segments)


def test_what_looks_like_an_earlier_reel_of_other_files_is_avoided() -> None:
    old = facts("old", 10).model_copy(update={"sha256": "f" * 64})
    moments = [
        [moment(i, k, k * 5, k * 5 + 5, interest=0.6, quality=0.6) for k in range(2)]
        for i in range(8)
    ]
    clips = analysis([(facts(f"c{i}", 10), own) for i, own in enumerate(moments)])
    plain = plan_timeline(request(10), clips, MUSIC)
    shown = footage_shown(plain, clips)
    again = tuple(one.model_copy(update={"sha256": old.sha256}) for one in shown)
    other = plan_timeline(request(10, seen=again), clips, MUSIC)
    assert not {s.moment for s in other.segments[1:]} & {s.moment for s in plain.segments[1:]}
