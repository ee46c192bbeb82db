"""Makes a loop of any kind from a seed."""

import numpy as np

from montage_pipeline_tests.music.beats.loops.band import Band, Loop
from montage_pipeline_tests.music.beats.loops.patterns import PATTERNS

KINDS = (
    "click",
    "rock",
    "four-on-floor",
    "broken",
    "swing",
    "drop-out",
    "chords",
    "arpeggio",
    "half-time",
    "waltz",
    "live",
    "odd",
)
"""Kinds of loop with a beat.

`live` drifts in tempo by up to 3 %, all others keep time; `chords` and `arpeggio` have no drums,
`odd` has sounds of any kind in the places of drums.
"""

_TEMPOS_BPM = {"half-time": (110.0, 180.0), "waltz": (80.0, 180.0), "swing": (70.0, 180.0)}
"""Where a kind is played, if not from 60 to 180."""


def make_loop(kind: str, seed: int, seconds: float = 24.0, bpm: float | None = None) -> Loop:
    """A loop of one of KINDS. The seed decides everything that is not given."""
    rng = np.random.default_rng((seed, KINDS.index(kind)))
    low, high = _TEMPOS_BPM.get(kind, (60.0, 180.0))
    drawn = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    # Half of all music made to order has a whole number of beats a minute.
    tempo = bpm or (float(round(drawn)) if rng.random() < 0.5 else drawn)
    band = Band(kind, tempo, seconds, rng)
    PATTERNS[kind](band)
    return band.loop()
