"""Briefs to compose from, and the measure that beat grids are compared by."""

from collections.abc import Sequence
from uuid import UUID

from montage_pipeline.music.composer import MusicBrief
from montage_pipeline.music.styles import SCORES
from montage_pipeline.requests.vocabulary import Style

REEL_S = 15.0
REQUEST_ID = "6f1f9e0a-3a55-4c4e-9a94-0d9f6f3f3c11"


def brief_for(style: Style, *, seed: int = 1, duration_s: float = 12.0, mood: str = "", bpm: int | None = None) -> MusicBrief:
    """A brief at the style's own tempo."""
    return MusicBrief(
        request_id=REQUEST_ID,
        user_id=UUID(REQUEST_ID),
        mood=mood,
        style=style,
        prompt="something to cut to",
        bpm=bpm or SCORES[style].home_bpm,
        duration_s=duration_s,
        seed=seed,
    )


def f_measure(known: Sequence[float], found: Sequence[float], tolerance_s: float = 0.07) -> float:
    """Harmonic mean of precision and recall; each found beat may match one known beat."""
    left = sorted(found)
    hits = 0
    for beat in sorted(known):
        match = next((place for place, other in enumerate(left) if abs(other - beat) <= tolerance_s), None)
        if match is not None:
            left.pop(match)
            hits += 1
    return 2 * hits / (len(known) + len(found)) if known or found else 1.0
