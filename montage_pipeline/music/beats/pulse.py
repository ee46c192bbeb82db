"""A steady pulse under the onsets: its period, where it falls, and the onsets read off in twelfths
of it.

The pulse may be the beat, or half, double or two thirds of it; which it is, is a question of metre.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.music.beats.onsets import FRAME_S, Curve, Onsets

TICKS = 12
"""Ticks a pulse: halves, thirds and quarters all fall on one."""

_SLOWEST_BPM, _FASTEST_BPM = 55.0, 215.0
_CENTRE_BPM, _SPREAD_OCTAVES = 112.0, 0.8
_TIGHTNESS = 60.0
_SLOWEST_EVEN_BPM, _FASTEST_EVEN_BPM = 58.0, 185.0
_FEWEST_EVEN = 5
_ONE_ONSET_S = 0.06
_FAINT = 0.25
"""An onset that counts is at least this share of a strong one."""
_PASSAGE, _SWAY = 8, 8
"""Beats that are looked at together, and how far about their places: in fortieths of a beat."""
_NEAR_S = 0.045
_TILT_FRAMES = 5.0
"""A grid found over the whole length is not off by more than this at either end."""
_LATENESS_S = 0.003
"""How much later than the place of an onset in the curve its sound starts: measured on drums."""


class Pulse(NamedTuple):
    """`places` are frames (fractional), the first at or before the first frame, the last at or
    after the last.

    `repeats` is how strongly the onsets repeat at the period, about 0..1; `steady` says whether the
    places are equally far apart;
    `even` that every onset is on one and none lacks an onset.
    """

    places: Curve
    repeats: float
    steady: bool
    even: bool

    @property
    def period(self) -> float:
        """Frames from one pulse to the next."""
        return float(np.median(np.diff(self.places)))


def find_pulse(onsets: Curve, expected_bpm: float | None) -> Pulse:
    """The pulse that the onsets repeat by most strongly, near `expected_bpm` when that is given."""
    smooth = np.convolve(onsets, np.hanning(7) / np.hanning(7).sum(), mode="same")
    even = _even_onsets(onsets)
    if even is not None and _multiple(60.0 / (even * FRAME_S), expected_bpm):
        even = None
    period, repeats = _most_repeated(
        smooth, expected_bpm if even is None else 60.0 / (even * FRAME_S)
    )
    exact, phase = draw_to_onsets(onsets, *_steady(smooth, period))
    places = phase + exact * np.arange(
        -np.ceil(phase / exact), np.ceil((len(onsets) - 1 - phase) / exact) + 1
    )
    if _keeps_time(smooth, places):
        return Pulse(places, repeats, True, even is not None)
    followed = _follow(onsets, period)
    if len(followed) < 4 or _strength(onsets, places) > 0.8 * _strength(onsets, followed):
        return Pulse(places, repeats, True, even is not None)
    return Pulse(
        _to_both_ends(refine(onsets, followed), len(onsets)), repeats, False, even is not None
    )


def _even_onsets(onsets: Curve) -> float | None:
    """Frames from each onset to the next where they are all about equally far apart, as far as
    beats may be.
    """
    reach = round(_ONE_ONSET_S / FRAME_S)
    padded = np.pad(onsets, reach)
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    peaks = np.flatnonzero((onsets == highest) & (onsets > 0))
    if len(peaks) < _FEWEST_EVEN:
        return None
    gaps = np.diff(peaks[onsets[peaks] > _FAINT * np.quantile(onsets[peaks], 0.9)])
    if len(gaps) < _FEWEST_EVEN:
        return None
    period = float(np.median(gaps))
    even = np.abs(gaps / period - 1.0) < 0.1
    usual = _SLOWEST_EVEN_BPM <= 60.0 / (period * FRAME_S) <= _FASTEST_EVEN_BPM
    return float(gaps[even].mean()) if usual and even.mean() >= 0.95 else None


def _multiple(bpm: float, expected_bpm: float | None) -> bool:
    """Whether a tempo that was expected is half, double, a third or three times another one."""
    return expected_bpm is not None and any(
        abs(expected_bpm / (bpm * times) - 1) < 0.05 for times in (1 / 3, 1 / 2, 2, 3)
    )


def _keeps_time(smooth: Curve, places: Curve) -> bool:
    """Whether the onsets of every few beats are where a grid over the whole length has them."""
    period = float(places[1] - places[0])
    shifts = np.arange(-_SWAY, _SWAY + 1) / 40
    at = places[:, None] + shifts * period
    around = np.interp(at.ravel(), np.arange(len(smooth)), smooth, left=0.0, right=0.0).reshape(
        at.shape
    )
    passages = np.add.reduceat(
        around, np.arange(0, max(1, len(places) - _PASSAGE // 2), _PASSAGE), axis=0
    )
    return float(passages[:, _SWAY].sum()) > 0.8 * float(passages.max(axis=1).sum())


def _autocorrelation(curve: Curve, most: int) -> Curve:
    """Unbiased autocorrelation for lags 0..most, 1 at lag 0."""
    centred = curve - curve.mean()
    size = 1 << (2 * len(centred) - 1).bit_length()
    raw = np.fft.irfft(np.square(np.abs(np.fft.rfft(centred, size))), size)[: most + 1]
    raw = raw / (len(centred) - np.arange(most + 1))
    return np.asarray(raw / raw[0])


def _most_repeated(smooth: Curve, expected_bpm: float | None) -> tuple[float, float]:
    most = min(len(smooth) - 2, int(4.2 * 60.0 / _SLOWEST_BPM / FRAME_S))
    correlation = _autocorrelation(smooth, most)
    bpms = np.geomspace(_SLOWEST_BPM, _FASTEST_BPM, 500)
    periods = 60.0 / bpms / FRAME_S
    lags = np.arange(most + 1)
    comb = sum(
        weight * np.interp(periods * multiple, lags, correlation, right=0.0)
        for multiple, weight in ((1, 1.0), (2, 0.8), (3, 0.6), (4, 0.6))
    )
    centre, spread = (expected_bpm, 0.3) if expected_bpm else (_CENTRE_BPM, _SPREAD_OCTAVES)
    score = np.maximum(comb, 0.0) * (0.02 + np.exp(-0.5 * (np.log2(bpms / centre) / spread) ** 2))
    period = float(periods[int(np.argmax(score))])
    return period, float(np.interp(period, lags, correlation))


def _steady(smooth: Curve, period: float) -> tuple[float, float]:
    """Period and phase in frames of the constant grid within 3 % of `period` that collects the most
    onset.
    """
    size = 1 << (4 * len(smooth) - 1).bit_length()
    power = np.square(np.abs(np.fft.rfft(smooth - smooth.mean(), size)))
    # Bins of the fundamental, which is looked up with its overtones: the higher ones tell the
    # period more exactly.
    fundamental = np.arange(size / (period * 1.03), size / (period * 0.97), 0.1)
    together = sum(
        power[np.minimum(np.rint(fundamental * overtone).astype(np.int64), len(power) - 1)]
        for overtone in range(1, 7)
    )
    exact = float(size / fundamental[int(np.argmax(together))])
    bins = max(8, round(exact / 1.5))
    places = (np.arange(len(smooth)) * (bins / exact)).astype(np.int64) % bins
    folded = np.bincount(places, weights=smooth, minlength=bins)
    return exact, (int(np.argmax(folded)) + 0.5) / bins * exact


def refine(onsets: Curve, places: Curve) -> Curve:
    """Each place moved to the top of the parabola through the onset peak within 3 frames of it,
    where there is one.
    """
    around = np.clip(
        np.rint(places).astype(np.int64)[:, None] + np.arange(-3, 4), 0, len(onsets) - 1
    )
    peak = around[np.arange(len(places)), np.argmax(onsets[around], axis=1)]
    inside = np.clip(peak, 1, len(onsets) - 2)
    before, here, after = onsets[inside - 1], onsets[inside], onsets[inside + 1]
    bend = before - 2 * here + after
    sharp = (bend < 0) & (here >= 0.5) & (here >= before) & (here >= after)
    return np.where(sharp, inside + 0.5 * (before - after) / np.where(sharp, bend, 1.0), places)


def draw_to_onsets(onsets: Curve, period: float, phase: float) -> tuple[float, float]:
    """The same grid as a line through the onsets beside it."""
    for _ in range(2):
        grid = np.arange(phase, len(onsets), period)
        found = refine(onsets, grid)
        near = (found != grid) & (np.abs(found - grid) * FRAME_S < _NEAR_S)
        if near.sum() < 4:
            break
        slope, start = (float(value) for value in np.polyfit(np.flatnonzero(near), found[near], 1))
        # Onsets on one side of a few beats would tilt the line: the period is known better than
        # that.
        if abs(slope - period) * len(grid) > _TILT_FRAMES:
            phase += float(np.median((found - grid)[near]))
            break
        period, phase = slope, start
    return period, phase


def _strength(onsets: Curve, places: Curve) -> float:
    """Mean of the largest onset within two frames of each place."""
    inside = places[(places >= 2) & (places < len(onsets) - 3)]
    around = np.rint(inside).astype(np.int64)[:, None] + np.arange(-2, 3)
    return float(onsets[around].max(axis=1).mean()) if len(inside) else 0.0


def _follow(onsets: Curve, period: float) -> Curve:
    """The path through the onsets that collects the most while keeping nearly to the period
    (dynamic programming after Ellis, 2007).
    """
    width = max(1, round(period / 32))
    local = np.convolve(
        onsets, np.exp(-0.5 * (np.arange(-2 * width, 2 * width + 1) / width) ** 2), mode="same"
    )
    lags = np.arange(round(period * 1.4), max(1, round(period * 0.7)) - 1, -1)
    cost = -_TIGHTNESS * np.log(lags / period) ** 2
    start = int(lags[0])
    total = np.zeros(start + len(local))
    came_from = np.full(len(local), -1)
    # No frame of a block can come from another one of the same block.
    for first in range(0, len(local), int(lags[-1])):
        last = min(len(local), first + int(lags[-1]))
        before = (
            np.lib.stride_tricks.sliding_window_view(total[first : last + start], len(lags))[
                : last - first
            ]
            + cost
        )
        best = np.argmax(before, axis=1)
        source = np.arange(first, last) - lags[best]
        gain = before[np.arange(last - first), best]
        gain = np.where(source < 0, np.maximum(gain, 0.0), gain)
        total[first + start : last + start] = local[first:last] + gain
        came_from[first:last] = source
    scores = total[start:]
    tail = max(0, len(local) - round(period))
    path = [tail + int(np.argmax(scores[tail:]))]
    while came_from[path[-1]] >= 0:
        path.append(int(came_from[path[-1]]))
    return np.asarray(path[::-1], dtype=np.float64)


def _to_both_ends(places: Curve, frames: int) -> Curve:
    """More places before and after, at the distance of the nearest ones."""
    first, last = float(np.mean(np.diff(places[:5]))), float(np.mean(np.diff(places[-5:])))
    before = places[0] - first * np.arange(int(np.ceil(places[0] / first)), 0, -1)
    after = places[-1] + last * np.arange(1, int(np.ceil((frames - 1 - places[-1]) / last)) + 1)
    return np.concatenate([before, places, after])


def tick_frames(pulse: Pulse) -> Curve:
    """The frame (fractional) of every tick; the pulses fall on ticks 0, TICKS, 2 TICKS ..."""
    count = (len(pulse.places) - 1) * TICKS
    return np.interp(np.arange(count) / TICKS, np.arange(len(pulse.places)), pulse.places)


def read_ticks(curves: Onsets, pulse: Pulse) -> NDArray[np.float64]:
    """Ticks x (all, bass, body, snap, air, notes, chords): the largest value about each tick; zero
    outside the sound.
    """
    frames = tick_frames(pulse)
    reach = max(1, round(pulse.period / 28))
    stacked = np.stack([curves.all, curves.bass, curves.body, curves.snap, curves.air], axis=1)
    padded = np.pad(stacked, ((reach, reach), (0, 0)))
    pooled = np.max(
        [padded[shift : shift + len(stacked)] for shift in range(2 * reach + 1)], axis=0
    )
    at = np.rint(frames).astype(np.int64)
    inside = (at >= 0) & (at < len(stacked))
    ticks = np.zeros((len(frames), 7))
    ticks[inside, :5] = pooled[at[inside]]
    ticks[inside, 5:] = curves.harmony[at[inside]]
    return ticks


def seconds_of(places: Curve) -> Curve:
    """When the sound of each frame (fractional) of the onset curve starts, in seconds; never below
    0.
    """
    return np.maximum(places * FRAME_S + _LATENESS_S, 0.0)
