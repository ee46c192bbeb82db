"""A crop that moves shows, frame for frame, the rectangle it should, in both engines."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from montage_pipeline.editing.timeline import CropRect, eased
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline_tests.rendering.conftest import BOTH_ENGINES, ClipMaker
from montage_pipeline_tests.rendering.counters import CounterClip, drawn
from montage_pipeline_tests.rendering.edits import (
    HEIGHT,
    WIDTH,
    Cut,
    frames_of,
    paths_of,
    timeline_of,
)

_STILL = CounterClip(
    "still-turned.mp4", frames=30, first=37, rotation_deg=90, width=240, height=320
)
_WIDE = CounterClip("f30.mov", fps="30")


@pytest.mark.parametrize(
    ("source", "steadied"),
    [
        pytest.param(_WIDE, True, id="upright-steadied"),
        pytest.param(_STILL, False, id="turned-smooth"),
        pytest.param(_WIDE, False, id="upright-smooth", marks=pytest.mark.slow),
        pytest.param(_STILL, True, id="turned-steadied", marks=pytest.mark.slow),
    ],
)
@BOTH_ENGINES
def test_the_window_goes_its_way(
    source: CounterClip,
    steadied: bool,
    engine: RenderEngine,
    clip: ClipMaker,
    music: Path,
    tmp_path: Path,
) -> None:
    made = clip(source)
    high = source.height * 7 // 8 // 16 * 16
    wide = high * 9 // 16
    first = CropRect(x=10, y=4, width=wide, height=high)
    last = CropRect(x=source.width - wide - 6, y=source.height - high - 2, width=wide, height=high)
    timeline = timeline_of([Cut(made, 0.1, 20, crop=first)])
    shifts = tuple((3.0 * (-1) ** frame, 2.5 * (-1) ** (frame // 2)) for frame in range(20))
    steadying = shifts if steadied else ()
    moving = timeline.segments[0].model_copy(update={"crop_end": last, "steadying": steadying})
    timeline = timeline.model_copy(update={"segments": (moving,)})
    output = tmp_path / "reel.mp4"
    engine.render(timeline, paths_of([Cut(made, 0.1, 20)]), music, output, lambda share: None)

    facts = timeline.clips[0]
    for number, frame in enumerate(frames_of(output)):
        way = eased(number / 19)
        x, y = (a + (b - a) * way for a, b in ((first.x, last.x), (first.y, last.y)))
        if steadied:
            x, y = x + shifts[number][0], y + shifts[number][1]
        counter = source.first + 3 + number
        truth = Image.fromarray(drawn(counter, facts.width, facts.height))
        expected = np.asarray(
            truth.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=(x, y, x + wide, y + high)),
            dtype=float,
        )
        error = np.abs(frame - expected)[8:-8, 8:-8].mean()
        assert error < 6, f"frame {number}: {error:.1f}"
