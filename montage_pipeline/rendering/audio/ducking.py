"""When the music makes room: where the clips say something that a listener wants to hear.

Belongs here: telling speech and sudden loud moments from steady or slowly swelling noise, and the
gain that follows.
Does not belong here: the mixing itself (mix).

The limits lie between what was measured on the sounds of test_ducking: a voice, clean and in
traffic, and claps on one side; wind, gusts, a passing car, engines and tones on the other. Each
pair is a soft limit: nothing below the first, all of it from the second on.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.rendering.audio.samples import SAMPLE_RATE, Samples

# The clock on which ducking is decided: faster than any syllable.
_STEP = SAMPLE_RATE // 100
"""Samples in a step of 10 ms; all counts of steps below are in this unit."""

_WINDOW = SAMPLE_RATE // 25
"""Samples in an analysis window of 40 ms: two periods of the lowest voice."""

_HERTZ = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
_VOICE_BAND = (_HERTZ >= 200) & (_HERTZ <= 4_000)
"""What makes speech intelligible, as on the telephone."""

_ABOVE_RUMBLE = _HERTZ >= 150
"""Without wind, traffic and handling noise, which are loudest below."""

_BINS_TO_4K = _WINDOW * 4_000 // SAMPLE_RATE
_PITCHED_BAND = ((_HERTZ >= 80) & (_HERTZ <= 2_000))[: _BINS_TO_4K + 1]
"""Where the harmonics of a voice stand out; cut at 4 kHz its autocorrelation has 8 kHz samples."""

_PITCH_LAGS = slice(20, 107)
"""In samples of 8 kHz: pitches of 400 down to 75 Hz, from children to the lowest men."""

# Speech.
_FLOOR_PERCENTILE = 10
"""Of the level: speech pauses at least a tenth of the time."""

_MIN_FLOOR_DB = -75.0
"""In digital silence anything would stand out of its floor."""

_ABOVE_FLOOR_DB = 8.0
"""A voiced step must stand out of its surroundings by this much."""

_VOICED = 0.5
"""Of the autocorrelation at lag 0: at least half of the power repeats with the pitch."""

_NEAR_STEPS = 100
"""One second, half to each side: a few syllables."""

_SLOW_STEPS = 60
"""A level that swells over more than 0.6 s is no syllable."""

_LEVEL_STEPS = 20
"""The level of speech is taken over 0.2 s, about a syllable."""

_VOICED_SHARE = (0.06, 0.15)
"""Of the steps. Measured: 0.65 to 0.87 for a voice, up to 0.15 for a car, 0.25 for wind."""

_SYLLABLES_DB = (2.5, 4.0)
"""How much the level moves within a second. Measured: 9 to 24 for a voice, up to 2.3 for gusts."""

_LEVEL_DBFS = (-48.0, -36.0)
"""In the voice band. Measured: -17 for a voice; at -61 it is background, which nobody follows."""

# Sudden loud moments.
_LOUD_DBFS = (-36.0, -28.0)
"""Above the rumble. Measured: -11 for claps; a quiet knock is no reason to dip."""

_SUDDEN_DB = (9.0, 13.0)
"""Louder than just before and than usual. Measured: 25 for claps, up to 8.6 for a passing car."""

_USUAL_PERCENTILE = 40
"""Of the level: what a listener takes for the background."""

_RISE_STEPS = 15
"""Just before is 0.15 s ago: a gust swells more slowly."""

_BEFORE_STEPS = 5
"""Over which the level of just before is taken."""

_LOUD_HOLD_STEPS = 40
"""A loud moment deserves 0.4 s: a clap and its echo."""

# The gain.
_LEAD_STEPS = 15
"""The dip begins 0.15 s before the sound does, so that its first consonant is heard."""

_HOLD_STEPS = 40
"""It holds over pauses of 0.4 s, so that the music does not pump between words."""

_RAMP_STEPS = 30
"""It falls and rises within 0.3 s."""

_MIN_MIDDLE_SHARE = 0.2
"""Of the power of the louder side: below it the sides cancel out in the middle."""

_TINY = 1e-12

_Curve = NDArray[np.float64]
"""One value for each step."""


class _Features(NamedTuple):
    """For each step: level in the voice band, level above the rumble, periodicity.

    Levels are in dBFS, periodicity is 0..1.
    """

    voice_db: _Curve
    broad_db: _Curve
    pitched: _Curve


def duck_gain(clips: Samples, bounds: Sequence[int], duck_db: float) -> NDArray[np.float32]:
    """Gain of the music, per sample: down by `duck_db` while the clips have something to say.

    `bounds` are the samples at which segments begin, and the end. Each segment is judged by itself:
    what is steady noise in one is not a sudden sound because the one before it was silent.
    """
    steps = -(-len(clips) // _STEP)
    share = np.zeros(steps)
    for begin, end in pairwise(bounds):
        if clips[begin:end].any():
            first = begin // _STEP
            found = salience(clips[begin:end])[: steps - first]
            share[first : first + len(found)] = np.maximum(share[first : first + len(found)], found)

    smooth = _mean(_held(share, _LEAD_STEPS, _HOLD_STEPS), _RAMP_STEPS)
    gain = 10 ** (smooth * -abs(duck_db) / 20)
    centres = (np.arange(steps) + 0.5) * _STEP
    return np.interp(np.arange(len(clips), dtype=np.float32), centres, gain).astype(np.float32)


def salience(sound: Samples) -> _Curve:
    """How much of the listener each 10 ms deserves, 0..1.

    It is high for speech and for sudden loud moments; steady noise and tones are 0.
    """
    features = _features(sound)
    return np.maximum(
        _speech(features.voice_db, features.pitched), _loud_moments(features.broad_db)
    )


def _speech(voice_db: _Curve, pitched: _Curve) -> _Curve:
    """Speech is in the voice band, stands out of its own pauses, is partly voiced, and comes in
    syllables.
    """
    floor = max(float(np.percentile(voice_db, _FLOOR_PERCENTILE)), _MIN_FLOOR_DB)
    above = np.maximum(voice_db, floor)
    voiced = (pitched > _VOICED) & (above > floor + _ABOVE_FLOOR_DB)
    quick = above - _mean(above, _SLOW_STEPS)
    syllables_db = np.sqrt(_mean(quick**2, _NEAR_STEPS))
    level_db = _decibels(_mean(10 ** (voice_db / 10), _LEVEL_STEPS))
    return (
        _within(_mean(voiced.astype(np.float64), _NEAR_STEPS), _VOICED_SHARE)
        * _within(syllables_db, _SYLLABLES_DB)
        * _within(level_db, _LEVEL_DBFS)
    )


def _loud_moments(broad_db: _Curve) -> _Curve:
    """A clap, a shout, a splash: loud, and much louder than just before."""
    before_db = np.full(len(broad_db), np.inf)
    if len(broad_db) > _RISE_STEPS:
        before_db[_RISE_STEPS:] = _mean(broad_db, _BEFORE_STEPS)[:-_RISE_STEPS]
    usual_db = float(np.percentile(broad_db, _USUAL_PERCENTILE))
    rise_db = broad_db - np.maximum(before_db, usual_db)
    sudden = _within(rise_db, _SUDDEN_DB) * _within(broad_db, _LOUD_DBFS)
    return _held(sudden, 0, _LOUD_HOLD_STEPS)


def _features(sound: Samples) -> _Features:
    window = np.hanning(_WINDOW).astype(np.float32)
    spectrum = np.fft.rfft(_windows(sound) * window, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    scale = 2 / float(_WINDOW * (window**2).sum())  # one-sided
    return _Features(
        voice_db=_decibels(power[:, _VOICE_BAND].sum(axis=1) * scale),
        broad_db=_decibels(power[:, _ABOVE_RUMBLE].sum(axis=1) * scale),
        pitched=_periodicity(power, window),
    )


def _windows(sound: Samples) -> NDArray[np.float32]:
    """A window around each step of the mono sound, shape (steps, samples)."""
    steps = -(-len(sound) // _STEP)
    edge = (_WINDOW - _STEP) // 2
    padded = np.pad(
        _mono(sound),
        (edge, edge + steps * _STEP - len(sound)),
        mode="reflect" if len(sound) > _WINDOW else "edge",
    )
    return np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP]


def _periodicity(power: NDArray[np.floating], window: NDArray[np.float32]) -> _Curve:
    """The highest autocorrelation at the lag of a pitch, as a share of that at lag 0.

    It is that of what is below 2 kHz, from the power spectrum; the window's own fades with the lag
    and is divided out.
    """
    lags = np.fft.irfft(power[:, : _BINS_TO_4K + 1] * _PITCHED_BAND, axis=1)
    own = np.fft.irfft(np.abs(np.fft.rfft(window))[: _BINS_TO_4K + 1] ** 2)
    highest = (lags[:, _PITCH_LAGS] / (own[_PITCH_LAGS] / own[0])).max(axis=1)
    return np.asarray(highest / np.maximum(lags[:, 0], _TINY), np.float64)


def _mono(sound: Samples) -> NDArray[np.float32]:
    """The middle; where the sides cancel out there, the louder side."""
    left, right = np.ascontiguousarray(sound[:, 0]), np.ascontiguousarray(sound[:, 1])
    middle: NDArray[np.float32] = (sound[:, 0] + sound[:, 1]) * np.float32(0.5)
    middle_power, left_power, right_power = (
        float(np.vdot(channel, channel)) for channel in (middle, left, right)
    )
    if middle_power >= _MIN_MIDDLE_SHARE * max(left_power, right_power):
        return middle
    return right if right_power > left_power else left


def _decibels(power: NDArray[np.floating]) -> _Curve:
    return 10 * np.log10(np.maximum(power.astype(np.float64), _TINY))


def _within(value: _Curve, soft_limit: tuple[float, float]) -> _Curve:
    """0 below the first limit, 1 from the second on, straight between."""
    low, high = soft_limit
    return np.clip((value - low) / (high - low), 0.0, 1.0)


def _mean(curve: _Curve, steps: int) -> _Curve:
    """Mean over a window about each step; at the ends, over what there is of it."""
    total = np.concatenate([[0.0], np.cumsum(curve)])
    at = np.arange(len(curve))
    first, last = np.maximum(at - steps // 2, 0), np.minimum(at + steps - steps // 2, len(curve))
    return cast(_Curve, (total[last] - total[first]) / (last - first))


def _held(curve: _Curve, lead: int, hold: int) -> _Curve:
    """The largest value from `hold` steps before to `lead` steps after each step."""
    padded = np.pad(curve, (hold, lead))
    return cast(
        _Curve, np.lib.stride_tricks.sliding_window_view(padded, lead + hold + 1).max(axis=1)
    )
