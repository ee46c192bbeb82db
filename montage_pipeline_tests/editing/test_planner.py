"""What a good edit is, on footage where the answer is known."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.model import ClipAnalysis, Moment, QualityScores, TimeSpan
from montage_pipeline.editing.planner import EditRequest, plan_timeline
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import PermanentError
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.styles import STYLES
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing.footage import (
    analysis,
    facts,
    moment,
    music,
    steady_clips,
    steady_music,
)
from montage_pipeline_tests.editing.rules import assert_rules, is_on_beat, span_s
from montage_pipeline_tests.examples import examples


def request(
    duration_s: float = 30.0,
    style: str = "dynamic",
    seed: int = 1,
    format_: Format = Format.REEL,
) -> EditRequest:
    return EditRequest(
        request_id="r", style=style, format=format_, duration_s=duration_s, seed=seed
    )


def frames_shown(timeline: Timeline) -> set[tuple[int, int]]:
    return {
        (s.clip, round(s.source_in_s * 30) + k)
        for s in timeline.segments[1:]
        for k in range(s.frames)
    }


def continuations(timeline: Timeline) -> int:
    pairs = [(a, b) for a, b in pairwise(timeline.segments) if a.clip == b.clip]
    return sum(0 <= b.source_in_s - span_s(timeline, a)[1] < 1 for a, b in pairs)


# The quickest and the slowest cuts; the other styles lie between.
STYLES = [
    style if style in ("dynamic", "minimal") else pytest.param(style, marks=pytest.mark.slow)
    for style in STYLES
]


# -- the hook and the beats
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
def test_with_plenty_of_footage_the_hook_is_the_chosen_one_and_every_cut_is_on_a_beat(
    style: str,
) -> None:
    clips = steady_clips(6, 30)
    track = steady_music(128, 40)
    timeline = plan_timeline(request(style=style), clips, track)
    assert_rules(timeline, request(style=style), clips, track)
    assert timeline.segments[0].moment == clips.hook_moment
    assert all(segment.on_beat for segment in timeline.segments[:-1])
    hook_cut_s = timeline.music.source_in_s + timeline.segments[0].frames / 30
    assert min(abs(hook_cut_s - beat) for beat in track.grid.downbeats_s) <= 1 / 30


@settings(max_examples=examples(0.15), deadline=None)
@given(st.lists(st.floats(0.3, 9.0), min_size=2, max_size=14), st.floats(31, 45))
def test_no_timing_of_as_many_cuts_misses_fewer_beats_when_footage_is_no_matter(
    steps: list[float], music_s: float
) -> None:
    beats = [sum(steps[: index + 1]) for index in range(len(steps))]
    beats = [beat for beat in beats if beat < music_s]
    clips, track = steady_clips(12, 40, moment_s=40), music(beats, music_s)
    timeline = plan_timeline(request(), clips, track)
    missed = [cut < 900 and not is_on_beat(cut, timeline, track) for cut in range(901)]
    fewest = {900: 0}
    for _ in timeline.segments[1:]:
        before: dict[int, int] = {}
        for end, misses in fewest.items():
            for start in range(max(51, end - 150), end - 89):
                before[start] = min(before.get(start, 99), misses + missed[end])
        fewest = before
    assert sum(not segment.on_beat for segment in timeline.segments[1:-1]) == fewest[51]


def test_music_without_beats_leaves_the_pace_to_the_style() -> None:
    clips, silent = steady_clips(12, 40), music([], 70)
    cuts = {
        style: len(plan_timeline(request(60, style), clips, silent).segments)
        for style in ("dynamic", "minimal")
    }
    assert cuts["dynamic"] >= 18
    assert cuts["minimal"] <= 14


def test_the_music_starts_where_the_hooks_cut_meets_a_downbeat_and_never_so_late_that_it_runs_out() -> (
    None
):
    track = steady_music(100, 31.5, first_s=0.25)
    timeline = plan_timeline(request(), steady_clips(6, 30), track)
    assert timeline.music.source_in_s + 30 <= 31.5
    assert timeline.segments[0].on_beat
    short = plan_timeline(request(), steady_clips(6, 30), steady_music(100, 20))
    assert short.music.source_in_s == 0
    assert any("music" in warning for warning in short.warnings)


def test_a_hook_moment_too_short_gives_way_to_the_next_best_hook() -> None:
    moments = [
        moment(0, 0, 0, 1.5, hook=0.9),
        moment(0, 1, 2, 9, hook=0.5),
        moment(0, 2, 10, 20, hook=0.7),
    ]
    clips = analysis([(facts("a", 20), moments)])
    assert clips.hook_moment == "c0m0"
    assert plan_timeline(request(8), clips, steady_music(120, 12)).segments[0].moment == "c0m2"


# -- variety
# -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
def test_many_clips_are_all_used_and_neighbours_differ(style: str) -> None:
    timeline = plan_timeline(request(45, style), steady_clips(8, 30), steady_music(120, 60))
    assert all(a.clip != b.clip for a, b in pairwise(timeline.segments))
    assert len({segment.clip for segment in timeline.segments}) >= 6


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))]
)
def test_one_long_clip_is_cut_with_visible_jumps(seed: int) -> None:
    timeline = plan_timeline(request(30, seed=seed), steady_clips(1, 90), steady_music(120, 40))
    assert continuations(timeline) == 0


def test_tight_footage_of_one_take_is_reordered_before_it_goes_on_and_on() -> None:
    timeline = plan_timeline(request(11), steady_clips(1, 13, moment_s=13), steady_music(120, 20))
    assert timeline.total_frames == 330
    assert continuations(timeline) == 0


def test_another_seed_is_clearly_another_edit_and_the_same_seed_the_same() -> None:
    for clips, duration_s in ((steady_clips(6, 30), 30), (steady_clips(40, 12, moment_s=4), 45)):
        edits = [
            plan_timeline(request(duration_s, seed=seed), clips, steady_music(120, 70))
            for seed in range(3)
        ]
        shown = [frames_shown(edit) for edit in edits]
        shared = [len(a & b) / len(a) for i, a in enumerate(shown) for b in shown[:i]]
        assert sum(shared) / len(shared) < 0.6
        assert max(shared) < 0.85
        assert plan_timeline(request(duration_s, seed=2), clips, steady_music(120, 70)) == edits[2]


def test_better_moments_are_preferred() -> None:
    clips = steady_clips(6, 30)
    moments = [m for clip in clips.clips for m in clip.moments]
    timelines = [
        plan_timeline(request(30, seed=seed), clips, steady_music(120, 40)) for seed in range(4)
    ]
    shown = [
        clips.moment(segment.moment) for timeline in timelines for segment in timeline.segments[1:]
    ]
    worth_shown = sum(m.interest + m.quality for m in shown) / len(shown)
    worth_all = sum(m.interest + m.quality for m in moments) / len(moments)
    assert worth_shown > worth_all + 0.2


def test_copies_of_one_file_do_not_show_the_same_seconds_twice() -> None:
    moments = [moment(0, i, i * 5, i * 5 + 5) for i in range(3)]
    again = [m.model_copy(update={"id": f"x{m.id}", "clip": 1}) for m in moments]
    original = facts("a", 15)
    clips = analysis(
        [
            (original, moments),
            (original.model_copy(update={"url": "https://clips.example/copy.mp4"}), again),
        ]
    )
    timeline = plan_timeline(request(20), clips, steady_music(120, 30))
    assert_rules(timeline, request(20), clips, steady_music(120, 30))
    assert timeline.total_frames < 15 * 30


# -- the proof
# ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("clips", "duration_s"), [(3, 10), (10, 15), (30, 30), (30, 60)])
def test_the_edit_is_within_a_few_percent_of_what_no_edit_can_exceed(
    clips: int, duration_s: float
) -> None:
    proof = plan_timeline(
        request(duration_s, "travel"),
        steady_clips(clips, 20, moment_s=4),
        steady_music(120, 70),
    ).proof
    assert proof is not None
    assert proof.objective <= proof.bound
    assert proof.gap <= 0.02
    assert proof.gap == pytest.approx((proof.bound - proof.objective) / abs(proof.bound), abs=1e-4)


def test_changes_are_drawn_to_downbeats_and_most_to_where_something_big_starts() -> None:
    clips = steady_clips(12, 30, moment_s=4)
    # No second to spare, so that the music starts at the same place in every edit.
    beats = [0.2 + 0.5 * k for k in range(60)]
    plain = music(beats, 30, downbeats_s=[])
    barred = music(beats, 30, downbeats_s=beats[3::4])
    strong = plain.model_copy(
        update={"grid": plain.grid.model_copy(update={"strong_s": tuple(beats[25::8])})}
    )

    def change_at(track: MusicTrack, times: Sequence[float]) -> float:
        timeline = plan_timeline(request(30, "dynamic"), clips, track)
        shown = [clips.moment(segment.moment) for segment in timeline.segments]
        near = [
            any(abs(cut / 30 - time) <= 1.01 / 30 for time in times) for cut in timeline.cut_frames
        ]
        bits = [
            (int(a.fingerprint, 16) ^ int(b.fingerprint, 16)).bit_count()
            for a, b in pairwise(shown)
        ]
        steps = [abs(a.scores.motion - b.scores.motion) for a, b in pairwise(shown)]
        return sum(step + bit / 32 for step, bit, on in zip(steps, bits, near, strict=True) if on)

    assert change_at(barred, beats[3::4]) > change_at(plain, beats[3::4])
    assert change_at(strong, beats[25::8]) > change_at(plain, beats[25::8])


# -- words
# -------------------------------------------------------------------------------------------


def test_every_exception_to_the_beat_rule_is_explained() -> None:
    def off_beat(beats: list[float], music_s: float) -> list[str]:
        timeline = plan_timeline(request(30), steady_clips(6, 30), music(beats, music_s))
        off = [segment.why for segment in timeline.segments[:-1] if not segment.on_beat]
        told = f"{len(off)} of {len(timeline.segments) - 1} cuts {'is' if len(off) == 1 else 'are'} not on a beat"
        assert told in " ".join(timeline.warnings)
        return off

    # No cut of 3 to 5 s joins two beats in a row.
    sparse = off_beat([1.7 + 5.6 * k for k in range(6)], 40)
    assert sparse
    assert all("no beat lies 3 to 5 s after the cut before" in why for why in sparse)
    # The beat at 6.6 s is in reach of the hook, but no beat is in reach of it before two more cuts.
    fork = off_beat([1.7, 6.6, 9.5, 12.5, 17.0, 21.5, 25.5], 30)
    assert ["it would put a later cut off the beat instead" in why for why in fork] == [True]
    # A take that ends before the beat.
    tight = plan_timeline(
        request(17.7), clips_of(1.7, 3.1, 3.1, 3.1, 3.3, 3.6), steady_music(75, 40)
    )
    reasons = [segment.why for segment in tight.segments[:-1] if not segment.on_beat]
    assert any("its footage ends before the next beat" in why for why in reasons)
    assert any("the Reel takes 98% of all usable footage" in why for why in reasons)
    assert not any("was found" in why for why in reasons)


def test_words_say_what_is_shown_and_what_changes() -> None:
    clips = steady_clips(4, 20)
    timeline = plan_timeline(request(20, "fitness"), clips, steady_music(120, 40))
    assert timeline.segments[0].why.startswith("Opens the Reel: the strongest opening of all clips")
    for before, segment in pairwise(timeline.segments):
        shown = clips.moment(segment.moment)
        assert f"interest {shown.interest:.2f}" in segment.why
        assert ("Changes to another clip" in segment.why) == (segment.clip != before.clip)
        ranked = shown.id in clips.best_moments
        assert (
            (f"number {clips.best_moments.index(shown.id) + 1} of the best moments" in segment.why)
            if ranked
            else ("best moments" not in segment.why)
        )
    assert "Closes the Reel" in timeline.segments[-1].why


# -- sound
# -------------------------------------------------------------------------------------------


def test_speech_keeps_its_sound_and_the_rest_lies_low() -> None:
    clips = steady_clips(6, 30)
    timeline = plan_timeline(request(40), clips, steady_music(120, 50))
    for segment in timeline.segments:
        # A cut may show two moments; the clear cases are told by the one it is named for.
        speech = clips.moment(segment.moment).scores.speech
        if speech > 0.95:
            assert segment.clip_gain_db > -6
        if speech < 0.2:
            assert segment.clip_gain_db <= -12
    assert {segment.clip_gain_db > -6 for segment in timeline.segments} == {True, False}


# -- too little footage
# ------------------------------------------------------------------------------


def clips_of(*lengths_s: float) -> ClipAnalysis:
    return analysis(
        [
            (facts(f"clip{i}", length_s), [moment(i, 0, 0, length_s)])
            for i, length_s in enumerate(lengths_s)
        ]
    )


def test_seven_seconds_end_on_one_longer_cut() -> None:
    timeline = plan_timeline(request(7), clips_of(8, 9), steady_music(120, 12))
    assert [segment.frames for segment in timeline.segments] == [51, 159]
    assert any("last cut is 5.3 s" in warning for warning in timeline.warnings)


def test_seven_seconds_without_a_long_take_become_the_longest_reel_there_is() -> None:
    timeline = plan_timeline(request(7), clips_of(2, 5.1, 5.1), steady_music(120, 12))
    assert [segment.frames for segment in timeline.segments] == [51, 150]
    assert any("Asked for 7 s, got 6.7 s" in warning for warning in timeline.warnings)


def test_short_footage_gives_the_longest_possible_reel_and_says_so() -> None:
    timeline = plan_timeline(request(30), clips_of(1.8, 4, 4, 4, 4), steady_music(120, 40))
    assert timeline.total_frames == 51 + 4 * 120
    assert timeline.asked_duration_s == 30
    assert any("Asked for 30 s, got 17.7 s" in warning for warning in timeline.warnings)


def test_far_too_little_footage_is_refused_with_the_figures() -> None:
    with pytest.raises(PermanentError) as refused:
        plan_timeline(request(30), clips_of(1.8, 4, 4), steady_music(120, 40))
    assert refused.value.code == "not_enough_footage"
    assert refused.value.details == {"usable_s": 9.7, "missing_s": 20.3, "asked_s": 30.0}
    assert "9.7 s" in refused.value.message
    assert "20.3 s" in refused.value.message


@pytest.mark.parametrize("lengths_s", [(), (1.0,), (2.0, 2.0, 2.9), (4.0,)])
def test_no_reel_at_all_is_refused(lengths_s: tuple[float, ...]) -> None:
    with pytest.raises(PermanentError) as refused:
        plan_timeline(request(7), clips_of(*lengths_s), steady_music(120, 12))
    assert refused.value.code == "not_enough_footage"


def test_every_frame_of_awkward_footage_is_found() -> None:
    """Twenty moments that hold one cut each: the one way to 60 s uses nearly all of them."""
    timeline = plan_timeline(request(60), clips_of(1.7, *[3.05] * 19), steady_music(120, 70))
    assert timeline.total_frames == 51 + 19 * 91
    exact = plan_timeline(request(58.7), clips_of(1.7, *[3.0] * 19), steady_music(120, 70))
    assert exact.total_frames == 1761
    assert not exact.warnings


# -- the same everywhere, and fast
# --------------------------------------------------------------------

_PLAN_ELSEWHERE = """
from montage_pipeline_tests.editing.test_planner import request, steady_clips, steady_music, plan_timeline
print(plan_timeline(request(45), steady_clips(7, 20, moment_s=4), steady_music(97, 60)).model_dump_json())
"""


def test_another_process_plans_the_same_timeline() -> None:
    here = plan_timeline(
        request(45), steady_clips(7, 20, moment_s=4), steady_music(97, 60)
    ).model_dump_json()
    run = subprocess.run(
        [sys.executable, "-c", _PLAN_ELSEWHERE],
        env={**os.environ, "PYTHONHASHSEED": "4242"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == here


def test_sixty_clips_and_ninety_seconds_take_no_more_than_a_moment() -> None:
    clips, track = steady_clips(60, 20, moment_s=4), steady_music(120, 100)
    began_s = time.process_time()
    plan_timeline(request(90), clips, track)
    assert time.process_time() - began_s < 2.5


# -- which part of a moment
# ---------------------------------------------------------------------------


def alike(count: int, length_s: float, **changes: object) -> list[Moment]:
    """One moment for each of so many clips, none better than another, none of which looks like
    another.
    """
    even = QualityScores(
        sharpness=0.8, exposure=0.8, stability=0.8, motion=0.5, colour=0.5, faces=0.2, speech=0
    )
    plain: dict[str, object] = {
        "scores": even, "quality": 0.7, "interest": 0.6, "hook": 0.5, "subject": None, "role": None, "peak_s": None, "without_subject": (),
    }  # fmt: skip
    return [moment(clip, 0, 0.0, length_s, **(plain | changes)) for clip in range(count)]


def one_each(moments: Sequence[Moment], length_s: float) -> ClipAnalysis:
    return analysis([(facts(f"c{one.clip}", length_s), [one]) for one in moments])


def test_scene_is_left_before_its_subject_is_gone() -> None:
    first_s, last_s = 4.2, 11.0
    clips = one_each(
        alike(9, 15.2, without_subject=(TimeSpan(start_s=first_s, end_s=last_s),)), 15.2
    )
    timeline = plan_timeline(request(), clips, steady_music(120, 40))
    for segment in timeline.segments:
        start_s, end_s = span_s(timeline, segment)
        assert min(end_s, last_s) - max(start_s, first_s) < 0.05
        assert "has its subject in it" in segment.why


def test_best_instant_of_a_moment_is_shown_and_opens_early_in_the_hook() -> None:
    peaks_s = [2.0 + 0.9 * clip for clip in range(9)]
    moments = [
        one.model_copy(update={"peak_s": peak_s})
        for one, peak_s in zip(alike(9, 12), peaks_s, strict=True)
    ]
    timeline = plan_timeline(request(), one_each(moments, 12), steady_music(120, 40))
    shown = [
        span_s(timeline, segment)[0] <= peaks_s[segment.clip] < span_s(timeline, segment)[1]
        for segment in timeline.segments
    ]
    assert sum(shown) >= len(shown) - 1
    hook = timeline.segments[0]
    assert 0.2 < peaks_s[hook.clip] - hook.source_in_s < 1.0
    assert f"Its best instant is {peaks_s[hook.clip] - hook.source_in_s:.1f} s in" in hook.why


def test_what_was_judged_an_ending_ends_the_reel_and_an_opening_comes_early() -> None:
    moments = alike(9, 12)
    moments[2], moments[6] = (
        moments[at].model_copy(update={"role": role})
        for at, role in ((2, "ending"), (6, "opening"))
    )
    timeline = plan_timeline(request(), one_each(moments, 12), steady_music(120, 40))
    order = [segment.clip for segment in timeline.segments]
    assert order[-1] == 2
    assert "the ending it was judged to be" in timeline.segments[-1].why
    assert order.index(6) <= 2


def test_cuts_like_to_begin_on_key_frames() -> None:
    def wasted_s(key_frames_s: tuple[float, ...]) -> float:
        clips = one_each(alike(9, 20), 20)
        known = tuple(
            clip.model_copy(update={"key_frames_s": key_frames_s}) for clip in clips.clips
        )
        timeline = plan_timeline(
            request(), clips.model_copy(update={"clips": known}), steady_music(120, 40)
        )
        return sum((segment.source_in_s - 0.9) % 2.0 for segment in timeline.segments[1:]) / (
            len(timeline.segments) - 1
        )

    keys_s = tuple(0.9 + 2.0 * place for place in range(10))
    assert wasted_s(keys_s) < 0.5 * wasted_s(())
