"""Frames to find overlays in."""

from pathlib import Path

import pytest

from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline_tests.footage.measuring.overlays.drawing import HEIGHT, WIDTH
from montage_pipeline_tests.footage.media import grey_scenery


@pytest.fixture(scope="package")
def walk(tmp_path_factory: pytest.TempPathFactory) -> list[Plane]:
    """A camera that goes along two sceneries."""
    return _walk(tmp_path_factory.mktemp("walk"), step=100)


@pytest.fixture(scope="package")
def long_walk(tmp_path_factory: pytest.TempPathFactory) -> list[Plane]:
    """The same for three times as long."""
    return _walk(tmp_path_factory.mktemp("long_walk"), step=33)


def _walk(folder: Path, step: int) -> list[Plane]:
    frames = []
    for seed in (3, 8):
        wide = grey_scenery(folder / f"{seed}.png", seed)
        frames += [wide[40 : 40 + HEIGHT, at : at + WIDTH] for at in range(0, 800, step)]
    return frames
