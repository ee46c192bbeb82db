"""What becomes of a judgement: where to look, which part to show, words that are only words, and
enough footage whatever Claude rejects.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from montage_pipeline.analysis.claude.candidates import choose_glimpses
from montage_pipeline.analysis.claude.judgement import Judgement, Shown
from montage_pipeline.analysis.claude.merge import merge
from montage_pipeline.analysis.claude.subject import crop_of, subject_path, without_subject
from montage_pipeline.analysis.claude.windows import inside, outside, widened
from montage_pipeline.analysis.claude.words import music_prompt, plain
from montage_pipeline.analysis.model import (
    AnalystFacts,
    ClipAnalysis,
    Moment,
    Movement,
    RejectReason,
)
from montage_pipeline.editing.framing.evidence import Evidence, evidence_of
from montage_pipeline.editing.framing.reframe import framing_for
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.footage.names import clip_name
from montage_pipeline.spans import Span
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing import footage
from montage_pipeline_tests.editing.footage import steady_clips

WIDE, TALL = (1920, 1080), (1080, 1920)
SIX_S = footage.moment(0, 0, 0.0, 6.0)


def _facts(size: tuple[int, int]) -> ClipFacts:
    return footage.facts("0", 60.0).model_copy(update={"width": size[0], "height": size[1]})


def _shown(size: tuple[int, int] = WIDE, format: Format = Format.REEL) -> Shown:
    crop = crop_of(_facts(size), format.frame_size)
    return Shown(SIX_S, (1.0, 3.0, 5.0), 0.5, crop)


@pytest.mark.parametrize(
    ("size", "format", "crop"),
    [
        (WIDE, Format.REEL, ("across", 0.316)),
        (WIDE, Format.FEED, ("across", 0.45)),
        (WIDE, Format.LANDSCAPE, None),
        (TALL, Format.REEL, None),
        (TALL, Format.FEED, ("down", 0.703)),
        (TALL, Format.LANDSCAPE, ("down", 0.316)),
        ((1080, 1350), Format.REEL, ("across", 0.703)),
    ],
)
def test_claude_is_asked_along_the_axis_in_which_the_crop_has_room(
    size: tuple[int, int], format: Format, crop: tuple[str, float] | None
) -> None:
    found = crop_of(_facts(size), format.frame_size)
    if crop is None:
        assert found is None
    else:
        assert found is not None
        assert (found.axis, round(found.share, 3)) == crop


@pytest.mark.parametrize(
    ("picture", "crop"),
    [
        (Box(x=0.0, y=0.125, width=1.0, height=0.75), ("across", 0.237)),
        # An upright film in a wide frame: nothing to choose.
        (Box(x=0.342, y=0.0, width=0.316, height=1.0), None),
    ],
)
def test_inside_borders_the_crop_has_less_room(
    picture: Box, crop: tuple[str, float] | None
) -> None:
    bordered = _facts(WIDE).model_copy(update={"picture": picture})
    found = crop_of(bordered, Format.REEL.frame_size)
    assert (found and (found.axis, round(found.share, 3))) == crop


@given(
    st.lists(st.integers(0, 100), min_size=3, max_size=3),
    st.sampled_from([(WIDE, Format.REEL), (WIDE, Format.SQUARE), (TALL, Format.LANDSCAPE)]),
)
def test_the_planned_crop_holds_what_claude_named(
    look: list[int], shape: tuple[tuple[int, int], Format]
) -> None:
    """Held still at one place: the crop shows it, wherever it lies."""
    size, format = shape
    shown = _shown(size, format)
    path = subject_path([look[0]] * 3, shown)
    moment = SIX_S.model_copy(update={"subject_path": path})
    framing = framing_for(_facts(size), format.frame_size, Span(1.0, 5.0), evidence_of([moment]))
    assert shown.crop is not None
    crop, across = framing.crop, shown.crop.axis == "across"
    start, side, whole = (crop.x, crop.width, size[0]) if across else (crop.y, crop.height, size[1])
    assert start - 2 <= look[0] / 100 * whole <= start + side + 2


def test_where_the_subject_is_gone_the_middle_is_shown_and_the_planner_told() -> None:
    shown = _shown()
    path = subject_path([20, None, None], shown)
    assert [(point.time_s, point.source) for point in path] == [(1.0, "model")]
    (gone,) = without_subject([20, None, None], shown, SIX_S)
    assert (gone.start_s, gone.end_s) == (2.0, 6.0)
    assert without_subject([None, None, None], shown, SIX_S) == ()
    assert without_subject([], shown, SIX_S) == ()


def test_nothing_to_look_at_means_the_middle_not_what_moves() -> None:
    """The mug left the crop while the coffee poured."""
    at_the_right = tuple(float(column >= 12) for column in range(16))
    tracked = SIX_S.model_copy(
        update={
            "scores": SIX_S.scores.model_copy(update={"stability": 1.0}),
            "movement": tuple(
                Movement(time_s=float(at), across=at_the_right, down=(1.0,) * 16) for at in range(6)
            ),
        }
    )
    assert evidence_of([tracked]) != Evidence(), "the movement would move the crop"
    merged = _merged([tracked], best=[_detail(tracked, look=[])])
    (judged,) = _usable(merged)
    assert evidence_of([judged]) == Evidence()
    assert judged.subject is None


# -- windows ---------------------------------------------------------------------------------------


@given(st.floats(1, 8), st.floats(0, 1), st.floats(0, 1))
def test_a_widened_window_is_long_enough_for_a_cut_and_holds_what_was_named(
    length_s: float, first: float, second: float
) -> None:
    moment = footage.moment(0, 0, 10.0, round(10 + length_s, 3))
    start_s, end_s = sorted(moment.start_s + share * moment.duration_s for share in (first, second))
    named = inside(moment, Span(start_s, end_s))
    window = widened(moment, named)
    for holding in (named, window):
        assert moment.start_s <= holding.start_s <= start_s + 0.001
        assert end_s - 0.001 <= holding.end_s <= moment.end_s
    assert window.duration_s >= min(3.5, moment.duration_s) - 0.002
    parts = outside(moment, window)
    assert [part.start_s for part in parts[1:]] == [part.end_s for part in parts[:-1]]
    assert (parts[0].start_s, parts[-1].end_s) == (moment.start_s, moment.end_s)
    assert [part.id for part in parts if not part.rejects] == [moment.id]


def test_a_narrow_window_is_widened_only_where_the_clip_has_no_other_room() -> None:
    """Two good seconds are a hook, or go on in the next moment; alone they could not be shown."""
    narrow = footage.moment(0, 0, 0.0, 6.0)
    goes_on = footage.moment(0, 1, 6.0, 10.0)
    elsewhere = [footage.moment(0, 5, 20.0, 60.0)]
    detail = _detail(narrow, use_from_s=4.0, use_to_s=6.0)

    with_next = _usable(_merged([narrow, goes_on], best=[detail], more=elsewhere))
    assert (with_next[0].start_s, with_next[0].end_s) == (4.0, 6.0)
    alone = _usable(_merged([narrow], best=[detail], more=elsewhere))
    assert (alone[0].start_s, alone[0].end_s) == (2.5, 6.0)


def test_what_lies_outside_of_a_window_is_not_shown() -> None:
    moments = [footage.moment(0, 0, 0.0, 8.0), footage.moment(0, 1, 20.0, 60.0)]
    merged = _merged(moments, best=[_detail(moments[0], use_from_s=2.0, use_to_s=6.0, peak_s=7.0)])
    (judged, _) = _usable(merged)
    assert (judged.start_s, judged.end_s, judged.peak_s) == (2.0, 6.0, 6.0)
    assert judged.role == "scene"
    rejected = [m for clip in merged.clips for m in clip.moments if m.rejects]
    assert [(moment.start_s, moment.end_s) for moment in rejected] == [(0.0, 2.0), (6.0, 8.0)]


def test_narrow_windows_do_not_starve_the_reel() -> None:
    moments = [footage.moment(0, number, 10.0 * number, 10.0 * number + 8) for number in range(4)]
    narrow = [
        _detail(moment, use_from_s=moment.start_s + 2, use_to_s=moment.start_s + 5)
        for moment in moments
    ]
    merged = _merged(moments, best=narrow, duration_s=30)
    assert sum(moment.duration_s for moment in _usable(merged)) >= 0.75 * 30


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A dog runs, happy & wet!", "A dog runs, happy & wet!"),
        ("get it at https://evil.example/x?y=1 now", "get it at now"),
        ("mail me@evil.example or www.evil.com/a", "mail or"),
        (
            "**bold** <script>alert(1)</script>\n\nnext {{x}} `rm`",
            "bold script alert(1) /script next x rm",
        ),
        ("zero\u200bwidth \u202eturned", "zero width turned"),
        ("Ｆｕｌｌ width, 120 BPM; 3.5 s", "Full width, 120 BPM; 3.5 s"),
    ],
)
def test_words_become_plain(text: str, expected: str) -> None:
    assert plain(text, 100) == expected


@given(st.text(max_size=400), st.integers(20, 120))
def test_no_text_gets_longer_breaks_a_line_or_keeps_an_address(text: str, maximum: int) -> None:
    for made in (plain(text, maximum), music_prompt(text, maximum)):
        assert len(made) <= maximum
        assert made.isprintable()
        assert "://" not in made
        assert "@" not in made


def test_a_composer_is_always_asked_for_an_instrumental() -> None:
    assert (
        music_prompt("Soft instrumental piano with strings.", 300)
        == "Soft instrumental piano with strings."
    )
    assert music_prompt("Soft piano with strings.", 300) == "Instrumental. Soft piano with strings."
    assert music_prompt("https://evil.example/song", 300) == ""


# -- scores and rejections -------------------------------------------------------------------------


def _detail(moment: Moment, **changes: Any) -> dict[str, Any]:
    return {
        "id": moment.id,
        "reason": "x",
        "role": "scene",
        "mood": "calm",
        "peak_s": moment.start_s,
        "use_from_s": moment.start_s,
        "use_to_s": moment.end_s,
        "look": [],
        **changes,
    }


def _merged(
    moments: Sequence[Moment],
    best: Sequence[dict[str, Any]],
    *,
    clips: ClipAnalysis | None = None,
    more: Sequence[Moment] = (),
    rejected: Collection[str] = (),
    unseen: Collection[str] = (),
    glimpsed: Mapping[str, Sequence[int]] | None = None,
    duration_s: float = 7,
) -> ClipAnalysis:
    """`glimpsed` is what is said of each clip's single frames, of the moments not shown."""
    if clips is None:
        others = [moment.model_copy(update={"id": "other", "clip": 1}) for moment in more]
        rows = [(footage.facts("0", 60.0), list(moments))]
        clips = footage.analysis([*rows, *([(footage.facts("1", 60.0), others)] if more else [])])
    seen = [moment for moment in moments if moment.id not in unseen]
    judgement = Judgement.model_validate(
        {
            "scores": [{"id": moment.id, "hook": 100, "interest": 100} for moment in seen],
            "glimpses": [
                {"id": name, "interest": interest} for name, interest in (glimpsed or {}).items()
            ],
            "rejected": [
                {"id": name, "code": "irrelevant", "reason": "not wanted"} for name in rejected
            ],
            "best": best,
            "hook_moment": best[0]["id"],
            "mood": "m",
            "music_prompt": "soft piano music",
            "suggested_bpm": 100,
        }
    )
    shown = {moment.id: Shown(moment, (moment.start_s,), 0.5) for moment in seen}
    glimpses = choose_glimpses(clips, seen, 12) if glimpsed else []
    facts = AnalystFacts(name="claude")
    return merge(clips, judgement, shown, facts, duration_s=duration_s, glimpses=glimpses)


