"""Cuts and the music: where it starts, which cuts meet a beat, and what changes there."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.model import AnalystFacts
from montage_pipeline.editing.beats import rulers
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.packing import CutRules
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.stages.music_placement import placed_music
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.spans import Span, covered_s
from montage_pipeline.styles import STYLES
from montage_pipeline_tests.editing.footage import music, steady_clips, steady_music
from montage_pipeline_tests.editing.requests import edit_request
from montage_pipeline_tests.editing.rules import assert_rules, is_on_beat
from montage_pipeline_tests.examples import examples

QUICK_AND_SLOW = [
    style if style in ("dynamic", "minimal") else pytest.param(style, marks=pytest.mark.slow)
    for style in STYLES
]
"""The quickest and the slowest cuts; the other styles lie between."""


@pytest.mark.parametrize("style", QUICK_AND_SLOW)
def test_with_plenty_of_footage_the_hook_is_the_chosen_one_and_every_cut_is_on_a_beat(
    style: str,
) -> None:
    judged = AnalystFacts(name="claude")
    clips = steady_clips(6, 30).model_copy(update={"analyst": judged})
    track = steady_music(128, 40)
    timeline = plan_timeline(edit_request(style=style), clips, track)
    assert_rules(timeline, edit_request(style=style), clips, track)
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
    timeline = plan_timeline(edit_request(), clips, track)
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
        style: len(plan_timeline(edit_request(60, style), clips, silent).segments)
        for style in ("dynamic", "minimal")
    }
    assert cuts["dynamic"] >= 18
    assert cuts["minimal"] <= 14


def test_the_music_starts_where_the_hook_ends_on_a_downbeat_and_does_not_run_out() -> None:
    track = steady_music(100, 31.5, first_s=0.25)
    timeline = plan_timeline(edit_request(), steady_clips(6, 30), track)
    assert timeline.music.source_in_s + 30 <= 31.5
    assert timeline.segments[0].on_beat
    short = plan_timeline(edit_request(), steady_clips(6, 30), steady_music(100, 20))
    assert short.music.source_in_s == 0
    assert any("music" in warning for warning in short.warnings)


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
        timeline = plan_timeline(edit_request(30, "dynamic"), clips, track)
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


def _beats_in(spans: Sequence[Span], beat_s: float) -> list[float]:
    return [
        span.start_s + beat_s * number
        for span in spans
        for number in range(int(span.duration_s / beat_s))
    ]


@settings(max_examples=examples(0.3), deadline=None)
@example([(5.0, 15.0), (10.0, 4.0)], 1.2)
@given(
    st.lists(st.tuples(st.floats(1.5, 25), st.floats(4, 40)), min_size=1, max_size=3),
    st.floats(0.4, 0.9),
)
def test_the_music_starts_where_there_is_least_silence(
    parts: list[tuple[float, float]], beat_s: float
) -> None:
    """Silence and music in turn; every start in steps of 50 ms is tried."""
    spans, at_s = [], 0.0
    for silence_s, music_s in parts:
        spans.append(Span(at_s + silence_s, at_s + silence_s + music_s))
        at_s = spans[-1].end_s
    track = music(_beats_in(spans, beat_s), max(at_s, 15.0)).model_copy(
        update={"sounding": tuple(spans)}
    )
    [best, *_] = rulers(track, 450, CutRules.at_rate(Fraction(30)), Fraction(30))

    def quiet_s(start_s: float) -> float:
        return 15.0 - covered_s(Span(start_s, start_s + 15.0), spans)

    spare_s = track.duration_s - 15.0
    least_s = min(quiet_s(start_s) for start_s in [*np.arange(0, spare_s, 0.05), spare_s])
    assert 0 <= best.music_in_s <= spare_s + 1e-6
    assert quiet_s(best.music_in_s) <= least_s + 0.3


def test_the_silent_start_of_a_file_is_passed_over_and_unavoidable_silence_is_told() -> None:
    late = Span(20.0, 60.0)
    track = music(_beats_in([late], 0.5), 60.0).model_copy(update={"sounding": (late,)})
    timeline = plan_timeline(edit_request(), steady_clips(12, 40), track)
    assert 20.0 <= timeline.music.source_in_s <= 30.0
    assert all(segment.on_beat for segment in timeline.segments[:-1])
    assert not any("silent" in warning for warning in timeline.warnings)

    gap = (Span(0.0, 12.0), Span(17.0, 32.0))
    broken = music(_beats_in(gap, 0.5), 32.0).model_copy(update={"sounding": gap})
    timeline = plan_timeline(edit_request(), steady_clips(12, 40), broken)
    assert any("silent for 5.0 of the Reel's 30.0 s" in warning for warning in timeline.warnings)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("bpm", [63, 100, 128, 174])
def test_the_music_keeps_its_level_until_the_last_beat_and_ends_in_a_short_tail(
    style: str, bpm: int
) -> None:
    track, fps = steady_music(bpm, 50), Fraction(30)
    context = PlanContext.of(edit_request(style=style), steady_clips(2, 30), track)
    for ruler in rulers(track, 900, CutRules.at_rate(fps), fps):
        placed = placed_music(context, ruler)
        end_s = placed.source_in_s + 30
        last_s = max(beat for beat in track.grid.beats_s if beat <= end_s)
        assert 0.1 <= placed.fade_out_s <= 1.0
        assert placed.fade_out_s <= max(0.1, end_s - last_s) + 1e-6


def test_a_piece_with_an_ending_of_its_own_ends_with_the_reel() -> None:
    """Sixteen bars at 120 BPM and a last chord that rings; five seconds of it are to spare."""
    beats, fps = [0.5 * number for number in range(65)], Fraction(30)
    track = music(beats, 35.0).model_copy(update={"sounding": (Span(0.0, 34.0),)})
    for ruler in rulers(track, 900, CutRules.at_rate(fps), fps):
        assert ruler.music_in_s + 30 - beats[-1] <= 1.0
