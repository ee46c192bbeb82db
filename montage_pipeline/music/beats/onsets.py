"""What the ear counts by: where sound sets in, band by band, and where the harmony changes.

Everything runs on NumPy alone, in a time that is short beside decoding. Does not belong here:
tempo, beats, bars.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.music.listening import RATE

HOP = 256
FRAME_S = HOP / RATE
"""Seconds from one frame of every curve to the next: 11.6 ms."""

_HALF_RATE, _EIGHTH_RATE = RATE // 2, RATE // 8
"""Rates at which high and low filters listen: low ones need few samples a second."""

_LOW_WINDOW = 128
"""Samples at an eighth of RATE: 46 ms to tell one low note from the next."""

_HIGH_WINDOW = 224
"""Samples at half of RATE: 20 ms to tell when a high sound starts."""

_MIN_WAVE = 192
"""Samples at half of RATE, 1.5 hops: with shorter filters an onset falls between two frames."""

_WAVE_PERIODS = 10.0
"""Periods that a filter listens for, where its window allows."""

_LOW_HZ = tuple(np.arange(43.0, 500.0, 36.0))
_HIGH_HZ = tuple(np.geomspace(520.0, 5300.0, 24))
"""Centres of the filters: evenly spaced below, in equal intervals above, as the ear hears them."""

_BANDS_HZ = {"bass": (0, 130), "body": (130, 800), "snap": (800, 2600), "air": (2600, 5600)}
"""Where kick and bass, the body of drums and chords, snare and clap, and hats are heard."""

_FLOOR = 1e-3
"""Power below this share (-30 dB) of a filter's mean power is silence."""

_SILENT = 1e-3
"""Mean rise, or its deviation, below which a curve says nothing."""

_SWELL_S = 0.4
"""What rises over longer than this is a swell, not an onset."""

_HARMONY_WINDOW = 1024
"""Samples at an eighth of RATE: 0.37 s tell neighbouring semitones apart from C3 up."""

_HARMONY_HOP = 256
_LOWEST_PITCH, _PITCHES = 48, 36
"""Three octaves of semitones from C3: where chords are played."""

_NOTES_REACH = (2, 2)
_CHORDS_REACH = (2, 8)
"""Harmony frames compared on either side, first and last: to 0.2 s, and from there to 0.75 s."""

Curve = NDArray[np.float64]
Matrix = NDArray[np.float32]