def _judged(clips: ClipAnalysis, rejected: set[str], *, duration_s: float) -> ClipAnalysis:
    moments = _usable(clips)
    best = [_detail(moment) for moment in moments if moment.id not in rejected]
    return _merged(moments, best, clips=clips, rejected=rejected, duration_s=duration_s)


def _usable(clips: ClipAnalysis) -> list[Moment]:
    return [moment for clip in clips.clips for moment in clip.moments if not moment.rejects]


def test_rejects_count_while_enough_is_left() -> None:
    clips = steady_clips(6, 30)
    rejected = {moment.id for moment in _usable(clips) if moment.clip in (4, 5)}
    merged = _judged(clips, rejected, duration_s=30)
    assert {moment.id for moment in _usable(merged)} == {
        moment.id for moment in _usable(clips)
    } - rejected
    assert merged.warnings == clips.warnings


def test_with_little_footage_rejecting_still_counts() -> None:
    """No more than the Reel is long was looked at; a shorter Reel is better than a bad part."""
    moments = [footage.moment(0, number, 6.0 * number, 6.0 * number + 5) for number in range(6)]
    best = [_detail(moment) for moment in moments[1:]]
    merged = _merged(moments, best, rejected={moments[0].id}, duration_s=30)
    assert moments[0].id not in {moment.id for moment in _usable(merged)}
    assert not merged.warnings


