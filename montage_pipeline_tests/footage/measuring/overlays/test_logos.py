"""Logos are found where they were put, and not on clean footage."""

import numpy as np
import pytest

from montage_pipeline.footage.measuring.overlays.borders import box_inside_borders
from montage_pipeline.footage.measuring.overlays.logos import logos
from montage_pipeline.footage.measuring.overlays.writing import writing
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline_tests.footage.measuring.overlays.drawing import (
    darkened,
    with_borders,
    with_text,
)


@pytest.mark.parametrize("opacity", [0.15, 0.3, 0.6])
@pytest.mark.parametrize("corner", [(0.05, 0.12), (0.74, 0.12), (0.4, 0.55), (0.74, 0.94)])
def test_mark_is_found_where_it_is(
    walk: list[Plane], opacity: float, corner: tuple[float, float]
) -> None:
    draw = with_text("@studio", *corner, opacity=opacity)
    found = logos([draw(frame) for frame in walk])
    assert found
    for box in found:
        assert corner[0] - 0.04 <= box.x <= box.x + box.width <= corner[0] + 0.28
        assert corner[1] - 0.13 <= box.y <= box.y + box.height <= corner[1] + 0.08


@pytest.mark.parametrize("corner", [(0.05, 0.12), (0.4, 0.55), (0.74, 0.94)])
def test_opaque_mark_is_found_as_a_mark_or_as_writing(
    walk: list[Plane], corner: tuple[float, float]
) -> None:
    draw = with_text("@studio", *corner)
    frames = [draw(frame) for frame in walk]
    assert logos(frames) or all(writing(frame) for frame in frames)


def test_every_part_of_a_tiled_mark_is_found(walk: list[Plane]) -> None:
    places = [(x, y) for x in (0.08, 0.42, 0.76) for y in (0.2, 0.55, 0.9)]
    frames = walk
    for place in places:
        draw = with_text("stock", *place, opacity=0.3)
        frames = [draw(frame) for frame in frames]
    found = logos(frames)
    for x, y in places:
        middle = (x + 0.08, y - 0.03)
        assert any(
            box.x <= middle[0] <= box.x + box.width and box.y <= middle[1] <= box.y + box.height
            for box in found
        )


def test_who_walks_before_a_camera_at_rest_makes_no_mark_of_the_scenery(walk: list[Plane]) -> None:
    frames = []
    for place, texture in enumerate(walk):
        frame = walk[0].copy()
        left = 25 * place
        frame[60:280, left : left + 110] = texture[60:280, left : left + 110]
        frames.append(frame)
    assert logos(frames) == ()


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


def test_what_leaves_its_place_again_and_again_is_no_mark(long_walk: list[Plane]) -> None:
    draw = with_text("@studio", 0.4, 0.55, opacity=0.6)
    assert logos([draw(frame) for frame in long_walk])
    at_times = [draw(f) if place % 4 else f for place, f in enumerate(long_walk)]
    assert logos(at_times) == ()


def test_mark_that_goes_elsewhere_is_found_where_it_stayed(long_walk: list[Plane]) -> None:
    draw = with_text("@studio", 0.7, 0.55, opacity=0.6)
    left = len(long_walk) * 3 // 4
    found = logos([*map(draw, long_walk[:left]), *long_walk[left:]])
    assert found
    assert all(box.x > 0.6 for box in found)
