"""Each style edits the same footage in its own, measurable way."""

from itertools import pairwise
from statistics import mean

import pytest

from montage_pipeline.analysis.model import Moment
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.styles import STYLES, style_of
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing.footage import steady_clips, steady_music

CLIPS = steady_clips(8, 40, moment_s=4, seed=2)


@pytest.fixture(scope="module")
def edits() -> dict[str, Timeline]:
    track = steady_music(120, 60)
    requests = {
        style: EditRequest(request_id="r", style=style, format=Format.REEL, duration_s=40, seed=1)
        for style in STYLES
    }
    return {style: plan_timeline(request, CLIPS, track) for style, request in requests.items()}


def shown(timeline: Timeline) -> list[Moment]:
    return [CLIPS.moment(segment.moment) for segment in timeline.segments[1:]]


def motion(timeline: Timeline) -> float:
    return mean(moment.scores.motion for moment in shown(timeline))


def step(timeline: Timeline) -> float:
    return mean(abs(a.scores.motion - b.scores.motion) for a, b in pairwise(shown(timeline)))


def order(timeline: Timeline) -> float:
    places = [(segment.clip, segment.source_in_s) for segment in timeline.segments[1:]]
    pairs = [(a, b) for i, a in enumerate(places) for b in places[i + 1 :]]
    return mean(a < b for a, b in pairs)


def test_cuts_are_as_long_as_the_style_wants(edits: dict[str, Timeline]) -> None:
    length_s = {
        style: mean(segment.frames / 30 for segment in edit.segments[1:])
        for style, edit in edits.items()
    }
    assert length_s["fitness"] < length_s["travel"] < length_s["cinematic"] < length_s["minimal"]
    assert all(
        abs(length_s[style] - style_of(style).edit.preferred_cut_s) < 0.5 for style in STYLES
    )


def test_fitness_moves_most_and_ever_more_and_minimal_least(edits: dict[str, Timeline]) -> None:
    assert all(
        motion(edits["minimal"]) < motion(edits[style]) for style in STYLES if style != "minimal"
    )
    assert all(
        motion(edits["fitness"]) > motion(edits[style]) for style in STYLES if style != "fitness"
    )
    moving = [moment.scores.motion for moment in shown(edits["fitness"])]
    half = len(moving) // 2
    assert mean(moving[half:]) > mean(moving[:half])


def test_dynamic_jumps_between_movements_where_cinematic_and_minimal_flow(
    edits: dict[str, Timeline],
) -> None:
    assert step(edits["dynamic"]) > step(edits["cinematic"]) + 0.2
    assert step(edits["dynamic"]) > step(edits["minimal"]) + 0.2


def test_travel_tells_the_clips_in_order(edits: dict[str, Timeline]) -> None:
    assert order(edits["travel"]) > 0.8
    assert order(edits["travel"]) > order(edits["fitness"])


def test_food_is_colourful_and_changes_between_near_and_far(edits: dict[str, Timeline]) -> None:
    def scale_step(timeline: Timeline) -> float:
        heights = [moment.subject.height if moment.subject else 0.5 for moment in shown(timeline)]
        return mean(abs(a - b) for a, b in pairwise(heights))

    colour = {
        style: mean(moment.scores.colour for moment in shown(edit)) for style, edit in edits.items()
    }
    assert colour["food"] > max(colour["dynamic"], colour["minimal"], colour["fitness"])
    assert scale_step(edits["food"]) > scale_step(edits["minimal"])


def test_cinematic_and_minimal_are_steadier_than_dynamic(edits: dict[str, Timeline]) -> None:
    steady = {
        style: mean(moment.scores.stability for moment in shown(edit))
        for style, edit in edits.items()
    }
    assert min(steady["cinematic"], steady["minimal"]) > steady["dynamic"]
