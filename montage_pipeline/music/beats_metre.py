"""Which pulse is the beat, which beat starts a bar, and how far to believe it.

Every reading of the ticks (a beat of so many ticks from such a tick on) is described by the same few figures, and a
weighted sum of them decides. The weights are in `beats_weights`; `benchmarks/fit_beats.py` fits them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.music import beats_weights
from montage_pipeline.music.beats_onsets import FRAME_S, Curve
from montage_pipeline.music.beats_pulse import TICKS, Pulse

MIN_BPM, MAX_BPM = 50.0, 205.0
_BEATS_IN_TICKS = (4, 6, 8, 12, 16, 18, 24, 36)
_COMMON_TICKS = 144
CHANNELS = ("all", "bass", "body", "snap", "air", "notes", "chords")
_PLACES = ("on", "half", "third", "quarter")

FEATURES = (
    "tempo",
    "tempo^2",
    "tempo^3",
    "slow",
    "fast",
    *(f"{place} {channel}" for place in _PLACES for channel in CHANNELS),
    *(f"apart {channel}" for channel in CHANNELS),
    "backbeat",
    *(f"one in {beats} {channel}" for beats in (3, 4, 8) for channel in CHANNELS),
    *(f"again {beats} {what}" for what in ("sound", "notes") for beats in (1, 2, 3, 4, 8)),
    "subdivided",
    "lead all",
    "lead snap",
)
BAR_FEATURES = (
    "three",
    *(f"{channel} {place} of {beats}" for beats in (3, 4) for channel in CHANNELS for place in range(beats)),
    *(f"again {beats} {what}" for beats in (3, 4) for what in ("sound", "notes")),
)
CONFIDENCE_FEATURES = ("constant", "on all", "on bass", "on snap", "again 1 sound", "again 4 sound", "repeats", "beats")


_ASKED_SPREAD_OCTAVES = 0.06
_ASKED_WEIGHT = 8.0
_TEMPO_FIGURES = 5
"""How many of FEATURES, from the first on, are about tempo alone."""


class Readings(NamedTuple):
    """Every way to read beats from ticks: `ticks[i]` ticks a beat, the first at tick `first[i]`; figures are readings x FEATURES."""

    ticks: NDArray[np.int64]
    first: NDArray[np.int64]
    bpm: Curve
    figures: Curve


def _folded(ticks: Curve, length: int) -> Curve:
    """Mean of every `length`-th tick: length x channels."""
    rows = -(-len(ticks) // length)
    padded = np.zeros((rows * length, ticks.shape[1]))
    padded[: len(ticks)] = ticks
    return np.asarray(padded.reshape(rows, length, -1).sum(axis=0) * (length / len(ticks)))


def _log(values: Curve) -> Curve:
    return np.log(values + 0.1)


def readings(ticks: Curve, pulse: Pulse) -> Readings:
    """Describe every reading between MIN_BPM and MAX_BPM of ticks x CHANNELS."""
    pulse_bpm = 60.0 / (pulse.period * FRAME_S)
    ticks = ticks / (ticks.mean(axis=0) + 1e-3)
    again = _repetition(ticks)
    lengths, firsts, bpms, figures = [], [], [], []
    for length in _BEATS_IN_TICKS:
        bpm = pulse_bpm * TICKS / length
        if not MIN_BPM <= bpm <= MAX_BPM or len(ticks) < 4 * length:
            continue
        lengths.append(np.full(length, length))
        firsts.append(np.arange(length))
        bpms.append(np.full(length, bpm))
        figures.append(_figures(ticks, again, length, bpm))
    if not lengths:
        return Readings(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros((0, len(FEATURES))))
    return Readings(np.concatenate(lengths), np.concatenate(firsts), np.concatenate(bpms), np.concatenate(figures))


def _repetition(ticks: Curve) -> Curve:
    """Autocorrelation over ticks of the sound (all but harmony together) and of the harmony: lags x 2."""
    centred = np.minimum(ticks, 6.0)
    centred = centred - centred.mean(axis=0)
    size = 1 << (2 * len(ticks) - 1).bit_length()
    raw = np.fft.irfft(np.square(np.abs(np.fft.rfft(centred, size, axis=0))), size, axis=0)[: len(ticks)]
    raw = raw / np.maximum(len(ticks) - np.arange(len(ticks)), len(ticks) / 4)[:, None]
    both = np.stack([raw[:, :5].sum(axis=1), raw[:, 5]], axis=1)
    return np.asarray(both / (both[0] + 1e-6))


def _figures(ticks: Curve, again: Curve, length: int, bpm: float) -> Curve:
    octaves = float(np.log2(bpm / 110.0))
    tempo = np.array([octaves, octaves**2, octaves**3, max(0.0, -0.5 - octaves), max(0.0, octaves - 0.6)])
    first = np.arange(length)
    once = _log(_folded(ticks, length))
    thirds = np.maximum(np.roll(once, -round(length / 3), axis=0), np.roll(once, -round(2 * length / 3), axis=0))
    quarters = np.maximum(np.roll(once, -(length // 4), axis=0), np.roll(once, -(3 * length // 4), axis=0))
    half = np.roll(once, -(length // 2), axis=0)
    twice = _log(_folded(ticks, 2 * length)).reshape(2, length, -1)
    apart = twice[0] - twice[1]
    columns = [np.tile(tempo, (length, 1)), once, half, thirds, quarters, np.abs(apart)]
    columns.append(np.maximum(0.0, -np.tanh(apart[:, 1]) * np.tanh(apart[:, 3]))[:, None])
    for beats in (3, 4, 8):
        bars = _folded(ticks, beats * length).reshape(beats, length, -1)
        columns.append(_log(bars.max(axis=0)) - once)
    lags = [beats * length for beats in (1, 2, 3, 4, 8)]
    columns.append(
        np.tile(np.concatenate([[again[lag, part] if lag < len(again) else 0.0 for lag in lags] for part in (0, 1)]), (length, 1))
    )
    columns.append(np.maximum(half[:, 0], quarters[:, 0])[:, None] - once[first, 0][:, None])
    columns += [(once[:, channel] - once[:, channel].max())[:, None] for channel in (0, 3)]
    return np.concatenate(columns, axis=1)


def bar_figures(ticks: Curve, length: int, first: int) -> Curve:
    """The seven ways to bar the beats of one reading, three beats from beat 0..2 and four from beat 0..3: 7 x BAR_FEATURES."""
    ticks = ticks / (ticks.mean(axis=0) + 1e-3)
    again = _repetition(ticks)
    # A beat late is late by most of a tick here and there; its neighbours hear it too.
    near = np.max([np.roll(ticks, shift, axis=0) for shift in (-1, 0, 1)], axis=0) if length >= 8 else ticks
    beats = near[first::length]
    rows = []
    for bar in (3, 4):
        table = _log(_folded(beats, bar))
        table = table - table.mean(axis=0)
        lag = bar * length
        same = again[lag] if lag < len(again) else np.zeros(2)
        for start in range(bar):
            row = np.zeros(len(BAR_FEATURES))
            row[0] = bar == 3
            at = 1 if bar == 3 else 1 + 3 * len(CHANNELS)
            row[at : at + bar * len(CHANNELS)] = np.roll(table, -start, axis=0).T.ravel()
            row[-4 if bar == 3 else -2 :][:2] = same
            rows.append(row)
    return np.asarray(rows)


def confidence_figures(found: Readings, chosen: int, pulse: Pulse, ticks: int) -> Curve:
    """CONFIDENCE_FEATURES of the chosen reading of so many ticks."""
    own = dict(zip(FEATURES, found.figures[chosen], strict=True))
    beats = float(np.log(max(1.0, ticks / float(found.ticks[chosen])) / 30.0))
    return np.array([1.0, own["on all"], own["on bass"], own["on snap"], own["again 1 sound"], own["again 4 sound"], pulse.repeats, beats])


def agreement(found: Readings, scored: Curve, chosen: int) -> float:
    """The F-measure of the chosen reading to expect if one of all the readings is right, each as likely as its score says."""
    chance = np.exp(scored - scored.max())
    chance /= chance.sum()
    places = np.arange(_COMMON_TICKS)
    beats = (places - found.first[:, None]) % found.ticks[:, None] == 0
    near = beats[chosen] | np.roll(beats[chosen], 1) | np.roll(beats[chosen], -1)
    each, own = beats.sum(axis=1), int(beats[chosen].sum())
    hits = np.minimum((beats & near).sum(axis=1), own)
    return float(chance @ (2.0 * hits / (each + own)))


def _weights(table: dict[str, float], names: tuple[str, ...]) -> Curve:
    return np.array([table[name] for name in names])


def scores(found: Readings, expected_bpm: float | None) -> Curve:
    """The score of each reading. A tempo that was asked for takes the place of what is usual."""
    weights = _weights(beats_weights.METRE, FEATURES)
    if expected_bpm is None:
        return np.asarray(found.figures @ weights)
    usual = found.figures[:, :_TEMPO_FIGURES] @ weights[:_TEMPO_FIGURES]
    octaves = np.log2(found.bpm / expected_bpm)
    return np.asarray(found.figures @ weights - usual + _ASKED_WEIGHT * np.exp(-0.5 * (octaves / _ASKED_SPREAD_OCTAVES) ** 2))


def confidence(found: Readings, scored: Curve, chosen: int, pulse: Pulse, ticks: int) -> float:
    """About the F-measure to expect of the chosen reading, 0..1: that there is a beat at all, times `agreement`."""
    weights = _weights(beats_weights.CONFIDENCE, CONFIDENCE_FEATURES)
    beat = 1.0 / (1.0 + np.exp(-weights @ confidence_figures(found, chosen, pulse, ticks)))
    return float(beat) * agreement(found, scored, chosen)


def bars(ticks: Curve, length: int, first: int) -> tuple[int, int]:
    """Beats a bar (3 or 4), and which of the first of them starts one."""
    best = int(np.argmax(bar_figures(ticks, length, first) @ _weights(beats_weights.BARS, BAR_FEATURES)))
    return (3, best) if best < 3 else (4, best - 3)
