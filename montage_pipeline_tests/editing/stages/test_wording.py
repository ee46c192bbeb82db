"""Every sentence is true of the edit."""

from collections.abc import Callable
from itertools import pairwise

from montage_pipeline.analysis.model import ClipAnalysis, Moment, Overlay
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.footage.model import Box
from montage_pipeline_tests.editing.footage import clips_of, music, steady_clips, steady_music
from montage_pipeline_tests.editing.requests import edit_request


def test_every_exception_to_the_beat_rule_is_explained() -> None:
    def off_beat(beats: list[float], music_s: float) -> list[str]:
        timeline = plan_timeline(edit_request(30), steady_clips(6, 30), music(beats, music_s))
        off = [segment.why for segment in timeline.segments[:-1] if not segment.on_beat]
        verb = "is" if len(off) == 1 else "are"
        cuts = len(timeline.segments) - 1
        assert f"{len(off)} of {cuts} cuts {verb} not on a beat" in " ".join(timeline.warnings)
        return off

    # No cut of 3 to 5 s joins two beats in a row.
    sparse = off_beat([1.7 + 5.6 * k for k in range(6)], 40)
    assert sparse
    no_beat = "no beat lies 3 to 5 s after the cut before"
    later = "it would put a later cut off the beat instead"
    assert all(no_beat in why or later in why for why in sparse)
    assert any(no_beat in why for why in sparse)
    # The beat at 6.6 s is in reach of the hook, but no beat is in reach of it before two more cuts.
    fork = off_beat([1.7, 6.6, 9.5, 12.5, 17.0, 21.5, 25.5], 30)
    assert ["it would put a later cut off the beat instead" in why for why in fork] == [True]
    # A take that ends before the beat.
    tight = plan_timeline(
        edit_request(17.7), clips_of(1.7, 3.1, 3.1, 3.1, 3.3, 3.6), steady_music(75, 40)
    )
    reasons = [segment.why for segment in tight.segments[:-1] if not segment.on_beat]
    assert any("its footage ends before the next beat" in why for why in reasons)
    assert any("the Reel takes 98% of all usable footage" in why for why in reasons)
    assert not any("was found" in why for why in reasons)


def test_words_say_what_is_shown_and_what_changes() -> None:
    clips = steady_clips(4, 20)
    judged = clips.model_copy(
        update={"analyst": clips.analyst.model_copy(update={"name": "claude", "model": "m"})}
    )
    for analysis, is_judged in ((clips, False), (judged, True)):
        timeline = plan_timeline(edit_request(20, "fitness"), analysis, steady_music(120, 40))
        assert timeline.segments[0].why.startswith("Opens the Reel: ")
        for before, segment in pairwise(timeline.segments):
            shown = analysis.moment(segment.moment)
            assert f"interest {shown.interest:.2f}" in segment.why
            if "Changes to another clip" in segment.why:
                assert segment.clip != before.clip
            elif segment.clip == before.clip:
                assert "the same shot" in segment.why or "the same clip" in segment.why
            # Only an editor's order recommends anything, and only its first places.
            first = analysis.best_moments[:10] if is_judged else ()
            assert ("best moments" in segment.why) == (shown.id in first)
            if shown.id in first:
                assert f"number {first.index(shown.id) + 1} of the best" in segment.why
        assert "Closes the Reel" in timeline.segments[-1].why


def test_what_is_said_of_a_moment_is_true_of_it_and_said_once() -> None:
    """Every moment gains a little by its steadiness and colours, and few are steady or vivid."""
    clips = steady_clips(6, 20)
    dull = {"quality": 0.5, "description": "A person, moving camera"}
    analysis = _with_moments(
        clips,
        lambda moment: moment.model_copy(
            update={
                **dull,
                "scores": moment.scores.model_copy(
                    update={"colour": 0.4, "stability": 0.6, "faces": 0.3}
                ),
            }
        ),
    )
    for style in ("minimal", "food", "dynamic"):
        timeline = plan_timeline(edit_request(20, style), analysis, steady_music(120, 40))
        for segment in timeline.segments:
            for untrue in ("steady", "technically good", "rich in colour", "with faces"):
                assert untrue not in segment.why
    good = _with_moments(clips, lambda moment: moment.model_copy(update={"quality": 0.9}))
    timeline = plan_timeline(edit_request(20, "food"), good, steady_music(120, 40))
    assert any("technically good" in segment.why for segment in timeline.segments)


