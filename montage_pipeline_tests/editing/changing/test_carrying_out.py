"""Whatever a user changes, in whatever order: the Reel keeps to its rules, to its beats and to what
is locked; what cannot be is refused, and what the refusal names instead can be.
"""

from functools import cache
from itertools import accumulate
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.changing.carrying_out import carried_out
from montage_pipeline.editing.changing.changed_edit import changed_timeline
from montage_pipeline.editing.changing.outcome import outcome_of
from montage_pipeline.editing.changing.room import EditRoom
from montage_pipeline.editing.changing.rooms import edit_room, offers_for
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import Box
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.requests.segment_changes.model import (
    BanSegment,
    CaptionSegment,
    Change,
    LockSegment,
    MoveSegment,
    MuteSegment,
    NudgeCrop,
    ReplaceSegment,
    SlipSegment,
    TrimSegment,
)
from montage_pipeline_tests.editing.footage import steady_clips, steady_music
from montage_pipeline_tests.editing.requests import edit_request
from montage_pipeline_tests.editing.rules import assert_rules
from montage_pipeline_tests.examples import examples

BPM = 123
"""Beats that fall between frames, so that cuts lie one off each other."""


class Planned(NamedTuple):
    """An edit, what it was planned from, and what may become of it."""

    context: PlanContext
    analysis: ClipAnalysis
    music: MusicTrack
    timeline: Timeline
    room: EditRoom


@cache
def planned(clips: int = 6, length_s: float = 25.0, duration_s: float = 30.0) -> Planned:
    analysis, music = steady_clips(clips, length_s), steady_music(BPM, 40.0)
    request = edit_request(duration_s)
    timeline = plan_timeline(request, analysis, music)
    context = PlanContext.of(request, analysis, music)
    room = edit_room(context, timeline, offers_for(context, timeline))
    return Planned(context, analysis, music, timeline, room)


SEGMENTS = len(planned().timeline.segments)
FEW = settings(deadline=None, max_examples=examples(0.75))
"""Each makes a whole timeline, in about a tenth of a second."""

ALTERNATIVES = st.integers(0, 5)


def _named(segment: int, rank: int) -> str:
    offered = planned().room.segments[segment].alternatives
    return offered[min(rank, len(offered) - 1)].id


def changes() -> st.SearchStrategy[Change]:
    number = st.integers(0, SEGMENTS - 1)
    frames = st.integers(-90, 90)
    return st.one_of(
        st.builds(LockSegment, segment=number, locked=st.booleans()),
        st.builds(BanSegment, segment=number),
        st.builds(
            lambda segment, rank: ReplaceSegment(
                segment=segment, alternative=_named(segment, rank)
            ),
            number,
            ALTERNATIVES,
        ),
        st.builds(TrimSegment, segment=number, edge=st.sampled_from(["in", "out"]), frames=frames),
        st.builds(SlipSegment, segment=number, frames=frames),
        st.builds(MoveSegment, segment=number, to=number),
        st.builds(NudgeCrop, segment=number, x=st.integers(-99, 99)),
        st.builds(MuteSegment, segment=number),
        st.builds(CaptionSegment, segment=number, text=st.sampled_from(["", "Sunday"])),
    )


def _refusal(room: EditRoom, wanted: list[Change]) -> PermanentError | None:
    """Why the last change of a list cannot be."""
    found = None
    try:
        carried_out(room, wanted)
    except PermanentError as refusal:
        found = refusal
    if found is not None:
        assert found.code in (ErrorCode.CHANGE_IMPOSSIBLE, ErrorCode.SEGMENT_LOCKED)
        assert found.details["change"] == len(wanted) - 1
    return found


def _possible(room: EditRoom, wanted: list[Change]) -> list[Change]:
    """Those that are not refused, one after the other."""
    kept: list[Change] = []
    for change in wanted:
        if _refusal(room, [*kept, change]) is None:
            kept.append(change)
    return kept


