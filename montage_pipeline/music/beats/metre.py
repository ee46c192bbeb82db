"""Which pulse is the beat, which beat starts a bar, and how far to believe it.

Every reading of the ticks (so many ticks a beat, the first on such a tick) is described by the same
few figures, and a weighted sum of them decides. The weights were fitted on generated loops and
rounded; those of tempo, hats and chords were then set so that music comes before loops. Each figure
has its reason beside it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.music.beats.onsets import Curve
from montage_pipeline.music.beats.pulse import TICKS, Pulse

MIN_BPM, MAX_BPM = 55.0, 190.0
"""Tempos that a listener taps to."""

_USUAL_BPM = 112.0

_TICKS_A_BEAT = (4, 6, 8, 9, 12, 16, 18, 24, 36)
"""A third of a pulse to three pulses: the pulse may be an eighth, a triplet or a bar of three."""

_COMMON_TICKS = 144
"""The least common multiple of them: readings are compared over so many ticks."""

_CHANNELS = 7
_ALL, _BASS, _BODY, _SNAP, _AIR, _NOTES, _CHORDS = range(_CHANNELS)

_FAINT = 0.25
"""A tick is heard when its onset is at least this share of a strong one."""

_MAX_APART = 1.5
"""Beats further apart (log of the onset) count as this: beside silence anything is far apart."""

_MAX_REPEATED = 6.0
"""Onsets above this many times the mean count as that much: one crash is not a pattern."""

_METRONOME = (0.2, 0.6, 0.3)
"""How much a metronome's pulses differ (log of the onset) over all, in bass and body: measured."""

