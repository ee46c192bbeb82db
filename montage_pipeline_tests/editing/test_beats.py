"""Cuts and the music: where it starts, which cuts meet a beat, and what changes there."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.model import AnalystFacts
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.music.model import MusicTrack
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
