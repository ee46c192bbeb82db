"""Logos are found where they were put, and not on clean footage."""

import numpy as np
import pytest

from montage_pipeline.footage.measuring.overlays.borders import box_inside_borders
from montage_pipeline.footage.measuring.overlays.logos import logos
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline_tests.footage.measuring.overlays.drawing import (
    darkened,
    with_borders,
    with_text,
)


@pytest.mark.parametrize("opacity", [1.0, 0.5])
@pytest.mark.parametrize("corner", [(0.05, 0.12), (0.74, 0.12), (0.74, 0.94)])
def test_logo_in_a_corner_is_found_there(
    walk: list[Plane], opacity: float, corner: tuple[float, float]
) -> None:
    draw = with_text("@studio", *corner, opacity=opacity)
    found = logos([draw(frame) for frame in walk])
    assert found
    for box in found:
        assert corner[0] - 0.03 <= box.x <= box.x + box.width <= corner[0] + 0.28
        assert corner[1] - 0.13 <= box.y <= box.y + box.height <= corner[1] + 0.07


def test_footage_without_logos_has_none(walk: list[Plane]) -> None:
    assert logos(walk) == ()
    assert logos([darkened(frame) for frame in walk]) == ()


def test_in_front_of_a_camera_at_rest_everything_stays(walk: list[Plane]) -> None:
    random = np.random.default_rng(1)
    noise = [random.normal(0, 3, walk[0].shape) for _ in range(8)]
    assert logos([np.clip(walk[0] + grain, 0, 255).astype(np.uint8) for grain in noise]) == ()


def test_borders_are_no_logos(walk: list[Plane]) -> None:
    draw = with_borders(0.1, 0.0, 0)
    boxed = [draw(frame) for frame in walk]
    assert logos(boxed, box_inside_borders(boxed)) == ()
