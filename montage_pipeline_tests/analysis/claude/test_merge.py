"""What becomes of a judgement: subjects on the tracks, words that are only words, and enough
footage whatever Claude rejects.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from montage_pipeline.analysis.claude.judgement import Judgement, Shown, SubjectBox
from montage_pipeline.analysis.claude.merge import merge
from montage_pipeline.analysis.claude.subject import pointed_subject
from montage_pipeline.analysis.claude.words import music_prompt, plain
from montage_pipeline.analysis.model import AnalystFacts, ClipAnalysis, Moment, SubjectPoint
from montage_pipeline.footage.model import Box
from montage_pipeline_tests.editing import footage
from montage_pipeline_tests.editing.footage import steady_clips


def _track(source: Any, x: float, to_x: float | None = None) -> list[SubjectPoint]:
    step = ((x if to_x is None else to_x) - x) / 4
    return [
        SubjectPoint(
            time_s=float(n), box=Box(x=x + n * step, y=0.4, width=0.1, height=0.2), source=source
        )
        for n in range(5)
    ]


def _tracked(*tracks: list[SubjectPoint]) -> tuple[Moment, Shown]:
    path = tuple(
        sorted((point for track in tracks for point in track), key=lambda point: point.time_s)
    )
    tracked = footage.moment(0, 0, 0.0, 4.0).model_copy(
        update={"subject_path": path, "subject": path[0].box if path else None}
    )
    return tracked, Shown(tracked, (1.0, 3.0), 0.5)


def _at(frame: int, x: int, width: int = 20) -> SubjectBox:
    return SubjectBox(frame=frame, x=x, y=35, width=width, height=40)


def test_a_track_that_goes_through_what_claude_pointed_at_stays_and_the_others_go() -> None:
    face, motion = _track("face", 0.1, 0.5), _track("motion", 0.8)
    tracked, shown = _tracked(face, motion)
    subject, path = pointed_subject(tracked, [_at(1, 15)], shown)
    assert [point for point in path if point.source == "face"] == face
    assert not [point for point in path if point.source == "motion"]
    (model,) = (point for point in path if point.source == "model")
    assert (model.time_s, model.box) == (1.0, Box(x=0.15, y=0.35, width=0.2, height=0.4))
    assert subject == model.box
    assert [point.time_s for point in path] == sorted(point.time_s for point in path)


def test_a_face_that_is_not_the_subject_is_not_followed() -> None:
    tracked, shown = _tracked(_track("face", 0.1))
    _, path = pointed_subject(tracked, [_at(1, 70)], shown)
    assert [point.source for point in path] == ["model"]


def test_a_track_must_agree_with_every_box_and_the_subject_is_all_of_them() -> None:
    tracked, shown = _tracked(_track("motion", 0.1))
    subject, path = pointed_subject(tracked, [_at(1, 5), _at(2, 60)], shown)
    assert [(point.time_s, point.source) for point in path] == [(1.0, "model"), (3.0, "model")]
    assert subject is not None
    assert (subject.x, subject.x + subject.width) == pytest.approx((0.05, 0.8))


def test_without_a_box_the_measured_subject_stays() -> None:
    tracked, shown = _tracked(_track("face", 0.1))
    assert pointed_subject(tracked, [], shown) == (tracked.subject, tracked.subject_path)


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


def _judged(clips: ClipAnalysis, rejected: set[str], *, duration_s: float) -> ClipAnalysis:
    moments = _usable(clips)
    kept = [moment.id for moment in moments if moment.id not in rejected]
    verdicts: list[dict[str, Any]] = [
        {
            "id": moment.id,
            "hook_score": 100,
            "interest": 100,
            "reason": "x",
            "role": "scene",
            "mood": "calm",
            "peak_s": moment.start_s,
            "subject": [],
            "reject": {"code": "irrelevant", "reason": "not wanted"}
            if moment.id in rejected
            else None,
        }
        for moment in moments
    ]
    overall = {
        "hook_moment": kept[0],
        "best_moments": kept,
        "mood": "m",
        "music_prompt": "soft piano music",
        "suggested_bpm": 100,
    }
    shown = {moment.id: Shown(moment, (moment.start_s,), 0.5) for moment in moments}
    judgement = Judgement.model_validate({"moments": verdicts, **overall})
    return merge(clips, judgement, shown, AnalystFacts(name="claude"), duration_s=duration_s)


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


def test_rejecting_nearly_everything_leaves_enough_for_the_reel_and_a_warning() -> None:
    clips = steady_clips(6, 30)
    everything = [moment.id for moment in _usable(clips)]
    merged = _judged(clips, set(everything[1:]), duration_s=30)
    left_s = sum(moment.duration_s for moment in _usable(merged))
    assert 36 <= left_s < 36 + 10
    assert set(merged.best_moments) == {moment.id for moment in _usable(merged)}
    assert merged.best_moments[0] == everything[0]
    assert any("stay in use" in warning for warning in merged.warnings)


def test_a_perfect_score_does_not_wipe_out_what_was_measured() -> None:
    merged = _judged(steady_clips(6, 30), set(), duration_s=30)
    for before, after in zip(_usable(steady_clips(6, 30)), _usable(merged), strict=True):
        assert after.hook == pytest.approx(0.7 + 0.3 * before.hook)
        assert (after.quality, after.scores, after.start_s, after.end_s) == (
            before.quality,
            before.scores,
            before.start_s,
            before.end_s,
        )
