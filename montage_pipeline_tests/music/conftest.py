"""Pieces that several tests listen to, composed once."""

import pytest

from montage_pipeline.music.composer import ComposedMusic
from montage_pipeline.music.synth.composer import LocalComposer
from montage_pipeline.styles import STYLES
from montage_pipeline_tests.music.pieces import REEL_S, brief_for


@pytest.fixture(scope="session")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ComposedMusic]:
    """One piece of each style for a Reel of REEL_S seconds."""
    return {
        style: LocalComposer().compose(
            brief_for(style, seed=5, duration_s=REEL_S), tmp_path_factory.mktemp(style)
        )
        for style in STYLES
    }
