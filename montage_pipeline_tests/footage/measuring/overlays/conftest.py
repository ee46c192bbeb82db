"""Frames to find overlays in."""

import pytest

from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline_tests.footage.measuring.overlays.drawing import HEIGHT, WIDTH
from montage_pipeline_tests.footage.media import grey_scenery


@pytest.fixture(scope="package")
def walk(tmp_path_factory: pytest.TempPathFactory) -> list[Plane]:
    """A camera that goes along two sceneries."""
    folder = tmp_path_factory.mktemp("walk")
    frames = []
    for seed in (3, 8):
        wide = grey_scenery(folder / f"{seed}.png", seed)
        frames += [wide[40 : 40 + HEIGHT, at : at + WIDTH] for at in range(0, 800, 100)]
    return frames
