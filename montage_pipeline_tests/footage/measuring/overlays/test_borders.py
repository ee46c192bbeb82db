"""Borders are found where they were put, and not on clean footage."""

import numpy as np
import pytest

from montage_pipeline.footage.measuring.overlays.borders import box_inside_borders
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline_tests.footage.measuring.overlays.drawing import (
    HEIGHT,
    WIDTH,
    darkened,
    with_borders,
)


@pytest.mark.parametrize(
    ("top", "left"),
    [(0.125, 0.0), (0.03, 0.0), (0.0, 0.34), (0.1, 0.1)],
    ids=["letterbox", "thin", "pillarbox", "window"],
)
@pytest.mark.parametrize("level", [0, 16, 255, 90])
def test_borders_of_any_level_are_found_to_the_pixel(
    walk: list[Plane], top: float, left: float, level: int
) -> None:
    draw = with_borders(top, left, level)
    box = box_inside_borders([draw(frame) for frame in walk])
    assert box is not None
    found = (box.y, 1 - box.y - box.height, box.x, 1 - box.x - box.width)
    drawn, sides = (top, top, left, left), (HEIGHT, HEIGHT, WIDTH, WIDTH)
    for share, wanted, side in zip(found, drawn, sides, strict=True):
        assert wanted - 1 / side <= share <= wanted + 3 / side


def test_footage_without_borders_has_none(walk: list[Plane]) -> None:
    assert box_inside_borders(walk) is None
    assert box_inside_borders([darkened(frame) for frame in walk]) is None


def test_a_sky_is_no_border_as_it_is_on_one_side_only(walk: list[Plane]) -> None:
    bright_sky = [frame.copy() for frame in walk]
    for frame in bright_sky:
        frame[: HEIGHT // 3] = 255
    assert box_inside_borders(bright_sky) is None


def test_black_footage_is_all_frame_or_none() -> None:
    assert box_inside_borders([np.zeros((HEIGHT, WIDTH), np.uint8)] * 8) is None
