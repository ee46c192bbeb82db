"""Which moment opens."""

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
