"""When the music makes room: where the clips say something that a listener wants to hear.

Belongs here: telling speech and sudden loud moments from steady or slowly swelling noise, and the
gain that follows.
Does not belong here: the mixing itself (mix).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.rendering.audio.reading import SAMPLE_RATE, Samples

_STEP = 480  # 10 ms: the clock on which ducking is decided
_STEPS_PER_S = SAMPLE_RATE // _STEP
_WINDOW = 1920  # 40 ms: two periods of the lowest voice
_BINS_TO_4K = _WINDOW * 4_000 // SAMPLE_RATE
_HERTZ = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
_VOICE_BAND = (_HERTZ >= 200) & (_HERTZ <= 4_000)
_PITCHED_BAND = ((_HERTZ >= 80) & (_HERTZ <= 2_000))[: _BINS_TO_4K + 1]
_ABOVE_RUMBLE = _HERTZ >= 150
_PITCH_LAGS = slice(20, 107)  # of 8 kHz samples: 75 to 400 Hz

_FLOOR_DB = -75.0
_ABOVE_FLOOR_DB = 8.0
_VOICED = 0.5  # of the autocorrelation at lag 0
_NEAR_STEPS = 50  # half a second to each side: a few syllables
_SLOW_STEPS = 60
# Each pair: nothing below the first, all of it from the second on.
_VOICED_SHARE = (0.06, 0.15)
_SYLLABLES_DB = (2.5, 4.0)
_LEVEL_DBFS = (-48.0, -36.0)
_LOUD_DBFS = (-36.0, -28.0)
_SUDDEN_DB = (9.0, 13.0)
_LEVEL_STEPS, _RISE_STEPS, _LOUD_HOLD_STEPS = 20, 15, 40
_LEAD_STEPS, _HOLD_STEPS, _RAMP_STEPS = 15, 40, 30

_Curve = NDArray[np.float64]


def duck_gain(clips: Samples, bounds: Sequence[int], duck_db: float) -> NDArray[np.float32]:
    """Gain of the music, per sample: down by `duck_db` while the clips have something to say, with
    soft ramps.

    `bounds` are the samples at which segments begin, and the end. Each segment is judged by itself:
    what is steady noise in one
    is not a sudden sound because the one before it was silent. The dip begins before the sound does
    and holds over short pauses,
    so that the music does not pump between words.
    """
    steps = -(-len(clips) // _STEP)
    share = np.zeros(steps)
    for begin, end in pairwise(bounds):
        if clips[begin:end].any():
            first = begin // _STEP
            found = salience(clips[begin:end])[: steps - first]
            share[first : first + len(found)] = np.maximum(share[first : first + len(found)], found)
    held = _extreme(share, _LEAD_STEPS, _HOLD_STEPS)
    smooth = _mean(held, _RAMP_STEPS)
    centres = (np.arange(steps) + 0.5) * _STEP
    gain = 10 ** (smooth * -abs(duck_db) / 20)
    return np.interp(np.arange(len(clips), dtype=np.float32), centres, gain).astype(np.float32)


def salience(sound: Samples) -> _Curve:
    """How much of the listener each 10 ms deserves, 0..1: speech, or a sudden loud moment; steady
    noise and tones are 0.
    """
    voice_db, broad_db, pitched = _features(sound)
    return np.maximum(_speech(voice_db, pitched), _loud_moments(broad_db))


def _speech(voice_db: _Curve, pitched: _Curve) -> _Curve:
    """Speech is in the voice band, stands out of its own pauses, is partly voiced, and comes in
    syllables.
    """
    floor = max(float(np.percentile(voice_db, 10)), _FLOOR_DB)
    above = np.maximum(voice_db, floor)
    voiced = (pitched > _VOICED) & (above > floor + _ABOVE_FLOOR_DB)
    quick = above - _mean(above, _SLOW_STEPS)
    syllables_db = np.sqrt(_mean(quick**2, 2 * _NEAR_STEPS))
    level_db = _decibels(_mean(10 ** (voice_db / 10), _LEVEL_STEPS))
    return (
        _ramp(_mean(voiced.astype(np.float64), 2 * _NEAR_STEPS), _VOICED_SHARE)
        * _ramp(syllables_db, _SYLLABLES_DB)
        * _ramp(level_db, _LEVEL_DBFS)
    )


def _loud_moments(broad_db: _Curve) -> _Curve:
    """A clap, a shout, a splash: loud, and much louder than just before.

    A gust swells too slowly to count.
    """
    before_db = np.full(len(broad_db), np.inf)
    before_db[_RISE_STEPS:] = (
        _mean(broad_db, 5)[:-_RISE_STEPS] if len(broad_db) > _RISE_STEPS else np.inf
    )
    usual_db = float(np.percentile(broad_db, 40))
    sudden = _ramp(broad_db - np.maximum(before_db, usual_db), _SUDDEN_DB) * _ramp(
        broad_db, _LOUD_DBFS
    )
    return _extreme(sudden, 0, _LOUD_HOLD_STEPS)


def _features(sound: Samples) -> tuple[_Curve, _Curve, _Curve]:
    """For each 10 ms: level in the voice band and above the rumble (dBFS), and how periodic the
    sound is (0..1).
    """
    steps = -(-len(sound) // _STEP)
    edge = (_WINDOW - _STEP) // 2
    padded = np.pad(
        _mono(sound),
        (edge, edge + steps * _STEP - len(sound)),
        mode="reflect" if len(sound) > _WINDOW else "edge",
    )
    window = np.hanning(_WINDOW).astype(np.float32)
    spectrum = np.fft.rfft(
        np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP] * window, axis=1
    )
    power = spectrum.real**2 + spectrum.imag**2
    scale = 2 / float(_WINDOW * (window**2).sum())  # one-sided
    voice_db = _decibels(power[:, _VOICE_BAND].sum(axis=1) * scale)
    broad_db = _decibels(power[:, _ABOVE_RUMBLE].sum(axis=1) * scale)
    # The autocorrelation of what is below 2 kHz, from its power spectrum; that of the window fades
    # with the lag and is divided out.
    lags = np.fft.irfft(power[:, : _BINS_TO_4K + 1] * _PITCHED_BAND, axis=1)
    own = np.fft.irfft(np.abs(np.fft.rfft(window))[: _BINS_TO_4K + 1] ** 2)
    pitched = (lags[:, _PITCH_LAGS] / (own[_PITCH_LAGS] / own[0])).max(axis=1) / np.maximum(
        lags[:, 0], 1e-12
    )
    return voice_db, broad_db, np.asarray(pitched, np.float64)


def _mono(sound: Samples) -> NDArray[np.float32]:
    """The middle; where the sides cancel out there, the louder side."""
    middle: NDArray[np.float32] = (sound[:, 0] + sound[:, 1]) * np.float32(0.5)
    powers = [
        float(np.vdot(one, one))
        for one in (middle, np.ascontiguousarray(sound[:, 0]), np.ascontiguousarray(sound[:, 1]))
    ]
    if powers[0] >= 0.2 * max(powers[1:]):
        return middle
    return np.ascontiguousarray(sound[:, int(powers[2] > powers[1])])


def _decibels(power: NDArray[np.floating]) -> _Curve:
    return 10 * np.log10(np.maximum(power.astype(np.float64), 1e-12))


def _ramp(value: _Curve, span: tuple[float, float]) -> _Curve:
    return np.clip((value - span[0]) / (span[1] - span[0]), 0.0, 1.0)


def _mean(curve: _Curve, steps: int) -> _Curve:
    """Mean over a window about each step; at the ends, over what there is of it."""
    total = np.concatenate([[0.0], np.cumsum(curve)])
    at = np.arange(len(curve))
    first, last = np.maximum(at - steps // 2, 0), np.minimum(at + steps - steps // 2, len(curve))
    return cast(_Curve, (total[last] - total[first]) / (last - first))


def _extreme(curve: _Curve, lead: int, hold: int) -> _Curve:
    """The largest value from `hold` steps before to `lead` steps after each step."""
    padded = np.pad(curve, (hold, lead))
    return cast(
        _Curve, np.lib.stride_tricks.sliding_window_view(padded, lead + hold + 1).max(axis=1)
    )
