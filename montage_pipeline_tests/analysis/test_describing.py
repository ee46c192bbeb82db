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


def test_what_is_enlarged_a_lot_is_not_called_sharp(talking: SpanMeasures) -> None:
    """A small clip may be sharp in itself; a Reel shows it enlarged."""
    crisp = replace(talking, sharpness=1.0)
    large = replace(crisp, facts=crisp.facts.model_copy(update={"width": 1920, "height": 1080}))
    small = replace(crisp, facts=crisp.facts.model_copy(update={"width": 640, "height": 360}))
    assert "sharp" in words(large)
    assert "sharp" not in words(small)


def test_where_nothing_is_known_by_name_it_is_a_shot(talking: SpanMeasures) -> None:
    nobody = replace(talking, face=None, face_share=0.0, people=0, with_animal=False, things=())
    assert words(replace(nobody, motion=0.9)).startswith("a lively shot, ")
    assert words(replace(nobody, motion=0.0)).startswith("a still shot, ")
