"""Each style edits the same footage in its own, measurable way."""

from itertools import pairwise
from statistics import mean

import pytest

from montage_pipeline.analysis.model import Moment
from montage_pipeline.editing.planner import EditRequest, plan_timeline
from montage_pipeline.editing.styles import STYLE_RULES
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.requests.vocabulary import Format, Style
from montage_pipeline_tests.editing.footage import steady_clips, steady_music

CLIPS = steady_clips(8, 40, moment_s=4, seed=2)


@pytest.fixture(scope="module")
def edits() -> dict[Style, Timeline]:
    track = steady_music(120, 60)
    requests = {style: EditRequest(request_id="r", style=style, format=Format.REEL, duration_s=40, seed=1) for style in Style}
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


def test_cuts_are_as_long_as_the_style_wants(edits: dict[Style, Timeline]) -> None:
    length_s = {style: mean(segment.frames / 30 for segment in edit.segments[1:]) for style, edit in edits.items()}
    assert length_s[Style.FITNESS] < length_s[Style.TRAVEL] < length_s[Style.CINEMATIC] < length_s[Style.MINIMAL]
    assert all(abs(length_s[style] - STYLE_RULES[style].preferred_cut_s) < 0.5 for style in Style)


def test_fitness_moves_most_and_ever_more_and_minimal_least(edits: dict[Style, Timeline]) -> None:
    assert all(motion(edits[Style.MINIMAL]) < motion(edits[style]) for style in Style if style != Style.MINIMAL)
    assert all(motion(edits[Style.FITNESS]) > motion(edits[style]) for style in Style if style != Style.FITNESS)
    moving = [moment.scores.motion for moment in shown(edits[Style.FITNESS])]
    half = len(moving) // 2
    assert mean(moving[half:]) > mean(moving[:half])


def test_dynamic_jumps_between_movements_where_cinematic_and_minimal_flow(edits: dict[Style, Timeline]) -> None:
    assert step(edits[Style.DYNAMIC]) > step(edits[Style.CINEMATIC]) + 0.2
    assert step(edits[Style.DYNAMIC]) > step(edits[Style.MINIMAL]) + 0.2


def test_travel_tells_the_clips_in_order(edits: dict[Style, Timeline]) -> None:
    assert order(edits[Style.TRAVEL]) > 0.8
    assert order(edits[Style.TRAVEL]) > order(edits[Style.FITNESS])


def test_food_is_colourful_and_changes_between_near_and_far(edits: dict[Style, Timeline]) -> None:
    def scale_step(timeline: Timeline) -> float:
        heights = [moment.subject.height if moment.subject else 0.5 for moment in shown(timeline)]
        return mean(abs(a - b) for a, b in pairwise(heights))

    colour = {style: mean(moment.scores.colour for moment in shown(edit)) for style, edit in edits.items()}
    assert colour[Style.FOOD] > max(colour[Style.DYNAMIC], colour[Style.MINIMAL], colour[Style.FITNESS])
    assert scale_step(edits[Style.FOOD]) > scale_step(edits[Style.MINIMAL])


def test_cinematic_and_minimal_are_steadier_than_dynamic(edits: dict[Style, Timeline]) -> None:
    steady = {style: mean(moment.scores.stability for moment in shown(edit)) for style, edit in edits.items()}
    assert min(steady[Style.CINEMATIC], steady[Style.MINIMAL]) > steady[Style.DYNAMIC]
