"""Briefs to compose from, the sound of a piece, and the measure to compare beat grids by."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.music.composer import MusicBrief
from montage_pipeline.styles import STYLES, style_of

FEW_STYLES = [
    style if style in ("dynamic", "minimal") else pytest.param(style, marks=pytest.mark.slow)
    for style in STYLES
]
"""The densest and the sparsest pieces; `make test-all` listens to the others."""

REEL_S = 15.0
REQUEST_ID = "6f1f9e0a-3a55-4c4e-9a94-0d9f6f3f3c11"


def brief_for(
    style: str, *, seed: int = 1, duration_s: float = 12.0, mood: str = "", bpm: int | None = None
) -> MusicBrief:
    """A brief at the style's own tempo."""
    return MusicBrief(
        request_id=REQUEST_ID,
        user_id=UUID(REQUEST_ID),
        mood=mood,
        style=style,
        prompt="something to cut to",
        bpm=bpm or style_of(style).music.home_bpm,
        duration_s=duration_s,
        seed=seed,
    )


def f_measure(known: Sequence[float], found: Sequence[float], tolerance_s: float = 0.07) -> float:
    """Harmonic mean of precision and recall; each found beat may match one known beat."""
    known, found = sorted(known), sorted(found)
    if not known and not found:
        return 1.0
    hits, place = 0, 0
    for beat in known:
        while place < len(found) and found[place] < beat - tolerance_s:
            place += 1
        if place < len(found) and found[place] <= beat + tolerance_s:
            hits += 1
            place += 1
    return 2 * hits / (len(known) + len(found))


def samples_of(path: Path) -> NDArray[np.float64]:
    """Samples x 2 at the file's own rate."""
    with av.open(str(path)) as container:
        frames = container.decode(container.streams.audio[0])
        blocks = [frame.to_ndarray().reshape(-1, 2) for frame in frames]
    return np.concatenate(blocks).astype(np.float64) / 32768.0
