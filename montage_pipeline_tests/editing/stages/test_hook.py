"""Which moment opens."""

from montage_pipeline.analysis.model import HookWindow, Instant
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline_tests.editing.footage import analysis, facts, moment, steady_music
from montage_pipeline_tests.editing.requests import edit_request


def test_a_hook_moment_too_short_gives_way_to_the_next_best_hook() -> None:
    moments = [
        moment(0, 0, 0, 1.5, hook=0.9),
        moment(0, 1, 2, 9, hook=0.5),
        moment(0, 2, 10, 20, hook=0.7),
    ]
    clips = analysis([(facts("a", 20), moments)])
    assert clips.hook_moment == "c0m0"
    assert plan_timeline(edit_request(8), clips, steady_music(120, 12)).segments[0].moment == "c0m2"


def test_a_reel_that_is_short_anyway_gives_up_a_cut_for_a_much_better_opening() -> None:
    """Ten clips that hold one cut each, and asked is more than they make."""

    def opened(best_hook: float) -> tuple[str, int]:
        lengths_s = (1.7, *[3.05] * 9)
        clips = [
            (facts(f"c{i}", s), [moment(i, 0, 0, s, hook=best_hook if i == 4 else 0.3)])
            for i, s in enumerate(lengths_s)
        ]
        timeline = plan_timeline(edit_request(40), analysis(clips), steady_music(120, 50))
        return timeline.segments[0].moment, len(timeline.segments)

    assert opened(best_hook=0.35) == ("c0m0", 10)
    assert opened(best_hook=0.9) == ("c4m0", 9)


def test_the_asked_length_is_not_given_up_for_an_opening() -> None:
    clips = [
        (facts(f"c{i}", s), [moment(i, 0, 0, s, hook=0.9 if i == 4 else 0.1)])
        for i, s in enumerate((1.7, *[3.0] * 9))
    ]
    timeline = plan_timeline(edit_request(28.7), analysis(clips), steady_music(120, 50))
    assert timeline.segments[0].moment == "c0m0"
    assert not timeline.warnings


def test_an_opening_is_judged_as_it_will_look() -> None:
    def opened(width: int, height: int) -> str:
        clips = [
            (facts("a", 9, width=width, height=height), [moment(0, 0, 0, 9, hook=0.7)]),
            (facts("b", 9), [moment(1, 0, 0, 9, hook=0.6)]),
        ]
        return (
            plan_timeline(edit_request(8), analysis(clips), steady_music(120, 12))
            .segments[0]
            .moment
        )

    assert opened(1920, 1080) == "c0m0"
    assert opened(320, 180) == "c1m0"


def test_a_clip_that_fits_nowhere_else_opens_unless_another_opens_clearly_better() -> None:
    def opened(best_hook: float) -> str:
        measured = {"without_subject": (), "role": None, "peak_s": None}
        clips = [
            (
                facts(f"c{i}", length_s),
                [moment(i, 0, 0, length_s, hook=hook).model_copy(update=measured)],
            )
            for i, (length_s, hook) in enumerate(((2.5, 0.5), (12, best_hook), (12, 0.5)))
        ]
        timeline = plan_timeline(edit_request(15), analysis(clips), steady_music(120, 25))
        return timeline.segments[0].moment

    assert opened(best_hook=0.6) == "c0m0"
    assert opened(best_hook=0.95) == "c1m0"


def test_the_hook_begins_where_its_moment_opens_best() -> None:
    windows = tuple(
        HookWindow(start_s=start / 4, score=0.9 if 5.0 <= start / 4 <= 6.0 else 0.2)
        for start in range(4 * 12)
    )
    best = moment(0, 0, 0, 14, hook=0.9).model_copy(
        update={"hook_windows": windows, "without_subject": (), "role": None, "peak_s": None}
    )
    clips = [(facts("a", 14), [best]), (facts("b", 14), [moment(1, 0, 0, 14, hook=0.5)])]
    opening = plan_timeline(edit_request(12), analysis(clips), steady_music(120, 20)).segments[0]
    assert opening.moment == "c0m0"
    assert 4.7 <= opening.source_in_s <= 6.3


def test_seconds_better_than_the_rest_of_their_clip_say_nothing_of_other_clips() -> None:
    """A clip that is poor but for some seconds does not open for their sake; if it opens, with
    these.
    """
    poor_but = [Instant(time_s=float(t), score=0.9 if 10 <= t <= 16 else -0.5) for t in range(30)]
    measured = {"without_subject": (), "role": None, "peak_s": None}

    def opened(*hooks: float) -> tuple[str, bool]:
        clips = analysis(
            [
                (
                    facts(f"c{i}", 30),
                    [
                        moment(i, 0, 0, 30, hook=hook, interest=0.5, quality=0.5).model_copy(
                            update=measured
                        )
                    ],
                )
                for i, hook in enumerate(hooks)
            ]
        )
        poor = clips.clips[0].model_copy(update={"instants": tuple(poor_but)})
        clips = clips.model_copy(update={"clips": (poor, *clips.clips[1:])})
        opening = plan_timeline(edit_request(8), clips, steady_music(120, 12)).segments[0]
        return opening.moment, 10 <= opening.source_in_s <= 15

    assert opened(0.5, 0.55) == ("c1m0", False)
    assert opened(0.55, 0.5) == ("c0m0", True)
