"""What of overlays a Reel shows, and the words for where they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from montage_pipeline.analysis.overlays import MAX_MARK_SHIFT, covered, parts_in, place
from montage_pipeline.footage.measuring.boxes import upright_middle
from montage_pipeline.footage.model import Box
from montage_pipeline_tests.editing.footage import facts

_SHARES = st.floats(0.01, 0.99)
_WHOLE = Box(x=0, y=0, width=1, height=1)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x, y = draw(_SHARES), draw(_SHARES)
    return Box(x=x, y=y, width=draw(st.floats(0.005, 1 - x)), height=draw(st.floats(0.005, 1 - y)))


@given(boxes(), boxes())
def test_what_a_crop_shows_of_a_box_is_as_large_as_their_overlap(box: Box, crop: Box) -> None:
    wide = min(box.x + box.width, crop.x + crop.width) - max(box.x, crop.x)
    high = min(box.y + box.height, crop.y + crop.height) - max(box.y, crop.y)
    overlap = max(0.0, wide) * max(0.0, high)
    shown = bool(parts_in([box], crop))
    if shown:
        assert covered([box], crop) == pytest.approx(overlap / (crop.width * crop.height), abs=1e-9)
    else:
        assert covered([box], crop) == 0
        assert overlap == 0 or wide / crop.width <= MAX_MARK_SHIFT


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (Box(x=0.1, y=0.45, width=0.8, height=0.1), "across the middle of the picture"),
        (Box(x=0.02, y=0.9, width=0.9, height=0.08), "across the bottom of the picture"),
        (Box(x=0.42, y=0.45, width=0.16, height=0.1), "in the middle of the picture"),
        (Box(x=0.75, y=0.03, width=0.2, height=0.05), "in the top right corner"),
        (Box(x=0.02, y=0.48, width=0.2, height=0.05), "at the left of the picture"),
        (Box(x=0.4, y=0.02, width=0.2, height=0.05), "at the top of the picture"),
    ],
)
def test_places_are_named(box: Box, words: str) -> None:
    assert place([box], _WHOLE) == words


def test_a_tiled_mark_lies_all_over() -> None:
    tiles = [
        Box(x=x, y=y, width=0.15, height=0.05) for x in (0.1, 0.4, 0.8) for y in (0.1, 0.5, 0.9)
    ]
    assert place(tiles, _WHOLE) == "all over the picture"


def test_what_the_crop_moves_off_is_not_in_it() -> None:
    crop = Box(x=0.3, y=0.0, width=0.4, height=1.0)
    banner = Box(x=0.66, y=0.2, width=0.3, height=0.06)
    assert covered([banner], crop) == 0
    assert place([banner], crop) == "outside the crop"
    wider = banner.model_copy(update={"x": 0.62})
    assert covered([wider], crop) == pytest.approx(0.08 / 0.4 * 0.06)
    inside = Box(x=0.64, y=0.2, width=0.04, height=0.06)
    assert covered([inside], crop) > 0, "small, but not at the edge: no crop leaves it out"


@pytest.mark.parametrize(("width", "height", "shown"), [(1920, 1080, 0.316), (1080, 1920, 1.0)])
def test_the_upright_middle_of_a_clip(width: int, height: int, shown: float) -> None:
    crop = upright_middle(facts("clip", 10.0, width=width, height=height))
    assert crop.width == pytest.approx(shown, abs=0.001)
    assert crop.height == 1
    corner = Box(x=0.02, y=0.02, width=0.1, height=0.05)
    assert (covered([corner], crop) == 0) == (width > height)
