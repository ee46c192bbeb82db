"""Which pulse is the beat, which beat starts a bar, and how far to believe it.

Every reading of the ticks (a beat of so many ticks from such a tick on) is described by the same
few figures, and a
weighted sum of them decides. The weights were fitted on generated loops, rounded, and those of
tempo, hats and chords
then set so that music comes before loops; each figure has its reason beside it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.music.beats.onsets import FRAME_S, Curve
from montage_pipeline.music.beats.pulse import TICKS, Pulse

MIN_BPM, MAX_BPM = 55.0, 190.0
_USUAL_BPM = 112.0
_BEATS_IN_TICKS = (4, 6, 8, 9, 12, 16, 18, 24, 36)
_COMMON_TICKS = 144
_CHANNELS = 7
_ALL, _BASS, _BODY, _SNAP, _AIR, _NOTES, _CHORDS = range(_CHANNELS)
_FAINT = 0.25
_MOST_APART = 1.5
"""Beats further apart than this (log of the onset) are apart, no matter how far: beside silence
anything is.
"""
_ALIKE = (0.2, 0.6, 0.3)
"""How much pulses that are alike may differ (log of the onset) over all, in the bass and in the
body: measured on metronomes.
"""

WEIGHTS = {
    "on bass": 3.4,  # Kick and bass strike on beats,
    "on snap": 2.1,  # snare and clap too,
    "on air": 1.8,  # and hats, if also between.
    "bar chords": 5.0,  # Chords change on one beat of four,
    "on chords": -3.0,  # not on each.
    "apart snap": 1.8,  # Snare or clap on every second beat is usual;
    "apart all": -0.9,  # beats that are strong and weak in turn are not: half the tempo is,
    "lesser": -2.1,  # nor are beats that lack kick and snare both;
    # and if all sounds are evenly spaced, those that lack both are hats between beats.
    "hats": -20.0,
    "between": 0.9,  # Something happens between beats.
    "unheard": -7.6,  # Beats on which nothing sets in are few.
    "again": 7.6,  # Music repeats after four beats.
    # Of two readings the slower one has more of all that on its beats; this makes up for it.
    "fast": 4.0,
    "unusual": -4.0,  # Music is seldom far from the usual tempo (octaves squared).
}
_BAR_WEIGHTS = {
    "bass": 2.8,  # A bar starts on a kick and a bass note,
    "body": 5.2,  # a chord is struck there,
    "notes": 1.2,  # with other notes,
    "chords": 3.0,  # often of another chord;
    "backbeat": 2.3,  # snare and clap answer on 2 and 4, or 2 and 3.
}
_PRESENCE_WEIGHTS = {"constant": -6.9, "again": 10.4, "repeats": 7.1}
"""A beat is there where the sound repeats after four beats and after one."""
_ASKED_SPREAD_OCTAVES = 0.06
_ASKED_WEIGHT = 8.0


class Readings(NamedTuple):
    """Every way to read beats from ticks:

    `ticks[i]` ticks a beat, the first at tick `first[i]`; figures are readings x WEIGHTS.
    """

    ticks: NDArray[np.int64]
    first: NDArray[np.int64]
    bpm: Curve
    figures: Curve

    def figure(self, name: str) -> Curve:
        return self.figures[:, list(WEIGHTS).index(name)]


def readings(ticks: Curve, pulse: Pulse) -> Readings:
    """Describe every reading between MIN_BPM and MAX_BPM of ticks x channels; only one where every
    onset is alike and on a pulse.
    """
    pulse_bpm = 60.0 / (pulse.period * FRAME_S)
    typical = float(np.quantile(ticks[:, _ALL], 0.97))
    heard = ticks[:, _ALL] >= _FAINT * typical
    ticks = ticks / (ticks.mean(axis=0) + 1e-3)
    again = _repetition(ticks)
    found = [
        Readings(
            np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros((0, len(WEIGHTS)))
        )
    ]
    plain = pulse.even and _alike(ticks)
    for length in (TICKS,) if plain else _BEATS_IN_TICKS:
        bpm = pulse_bpm * TICKS / length
        if not MIN_BPM <= bpm <= MAX_BPM or len(ticks) < 4 * length:
            continue
        figures = _figures(ticks, heard, again, length, bpm, even=pulse.even and length == TICKS)
        kept = 1 if plain else length
        found.append(
            Readings(np.full(kept, length), np.arange(kept), np.full(kept, bpm), figures[:kept])
        )
    return Readings(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _alike(ticks: Curve) -> bool:
    """Whether every second pulse sounds like the others, as of a metronome; hats between the beats
    of a slow band do not.
    """
    two = _log(_folded(ticks, 2 * TICKS))
    return bool(np.all(np.abs(two[0] - two[TICKS])[: len(_ALIKE)] <= _ALIKE))


def _folded(ticks: Curve, length: int) -> Curve:
    """Mean of every `length`-th tick: length x channels."""
    rows = -(-len(ticks) // length)
    padded = np.zeros((rows * length, ticks.shape[1]))
    padded[: len(ticks)] = ticks
    return np.asarray(padded.reshape(rows, length, -1).sum(axis=0) * (length / len(ticks)))


def _log(values: Curve) -> Curve:
    return np.log(values + 0.1)


def _repetition(ticks: Curve) -> Curve:
    """Autocorrelation of the sound (all channels but harmony) over ticks, 1 at lag 0."""
    centred = np.minimum(ticks[:, :_NOTES], 6.0)
    centred = centred - centred.mean(axis=0)
    size = 1 << (2 * len(ticks) - 1).bit_length()
    power = np.square(np.abs(np.fft.rfft(centred, size, axis=0))).sum(axis=1)
    raw = np.fft.irfft(power, size)[: len(ticks)] / np.maximum(
        len(ticks) - np.arange(len(ticks)), len(ticks) / 4
    )
    return np.asarray(raw / (raw[0] + 1e-6))


def _figures(
    ticks: Curve, heard: NDArray[np.bool_], again: Curve, length: int, bpm: float, *, even: bool
) -> Curve:
    """The figures of the readings with beats of `length` ticks: length x WEIGHTS."""
    # Four beats in a row are the finest look; means of it give what one and two beats have.
    four = _folded(ticks, 4 * length).reshape(4, length, -1)
    two = _log((four[:2] + four[2:]) / 2)
    on = _log(four.mean(axis=0))
    apart = two[0] - two[1]
    drums = apart[:, [_BASS, _BODY, _SNAP]]
    lesser = np.clip(np.maximum(drums.min(axis=1), -drums.max(axis=1)), 0.0, _MOST_APART)
    halves = (np.roll(on[:, _ALL], -(length // 2)), np.roll(on[:, _ALL], -((length + 1) // 2)))
    quarters = (np.roll(on[:, _ALL], -(length // 4)), np.roll(on[:, _ALL], -(3 * length // 4)))
    octaves = float(np.log2(bpm / _USUAL_BPM))
    columns = {
        "on bass": on[:, _BASS],
        "on snap": on[:, _SNAP],
        "on air": on[:, _AIR],
        "on chords": on[:, _CHORDS],
        "bar chords": _log(four[:, :, _CHORDS]).max(axis=0) - on[:, _CHORDS],
        "apart snap": np.minimum(np.abs(apart[:, _SNAP]), _MOST_APART),
        "apart all": np.minimum(np.abs(apart[:, _ALL]), _MOST_APART),
        "lesser": lesser,
        "between": np.max([*halves, *quarters], axis=0) - on[:, _ALL],
        "hats": lesser * even,
        "unheard": 1.0 - _folded(heard[:, None].astype(np.float64), length)[:, 0],
        "again": np.full(length, again[4 * length] if 4 * length < len(again) else 0.0),
        "fast": np.full(length, octaves),
        "unusual": np.full(length, octaves**2),
    }
    return np.stack([columns[name] for name in WEIGHTS], axis=1)


def scores(found: Readings, expected_bpm: float | None) -> Curve:
    """The score of each reading. A tempo that was asked for takes the place of what is usual."""
    weights = dict(WEIGHTS)
    if expected_bpm is None:
        return np.asarray(found.figures @ np.array(list(weights.values())))
    weights["fast"] = weights["unusual"] = 0.0
    asked = np.exp(-0.5 * (np.log2(found.bpm / expected_bpm) / _ASKED_SPREAD_OCTAVES) ** 2)
    return np.asarray(found.figures @ np.array(list(weights.values())) + _ASKED_WEIGHT * asked)


def confidence(found: Readings, scored: Curve, chosen: int, pulse: Pulse) -> float:
    """About the F-measure to expect of the chosen reading, 0..1: that there is a beat at all, times
    `agreement`.
    """
    presence = presence_figures(found, chosen, pulse) @ np.array(list(_PRESENCE_WEIGHTS.values()))
    return float(agreement(found, scored, chosen) / (1.0 + np.exp(-presence)))


def presence_figures(found: Readings, chosen: int, pulse: Pulse) -> Curve:
    """The figures of _PRESENCE_WEIGHTS."""
    return np.array([1.0, found.figure("again")[chosen], pulse.repeats])


def agreement(found: Readings, scored: Curve, chosen: int) -> float:
    """The F-measure of the chosen reading to expect if one of all the readings is right, each as
    likely as its score says.
    """
    chance = np.exp(scored - scored.max())
    chance /= chance.sum()
    beats = (np.arange(_COMMON_TICKS) - found.first[:, None]) % found.ticks[:, None] == 0
    near = beats[chosen] | np.roll(beats[chosen], 1) | np.roll(beats[chosen], -1)
    each, own = beats.sum(axis=1), int(beats[chosen].sum())
    hits = np.minimum((beats & near).sum(axis=1), own)
    return float(chance @ (2.0 * hits / (each + own)))


def bars(ticks: Curve, length: int, first: int) -> tuple[int, int]:
    """Beats a bar (3 or 4), and which of the first of them starts one."""
    best = int(np.argmax(bar_figures(ticks, length, first) @ np.array(list(_BAR_WEIGHTS.values()))))
    return (3, best) if best < 3 else (4, best - 3)


def bar_figures(ticks: Curve, length: int, first: int) -> Curve:
    """The seven ways to bar the beats of one reading, three beats from beat 0..2 and four from beat
    0..3: 7 x _BAR_WEIGHTS.
    """
    at = np.arange(first, len(ticks), length)
    beats = ticks[at]
    if length >= 8:
        # A beat late is late by most of a tick here and there; its neighbours hear it too.
        beats = np.maximum(
            beats, np.maximum(ticks[at - 1], ticks[np.minimum(at + 1, len(ticks) - 1)])
        )
    beats = beats / (ticks.mean(axis=0) + 1e-3)
    rows = []
    for bar, strong, weak in ((3, [0], [1, 2]), (4, [0, 2], [1, 3])):
        table = _log(_folded(beats, bar))
        table = table - table.mean(axis=0)
        for start in range(bar):
            turned = np.roll(table, -start, axis=0)
            backbeat = turned[weak, _SNAP].mean() - turned[strong, _SNAP].mean()
            rows.append([*turned[0, [_BASS, _BODY, _NOTES, _CHORDS]], backbeat])
    return np.array(rows)
