"""Marks that can be read are found over moving footage and before a camera at rest; writing of the
scene is not.
"""

from collections.abc import Sequence

import numpy as np
import pytest

from montage_pipeline.footage.measuring.overlays.averages import FRAMES, Averager, details_of
from montage_pipeline.footage.measuring.overlays.marks import all_marks
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box
from montage_pipeline_tests.footage.measuring.overlays.drawing import HEIGHT, WIDTH, with_text

PLACE = (0.55, 0.85)
"""Where the words begin that are drawn here, in shares of the frame."""


def found_in(frames: Sequence[Plane]) -> tuple[Box, ...]:
    averager = Averager()
    for frame in frames:
        averager.add(frame)
    return all_marks((), averager.averages())


def at_rest(view: Plane, count: int = 16) -> list[Plane]:
    random = np.random.default_rng(4)
    noise = [random.normal(0, 2, view.shape) for _ in range(count)]
    return [np.clip(view + grain, 0, 255).astype(np.uint8) for grain in noise]


def held_by_hand(view: Plane, by_px: int, count: int = 16) -> list[Plane]:
    random = np.random.default_rng(5)
    shifts = random.integers(-by_px, by_px + 1, (count, 2))
    return [np.roll(view, tuple(shift), axis=(0, 1)) for shift in shifts]


@pytest.mark.parametrize("opacity", [0.15, 0.3])
def test_words_over_moving_footage_are_a_mark(walk: list[Plane], opacity: float) -> None:
    draw = with_text("Northlight", *PLACE, opacity=opacity, scale=0.9)
    (box,) = found_in([draw(frame) for frame in walk])
    assert abs(box.x - PLACE[0]) < 0.05
    assert box.y < PLACE[1] - 0.03 < box.y + box.height
    assert box.width * box.height < 0.06


def test_before_a_camera_at_rest_words_are_a_mark_only_when_they_name_their_source(
    walk: list[Plane],
) -> None:
    calm = np.clip(110 + 0.25 * (walk[0].astype(np.int16) - 110), 0, 255).astype(np.uint8)
    address = with_text("clideo.com", *PLACE, opacity=0.4, scale=0.9)
    shop = with_text("BAKERY", *PLACE, scale=0.9)
    assert len(found_in([address(frame) for frame in at_rest(calm)])) == 1
    assert found_in([shop(frame) for frame in at_rest(calm)]) == ()


@pytest.mark.parametrize("by_px", [1, 2, 4])
def test_a_sign_before_a_camera_held_by_hand_is_no_mark(walk: list[Plane], by_px: int) -> None:
    shop = with_text("BAKERY", *PLACE, scale=0.9)
    assert found_in(held_by_hand(shop(walk[0]), by_px)) == ()


def test_footage_without_words_has_none(walk: list[Plane]) -> None:
    assert found_in(walk) == ()
    assert found_in([]) == ()


def test_a_logo_that_a_word_covers_is_one_mark_with_it(walk: list[Plane]) -> None:
    draw = with_text("Northlight", *PLACE, opacity=0.3, scale=0.9)
    averager = Averager()
    for frame in walk:
        averager.add(draw(frame))
    (word,) = all_marks((), averager.averages())
    part = Box(x=word.x + 0.01, y=word.y + 0.01, width=word.width / 2, height=word.height / 2)
    other = Box(x=0.1, y=0.1, width=0.1, height=0.1)
    assert all_marks((part, other), averager.averages()) == (other, word)


def test_averages_keep_what_stays_and_lose_what_moves() -> None:
    random = np.random.default_rng(6)
    sign = np.zeros((HEIGHT, WIDTH))
    sign[100:110, 200:300] = 12
    frames = [
        np.clip(120 + random.normal(0, 8, sign.shape) + sign, 0, 255).astype(np.uint8)
        for _ in range(4 * FRAMES + 1)
    ]
    averager = Averager()
    for frame in frames:
        averager.add(frame)
    averages = averager.averages()
    assert len(averages) == 4  # a single frame more is too little for one of its own

    mean = details_of(averages).mean(axis=0)
    assert mean[102:108, 240:260].mean() > 5
    assert mean[150:250].std() < 8 / np.sqrt(3 * FRAMES)