WEIGHTS = {
    "on bass": 3.4,  # Kick and bass strike on beats,
    "on snap": 2.1,  # snare and clap too,
    "on air": 1.8,  # and hats, if also between.
    "bar chords": 5.0,  # Chords change on one beat of four,
    "on chords": -3.0,  # not on each.
    "apart snap": 1.8,  # Snare or clap on every second beat is usual;
    "apart all": -0.9,  # beats that are strong and weak in turn are not: half the tempo is,
    "lesser": -2.1,  # nor are beats that lack kick and snare both;
    "hats": -20.0,  # if all sounds are evenly spaced, those are hats between beats.
    "between": 0.9,  # Something happens between beats.
    "unheard": -7.6,  # Beats on which nothing sets in are few.
    "again": 7.6,  # Music repeats after four beats.
    "fast": 4.0,  # The slower of two readings has more of all that on its beats; this makes up.
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
"""A beat is there where the sound repeats after four beats and after one: a logistic regression."""

_EXPECTED_SPREAD_OCTAVES = 0.06
_EXPECTED_WEIGHT = 8.0
"""Points for the tempo that was asked for; half of them 5 % off, none 15 % off."""


class Readings(NamedTuple):
    """Every way to read beats from ticks.

    Reading i has `ticks[i]` ticks a beat, the first beat on tick `first[i]`, and the tempo
    `bpm[i]`. `figures` is readings x WEIGHTS.
    """

    ticks: NDArray[np.int64]
    first: NDArray[np.int64]
    bpm: Curve
    figures: Curve

    def figure(self, name: str) -> Curve:
        """One figure of every reading."""
        return self.figures[:, list(WEIGHTS).index(name)]


def readings(ticks: Curve, pulse: Pulse) -> Readings:
    """Describe every reading between MIN_BPM and MAX_BPM of ticks x channels.

    There is only one where every onset is like the others and on a pulse: a metronome's.
    """
    typical = float(np.quantile(ticks[:, _ALL], 0.97))
    heard = ticks[:, _ALL] >= _FAINT * typical
    ticks = ticks / (ticks.mean(axis=0) + 1e-3)
    again = _repetition(ticks)
    is_metronome = pulse.even and _pulses_are_alike(ticks)

    found = [_no_readings()]
    for length in (TICKS,) if is_metronome else _TICKS_A_BEAT:
        bpm = pulse.bpm * TICKS / length
        if not MIN_BPM <= bpm <= MAX_BPM or len(ticks) < 4 * length:
            continue
        figures = _figures(ticks, heard, again, length)
        _add_figures_of_tempo(figures, bpm, is_even=pulse.even and length == TICKS)
        kept = 1 if is_metronome else length
        found.append(
            Readings(
                ticks=np.full(kept, length),
                first=np.arange(kept),
                bpm=np.full(kept, bpm),
                figures=np.stack([figures[name] for name in WEIGHTS], axis=1)[:kept],
            )
        )
    return Readings(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _no_readings() -> Readings:
    none = np.zeros(0, np.int64)
    return Readings(none, none, np.zeros(0), np.zeros((0, len(WEIGHTS))))


def _pulses_are_alike(ticks: Curve) -> bool:
    """Whether every second pulse sounds like the others, as a metronome's do.

    Hats between the beats of a slow band do not.
    """
    two = _log(_folded(ticks, 2 * TICKS))
    differences = np.abs(two[0] - two[TICKS])[: len(_METRONOME)]
    return bool(np.all(differences <= _METRONOME))


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
    centred = np.minimum(ticks[:, :_NOTES], _MAX_REPEATED)
    centred = centred - centred.mean(axis=0)
    size = 1 << (2 * len(ticks) - 1).bit_length()
    power = np.square(np.abs(np.fft.rfft(centred, size, axis=0))).sum(axis=1)
    # Over long lags few ticks meet, and chance with them: those count for a quarter at least.
    overlap = np.maximum(len(ticks) - np.arange(len(ticks)), len(ticks) / 4)
    raw = np.fft.irfft(power, size)[: len(ticks)] / overlap
    return np.asarray(raw / (raw[0] + 1e-6))


def _figures(ticks: Curve, heard: NDArray[np.bool_], again: Curve, length: int) -> dict[str, Curve]:
    """What the readings with beats of `length` ticks sound like: by name, one value a reading."""
    # Four beats in a row are the finest view; means of it give what one and two beats have.
    four = _folded(ticks, 4 * length).reshape(4, length, -1)
    two = _log((four[:2] + four[2:]) / 2)
    on = _log(four.mean(axis=0))
    apart = two[0] - two[1]
    return {
        "on bass": on[:, _BASS],
        "on snap": on[:, _SNAP],
        "on air": on[:, _AIR],
        "on chords": on[:, _CHORDS],
        "bar chords": _log(four[:, :, _CHORDS]).max(axis=0) - on[:, _CHORDS],
        "apart snap": np.minimum(np.abs(apart[:, _SNAP]), _MAX_APART),
        "apart all": np.minimum(np.abs(apart[:, _ALL]), _MAX_APART),
        "lesser": _lesser(apart),
        "between": _between(on[:, _ALL], length) - on[:, _ALL],
        "unheard": 1.0 - _folded(heard[:, None].astype(np.float64), length)[:, 0],
        "again": np.full(length, again[4 * length] if 4 * length < len(again) else 0.0),
    }


def _add_figures_of_tempo(figures: dict[str, Curve], bpm: float, *, is_even: bool) -> None:
    """What the readings of one tempo have in common."""
    octaves = np.full(len(figures["lesser"]), float(np.log2(bpm / _USUAL_BPM)))
    figures["hats"] = figures["lesser"] * is_even
    figures["fast"] = octaves
    figures["unusual"] = octaves**2


def _lesser(apart: Curve) -> Curve:
    """How far one beat of two has less of every drum than the other."""
    drums = apart[:, [_BASS, _BODY, _SNAP]]
    lacking = np.maximum(drums.min(axis=1), -drums.max(axis=1))
    return np.asarray(np.clip(lacking, 0.0, _MAX_APART))


def _between(on: Curve, length: int) -> Curve:
    """The strongest onset half and a quarter of a beat away."""
    shifts = (length // 2, (length + 1) // 2, length // 4, 3 * length // 4)
    return np.asarray(np.max([np.roll(on, -shift) for shift in shifts], axis=0))


def scores(found: Readings, expected_bpm: float | None) -> Curve:
    """The score of each reading. A tempo that was asked for takes the place of what is usual."""
    weights = dict(WEIGHTS)
    if expected_bpm is not None:
        weights["fast"] = weights["unusual"] = 0.0
    score = np.asarray(found.figures @ np.array(list(weights.values())))
    if expected_bpm is None:
        return score
    off = np.log2(found.bpm / expected_bpm) / _EXPECTED_SPREAD_OCTAVES
    return np.asarray(score + _EXPECTED_WEIGHT * np.exp(-0.5 * off**2))


def confidence(found: Readings, scored: Curve, chosen: int, pulse: Pulse) -> float:
    """About the F-measure to expect of the chosen reading, 0..1.

    The chance that there is a beat at all, times `agreement`.
    """
    presence = presence_figures(found, chosen, pulse) @ np.array(list(_PRESENCE_WEIGHTS.values()))
    return float(agreement(found, scored, chosen) / (1.0 + np.exp(-presence)))


def presence_figures(found: Readings, chosen: int, pulse: Pulse) -> Curve:
    """The figures of _PRESENCE_WEIGHTS."""
    return np.array([1.0, found.figure("again")[chosen], pulse.repeats])


def agreement(found: Readings, scored: Curve, chosen: int) -> float:
    """The F-measure of the chosen reading to expect if one of all the readings is right.

    Each is as likely as its score says. Beats a tick apart agree.
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
    """The seven ways to bar the beats of one reading: 7 x _BAR_WEIGHTS.

    Three beats a bar from beat 0..2, then four from beat 0..3.
    """
    beats = _beats_heard(ticks, length, first)
    rows = []
    for bar, strong, weak in ((3, [0], [1, 2]), (4, [0, 2], [1, 3])):
        table = _log(_folded(beats, bar))
        table = table - table.mean(axis=0)
        for start in range(bar):
            turned = np.roll(table, -start, axis=0)
            backbeat = turned[weak, _SNAP].mean() - turned[strong, _SNAP].mean()
            rows.append([*turned[0, [_BASS, _BODY, _NOTES, _CHORDS]], backbeat])
    return np.array(rows)


def _beats_heard(ticks: Curve, length: int, first: int) -> Curve:
    """What is heard on each beat of a reading, over the mean: beats x channels."""
    at = np.arange(first, len(ticks), length)
    beats = ticks[at]
    if length >= 8:
        # A beat late is late by most of a tick here and there; its neighbours hear it too.
        after = ticks[np.minimum(at + 1, len(ticks) - 1)]
        beats = np.maximum(beats, np.maximum(ticks[at - 1], after))
    return np.asarray(beats / (ticks.mean(axis=0) + 1e-3))