def test_no_crop_is_nudged_onto_borders() -> None:
    picture = Box(x=0.0, y=0.125, width=1.0, height=0.75)
    bare, music = steady_clips(6, 25.0), steady_music(BPM, 40.0)
    clips = [
        clip.model_copy(update={"facts": clip.facts.model_copy(update={"picture": picture})})
        for clip in bare.clips
    ]
    analysis, request = bare.model_copy(update={"clips": tuple(clips)}), edit_request(30.0)
    timeline = plan_timeline(request, analysis, music)
    context = PlanContext.of(request, analysis, music)
    room = edit_room(context, timeline, offers_for(context, timeline))
    for number, segment in enumerate(timeline.segments):
        height = clips[segment.clip].facts.height
        assert segment.crop.y >= 0.125 * height
        assert segment.crop.y + segment.crop.height <= 0.875 * height
        assert _refusal(room, [NudgeCrop(segment=number, x=8)]) is None
        for y in (8, -8):
            assert _refusal(room, [NudgeCrop(segment=number, y=y)]) is not None


@FEW
@given(st.lists(changes(), max_size=12))
def test_any_sequence_of_changes_keeps_rules_beats_and_what_is_locked(wanted: list[Change]) -> None:
    plan = planned()
    kept = _possible(plan.room, wanted)
    edit = carried_out(plan.room, kept)
    after = changed_timeline(plan.context, plan.timeline, edit, new_music=False)

    # The oracle of the planner's own tests: lengths, footage once, nothing rejected, on_beat true.
    assert_rules(after, plan.context.request, plan.analysis, plan.music)
    before = plan.timeline
    on_beat = [sum(cut.on_beat for cut in each.segments[:-1]) for each in (before, after)]
    assert on_beat[1] >= on_beat[0]
    assert {part.was for part in edit.parts} == set(range(SEGMENTS))

    outcome = outcome_of(plan.room, kept)
    for number, (segment, told) in enumerate(zip(after.segments, outcome.segments, strict=True)):
        old = before.segments[told.was]
        same = _frames_of(segment) == _frames_of(old)
        assert same is not bool(told.why_rendered), (number, told)
        assert (told.frames, told.on_beat) == (segment.frames, segment.on_beat)


@FEW
@given(st.lists(changes(), max_size=8), st.sets(st.integers(0, SEGMENTS - 1), min_size=1))
def test_what_is_locked_stays_frame_by_frame_and_where_it_is(
    wanted: list[Change], locked: set[int]
) -> None:
    plan = planned()
    locks = [LockSegment(segment=number) for number in sorted(locked)]
    asked: list[Change] = [change for change in wanted if not isinstance(change, LockSegment)]
    edit = carried_out(plan.room, [*locks, *_possible_after(plan.room, locks, asked)])
    after = changed_timeline(plan.context, plan.timeline, edit, new_music=False)
    begins, before = _begins(after), _begins(plan.timeline)
    for number in locked:
        assert edit.parts[number].was == number
        assert begins[number] == before[number]
        assert _frames_of(after.segments[number]) == _frames_of(plan.timeline.segments[number])


def _possible_after(room: EditRoom, first: list[Any], wanted: list[Change]) -> list[Change]:
    return _possible(room, [*first, *wanted])[len(first) :]


def _frames_of(segment: Any) -> dict[str, Any]:
    """All that shapes its frames."""
    said = {"why", "on_beat", "role", "clip_gain_db", "muted", "score"}
    fields: dict[str, Any] = segment.model_dump(exclude=said)
    return fields


def _begins(timeline: Timeline) -> list[int]:
    return [0, *accumulate(segment.frames for segment in timeline.segments)]


@given(
    st.one_of(
        st.builds(
            TrimSegment,
            segment=st.integers(2, SEGMENTS - 2),
            edge=st.sampled_from(["in", "out"]),
            frames=st.integers(61, 150),
        ),
        st.builds(
            SlipSegment,
            segment=st.integers(0, SEGMENTS - 1),
            frames=st.integers(-9000, 9000).filter(lambda frames: abs(frames) >= 800),
        ),
        st.builds(NudgeCrop, segment=st.integers(0, SEGMENTS - 1), x=st.integers(3000, 9000)),
    )
)
@settings(deadline=None)
def test_what_a_refusal_names_instead_is_possible(
    change: TrimSegment | SlipSegment | NudgeCrop,
) -> None:
    plan = planned()
    refusal = _refusal(plan.room, [change])
    assert refusal is not None
    for other in refusal.details["nearest"]:
        fields = other if isinstance(other, dict) else {"frames": other}
        if not isinstance(change, NudgeCrop):
            assert other * change.frames > 0, "the way that was asked for"
        carried_out(plan.room, [change.model_copy(update=fields)])


