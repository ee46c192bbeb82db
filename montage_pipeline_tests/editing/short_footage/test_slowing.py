"""Clips too short for a cut are shown at another speed, where that decides and their frames allow
it.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.packing import CutRules
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.short_footage.slowing import shortest_on_beat
from montage_pipeline.editing.timeline import Segment, Timeline
from montage_pipeline.footage.model import FrameRate
from montage_pipeline.music.model import MusicTrack
from montage_pipeline_tests.editing.footage import analysis, facts, moment, steady_music
from montage_pipeline_tests.editing.requests import edit_request
from montage_pipeline_tests.editing.rules import assert_rules

LONG = [(12.0, 30), (12.0, 30), (12.0, 30)]


def clips_at(
    *lengths_and_rates: tuple[float, int], speech: float = 0.0, **changes: Any
) -> ClipAnalysis:
    """One clip of one moment for each length (seconds) and frame rate; the first one opens a little
    less well than the others.
    """
    scores = dict.fromkeys(
        ("sharpness", "exposure", "stability", "motion", "colour", "faces"), 0.5
    ) | {"speech": speech}
    plain: dict[str, Any] = {
        "role": None,
        "peak_s": None,
        "without_subject": (),
        "scores": scores,
        "interest": 0.5,
        "quality": 0.5,
    }
    return analysis(
        [
            (
                facts(f"clip{i}", length_s, fps=FrameRate(num=rate, den=1), **changes),
                [moment(i, 0, 0, length_s, hook=0.2 if i else 0.15, **plain)],
            )
            for i, (length_s, rate) in enumerate(lengths_and_rates)
        ]
    )


def planned(clips: ClipAnalysis, bpm: float = 120, **wishes: Any) -> Timeline:
    request, track = edit_request(20, **wishes), steady_music(bpm, 40)
    timeline = plan_timeline(request, clips, track)
    assert_rules(timeline, request, clips, track)
    return timeline


def shown(timeline: Timeline, clip: int = 0) -> Sequence[Segment]:
    return [segment for segment in timeline.segments if segment.clip == clip]


@pytest.mark.parametrize(
    ("length_s", "rate", "bpm", "speed"),
    [
        # Only frames are missing.
        (2.95, 30, 120, 2.95 * 30 / 91),
        (3.3, 30, 125, 3.3 * 30 / 102),
        # Slow motion by as little as is enough, of frames that were filmed.
        (2.0, 60, 120, 1 / 2),
        (2.0, 48, 120, 5 / 8),
        (2.5, 120, 120, 3 / 4),
        pytest.param(1.6, 240, 120, 1 / 2, marks=pytest.mark.slow),
        pytest.param(3.2, 60, 125, 1 / 2, marks=pytest.mark.slow),
    ],
)
def test_a_clip_too_short_for_a_cut_plays_slower(
    length_s: float, rate: int, bpm: float, speed: float
) -> None:
    (segment,) = shown(planned(clips_at((length_s, rate), *LONG), bpm))
    assert segment.role != "hook"
    assert segment.speed == pytest.approx(speed)
    needed_s = (
        shortest_on_beat([60 / bpm * i for i in range(9)], CutRules(51, 90, 150), Fraction(30)) / 30
    )
    assert f"lacks {needed_s - length_s:.2f} s" in segment.why
    assert ("slower" if speed > 0.9 else "speed") in segment.why


@pytest.mark.parametrize(
    ("length_s", "rate", "changes"),
    [
        (2.5, 30, {}),  # has no frames to spare
        (2.5, 60, {"variable_frame_rate": True}),  # may lack frames here and there
        (2.5, 60, {"interlaced": True}),
        (1.4, 60, {}),  # too short even at half speed
        (2.5, 60, {"speech": 0.8}),  # whoever talks would be dumb
    ],
)
def test_other_clips_play_at_their_own_speed_or_not_at_all(
    length_s: float, rate: int, changes: dict[str, Any]
) -> None:
    timeline = planned(clips_at((length_s, rate), *LONG, **changes))
    assert all(segment.role == "hook" for segment in shown(timeline))
    assert all(segment.speed == 1 for segment in timeline.segments)


def test_footage_with_room_for_a_cut_is_never_slowed() -> None:
    lengths = [(3.1, 60), (8.0, 120), (3.4, 240), (12.0, 60), (12.0, 60)]
    timeline = planned(clips_at(*lengths))
    assert {segment.clip for segment in timeline.segments} == {0, 1, 2, 3, 4}
    assert all(segment.speed == 1 for segment in timeline.segments)


def test_a_clip_that_could_play_slower_opens_at_its_own_speed() -> None:
    for length_s, rate in ((2.4, 60), (2.95, 30)):
        timeline = planned(
            clips_at((length_s, rate), *LONG), hook_clip="https://clips.example/clip0.mp4"
        )
        (segment,) = shown(timeline)
        assert segment.role == "hook"
        assert segment.speed == 1
        assert segment.source_in_s + 1.7 <= length_s + 1e-6


def test_a_clip_that_must_appear_appears_in_slow_motion() -> None:
    opening, wished = "https://clips.example/clip1.mp4", ("https://clips.example/clip0.mp4",)
    timeline = planned(clips_at((2.0, 60), *LONG), hook_clip=opening, must_use=wished)
    assert [segment.speed for segment in shown(timeline)] == [0.5]


def test_many_short_clips_make_a_reel() -> None:
    """Most of them in slow motion, one as the opening: the same footage never twice."""
    timeline = planned(clips_at(*[(2.2, 60)] * 7))
    assert timeline.total_frames == 600
    assert len({segment.clip for segment in timeline.segments}) == len(timeline.segments)
    assert [segment.speed for segment in timeline.segments[1:]] == [0.5] * (
        len(timeline.segments) - 1
    )


@pytest.mark.parametrize(
    ("bpm", "frames"), [(120, 90), (125, 101), (100, 90), (140, 90), (90, 100), (10, 90)]
)
def test_the_shortest_cut_between_beats(bpm: float, frames: int) -> None:
    track: MusicTrack = steady_music(bpm, 60)
    assert shortest_on_beat(track.grid.beats_s, CutRules(51, 90, 150), Fraction(30)) == frames
    assert shortest_on_beat((), CutRules(51, 90, 150), Fraction(30)) == 90
