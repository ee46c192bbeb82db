"""What a moment loses to overlays depends on what the crop shows of them."""

import pytest

from montage_pipeline.analysis.model import Overlay
from montage_pipeline.editing.moment_score import delivered_as, moment_score
from montage_pipeline.footage.model import Box
from montage_pipeline.styles import style_of
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing.footage import facts, moment

_CORNER = Box(x=0.02, y=0.85, width=0.2, height=0.1)
_ACROSS = Box(x=0.2, y=0.45, width=0.6, height=0.1)
_ALL = Box(x=0.0, y=0.2, width=1.0, height=0.6)


def _lost(box: Box, shape: Format) -> float:
    marked = moment(0, 0, 0.0, 4.0).model_copy(
        update={"overlays": (Overlay(kind="watermark", box=box),)}
    )
    delivered = delivered_as(marked, facts("clip", 10.0), shape.frame_size)
    return moment_score(marked, style_of("dynamic").edit, delivered, None).overlays


def test_a_mark_outside_the_crop_costs_nothing_and_inside_it_does() -> None:
    assert _lost(_CORNER, Format.REEL) == 0
    assert _lost(_CORNER, Format.LANDSCAPE) < 0


@pytest.mark.parametrize("shape", list(Format))
def test_the_more_of_the_crop_a_mark_covers_the_more_it_costs(shape: Format) -> None:
    assert _lost(_ALL, shape) < _lost(_ACROSS, shape) < 0
