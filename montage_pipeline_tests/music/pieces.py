"""Briefs to compose from, and the measure that beat grids are compared by."""

from collections.abc import Sequence
from uuid import UUID

from montage_pipeline.music.composer import MusicBrief
from montage_pipeline.styles import style_of

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
    left, right, hits = sorted(known), sorted(found), 0
    place = 0
    for beat in left:
        while place < len(right) and right[place] < beat - tolerance_s:
            place += 1
        if place < len(right) and right[place] <= beat + tolerance_s:
            hits += 1
            place += 1
    return 2 * hits / (len(left) + len(right)) if left or right else 1.0
