"""Words for what a moment shows: true of real footage, and of what the detector cannot name."""

from dataclasses import replace

import pytest

from montage_pipeline.analysis.describing import description
from montage_pipeline.analysis.scoring import quality_scores
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.measuring.measures import SpanMeasures
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.spans import Span
from montage_pipeline_tests.footage.media import indexed


@pytest.fixture(scope="module")
def talking() -> SpanMeasures:
    """A man who talks in a car."""
    return measure(indexed(demo_clips()[2])).between(Span(0, 2))


def words(measures: SpanMeasures) -> str:
    return description(measures, quality_scores(measures, novelty=1.0))


def test_a_man_is_named_and_a_drawing_is_none(talking: SpanMeasures) -> None:
    drawing = measure(indexed(demo_clips()[0])).between(Span(0, 2))
    assert words(talking).startswith(("a face, close", "a person"))
    for named in ("person", "face", "people"):
        assert named not in words(drawing)


@pytest.mark.parametrize(
    ("people", "with_animal", "things", "said"),
    [
        (1, False, (), "a person, "),
        (2, True, (), "two people and an animal, "),
        (9, False, ("a ball", "a vehicle"), "many people, a ball and a vehicle, "),
        (0, False, ("a cup",), "a cup, "),
    ],
)
def test_all_that_is_mostly_in_view_is_named(
    talking: SpanMeasures, people: int, with_animal: bool, things: tuple[str, ...], said: str
) -> None:
    seen = replace(
        talking, face=None, face_share=0.0, people=people, with_animal=with_animal, things=things
    )
    assert words(seen).startswith(said)


def test_who_is_far_away_is_said_to_be(talking: SpanMeasures) -> None:
    nobody_close = replace(talking, face=None, face_share=0.0, people=1)
    assert "far away" in words(replace(nobody_close, living=0.1))
    assert "filling the frame" in words(replace(nobody_close, living=0.9))
