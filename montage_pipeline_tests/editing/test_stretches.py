"""Which frames may be used: joined where footage runs on, kept apart where it touches."""

from fractions import Fraction

from montage_pipeline.analysis.model import ClipAnalysis, RejectedSpan, TimeSpan
from montage_pipeline.editing.stretches import Stretch, usable_stretches
from montage_pipeline_tests.editing.footage import analysis, facts, moment

FPS = Fraction(30)


def stretches(clips: ClipAnalysis) -> list[tuple[int, float, float]]:
    """Clip, start and end of each stretch."""
    return [
        (found.clip, round(found.span.start_s, 3), round(found.span.end_s, 3))
        for found in usable_stretches(clips, FPS)
    ]


def test_moments_of_one_shot_that_follow_each_other_are_one_stretch() -> None:
    moments = [moment(0, 0, 0, 4), moment(0, 1, 4.01, 8), moment(0, 2, 8.5, 12)]
    clips = analysis([(facts("a", 12), moments)])
    assert stretches(clips) == [(0, 0, 8), (0, 8.5, 12)]
    joined = usable_stretches(clips, FPS)[0]
    assert [found.moment.id for found in joined.moments] == ["c0m0", "c0m1"]


def test_rejected_footage_is_cut_out_even_where_it_reaches_into_a_good_moment() -> None:
    moments = [moment(0, 0, 0, 5), moment(0, 1, 4, 6, rejected=True), moment(0, 2, 6, 10)]
    assert stretches(analysis([(facts("a", 10), moments)])) == [(0, 0, 4), (0, 6, 10)]


def test_shots_that_touch_keep_a_source_frame_apart() -> None:
    shots = [[TimeSpan(start_s=0, end_s=5), TimeSpan(start_s=5, end_s=11)]]
    moments = [moment(0, 0, 0, 5), moment(0, 1, 5, 11)]
    clips = analysis([(facts("a", 11), moments)], shots)
    assert stretches(clips) == [(0, 0, 5), (0, 5.033, 11)]
    # The later one would lose its only cut by the frame, the earlier one has some to spare.
    moments = [moment(0, 0, 0, 5), moment(0, 1, 5, 8)]
    shots = [[TimeSpan(start_s=0, end_s=5), TimeSpan(start_s=5, end_s=8)]]
    clips = analysis([(facts("a", 8), moments)], shots)
    assert stretches(clips) == [(0, 0, 4.967), (0, 5, 8)]


def test_copies_of_a_file_share_its_seconds() -> None:
    original = facts("a", 10)
    copy = original.model_copy(update={"url": "https://clips.example/copy.mp4"})
    clips = analysis([(original, [moment(0, 0, 2, 6)]), (copy, [moment(1, 0, 0, 10)])])
    assert stretches(clips) == [(0, 2, 6), (1, 0, 1.967), (1, 6.033, 10)]


def test_what_turned_out_unusable_is_left_out_of_every_copy_of_the_file() -> None:
    original = facts("a", 10)
    copy = original.model_copy(update={"url": "https://clips.example/copy.mp4"})
    clips = analysis([(original, [moment(0, 0, 0, 4)]), (copy, [moment(1, 0, 4.5, 10)])])
    bad = RejectedSpan(url=copy.url, start_s=3, end_s=7, message="it ends early")
    found = usable_stretches(clips, FPS, [bad])
    assert [(part.clip, part.span.start_s, part.span.end_s) for part in found] == [
        (0, 0, 3),
        (1, 7, 10),
    ]


def test_what_is_known_of_a_moment_is_in_frames_of_its_stretch() -> None:
    gone = (TimeSpan(start_s=3, end_s=4), TimeSpan(start_s=8, end_s=20))
    moments = [moment(0, 0, 2, 9, without_subject=gone, peak_s=5.5)]
    (stretch,) = usable_stretches(analysis([(facts("a", 20), moments)]), FPS)
    assert isinstance(stretch, Stretch)
    (found,) = stretch.moments
    assert (found.start, found.end, found.peak) == (0, 210, 105)
    assert found.without_subject == ((30, 60), (180, 210))
