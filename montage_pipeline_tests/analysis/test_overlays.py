"""What of overlays a Reel shows, and the words for where they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from montage_pipeline.analysis.overlays import covered, parts_in, place
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
    assert covered([box], crop) == pytest.approx(overlap / (crop.width * crop.height), abs=1e-9)
    assert bool(parts_in([box], crop)) == (wide > 0 and high > 0)


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


@pytest.mark.parametrize(("width", "height", "shown"), [(1920, 1080, 0.316), (1080, 1920, 1.0)])
def test_the_upright_middle_of_a_clip(width: int, height: int, shown: float) -> None:
    crop = upright_middle(facts("clip", 10.0, width=width, height=height))
    assert crop.width == pytest.approx(shown, abs=0.001)
    assert crop.height == 1
    corner = Box(x=0.02, y=0.02, width=0.1, height=0.05)
    assert (covered([corner], crop) == 0) == (width > height)