class Onsets(NamedTuple):
    """Curves over frames; frame k is about the sound at k * FRAME_S seconds.

    `all` is the rise of loudness over all filters, slow swells taken out, in standard deviations.
    `bass`, `body`, `snap` and `air` are the rise in one band of the spectrum each, with mean 1 (0
    where that band is silent throughout). `loudness` is the mean log power of each band (n x
    bands).

    `harmony` (n x 2) is how much the pitch classes after each frame differ from those before it, 0
    not at all, 1 altogether: looking a fifth of a second either way (notes), and three quarters of
    one (chords).
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
    levels = _levels(half, eighth)
    rise = np.zeros_like(levels)
    np.maximum(levels[2:] - levels[:-2], 0.0, out=rise[1:-1])

    band_means = _band_means()
    rises = (rise @ band_means).astype(np.float64)
    bass, body, snap, air = (_unit_mean(rises[:, band]) for band in range(len(_BANDS_HZ)))
    return Onsets(
        all=_standing_out(rises[:, -1]),
        bass=bass,
        body=body,
        snap=snap,
        air=air,
        loudness=(levels @ band_means[:, :-1]).astype(np.float64),
        harmony=_harmony(eighth, len(levels)),
    )


def _thinned(sound: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Means of every `factor` samples.

    What folds down is the top of the spectrum, and an onset there is as welcome.
    """
    whole = sound[: len(sound) // factor * factor].reshape(-1, factor)
    return np.asarray(whole @ np.full(factor, 1 / factor, np.float32))


# Levels of the filters


def _levels(half: NDArray[np.float32], eighth: NDArray[np.float32]) -> Matrix:
    """Log power of each filter over its own silence, 0 for silence: frames x filters.

    `half` and `eighth` are the samples at half and at an eighth of RATE.
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
    """Power of `sound` about every `hop`-th sample for each wave: frames x waves.

    The first half of `waves` are cosines, the second their sines. A bank of windowed waves in one
    matrix product: a few dozen are enough, and faster than a transform of each frame.
    """
    window = len(waves)
    padded = np.zeros((frames - 1) * hop + window, np.float32)
    heard = sound[: len(padded) - window // 2]
    padded[window // 2 : window // 2 + len(heard)] = heard
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    parts = np.ascontiguousarray(windows) @ waves
    np.square(parts, out=parts)
    count = parts.shape[1] // 2
    return np.asarray(parts[:, :count] + parts[:, count:])


@cache
def _waves(
    all_hz: tuple[float, ...], rate: int, window: int, periods: float = _WAVE_PERIODS
) -> Matrix:
    """Waves faded in and out: window x (cosines, then sines of all frequencies).

    A wave is `periods` long, but at least _MIN_WAVE and at most the window.
    """
    t = np.arange(window) - window / 2
    columns = []
    for hz in all_hz:
        length = float(np.clip(rate * periods / hz, _MIN_WAVE * rate / _HALF_RATE, window))
        hann = 0.5 + 0.5 * np.cos(2 * np.pi * t / length)
        fade = np.where(np.abs(t) < length / 2, hann, 0.0) / length
        columns.append(fade * np.exp(2j * np.pi * hz / rate * t))
    waves = np.stack(columns, axis=1)
    return np.concatenate([waves.real, waves.imag], axis=1).astype(np.float32)


@cache
def _band_means() -> Matrix:
    """What averages the filters of each band, and all filters: filters x (bands + 1)."""
    hz = np.array(_LOW_HZ + _HIGH_HZ)
    inside = [(hz >= low) & (hz < high) for low, high in (*_BANDS_HZ.values(), (0, np.inf))]
    return np.stack([chosen / chosen.sum() for chosen in inside], axis=1).astype(np.float32)


def _unit_mean(curve: Curve) -> Curve:
    mean = float(curve.mean())
    return curve / mean if mean > _SILENT else np.zeros_like(curve)


def _standing_out(rise: Curve) -> Curve:
    """Rise above its own running average, in standard deviations.

    All zero where hardly anything changes.
    """
    width = int(_SWELL_S / FRAME_S)
    above = rise
    if len(rise) > width:
        running = np.cumsum(np.pad(rise, (width // 2 + 1, width - width // 2 - 1), mode="edge"))
        average = (running[width:] - running[:-width])[: len(rise)] / width
        above = np.maximum(rise - average, 0.0)
    deviation = float(above.std())
    return above / deviation if deviation > _SILENT else np.zeros_like(rise)


# Harmony


def _harmony(eighth: NDArray[np.float32], frames: int) -> Curve:
    """The `harmony` of Onsets for so many frames, from samples at an eighth of RATE."""
    classes = _pitch_classes(eighth)
    harmony_frames = np.arange(len(classes))
    at = np.arange(frames) * (HOP / (8 * _HARMONY_HOP))
    changes = [
        np.interp(at, harmony_frames, _change(classes, first, last))
        for first, last in (_NOTES_REACH, _CHORDS_REACH)
    ]
    return np.stack(changes, axis=1)


def _pitch_classes(eighth: NDArray[np.float32]) -> Curve:
    """Strength of the twelve pitch classes about every _HARMONY_HOP-th sample, as unit vectors."""
    blocks = 1 + len(eighth) // _HARMONY_HOP
    waves = _waves(_pitches_hz(), _EIGHTH_RATE, _HARMONY_WINDOW, np.inf)
    # Fourth root of the power: a loud note counts little more than a soft one.
    strength = np.sqrt(np.sqrt(_power(eighth, waves, _HARMONY_HOP, blocks)))
    classes = strength.reshape(blocks, -1, 12).sum(axis=1).astype(np.float64)
    classes -= classes.mean(axis=1, keepdims=True)
    classes /= np.linalg.norm(classes, axis=1, keepdims=True) + 1e-3
    return np.asarray(classes)


def _change(classes: Curve, first: int, last: int) -> Curve:
    """How much what comes after each frame differs from what was before it; 0 near the ends.

    1 - the correlation of the means over `first`..`last` frames to either side.
    """
    summed = np.cumsum(np.pad(classes, ((1, 0), (0, 0))), axis=0)
    means = summed[last - first + 1 :] - summed[: -(last - first + 1)]
    means = means / (np.linalg.norm(means, axis=1, keepdims=True) + 1e-3)
    change = np.zeros(len(classes))
    if len(classes) > 2 * last:
        # Frame k compares means that begin at k + first and k - last.
        after, before = means[first + last :], means[: -(first + last)]
        change[last:-last] = 1.0 - np.sum(after * before, axis=1)
    return change


@cache
def _pitches_hz() -> tuple[float, ...]:
    """Every semitone that chords are looked for at."""
    return tuple(
        440.0 * 2 ** ((pitch - 69) / 12) for pitch in range(_LOWEST_PITCH, _LOWEST_PITCH + _PITCHES)
    )