def test_rejecting_nearly_everything_leaves_enough_for_the_reel_and_a_warning() -> None:
    clips = steady_clips(6, 30)
    everything = [moment.id for moment in _usable(clips)]
    merged = _judged(clips, set(everything[1:]), duration_s=30)
    left_s = sum(moment.duration_s for moment in _usable(merged))
    assert 0.75 * 30 <= left_s < 0.75 * 30 + 10
    assert set(merged.best_moments) == {moment.id for moment in _usable(merged)}
    assert merged.best_moments[0] == everything[0]
    assert any("stay in use" in warning for warning in merged.warnings)


def test_a_perfect_score_does_not_wipe_out_what_was_measured() -> None:
    merged = _judged(steady_clips(6, 30), set(), duration_s=30)
    for before, after in zip(_usable(steady_clips(6, 30)), _usable(merged), strict=True):
        assert after.hook == pytest.approx(0.9 + 0.1 * before.hook)
        assert after.judged
        assert (after.quality, after.scores, after.start_s, after.end_s) == (
            before.quality,
            before.scores,
            before.start_s,
            before.end_s,
        )


def test_what_nobody_looked_at_is_known_and_a_clip_nobody_saw_is_named() -> None:
    clips = steady_clips(3, 30)
    moments = _usable(clips)
    unseen = {moment.id for moment in moments if moment.clip == 2}
    merged = _merged(moments, [_detail(moments[0])], clips=clips, unseen=unseen, duration_s=30)
    assert {moment.id for moment in _usable(merged) if not moment.judged} == unseen
    (warning,) = merged.warnings
    assert clip_name(clips.clips[2].facts.url) in warning
    assert "CLAUDE_MAX_COST_USD" in warning


