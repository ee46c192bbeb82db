"""Sounds without a beat."""

import numpy as np
from numpy.typing import NDArray

from montage_pipeline_tests.music.beats.loops.sounds import RATE, Sound, add, finished, hit, tilted

BEATLESS = ("noise", "pad", "speech", "rain", "hum")
"""Kinds of sound without a beat."""


def make_beatless(kind: str, seed: int, seconds: float = 24.0) -> NDArray[np.float32]:
    """A sound of one of BEATLESS: mono samples at RATE."""
    rng = np.random.default_rng((seed, 100 + BEATLESS.index(kind)))
    count = int(seconds * RATE)
    match kind:
        case "noise":
            sound = tilted(rng.standard_normal(count), float(rng.uniform(0, 1)))
        case "hum":
            sound = _hum(rng, count)
        case "rain":
            sound = _drops(rng, count, seconds)
        case "pad":
            sound = _swells(rng, count)
        case _:
            sound = _syllables(rng, count)
    return finished(sound, rng)


def _hum(rng: np.random.Generator, count: int) -> Sound:
    """Mains hum with its overtones, and a little noise."""
    t = np.arange(count) / RATE
    hum = sum(np.sin(2 * np.pi * 50 * k * t) / k for k in (1, 2, 3, 5))
    return np.asarray(hum + 0.05 * rng.standard_normal(count))


def _drops(rng: np.random.Generator, count: int, seconds: float) -> Sound:
    """Rain: drops at random on a hiss."""
    sound = 0.02 * rng.standard_normal(count)
    drops = int(seconds * rng.uniform(4, 25))
    for at in rng.integers(0, count, drops):
        add(sound, hit("hat", int(rng.integers(4))) * rng.exponential(0.5), int(at))
    return sound


def _swells(rng: np.random.Generator, count: int) -> Sound:
    """Chords that grow and fade over seconds, at no steady distance."""
    sound = np.zeros(count)
    at = 0.0
    while at * RATE < count:
        length = float(rng.uniform(3.0, 8.0))
        t = np.arange(int(length * RATE)) / RATE
        root = int(rng.integers(40, 60))
        chord = np.zeros(len(t))
        for pitch in (root, root + 7, root + 12 + int(rng.choice([3, 4])), root + 19):
            hz = 440.0 * 2 ** ((pitch - 69) / 12)
            chord += sum(
                np.sin(2 * np.pi * hz * k * (1 + d) * t + rng.uniform(0, 6)) / k**1.5
                for k in (1, 2, 3, 4)
                for d in (-0.002, 0.002)
            )
        add(sound, chord * np.sin(np.pi * t / length) ** 2, int(at * RATE))
        at += length * float(rng.uniform(0.4, 0.7))
    return sound + 0.01 * tilted(rng.standard_normal(count), 0.5)


def _syllables(rng: np.random.Generator, count: int) -> Sound:
    """Voiced and hissed syllables at the uneven pace of speech, in phrases with pauses."""
    sound = 0.003 * rng.standard_normal(count)
    at = 0.2
    while at * RATE < count:
        for _ in range(int(rng.integers(4, 16))):
            length = float(rng.uniform(0.08, 0.28))
            t = np.arange(int(length * RATE)) / RATE
            if rng.random() < 0.25:
                piece = 0.3 * np.diff(rng.standard_normal(len(t)), prepend=0.0)
            else:
                pitch = 120 * float(rng.uniform(0.8, 1.3)) * (1 - 0.15 * t / length)
                phase = 2 * np.pi * np.cumsum(pitch) / RATE
                formants = rng.uniform([300, 900, 2200], [800, 2000, 3000])
                piece = np.zeros(len(t))
                for k in range(1, 30):
                    piece += np.sin(k * phase) * float(
                        np.sum(1 / (1 + ((120 * k - formants) / 120) ** 2))
                    )
            add(
                sound,
                piece
                * np.sin(np.pi * t / length) ** float(rng.uniform(0.3, 1))
                * float(rng.uniform(0.3, 1)),
                int(at * RATE),
            )
            at += length * float(rng.uniform(0.9, 1.5))
        at += float(rng.uniform(0.3, 1.2))
    return sound
