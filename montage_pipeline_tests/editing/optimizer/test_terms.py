"""What a term does to the edit, where nothing else decides."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from montage_pipeline.analysis.model import (
    ClipAnalysis,
    Moment,
    QualityScores,
    SubjectPoint,
    TimeSpan,
)
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.footage.model import Box
from montage_pipeline_tests.editing.footage import analysis, facts, moment, steady_music
from montage_pipeline_tests.editing.requests import edit_request
from montage_pipeline_tests.editing.rules import span_s


def alike(count: int, length_s: float, **changes: Any) -> list[Moment]:
    """One moment for each of so many clips, none better than another, none of which looks like
    another.
    """
    even = QualityScores(
        sharpness=0.8, exposure=0.8, stability=0.8, motion=0.5, colour=0.5, faces=0.2, speech=0
    )
    plain: dict[str, Any] = {
        "scores": even,
        "quality": 0.7,
        "interest": 0.6,
        "hook": 0.5,
        "subject": None,
        "role": None,
        "peak_s": None,
        "without_subject": (),
    }
    return [moment(clip, 0, 0.0, length_s, **(plain | changes)) for clip in range(count)]


def one_each(moments: Sequence[Moment], length_s: float) -> ClipAnalysis:
    """A clip for each moment."""
    return analysis([(facts(f"c{found.clip}", length_s), [found]) for found in moments])


def test_scene_is_left_before_its_subject_is_gone() -> None:
    first_s, last_s = 4.2, 11.0
    clips = one_each(
        alike(9, 15.2, without_subject=(TimeSpan(start_s=first_s, end_s=last_s),)), 15.2
    )
    timeline = plan_timeline(edit_request(), clips, steady_music(120, 40))
    for segment in timeline.segments:
        start_s, end_s = span_s(timeline, segment)
        assert min(end_s, last_s) - max(start_s, first_s) < 0.05
        assert "has its subject in it" in segment.why


def test_best_instant_of_a_moment_is_shown_and_opens_early_in_the_hook() -> None:
    peaks_s = [2.0 + 0.9 * clip for clip in range(9)]
    moments = [
        found.model_copy(update={"peak_s": peak_s})
        for found, peak_s in zip(alike(9, 12), peaks_s, strict=True)
    ]
    timeline = plan_timeline(edit_request(), one_each(moments, 12), steady_music(120, 40))
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
    timeline = plan_timeline(edit_request(), one_each(moments, 12), steady_music(120, 40))
    order = [segment.clip for segment in timeline.segments]
    assert order[-1] == 2
    assert "the ending it was judged to be" in timeline.segments[-1].why
    assert order.index(6) <= 2


def test_cuts_like_to_begin_on_keyframes() -> None:
    def wasted_s(key_frames_s: tuple[float, ...]) -> float:
        clips = one_each(alike(9, 20), 20)
        known = tuple(
            clip.model_copy(update={"key_frames_s": key_frames_s}) for clip in clips.clips
        )
        timeline = plan_timeline(
            edit_request(), clips.model_copy(update={"clips": known}), steady_music(120, 40)
        )
        return sum((segment.source_in_s - 0.9) % 2.0 for segment in timeline.segments[1:]) / (
            len(timeline.segments) - 1
        )

    keys_s = tuple(0.9 + 2.0 * place for place in range(10))
    assert wasted_s(keys_s) < 0.5 * wasted_s(())


def _told_apart(count: int, **of_side: tuple[Any, Any]) -> ClipAnalysis:
    """Clips of which every second one has the other value of each field."""
    moments = [
        found.model_copy(update={name: values[found.clip % 2] for name, values in of_side.items()})
        for found in alike(count, 6)
    ]
    return one_each(moments, 6)


def _face(x: float) -> tuple[SubjectPoint, ...]:
    box = Box(x=x - 0.02, y=0.4, width=0.04, height=0.07)
    return tuple(SubjectPoint(time_s=0.5 * index, box=box, source="face") for index in range(13))


def _sides_taken(clips: ClipAnalysis) -> int:
    """How often a Reel goes from one kind of clip to the other."""
    timeline = plan_timeline(edit_request(style="dynamic"), clips, steady_music(120, 40))
    kinds = [segment.clip % 2 for segment in timeline.segments]
    return sum(one != other for one, other in pairwise(kinds))


def test_the_eye_seldom_has_to_jump() -> None:
    assert _sides_taken(_told_apart(10, subject_path=(_face(0.39), _face(0.61)))) == 1
    # In one place for all of them, their order is a matter of chance.
    assert _sides_taken(_told_apart(10, subject_path=(_face(0.39), _face(0.39)))) > 1


def test_movement_seldom_turns_round() -> None:
    assert _sides_taken(_told_apart(10, travel_x=(0.3, -0.3))) == 1
    assert _sides_taken(_told_apart(10, travel_x=(0.3, 0.3))) > 1
