"""Percussion and effects, synthesised. Every sound is samples x 2 at 48 kHz, its peak at 1.

The numbers of a sound are tuned by ear; each function says what it imitates.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from montage_pipeline.music.synth.sound.samples import SAMPLE_RATE, Stereo

Mono = NDArray[np.float64]
Rng = np.random.Generator

_TOP_HZ = SAMPLE_RATE * 0.45
"""A filter's edge must stay below half of the rate."""

_END_FADE = 240
"""Samples (5 ms) over which a sound ends without a click."""


def _time(length_s: float) -> Mono:
    return np.arange(int(length_s * SAMPLE_RATE), dtype=np.float64) / SAMPLE_RATE


def _band(sound: Mono, low_hz: float, high_hz: float) -> Mono:
    """The sound between two frequencies."""
    sos = butter(2, [low_hz, min(high_hz, _TOP_HZ)], btype="bandpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(sosfilt(sos, sound, axis=0))


def _finish(sound: Mono) -> Stereo:
    """Two channels, no step at the end, peak 1."""
    stereo = np.stack([sound, sound], axis=1) if sound.ndim == 1 else sound.copy()
    fade = min(len(stereo), _END_FADE)
    stereo[-fade:] *= np.linspace(1, 0, fade)[:, None]
    return (stereo * (1.0 / max(1e-9, float(np.abs(stereo).max())))).astype(np.float32)


def kick(
    rng: Rng, end_hz: float = 48.0, length_s: float = 0.38, click: float = 0.5, drive: float = 1.0
) -> Stereo:
    """A bass drum: a sine that falls to `end_hz`, with a beater."""
    t = _time(length_s)
    fall, start = rng.uniform(0.022, 0.034), end_hz * rng.uniform(4.0, 5.5)
    cycles = end_hz * t + (start - end_hz) * fall * (1 - np.exp(-t / fall))
    body = np.sin(2 * np.pi * cycles) * np.exp(-t / (length_s * 0.42))
    beater = _band(rng.standard_normal(len(t)), 1800, 7000) * np.exp(-t / 0.004)
    sound = np.tanh((1.0 + drive) * body) / np.tanh(1.0 + drive) + 0.35 * click * beater
    sound *= np.minimum(t / 0.0008, 1.0)
    return _finish(sound)


def snare(rng: Rng, tone_hz: float = 195.0, length_s: float = 0.24, wires: float = 0.8) -> Stereo:
    """A snare drum: two modes of the skin and the wires beneath."""
    t = _time(length_s)
    skin = np.sin(2 * np.pi * (tone_hz * t + 6 * (1 - np.exp(-t / 0.01)) * 0.05)) + 0.5 * np.sin(
        2 * np.pi * tone_hz * 1.62 * t
    )
    skin *= np.exp(-t / 0.055)
    noise = _band(rng.standard_normal((len(t), 2)), 900, 9500)
    noise *= (0.65 * np.exp(-t / (length_s * 0.33)) + 0.35 * np.exp(-t / 0.018))[:, None]
    return _finish(0.55 * skin[:, None] + wires * noise)


def clap(rng: Rng, length_s: float = 0.28) -> Stereo:
    """Several hands, none quite together."""
    t = _time(length_s)
    envelope = np.zeros_like(t)
    for start in (0.0, rng.uniform(0.009, 0.012), rng.uniform(0.019, 0.024)):
        late = t - start
        envelope += np.where(late >= 0, np.exp(-np.maximum(late, 0) / 0.006), 0.0)
    late = t - 0.03
    envelope += np.where(late >= 0, 0.7 * np.exp(-np.maximum(late, 0) / 0.065), 0.0)
    return _finish(_band(rng.standard_normal((len(t), 2)), 850, 4200) * envelope[:, None])


def snap(rng: Rng) -> Stereo:
    """Snapping fingers."""
    t = _time(0.14)
    envelope = np.exp(-t / 0.007) + 0.12 * np.exp(-t / 0.05)
    return _finish(_band(rng.standard_normal((len(t), 2)), 1600, 4200) * envelope[:, None])


def rim(rng: Rng) -> Stereo:
    """A stick across the rim."""
    t = _time(0.09)
    shell = np.sin(2 * np.pi * 480 * t) * np.exp(-t / 0.012)
    stick = 0.8 * np.sin(2 * np.pi * rng.uniform(1600, 1850) * t) * np.exp(-t / 0.006)
    click = 0.2 * _band(rng.standard_normal(len(t)), 2000, 8000) * np.exp(-t / 0.003)
    return _finish(shell + stick + click)


def hat(rng: Rng, length_s: float = 0.06, tone: float = 0.35) -> Stereo:
    """A hi-hat: hiss and a little metal, slightly different on each side."""
    t = _time(max(0.05, length_s * 3))
    hiss = _band(rng.standard_normal((len(t), 2)), 6500, 15500)
    metal = np.zeros_like(t)
    for _ in range(7):
        metal += np.sin(2 * np.pi * rng.uniform(5200, 12500) * t + rng.uniform(0, 6))
    envelope = np.exp(-t / length_s) * np.minimum(t / 0.0006, 1.0)
    return _finish((hiss + tone * 0.16 * metal[:, None]) * envelope[:, None])


def shaker(rng: Rng, length_s: float = 0.09) -> Stereo:
    """Beads that take a moment to arrive."""
    t = _time(length_s * 2)
    envelope = np.minimum(t / (length_s * 0.35), 1.0) * np.exp(
        -np.maximum(t - length_s * 0.35, 0) / (length_s * 0.3)
    )
    return _finish(_band(rng.standard_normal((len(t), 2)), 4200, 11500) * envelope[:, None])


def tambourine(rng: Rng) -> Stereo:
    """Jingles that ring a little after the shake."""
    t = _time(0.22)
    ring = sum(
        np.sin(2 * np.pi * rng.uniform(5200, 11000) * t + rng.uniform(0, 6)) for _ in range(10)
    )
    hiss = _band(rng.standard_normal((len(t), 2)), 5000, 13000)
    envelope = np.exp(-t / 0.045) * np.minimum(t / 0.004, 1)
    return _finish((0.10 * np.asarray(ring)[:, None] + 0.8 * hiss) * envelope[:, None])


def tom(rng: Rng, hz: float = 90.0, length_s: float = 0.5, skin: float = 0.4) -> Stereo:
    """A tom, a conga or a taiko, by pitch and length."""
    t = _time(length_s)
    cycles = hz * t + hz * 0.6 * 0.03 * (1 - np.exp(-t / 0.03))
    body = np.sin(2 * np.pi * cycles) + 0.35 * np.sin(2 * np.pi * 1.59 * cycles) * np.exp(-t / 0.06)
    body *= np.exp(-t / (length_s * 0.3))
    strike = _band(rng.standard_normal(len(t)), 250, 3500) * np.exp(-t / 0.012)
    return _finish(body + skin * strike)


def cymbal(rng: Rng, length_s: float = 2.2, low_hz: float = 3200.0) -> Stereo:
    """A crash: wide hiss that darkens as it fades."""
    t = _time(length_s)
    noise = rng.standard_normal((len(t), 2))
    bright = _band(noise, 6500, 15000) * np.exp(-t / (length_s * 0.13))[:, None]
    dark = _band(noise, low_hz, 9000) * np.exp(-t / (length_s * 0.27))[:, None]
    return _finish((0.8 * bright + 0.7 * dark) * np.minimum(t / 0.001, 1.0)[:, None])


def impact(rng: Rng, length_s: float = 2.4, hz: float = 42.0) -> Stereo:
    """A deep hit with a dark cloud behind it."""
    t = _time(length_s)
    cycles = hz * t + hz * 1.8 * 0.09 * (1 - np.exp(-t / 0.09))
    boom = np.sin(2 * np.pi * cycles) * np.exp(-t / (length_s * 0.22))
    noise = rng.standard_normal((len(t), 2))
    cloud = _band(noise, 60, 900) * np.exp(-t / (length_s * 0.14))[:, None]
    return _finish(np.tanh(1.6 * boom)[:, None] + 0.5 * cloud)


def swell(rng: Rng, length_s: float, low_hz: float = 500.0, high_hz: float = 11000.0) -> Stereo:
    """Noise that rises in pitch and level and stops dead: the breath before a drop."""
    t = _time(length_s)
    place = t / length_s
    noise = rng.standard_normal((len(t), 2))
    edges = np.geomspace(low_hz, high_hz, 5)
    sound = np.zeros_like(noise)
    for number in range(4):
        weight = np.clip(1.0 - np.abs(place * 3.4 - number) / 1.2, 0.0, 1.0)
        sound += _band(noise, edges[number], edges[number + 1]) * weight[:, None]
    sound *= (place**2.2)[:, None]
    cut = min(len(t), int(0.012 * SAMPLE_RATE))
    sound[-cut:] *= np.linspace(1, 0, cut)[:, None]
    return _finish(sound)


def reverse_cymbal(rng: Rng, length_s: float) -> Stereo:
    """A crash played backwards."""
    sound = cymbal(rng, length_s)[::-1].astype(np.float64)
    t = np.arange(len(sound)) / len(sound)
    return _finish(sound * (t**1.5)[:, None])


_KICK_HZ = {"edm": 54, "trap": 51, "acoustic": 60, "lofi": 57, "taiko": 50, "felt": 54}

KITS = tuple(_KICK_HZ)
"""The kits there are."""


def kit(rng: Rng, name: str) -> dict[str, Stereo]:
    """The sounds of one of KITS by name. A seed's kit differs a little from the next one's."""
    is_heavy = name in ("edm", "trap")
    is_soft = name in ("felt", "lofi")
    kick_hz = _KICK_HZ[name] * rng.uniform(0.94, 1.06)
    return {
        "kick": kick(
            rng,
            kick_hz,
            0.36 if is_heavy else 0.3,
            click=0.25 if is_soft else 0.6,
            drive=1.6 if is_heavy else 0.5,
        ),
        "snare": snare(
            rng, rng.uniform(175, 215), 0.26 if is_heavy else 0.2, wires=0.55 if is_soft else 0.85
        ),
        "clap": clap(rng),
        "snap": snap(rng),
        "rim": rim(rng),
        "hat": hat(rng, rng.uniform(0.022, 0.034)),
        "open_hat": hat(rng, rng.uniform(0.11, 0.16)),
        "shaker": shaker(rng, rng.uniform(0.07, 0.1)),
        "tambourine": tambourine(rng),
        "crash": cymbal(rng),
        "impact": impact(rng, hz=kick_hz * 0.9),
        **(_taikos(rng) if name == "taiko" else _toms(rng)),
        "conga": tom(rng, rng.uniform(205, 250), 0.24, 0.5),
        "conga_high": tom(rng, rng.uniform(310, 360), 0.18, 0.5),
        "block": rim(rng),
    }


def _toms(rng: Rng) -> dict[str, Stereo]:
    return {
        "low_tom": tom(rng, 98, 0.4),
        "tom": tom(rng, 140, 0.34),
        "high_tom": tom(rng, 205, 0.28),
    }


def _taikos(rng: Rng) -> dict[str, Stereo]:
    return {
        "low_tom": tom(rng, 62, 0.9, 0.5),
        "tom": tom(rng, 92, 0.7, 0.5),
        "high_tom": tom(rng, 138, 0.5, 0.6),
    }