@FEW
@given(
    st.lists(changes(), max_size=6), st.integers(0, SEGMENTS - 1), st.sampled_from(["in", "out"])
)
def test_the_beats_that_are_offered_for_a_cut_are_those_it_may_go_to(
    wanted: list[Change], number: int, edge: Literal["in", "out"]
) -> None:
    plan = planned()
    kept = _possible(plan.room, wanted)
    told = outcome_of(plan.room, kept).segments[number]
    begin = round(told.reel_s * plan.room.rate)
    cut, ways = (begin, told.trim.begin) if edge == "in" else (begin + told.frames, told.trim.end)
    # No segment lasts longer than `max_frames`, so no cut goes further.
    beats = [beat for beat in plan.room.beats if 1 < abs(beat - cut) <= plan.room.max_frames]
    trims = [TrimSegment(segment=told.was, edge=edge, frames=beat - cut) for beat in beats]
    possible = [trim.frames for trim in trims if _refusal(plan.room, [*kept, trim]) is None]
    assert list(ways) == possible


@pytest.mark.parametrize(
    ("clips", "length_s", "duration_s"),
    [(6, 25.0, 30.0), pytest.param(3, 10.0, 15.0, id="half of what there is is shown")],
)
def test_every_segment_has_three_alternatives_with_reasons_that_can_be_shown(
    clips: int, length_s: float, duration_s: float
) -> None:
    plan = planned(clips, length_s, duration_s)
    for number, segment in enumerate(plan.room.segments):
        assert len(segment.alternatives) >= 3
        points = [alternative.points for alternative in segment.alternatives]
        assert points == sorted(points, reverse=True)
        assert len({alternative.id for alternative in segment.alternatives}) == len(points)
        for alternative in segment.alternatives:
            change = ReplaceSegment(segment=number, alternative=alternative.id)
            outcome = outcome_of(plan.room, [change])
            assert [part.number for part in outcome.segments if part.why_rendered] == [number]
            assert outcome.on_beat_after == outcome.on_beat_before
            assert alternative.what
            assert "what is shown" in alternative.why


def test_the_next_edit_knows_what_is_banned_and_locked() -> None:
    plan = planned()
    wanted: list[Change] = [BanSegment(segment=2), BanSegment(segment=2), LockSegment(segment=4)]
    edit = carried_out(plan.room, wanted)
    after = changed_timeline(plan.context, plan.timeline, edit, new_music=False)
    again = edit_room(plan.context, after, offers_for(plan.context, after, edit), edit)
    with pytest.raises(PermanentError) as refusal:
        carried_out(again, [SlipSegment(segment=4, frames=1)])
    assert refusal.value.code is ErrorCode.SEGMENT_LOCKED
    first, second = again.banned
    assert (first.file, first.span) != (second.file, second.span)
    for segment in again.segments:
        for alternative in segment.alternatives:
            span = alternative.footage.span(segment.frames, again.rate)
            for banned in again.banned:
                apart = span.end_s <= banned.span.start_s or span.start_s >= banned.span.end_s
                assert banned.file != alternative.footage.file or apart


def test_where_the_footage_is_used_up_a_ban_is_refused_with_the_reason() -> None:
    plan = planned(clips=2, length_s=8.0, duration_s=15.0)
    with pytest.raises(PermanentError, match="Nothing else of the clips") as refusal:
        carried_out(plan.room, [BanSegment(segment=1)] * 9)
    assert refusal.value.code is ErrorCode.CHANGE_IMPOSSIBLE


def test_a_cut_leaves_the_beat_only_when_it_may() -> None:
    plan = planned()
    beats = set(plan.room.beats)
    cut, number = plan.timeline.cut_frames[3], 3
    assert cut in beats
    frames = next(
        by
        for by in range(1, 20)
        if cut + by not in beats and _allowed(plan, number, by, off_beat=True)
    )
    strict = TrimSegment(segment=number, edge="out", frames=frames)
    with pytest.raises(PermanentError, match="leave the beat"):
        carried_out(plan.room, [strict])
    changed = outcome_of(plan.room, [strict.model_copy(update={"off_beat": True})])
    assert changed.on_beat_after == changed.on_beat_before - 1
    assert [part.was for part in changed.segments if part.why_rendered] == [number, number + 1]


def _allowed(plan: Planned, number: int, frames: int, *, off_beat: bool) -> bool:
    change = TrimSegment(segment=number, edge="out", frames=frames, off_beat=off_beat)
    return _refusal(plan.room, [change]) is None
