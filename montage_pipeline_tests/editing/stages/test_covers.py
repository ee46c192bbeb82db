"""The candidates for covers are frames of the Reel, each the best of its segment."""

from hypothesis import given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.model import AnalysedClip, ClipAnalysis, Instant
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.stages.covers import with_cover_candidates
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
    return with_cover_candidates(plan_timeline(request, clips, MUSIC), clips)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 50), duration_s=st.sampled_from([7, 15, 45]))
def test_the_best_frame_of_every_segment_and_never_one_beside_a_cut(
    seed: int, duration_s: float
) -> None:
    timeline = planned(footage(seed, clips=8), seed, duration_s)
    found = timeline.cover_candidates
    count = len(timeline.segments)
    assert 3 <= len(found) <= 9
    starts = (0, *timeline.cut_frames, timeline.total_frames)
    for cover in found:
        begin, end = starts[cover.segment], starts[cover.segment + 1]
        # A player that seeks roughly must not show the neighbour.
        assert begin + 3 <= cover.frame < end - 3
    best = found[:count]
    assert len({cover.segment for cover in best}) == min(count, 9)
    assert [cover.score for cover in best] == sorted((c.score for c in best), reverse=True)
    assert len({cover.frame for cover in found}) == len(found)
    assert with_cover_candidates(timeline, footage(seed, clips=8)) == timeline


def test_the_moment_that_shows_most_comes_first_at_its_best_instant() -> None:
    clips = footage(3)
    timeline = planned(clips)
    star = timeline.segments[2]
    # Between the quarters of the segment, which are looked at as well.
    best_frame = star.frames * 3 // 8
    best_s = star.source_in_s + best_frame / float(timeline.fps.fraction)
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
    best = with_cover_candidates(
        timeline, clips.model_copy(update={"clips": level})
    ).cover_candidates[0]
    assert best.segment == 2
    assert best.frame == timeline.cut_frames[1] + best_frame
