"""Single sounds: drum strokes and notes, and the room around a recording. Mono at RATE."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE = 22_050
Sound = NDArray[np.float64]


_LENGTHS_S = {"crash": 1.6, "ride": 0.5, "open": 0.3, "kick": 0.4}
"""Other drums ring for 0.22 s."""


@cache
def hit(name: str, variant: int) -> Sound:
    """One stroke on a drum; four variants of each."""
    noise = np.random.default_rng((variant, len(name), ord(name[0])))
    t = np.arange(int(_LENGTHS_S.get(name, 0.22) * RATE)) / RATE
    hiss = noise.standard_normal(len(t))
    bright = np.diff(hiss, prepend=0.0)
    match name:
        case "kick":
            return _kick(t, variant) + 0.05 * hiss * np.exp(-t / 0.004)
        case "snare":
            shell = np.sin(2 * np.pi * (170 + 15 * variant) * t) * np.exp(-t / 0.05)
            return 0.45 * shell + 0.35 * hiss * np.exp(-t / (0.04 + 0.02 * variant))
        case "beep":
            tone_hz, ring_s = 900 + 350 * variant, 0.004 + 0.006 * variant
            return np.asarray(0.8 * np.sin(2 * np.pi * tone_hz * t) * np.exp(-t / ring_s))
        case "clap":
            return 0.3 * bright * (_claps(t) + 0.7 * np.exp(-t / 0.06))
        case "tom":
            falling = np.sin(2 * np.pi * (100 + 20 * variant) * t + 3 * (1 - np.exp(-t / 0.02)))
            return np.asarray(0.7 * falling * np.exp(-t / 0.1))
        case "ride":
            return (0.06 * _bell(t, variant) + 0.12 * bright) * np.exp(-t / 0.14)
        case "crash":
            return (0.06 * _bell(t, variant) + 0.35 * bright) * np.exp(-t / 0.5)
        case _:
            ring_s = 0.12 if name == "open" else 0.012 + 0.008 * variant
            return 0.35 * bright * np.exp(-t / ring_s)


def _kick(t: Sound, variant: int) -> Sound:
    cycles = (45.0 + 6 * variant) * t + (4 + variant) * (1 - np.exp(-t / 0.03))
    return np.asarray(0.9 * (np.sin(2 * np.pi * cycles) * np.exp(-t / (0.08 + 0.03 * variant))))


def _claps(t: Sound) -> Sound:
    """Three hands, one after the other."""
    strikes = [
        np.where(t >= at, np.exp(-np.maximum(t - at, 0) / 0.006), 0.0) for at in (0.0, 0.011, 0.021)
    ]
    return np.asarray(sum(strikes))


def _bell(t: Sound, variant: int) -> Sound:
    return np.asarray(
        sum(np.sin(2 * np.pi * hz * t) for hz in (3170.0, 4410.0 + 90 * variant, 5230.0, 7340.0))
    )


@cache
def tone(timbre: str, pitch: int, seconds: float) -> Sound:
    """A note held for `seconds`, with its own release."""
    hz = 440.0 * 2 ** ((pitch - 69) / 12)
    attack_s, decay_s, tilt = {
        "bass": (0.006, 0.6, 1.6),
        "keys": (0.006, 0.9, 1.5),
        "pluck": (0.002, 0.25, 0.9),
        "organ": (0.02, 9.0, 1.2),
    }[timbre]
    t = np.arange(int((seconds + 0.15) * RATE)) / RATE
    wave = np.zeros(len(t))
    for partial in range(1, 13):
        if hz * partial < 9000:
            wave += (
                np.sin(2 * np.pi * hz * partial * t + partial)
                * partial**-tilt
                * np.exp(-t * partial / (decay_s * 4))
            )
    shape = (
        np.minimum(t / attack_s, 1.0)
        * np.exp(-t / decay_s)
        * np.clip((seconds + 0.15 - t) / 0.15, 0.0, 1.0)
    )
    return np.asarray(0.6 * wave * shape)


def add(sound: Sound, sample: Sound, at: int) -> None:
    at = max(0, at)
    span = sound[at : at + len(sample)]
    span += sample[: len(span)]


def tilted(noise: Sound, octave_power: float) -> Sound:
    """White noise made to fall by `octave_power` times 6 dB an octave above 50 Hz."""
    hz = np.fft.rfftfreq(len(noise), 1 / RATE)
    return np.asarray(
        np.fft.irfft(np.fft.rfft(noise) / np.maximum(hz / 50, 1.0) ** octave_power, len(noise))
    )


def finished(sound: Sound, rng: np.random.Generator, *, dry: bool = False) -> NDArray[np.float32]:
    """A room around it, noise under it, and a soft limit over it."""
    wet = 0.0 if dry else float(rng.choice([0.0, rng.uniform(0.05, 0.4)]))
    if wet:
        t = np.arange(int(0.9 * RATE)) / RATE
        room = rng.standard_normal(len(t)) * np.exp(-t / float(rng.uniform(0.08, 0.3)))
        room /= np.sqrt(np.sum(room**2))
        size = 1 << (len(sound) + len(room)).bit_length()
        sound = (
            sound
            + wet
            * np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(room, size), size)[: len(sound)]
        )
    sound = sound / max(float(np.abs(sound).max()), 1e-9)
    hiss = 10 ** float(rng.uniform(-6, -3) if dry else rng.uniform(-4, -1.7))
    sound = sound + hiss * rng.standard_normal(len(sound)) * float(np.sqrt(np.mean(sound**2)))
    drive = float(rng.uniform(0.8, 2.5))
    return np.asarray(
        np.tanh(drive * sound) / np.tanh(drive) * float(rng.uniform(0.3, 0.98)), dtype=np.float32
    )
