"""The covers of a Reel are its own frames, the best of them, and they differ."""

from hypothesis import given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.model import AnalysedClip, ClipAnalysis, Instant
from montage_pipeline.editing.covers import with_covers
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing.footage import analysis, facts, moment, steady_music

MUSIC = steady_music(120, 40)


def footage(seed: int, clips: int = 4) -> ClipAnalysis:
    moments = [
        [moment(clip, number, 6.0 * number, 6.0 * number + 6, seed=seed) for number in range(3)]
        for clip in range(clips)
    ]
    return analysis([(facts(f"clip{clip}", 18), moments[clip]) for clip in range(clips)])


def planned(clips: ClipAnalysis, seed: int = 1, duration_s: float = 15) -> Timeline:
    request = EditRequest(
        request_id="r", style="travel", format=Format.REEL, duration_s=duration_s, seed=seed
    )
    return with_covers(plan_timeline(request, clips, MUSIC), clips)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 50), duration_s=st.sampled_from([7, 15, 25]))
def test_three_frames_of_the_reel_from_segments_of_their_own(seed: int, duration_s: float) -> None:
    timeline = planned(footage(seed), seed, duration_s)
    covers = timeline.covers
    assert len(covers) == 3
    starts = (0, *timeline.cut_frames, timeline.total_frames)
    for cover in covers:
        begin, end = starts[cover.segment], starts[cover.segment + 1]
        # Never so near a cut that a player could show the neighbour.
        assert begin + 3 <= cover.frame < end - 3
    segments = [cover.segment for cover in covers]
    assert len(set(segments)) == min(3, len(timeline.segments))
    assert [cover.score for cover in covers] == sorted(
        (cover.score for cover in covers), reverse=True
    )
    assert with_covers(timeline, footage(seed)) == timeline


def test_the_moment_that_shows_most_comes_first_at_its_best_instant() -> None:
    clips = footage(3)
    timeline = planned(clips)
    star = timeline.segments[2]
    best_s = star.source_in_s + 0.9
    even = clips.clips[0].moments[0].scores
    covered = Instant(time_s=best_s - 0.5, score=-0.9)
    clear = Instant(time_s=best_s, score=0.9)

    def levelled(number: int, clip: AnalysedClip) -> AnalysedClip:
        moments = tuple(
            each.model_copy(
                update={"interest": float(each.id == star.moment), "hook": 0.5, "scores": even}
            )
            for each in clip.moments
        )
        instants = (covered, clear) if number == star.clip else ()
        return clip.model_copy(update={"moments": moments, "instants": instants})

    level = tuple(levelled(number, clip) for number, clip in enumerate(clips.clips))
    best = with_covers(timeline, clips.model_copy(update={"clips": level})).covers[0]
    assert best.segment == 2
    assert best.frame == timeline.cut_frames[1] + round(0.9 * float(timeline.fps.fraction))
