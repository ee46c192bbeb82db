"""Where the eye is in what is shown, and which way things go."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.model import LivingSighting, LivingThing, Moment, SubjectPoint
from montage_pipeline.editing.continuity.gaze import Floats, eye_places, heading
from montage_pipeline.footage.model import Box
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing.footage import facts, moment

FACTS = facts("wide", 12)
SIZE = Format.REEL.frame_size
TIMES_S = np.arange(0, 4.01, 0.5)


def crossing(xs: Floats, *, y: float = 0.5, travel_x: float = 0.0) -> Moment:
    """A moment in which a face is at these places (shares of the frame) every half second."""
    path = tuple(
        SubjectPoint(
            time_s=0.5 * index,
            box=Box(x=float(x) - 0.02, y=y - 0.02, width=0.04, height=0.04),
            source="face",
        )
        for index, x in enumerate(xs)
    )
    return moment(0, 0, 0.0, 4.0, subject_path=path, living=(), travel_x=travel_x)


@settings(max_examples=30, deadline=None)
@given(x=st.floats(0.36, 0.64), y=st.floats(0.2, 0.7))
def test_the_eye_is_at_the_subject_as_the_crop_of_the_middle_shows_it(x: float, y: float) -> None:
    places = eye_places(crossing(np.full(9, x), y=y), FACTS, SIZE, TIMES_S)
    # The upright crop of the middle is 0.316 of the frame wide and as high as the frame.
    wide = 607 / 1920
    expected = (x - (0.5 - wide / 2)) / wide * SIZE.width / SIZE.height
    # The crop may have moved towards a face near its edge: then the eye is nearer to the middle.
    assert (np.abs(places[:, 0] - 0.28) <= abs(expected - 0.28) + 0.01).all()
    assert np.allclose(places[:, 1], y, atol=0.01)


def test_a_crop_that_goes_to_its_subject_takes_the_eye_to_the_middle() -> None:
    far = eye_places(crossing(np.full(9, 0.9)), FACTS, SIZE, TIMES_S)
    assert (far[:, 0] > 0.25).all()
    assert (far[:, 0] < SIZE.width / SIZE.height).all()


def test_where_nothing_draws_the_eye_its_place_is_not_known() -> None:
    nothing = moment(0, 0, 0.0, 4.0)
    assert np.isnan(eye_places(nothing, FACTS, SIZE, TIMES_S)).all()
    # A face that is seen at the beginning only tells nothing of the end.
    leaves = crossing(np.full(2, 0.5))
    places = eye_places(leaves, FACTS, SIZE, TIMES_S)
    assert not np.isnan(places[:3]).any()
    assert np.isnan(places[4:]).all()


def test_whoever_is_largest_draws_the_eye_where_no_face_is() -> None:
    things = (
        LivingThing(box=Box(x=0.36, y=0.4, width=0.02, height=0.1), score=0.9),
        LivingThing(box=Box(x=0.5, y=0.3, width=0.1, height=0.5), score=0.6),
    )
    living = tuple(LivingSighting(time_s=0.5 * index, things=things) for index in range(9))
    places = eye_places(moment(0, 0, 0.0, 4.0, living=living), FACTS, SIZE, TIMES_S)
    assert (places[:, 0] > 0.25).all()


def test_who_is_beside_the_crop_does_not_draw_the_eye() -> None:
    """A large person at the edge of the frame, and a small one in the middle of it."""
    beside = LivingThing(box=Box(x=0.0, y=0.1, width=0.3, height=0.9), score=0.4)
    inside = LivingThing(box=Box(x=0.45, y=0.4, width=0.05, height=0.2), score=0.9)
    both, alone = (
        moment(
            0,
            0,
            0.0,
            4.0,
            living=tuple(LivingSighting(time_s=0.5 * i, things=things) for i in range(9)),
        )
        for things in ((inside, beside), (beside,))
    )
    wide = 607 / 1920
    expected = (0.475 - (0.5 - wide / 2)) / wide * SIZE.width / SIZE.height
    assert np.allclose(eye_places(both, FACTS, SIZE, TIMES_S)[:, 0], expected, atol=0.05)
    # The crop goes to somebody who is alone, and then shows them.
    gone_to = eye_places(alone, FACTS, SIZE, TIMES_S)
    assert np.isnan(gone_to).all() or (gone_to[:, 0] > 0.1).all()


@pytest.mark.parametrize(
    ("xs", "travel_x", "right"),
    [
        (np.linspace(0.1, 0.9, 9), 0.0, 1.0),
        (np.linspace(0.9, 0.1, 9), 0.0, -1.0),
        (np.full(9, 0.5), 0.0, 0.0),
        (0.5 + 0.3 * np.cos(np.arange(9) * np.pi), 0.0, 0.0),  # sways from side to side
        (np.full(9, 0.5), 0.3, 1.0),  # runs along with the camera
        (np.linspace(0.9, 0.1, 9), 0.2, 0.0),  # the camera passes who stands
        (np.zeros(0), -0.3, -1.0),  # a camera that turns, and nobody
    ],
)
def test_what_goes_somewhere_has_a_direction(xs: Floats, travel_x: float, right: float) -> None:
    found = heading(crossing(xs, travel_x=travel_x), FACTS)
    assert found[0] == pytest.approx(right, abs=0.05)
    assert found[1] == pytest.approx(0, abs=0.05)
    assert np.hypot(*found) <= 1 + 1e-9