# -- glimpses --------------------------------------------------------------------------------------


def test_a_glimpse_raises_one_part_and_leaves_another_out() -> None:
    clips = steady_clips(4, 30)
    moments = _usable(clips)
    unseen = [moment for moment in moments if moment.clip == 3]
    numbers = [90, 0, *([40] * (len(unseen) - 2))]
    merged = _merged(
        moments,
        [_detail(moment) for moment in moments if moment not in unseen],
        clips=clips,
        unseen={moment.id for moment in unseen},
        glimpsed={"clip4": numbers},
        duration_s=30,
    )
    first, second, third = (merged.moment(moment.id) for moment in unseen[:3])
    assert first.judged
    assert first.interest == pytest.approx(0.8 * (0.9 * 0.9 + 0.1 * unseen[0].interest))
    assert [reject.code for reject in second.rejects] == ["irrelevant"]
    assert not third.rejects
    assert third.interest < first.interest
    seen = [moment for moment in _usable(merged) if moment.clip != 3]
    assert first.interest < min(moment.interest for moment in seen)
    assert not merged.warnings, "nothing of it was unseen"


@pytest.mark.parametrize(
    ("code", "percent", "let_through"),
    [("shaky", 80, True), ("shaky", 30, False), ("watermark", 99, False)],
)
def test_a_clip_of_lesser_faults_only_is_shown_where_it_promises_much(
    code: str, percent: int, let_through: bool
) -> None:
    good = footage.moment(0, 0, 0.0, 40.0)
    fault = RejectReason.model_validate({"code": code, "message": "it has a fault"})
    faulty = [
        footage.moment(1, number, 6.0 * number, 6.0 * number + 5).model_copy(
            update={"rejects": (fault,)}
        )
        for number in range(2)
    ]
    rows = [(footage.facts("0", 60.0), [good]), (footage.facts("1", 60.0), faulty)]
    merged = _merged(
        [good],
        [_detail(good)],
        clips=footage.analysis(rows),
        glimpsed={"clip2": [percent - 5, percent]},
        duration_s=30,
    )
    assert [m.id for m in _usable(merged) if m.clip == 1] == ([faulty[1].id] * let_through)
    assert any("it has a fault" in warning for warning in merged.warnings) == let_through
