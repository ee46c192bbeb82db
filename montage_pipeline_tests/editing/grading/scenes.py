"""Frames as cameras take them: a scene in linear light, the light on it, the camera's exposure and
white balance.
"""

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.floating]
"""R'G'B' 0..1, shape (frames, height, width, 3)."""

_SIDE = 48
SKIN_TONES = ((0.72, 0.48, 0.37), (0.55, 0.34, 0.24), (0.30, 0.17, 0.11), (0.13, 0.07, 0.045))
"""Linear light of skin from pale to dark (measured averages, rounded)."""


def scene(
    seed: int, *, level: float = 0.2, skin: tuple[float, float, float] | None = None
) -> Frames:
    """Linear light of things of many colours about `level`, lit unevenly; perhaps with a person."""
    random = np.random.default_rng(seed)
    things = random.integers(3, 12, size=2)
    grey = level * random.lognormal(0, 0.8, size=(*things, 1))
    light = grey * random.lognormal(0, 0.18, size=(*things, 3))
    frame = np.kron(light, np.ones((_SIDE // things[0] + 1, _SIDE // things[1] + 1, 1)))
    frame = frame[:_SIDE, :_SIDE] * np.linspace(1.2, 0.8, _SIDE)[:, None, None]
    if skin is not None:
        frame[14:34, 18:32] = np.asarray(skin) * np.linspace(1.1, 0.8, 20)[:, None, None]
    return frame[None].astype(np.float32)


def shot(
    light: Frames, *, stops: float = 0.0, balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> Frames:
    """R'G'B' that a camera makes of the light, over- or underexposed by `stops`, with a gain for
    each channel.
    """
    exposed = light * 2.0**stops * np.asarray(balance, np.float32)
    return np.asarray(np.clip(exposed, 0, 1) ** (1 / 2.4), np.float32)
