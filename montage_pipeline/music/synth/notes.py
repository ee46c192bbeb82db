"""What is played, on the clock: notes, drum hits, and the player who places them in time."""

from dataclasses import dataclass

import numpy as np

from montage_pipeline.music.synth.arrangement import BEATS_A_BAR, Arrangement


@dataclass(frozen=True)
class Note:
    """A pitched note: seconds, MIDI pitch, velocity 0..1."""

    start_s: float
    length_s: float
    pitch: int
    velocity: float


@dataclass(frozen=True)
class Hit:
    """A drum or effect by its name in the kit; `swell` and `reverse` end at `start_s`."""

    start_s: float
    sound: str
    velocity: float


class Player:
    """Puts steps on the clock with the style's swing and a human's spread."""

    def __init__(self, piece: Arrangement, rng: np.random.Generator) -> None:
        self._piece = piece
        self._rng = rng
        self.step_s = piece.beat_s / 4

    def time_s(self, bar: int, step: float, looseness: float = 1.0) -> float:
        """When a step of a bar is played; never before the start of the piece.

        `looseness` scales the style's spread: a bass player drifts less than a shaker. Draws once.
        """
        swing = self._piece.swing if step % 2 == 1 else 0.0
        drift_s = (
            float(np.clip(self._rng.normal(), -2, 2))
            * self._piece.taste.looseness_ms
            / 1000
            * looseness
        )
        straight_s = bar * BEATS_A_BAR * self._piece.beat_s
        return max(0.0, straight_s + (step + swing) * self.step_s + drift_s)
