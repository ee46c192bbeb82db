"""A Reel keeps away from what the user's earlier ones showed."""

from typing import Any

import pytest

from montage_pipeline.editing.originality import footage_shown
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.spans import Span, covered_s
from montage_pipeline_tests.editing.footage import (
    analysis,
    facts,
    moment,
    steady_clips,
    steady_music,
)
from montage_pipeline_tests.editing.requests import edit_request
from montage_pipeline_tests.editing.rules import span_s

MUSIC = steady_music(120, 40)


def request(duration_s: float, **changes: Any) -> EditRequest:
    return edit_request(duration_s, "travel", **changes)


def shared_share(timeline: Timeline, earlier: Timeline) -> float:
    shared_s = sum(
        covered_s(
            Span(*span_s(timeline, segment)),
            [Span(*span_s(earlier, old)) for old in earlier.segments if old.clip == segment.clip],
        )
        for segment in timeline.segments
    )
    return shared_s / float(timeline.duration)


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
    again = tuple(segment.model_copy(update={"sha256": old.sha256}) for segment in shown)
    avoiding = plan_timeline(request(10, seen=again), clips, MUSIC)
    assert not {s.moment for s in avoiding.segments[1:]} & {s.moment for s in plain.segments[1:]}