def test_how_much_a_crop_is_enlarged_is_said() -> None:
    clips = steady_clips(4, 20)
    small = clips.model_copy(
        update={
            "clips": tuple(
                clip.model_copy(
                    update={"facts": clip.facts.model_copy(update={"width": 640, "height": 360})}
                )
                for clip in clips.clips
            )
        }
    )
    timeline = plan_timeline(edit_request(20), small, steady_music(120, 40))
    for segment in timeline.segments[1:]:
        assert f"enlarged {1080 / segment.crop.width:.1f} times" in segment.why
    sharp = plan_timeline(edit_request(20), clips, steady_music(120, 40))
    assert not any("enlarged" in segment.why for segment in sharp.segments)


def test_a_weak_moment_is_there_for_its_clip() -> None:
    """One clip is dull: it is shown once, since every clip is."""
    clips = steady_clips(6, 20)
    dull = _with_moments(
        clips,
        lambda moment: moment.model_copy(update={"interest": 0.1}) if moment.clip == 3 else moment,
    )
    timeline = plan_timeline(edit_request(30), dull, steady_music(120, 40))
    said = [s.clip for s in timeline.segments if "would not appear otherwise" in s.why]
    assert 3 in said
    shown = [segment.clip for segment in timeline.segments]
    assert all(shown.count(clip) == 1 for clip in said)


def _with_moments(clips: ClipAnalysis, changed: Callable[[Moment], Moment]) -> ClipAnalysis:
    return clips.model_copy(
        update={
            "clips": tuple(
                clip.model_copy(update={"moments": tuple(map(changed, clip.moments))})
                for clip in clips.clips
            )
        }
    )


def test_where_a_watermark_lies_is_said() -> None:
    across = Overlay(kind="watermark", box=Box(x=0.1, y=0.4, width=0.8, height=0.2))
    outside = Overlay(kind="text", box=Box(x=0, y=0.9, width=0.1, height=0.05))
    clips = steady_clips(4, 20)
    clips = _with_moments(
        clips, lambda moment: moment.model_copy(update={"overlays": (across, outside)})
    )
    timeline = plan_timeline(edit_request(20, "fitness"), clips, steady_music(120, 40))
    for segment in timeline.segments:
        said = " watermark lies across the middle of the picture, 20% of the crop"
        assert said in segment.why


def test_costs_are_named_when_they_decided() -> None:
    """All moments of a clip look the same, so that every further cut of it costs."""
    clips = steady_clips(2, 20)
    prints = {
        moment.id: f"{0xFF << 8 * moment.clip:016x}" for c in clips.clips for moment in c.moments
    }
    alike = _with_moments(
        clips, lambda moment: moment.model_copy(update={"fingerprint": prints[moment.id]})
    )
    timeline = plan_timeline(edit_request(30), alike, steady_music(120, 40))
    shown: set[int] = set()
    for index, segment in enumerate(timeline.segments):
        assert ("looks like an earlier cut" in segment.why) == (segment.clip in shown), index
        shown.add(segment.clip)


def test_the_movement_that_a_style_wants_is_named_where_it_was_met() -> None:
    clips = steady_clips(8, 30, moment_s=4)
    fitness = plan_timeline(edit_request(30, "fitness"), clips, steady_music(120, 40))
    assert any("is about what the style wants" in segment.why for segment in fitness.segments)
    # Food hardly weighs movement: it is no reason there.
    food = plan_timeline(edit_request(30, "food"), clips, steady_music(120, 40))
    assert not any("movement" in segment.why for segment in food.segments)
