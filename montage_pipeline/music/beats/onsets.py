"""What the ear counts by: where sound sets in, band by band, and where the harmony changes.

Everything runs on NumPy alone, in time that is short beside decoding. Does not belong here: tempo,
beats, bars.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RATE = 22_050
"""Sampling rate of the mono sound that goes in."""

HOP = 256
FRAME_S = HOP / RATE
"""Seconds from one frame of every curve to the next."""

_HALF_RATE, _EIGHTH_RATE = RATE // 2, RATE // 8
_LOW_WINDOW, _HIGH_WINDOW = 128, 224
"""Samples at an eighth and at half of RATE: 46 ms to tell one low note from the next, 20 ms to tell
when a high sound starts.
"""
_LOW_HZ = tuple(np.arange(43.0, 500.0, 36.0))
_HIGH_HZ = tuple(np.geomspace(520.0, 5300.0, 24))
_GROUPS_HZ = {"bass": (0, 130), "body": (130, 800), "snap": (800, 2600), "air": (2600, 5600)}
_FLOOR = 1e-3
"""Power below this share of the mean power is silence."""

_HARMONY_WINDOW, _HARMONY_HOP = 1024, 256
_LOWEST_PITCH, _PITCHES = 48, 36

Curve = NDArray[np.float64]
Matrix = NDArray[np.float32]


class Onsets(NamedTuple):
    """Curves over frames; frame k is about the sound at k * FRAME_S seconds.

    `all` is the rise of loudness over all filters, slow swells taken out, in standard deviations.
    `bass`, `body`, `snap` and `air` are the
    rise in one part of the spectrum each, with mean 1 (0 where that part is silent throughout).
    `loudness` is the mean log
    power over all filters (n x groups). `harmony` (n x 2) is how much the pitch classes after each
    frame differ from those before it, 0 not
    at all, 1 altogether, looking a fifth of a second either way (notes) and three quarters of one
    (chords).
    """

    all: Curve
    bass: Curve
    body: Curve
    snap: Curve
    air: Curve
    loudness: Curve
    harmony: Curve


def onset_curves(sound: NDArray[np.float32]) -> Onsets:
    """The onsets of mono samples at RATE."""
    half, eighth = _thinned(sound, 2), _thinned(sound, 8)
    level = _levels(half, eighth)
    rise = np.zeros_like(level)
    np.maximum(level[2:] - level[:-2], 0.0, out=rise[1:-1])
    groups = _groups()
    parts = (rise @ groups).astype(np.float64)
    bass, body, snap, air = (_unit_mean(parts[:, group]) for group in range(len(_GROUPS_HZ)))
    return Onsets(
        _standing_out(parts[:, -1]),
        bass,
        body,
        snap,
        air,
        (level @ groups[:, :-1]).astype(np.float64),
        _harmony(eighth, len(level)),
    )


def _levels(half: NDArray[np.float32], eighth: NDArray[np.float32]) -> Matrix:
    """Log power of each filter, for samples at half and at an eighth of RATE: frames x filters, 0
    for silence.
    """
    frames = 1 + len(half) // (HOP // 2)
    low = _power(eighth, _waves(_LOW_HZ, _EIGHTH_RATE, _LOW_WINDOW), HOP // 8, frames)
    high = _power(half, _waves(_HIGH_HZ, _HALF_RATE, _HIGH_WINDOW), HOP // 2, frames)
    power = np.concatenate([low, high], axis=1)
    mean = power.mean(axis=0)
    power *= 1.0 / (_FLOOR * (mean + 0.05 * mean.mean() + 1e-12))
    power += 1.0
    return np.asarray(np.log(power, out=power))


def _power(sound: NDArray[np.float32], waves: Matrix, hop: int, frames: int) -> Matrix:
    """Power of `sound` about every `hop`-th sample for each wave: frames x waves. The first half of
    `waves` are cosines, then their sines.

    A bank of windowed waves in one matrix product: a few dozen are enough, and faster than a
    transform of each frame.
    """
    window = len(waves)
    padded = np.zeros((frames - 1) * hop + window, np.float32)
    heard = sound[: len(padded) - window // 2]
    padded[window // 2 : window // 2 + len(heard)] = heard
    turns = (
        np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(padded, window)[::hop])
        @ waves
    )
    np.square(turns, out=turns)
    count = turns.shape[1] // 2
    return np.asarray(turns[:, :count] + turns[:, count:])


def _thinned(sound: NDArray[np.float32], times: int) -> NDArray[np.float32]:
    """Means of every so many samples.

    What folds down is the top of the spectrum, and as welcome there.
    """
    return np.asarray(
        sound[: len(sound) // times * times].reshape(-1, times)
        @ np.full(times, 1 / times, np.float32)
    )


@cache
def _waves(all_hz: tuple[float, ...], rate: int, window: int, turns: float = 10.0) -> Matrix:
    """Window x (cosines, then sines of all frequencies), faded in and out. A wave is `turns`
    periods long, but at least 192 samples at half
    of RATE, which is 1.5 hops, and at most the window."""
    t = np.arange(window) - window / 2
    columns = []
    for hz in all_hz:
        length = float(np.clip(rate * turns / hz, 192 * rate / _HALF_RATE, window))
        fade = (
            np.where(np.abs(t) < length / 2, 0.5 + 0.5 * np.cos(2 * np.pi * t / length), 0.0)
            / length
        )
        columns.append(fade * np.exp(2j * np.pi * hz / rate * t))
    waves = np.stack(columns, axis=1)
    return np.concatenate([waves.real, waves.imag], axis=1).astype(np.float32)


@cache
def _groups() -> Matrix:
    """Means over the filters of each of _GROUPS_HZ, and over all filters: filters x (groups + 1)."""
    hz = np.array(_LOW_HZ + _HIGH_HZ)
    inside = [(hz >= low) & (hz < high) for low, high in (*_GROUPS_HZ.values(), (0, np.inf))]
    return np.stack([chosen / chosen.sum() for chosen in inside], axis=1).astype(np.float32)


def _unit_mean(curve: Curve) -> Curve:
    mean = float(curve.mean())
    return curve / mean if mean > 1e-3 else np.zeros_like(curve)


def _standing_out(rise: Curve) -> Curve:
    """Rise above its own average over 0.4 s, in standard deviations; all zero where hardly anything
    changes.
    """
    width = int(0.4 / FRAME_S)
    running = np.cumsum(np.pad(rise, (width // 2 + 1, width - width // 2 - 1), mode="edge"))
    above = (
        np.maximum(rise - (running[width:] - running[:-width])[: len(rise)] / width, 0.0)
        if len(rise) > width
        else rise
    )
    deviation = float(above.std())
    return above / deviation if deviation > 1e-3 else np.zeros_like(rise)


def _harmony(eighth: NDArray[np.float32], frames: int) -> Curve:
    """The `harmony` of Onsets, for so many frames, from samples at an eighth of RATE."""
    blocks = 1 + len(eighth) // _HARMONY_HOP
    # Fourth root of the power: a loud note counts little more than a soft one.
    strength = np.sqrt(
        np.sqrt(
            _power(
                eighth,
                _waves(_pitches_hz(), _EIGHTH_RATE, _HARMONY_WINDOW, np.inf),
                _HARMONY_HOP,
                blocks,
            )
        )
    )
    classes = strength.reshape(blocks, -1, 12).sum(axis=1).astype(np.float64)
    classes -= classes.mean(axis=1, keepdims=True)
    classes /= np.linalg.norm(classes, axis=1, keepdims=True) + 1e-3
    at = np.arange(frames) * (HOP / (8 * _HARMONY_HOP))
    return np.stack(
        [
            np.interp(at, np.arange(blocks), _change(classes, first, last))
            for first, last in ((2, 2), (2, 8))
        ],
        axis=1,
    )


def _change(classes: Curve, first: int, last: int) -> Curve:
    """1 - the correlation of what is `first`..`last` frames after each frame with what is as far
    before it; 0 near the ends.
    """
    summed = np.cumsum(np.pad(classes, ((1, 0), (0, 0))), axis=0)
    means = summed[last - first + 1 :] - summed[: -(last - first + 1)]
    means = means / (np.linalg.norm(means, axis=1, keepdims=True) + 1e-3)
    change = np.zeros(len(classes))
    if len(classes) > 2 * last:
        # Frame k compares means that begin at k + first and k - last.
        change[last:-last] = 1.0 - np.sum(means[first + last :] * means[: -(first + last)], axis=1)
    return change


@cache
def _pitches_hz() -> tuple[float, ...]:
    """Every semitone from C3 over three octaves."""
    return tuple(
        440.0 * 2 ** ((pitch - 69) / 12) for pitch in range(_LOWEST_PITCH, _LOWEST_PITCH + _PITCHES)
    )
