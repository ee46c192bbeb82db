"""Pieces that several tests listen to, composed once."""

from pathlib import Path

import pytest

from montage_pipeline.music.composer import ComposedMusic
from montage_pipeline.music.synth.composer import LocalComposer
from montage_pipeline_tests.music.pieces import REEL_S, brief_for


class _Pieces(dict[str, ComposedMusic]):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __missing__(self, style: str) -> ComposedMusic:
        folder = self._folder / style
        folder.mkdir()
        self[style] = LocalComposer().compose(brief_for(style, seed=5, duration_s=REEL_S), folder)
        return self[style]


@pytest.fixture(scope="session")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ComposedMusic]:
    """A piece of each style for a Reel of REEL_S seconds, composed for the first test that asks."""
    return _Pieces(tmp_path_factory.mktemp("pieces"))
