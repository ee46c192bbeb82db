"""A steady pulse under the onsets: its period, where it falls, and the onsets in twelfths of it.

The pulse may be the beat, or half, double or two thirds of it; which it is, is a question of metre.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.music.beats.onsets import FRAME_S, Curve, Onsets

TICKS = 12
"""Ticks a pulse: halves, thirds and quarters all fall on one."""

_MIN_BPM, _MAX_BPM = 55.0, 215.0
"""Pulses that are looked for; music is seldom counted outside."""

_USUAL_BPM, _USUAL_SPREAD = 112.0, 0.8
"""Of pulses that repeat alike, the one nearest to the usual tempo is taken (spread in octaves)."""

_EXPECTED_SPREAD = 0.3
"""Spread in octaves about a tempo that was asked for: an octave off is as good as excluded."""

_COMB = ((1, 1.0), (2, 0.8), (3, 0.6), (4, 0.6))
"""A pulse repeats after one period, two, three and four: (periods, weight)."""

_MIN_EVEN_BPM, _MAX_EVEN_BPM = 58.0, 185.0
_MIN_EVEN_GAPS = 5
"""Fewer gaps than this may be equal by chance."""

_EVEN_GAP = 0.1
_EVEN_SHARE = 0.95
"""Onsets are even when that many of the gaps are within 10 % of their median."""

_ONE_ONSET_S = 0.06
"""Peaks nearer than this are one onset."""

_FAINT = 0.25
"""An onset that counts is at least this share of a strong one."""

_PASSAGE = 8
"""Beats that are looked at together: two bars."""

_SWAY = 8
"""How far they may be off the grid, in fortieths of a beat."""

_KEPT_SHARE = 0.8
"""A grid that collects this share of the onset of a freer one is preferred for being simpler."""

_STEADY_RANGE = 0.03
"""How far the exact period may be from the one that was read off the autocorrelation."""

_OVERTONES = 6
"""Harmonics by which the exact period is found: the higher ones tell it more exactly."""

_TIGHTNESS = 60.0
"""How dearly a wandering beat pays for leaving the period: a gap 10 % off costs 0.5 deviations."""

_NEAR_S = 0.045
"""Onsets this near to a beat belong to it."""

_TILT_FRAMES = 5.0
"""A grid found over the whole length is not off by more than this at either end."""

_LATENESS_S = 0.003
"""How much later than the place of an onset in the curve its sound starts: measured on drums."""


class Pulse(NamedTuple):
    """Where a pulse falls.

    `places` are frames (fractional), the first at or before the first frame, the last at or after
    the last. `repeats` is how strongly the onsets repeat at the period, about 0..1. `steady` says
    whether the places are equally far apart; `even` whether every onset is on one and none lacks an
    onset.
    """

    places: Curve
    repeats: float
    steady: bool
    even: bool

    @property
    def period(self) -> float:
        """Frames from one pulse to the next."""
        return float(np.median(np.diff(self.places)))

    @property
    def bpm(self) -> float:
        """Pulses a minute."""
        return 60.0 / (self.period * FRAME_S)


def find_pulse(onsets: Curve, expected_bpm: float | None) -> Pulse:
    """The pulse that the onsets repeat by most strongly, near `expected_bpm` when that is given."""
    smooth = np.convolve(onsets, np.hanning(7) / np.hanning(7).sum(), mode="same")
    even_bpm = _even_bpm(onsets)
    if even_bpm is not None and _is_multiple(even_bpm, expected_bpm):
        even_bpm = None
    is_even = even_bpm is not None
    period, repeats = _most_repeated(smooth, even_bpm if is_even else expected_bpm)

    grid = _steady_grid(onsets, smooth, period)
    if _keeps_time(smooth, grid):
        return Pulse(grid, repeats, steady=True, even=is_even)
    followed = _follow(onsets, period)
    if len(followed) < 4 or _strength(onsets, grid) > _KEPT_SHARE * _strength(onsets, followed):
        return Pulse(grid, repeats, steady=True, even=is_even)
    places = _to_both_ends(refine(onsets, followed), len(onsets))
    return Pulse(places, repeats, steady=False, even=is_even)


# Evenly spaced onsets


def _even_bpm(onsets: Curve) -> float | None:
    """The tempo of onsets that are all about equally far apart, as far as beats may be."""
    peaks = _peaks(onsets)
    if len(peaks) < _MIN_EVEN_GAPS:
        return None
    strong = onsets[peaks] > _FAINT * np.quantile(onsets[peaks], 0.9)
    gaps = np.diff(peaks[strong])
    if len(gaps) < _MIN_EVEN_GAPS:
        return None
    period = float(np.median(gaps))
    is_even = np.abs(gaps / period - 1.0) < _EVEN_GAP
    is_beat = _MIN_EVEN_BPM <= 60.0 / (period * FRAME_S) <= _MAX_EVEN_BPM
    if not is_beat or is_even.mean() < _EVEN_SHARE:
        return None
    return 60.0 / (float(gaps[is_even].mean()) * FRAME_S)


def _peaks(onsets: Curve) -> NDArray[np.int64]:
    """The frames that are the highest within the reach of one onset."""
    reach = round(_ONE_ONSET_S / FRAME_S)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(onsets, reach), 2 * reach + 1)
    return np.flatnonzero((onsets == windows.max(axis=1)) & (onsets > 0))


def _is_multiple(bpm: float, expected_bpm: float | None) -> bool:
    """Whether a tempo that was expected is half, double, a third or three times another one."""
    return expected_bpm is not None and any(
        abs(expected_bpm / (bpm * times) - 1) < 0.05 for times in (1 / 3, 1 / 2, 2, 3)
    )


# Period and phase


def _most_repeated(smooth: Curve, expected_bpm: float | None) -> tuple[float, float]:
    """The period in frames that the onsets repeat by most strongly, and how strongly."""
    max_lag = min(len(smooth) - 2, int(4.2 * 60.0 / _MIN_BPM / FRAME_S))
    correlation = _autocorrelation(smooth, max_lag)
    lags = np.arange(max_lag + 1)
    bpms = np.geomspace(_MIN_BPM, _MAX_BPM, 500)
    periods = 60.0 / bpms / FRAME_S
    comb = sum(
        weight * np.interp(periods * multiple, lags, correlation, right=0.0)
        for multiple, weight in _COMB
    )
    centre, spread = (
        (expected_bpm, _EXPECTED_SPREAD) if expected_bpm else (_USUAL_BPM, _USUAL_SPREAD)
    )
    liking = 0.02 + np.exp(-0.5 * (np.log2(bpms / centre) / spread) ** 2)
    period = float(periods[int(np.argmax(np.maximum(comb, 0.0) * liking))])
    return period, float(np.interp(period, lags, correlation))


def _autocorrelation(curve: Curve, max_lag: int) -> Curve:
    """Unbiased autocorrelation for lags 0..max_lag, 1 at lag 0."""
    centred = curve - curve.mean()
    size = 1 << (2 * len(centred) - 1).bit_length()
    raw = np.fft.irfft(np.square(np.abs(np.fft.rfft(centred, size))), size)[: max_lag + 1]
    raw = raw / (len(centred) - np.arange(max_lag + 1))
    return np.asarray(raw / raw[0])


def _steady_grid(onsets: Curve, smooth: Curve, period: float) -> Curve:
    """The best constant grid near a period, from before the first frame to after the last."""
    exact = _exact_period(smooth, period)
    exact, phase = draw_to_onsets(onsets, exact, _phase(smooth, exact))
    first = -np.ceil(phase / exact)
    last = np.ceil((len(onsets) - 1 - phase) / exact)
    return np.asarray(phase + exact * np.arange(first, last + 1))


def _exact_period(smooth: Curve, period: float) -> float:
    """The period within 3 % of `period` whose grid collects the most onset."""
    size = 1 << (4 * len(smooth) - 1).bit_length()
    power = np.square(np.abs(np.fft.rfft(smooth - smooth.mean(), size)))
    # Bins of the fundamental, which is looked up together with its overtones.
    fundamental = np.arange(
        size / (period * (1 + _STEADY_RANGE)), size / (period * (1 - _STEADY_RANGE)), 0.1
    )
    together = sum(
        power[np.minimum(np.rint(fundamental * overtone).astype(np.int64), len(power) - 1)]
        for overtone in range(1, _OVERTONES + 1)
    )
    return float(size / fundamental[int(np.argmax(together))])


def _phase(smooth: Curve, period: float) -> float:
    """Where in the period most onset falls, in frames."""
    bins = max(8, round(period / 1.5))
    places = (np.arange(len(smooth)) * (bins / period)).astype(np.int64) % bins
    folded = np.bincount(places, weights=smooth, minlength=bins)
    return (int(np.argmax(folded)) + 0.5) / bins * period


def draw_to_onsets(onsets: Curve, period: float, phase: float) -> tuple[float, float]:
    """Period and phase of the same grid as a line through the onsets beside it."""
    for _ in range(2):
        grid = np.arange(phase, len(onsets), period)
        found = refine(onsets, grid)
        near = (found != grid) & (np.abs(found - grid) * FRAME_S < _NEAR_S)
        if near.sum() < 4:
            break
        slope, start = (float(value) for value in np.polyfit(np.flatnonzero(near), found[near], 1))
        # Onsets on one side of a few beats would tilt the line: the period is known better.
        if abs(slope - period) * len(grid) > _TILT_FRAMES:
            phase += float(np.median((found - grid)[near]))
            break
        period, phase = slope, start
    return period, phase


def refine(onsets: Curve, places: Curve) -> Curve:
    """Each place moved to the onset peak within 3 frames of it, where there is one.

    The peak is the top of the parabola through its three highest frames.
    """
    around = np.clip(
        np.rint(places).astype(np.int64)[:, None] + np.arange(-3, 4), 0, len(onsets) - 1
    )
    peak = around[np.arange(len(places)), np.argmax(onsets[around], axis=1)]
    inside = np.clip(peak, 1, len(onsets) - 2)
    before, here, after = onsets[inside - 1], onsets[inside], onsets[inside + 1]
    bend = before - 2 * here + after
    is_sharp = (bend < 0) & (here >= 0.5) & (here >= before) & (here >= after)
    top = inside + 0.5 * (before - after) / np.where(is_sharp, bend, 1.0)
    return np.where(is_sharp, top, places)


def _keeps_time(smooth: Curve, places: Curve) -> bool:
    """Whether the onsets of every few beats are where a grid over the whole length has them."""
    period = float(places[1] - places[0])
    shifts = np.arange(-_SWAY, _SWAY + 1) / 40
    at = (places[:, None] + shifts * period).ravel()
    around = np.interp(at, np.arange(len(smooth)), smooth, left=0.0, right=0.0)

    starts = np.arange(0, max(1, len(places) - _PASSAGE // 2), _PASSAGE)
    passages = np.add.reduceat(around.reshape(len(places), -1), starts, axis=0)
    on_grid, at_best = float(passages[:, _SWAY].sum()), float(passages.max(axis=1).sum())
    return on_grid > _KEPT_SHARE * at_best


def _strength(onsets: Curve, places: Curve) -> float:
    """Mean of the largest onset within two frames of each place."""
    inside = places[(places >= 2) & (places < len(onsets) - 3)]
    around = np.rint(inside).astype(np.int64)[:, None] + np.arange(-2, 3)
    return float(onsets[around].max(axis=1).mean()) if len(inside) else 0.0


# A wandering tempo


def _follow(onsets: Curve, period: float) -> Curve:
    """The path through the onsets that collects the most while keeping nearly to the period.

    Dynamic programming after Ellis (2007), "Beat tracking by dynamic programming".
    """
    local = _spread(onsets, max(1, round(period / 32)))
    total, came_from = _best_paths(local, period)
    last_period = max(0, len(local) - round(period))
    path = [last_period + int(np.argmax(total[last_period:]))]
    while came_from[path[-1]] >= 0:
        path.append(int(came_from[path[-1]]))
    return np.asarray(path[::-1], dtype=np.float64)


def _spread(onsets: Curve, width: int) -> Curve:
    """The onsets smeared, so that a beat need not hit one exactly."""
    bell = np.exp(-0.5 * (np.arange(-2 * width, 2 * width + 1) / width) ** 2)
    return np.convolve(onsets, bell, mode="same")


def _best_paths(local: Curve, period: float) -> tuple[Curve, NDArray[np.int64]]:
    """For each frame the best total of a path that ends there, and the frame before it (-1: none).

    A step from beat to beat is 0.7 to 1.4 periods long.
    """
    lags = np.arange(round(period * 1.4), max(1, round(period * 0.7)) - 1, -1)
    cost = -_TIGHTNESS * np.log(lags / period) ** 2
    max_lag, min_lag = int(lags[0]), int(lags[-1])
    total = np.zeros(max_lag + len(local))
    came_from = np.full(len(local), -1)
    # No frame of a block can come from another one of the same block.
    for first in range(0, len(local), min_lag):
        last = min(len(local), first + min_lag)
        windows = np.lib.stride_tricks.sliding_window_view(total[first : last + max_lag], len(lags))
        before = windows[: last - first] + cost
        best = np.argmax(before, axis=1)
        source = np.arange(first, last) - lags[best]
        gain = before[np.arange(last - first), best]
        gain = np.where(source < 0, np.maximum(gain, 0.0), gain)
        total[first + max_lag : last + max_lag] = local[first:last] + gain
        came_from[first:last] = source
    return total[max_lag:], came_from


def _to_both_ends(places: Curve, frames: int) -> Curve:
    """More places before and after, at the distance of the nearest ones."""
    first, last = float(np.mean(np.diff(places[:5]))), float(np.mean(np.diff(places[-5:])))
    before = places[0] - first * np.arange(int(np.ceil(places[0] / first)), 0, -1)
    after = places[-1] + last * np.arange(1, int(np.ceil((frames - 1 - places[-1]) / last)) + 1)
    return np.concatenate([before, places, after])


# Ticks


def tick_frames(pulse: Pulse) -> Curve:
    """The frame (fractional) of every tick; the pulses fall on ticks 0, TICKS, 2 TICKS ..."""
    count = (len(pulse.places) - 1) * TICKS
    return np.interp(np.arange(count) / TICKS, np.arange(len(pulse.places)), pulse.places)


def read_ticks(curves: Onsets, pulse: Pulse) -> NDArray[np.float64]:
    """Ticks x (all, bass, body, snap, air, notes, chords): the largest value about each tick.

    Zero outside the sound.
    """
    reach = max(1, round(pulse.period / 28))
    rises = np.stack([curves.all, curves.bass, curves.body, curves.snap, curves.air], axis=1)
    padded = np.pad(rises, ((reach, reach), (0, 0)))
    pooled = np.max([padded[shift : shift + len(rises)] for shift in range(2 * reach + 1)], axis=0)

    at = np.rint(tick_frames(pulse)).astype(np.int64)
    inside = (at >= 0) & (at < len(rises))
    ticks = np.zeros((len(at), rises.shape[1] + curves.harmony.shape[1]))
    ticks[inside, : rises.shape[1]] = pooled[at[inside]]
    ticks[inside, rises.shape[1] :] = curves.harmony[at[inside]]
    return ticks


def seconds_of(places: Curve) -> Curve:
    """When the sound of each frame (fractional) of the onset curve starts; never below 0."""
    return np.maximum(places * FRAME_S + _LATENESS_S, 0.0)
