"""Cuts stay out of what is said, where the footage has another place."""

import pytest

from montage_pipeline.analysis.model import ClipAnalysis, QualityScores, TimeSpan
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.speech import EDGE_S
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline_tests.editing.footage import analysis, facts, moment, steady_music
from montage_pipeline_tests.editing.requests import edit_request

PHRASE_S, PAUSE_S = 2.1, 0.7
SCORES = {"sharpness": 1, "exposure": 1, "stability": 1, "motion": 0.3, "colour": 0.5, "faces": 1}


def interviews(*, heard: bool, speech: float = 1.0) -> ClipAnalysis:
    """Five people who talk for 20 s each, all filmed alike; `heard`: the phrases are known."""
    clips = []
    for clip in range(5):
        said = QualityScores(**SCORES, speech=speech)
        moments = [
            moment(clip, number, 10 * number, 10 * number + 10, scores=said, without_subject=())
            for number in range(2)
        ]
        clips.append((facts(f"clip{clip}", 20), moments))
    found = analysis(clips)
    if not heard:
        return found
    talking = [
        clip.model_copy(update={"phrases": phrases(0.3 * index)})
        for index, clip in enumerate(found.clips)
    ]
    return found.model_copy(update={"clips": tuple(talking)})


def phrases(first_s: float) -> tuple[TimeSpan, ...]:
    starts = [first_s + number * (PHRASE_S + PAUSE_S) for number in range(7)]
    return tuple(TimeSpan(start_s=start_s, end_s=start_s + PHRASE_S) for start_s in starts)


def broken_off(timeline: Timeline) -> int:
    """Ends of segments that lie in a phrase, or too near to its ends."""
    rate, count = float(timeline.fps.fraction), 0
    for segment in timeline.segments:
        ends_s = segment.source_in_s, segment.source_in_s + segment.frames / rate
        for phrase in phrases(0.3 * segment.clip):
            first_s, last_s = phrase.start_s - EDGE_S + 0.04, phrase.end_s + EDGE_S - 0.04
            count += sum(first_s < end_s < last_s for end_s in ends_s)
    return count


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]
)
def test_cuts_fall_into_pauses_and_stay_on_the_beat(seed: int) -> None:
    # A hook, which is shorter than a phrase, and cuts of a phrase and a pause.
    request, music = edit_request(31.7, seed=seed), steady_music(120, 40)
    before = plan_timeline(request, interviews(heard=False), music)
    after = plan_timeline(request, interviews(heard=True), music)
    assert broken_off(before) > len(before.segments)
    assert broken_off(after) < broken_off(before) / 2
    assert all(segment.on_beat for segment in after.segments)


def test_what_is_hardly_said_decides_nothing() -> None:
    request, music = edit_request(30), steady_music(120, 40)
    silent = plan_timeline(request, interviews(heard=False, speech=0), music)
    heard = plan_timeline(request, interviews(heard=True, speech=0), music)
    assert heard.proof == silent.proof
