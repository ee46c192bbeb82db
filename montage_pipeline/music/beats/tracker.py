"""Finds the beat grid of any music: tempo, beats, downbeats, strong moments, and a confidence.

Onsets by band (`onsets`) repeat at a pulse (`pulse`); a metre is read into it (`metre`); what
stands out is marked (`strong`). Where no beat is heard the grid holds strong onsets instead, and
says so.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.music.beats import metre
from montage_pipeline.music.beats.onsets import FRAME_S, Curve, Onsets, onset_curves
from montage_pipeline.music.beats.pulse import (
    Pulse,
    draw_to_onsets,
    find_pulse,
    read_ticks,
    refine,
    seconds_of,
    tick_frames,
)
from montage_pipeline.music.beats.strong import strong_onsets, strong_places
from montage_pipeline.music.listening import RATE, Listened, listen_to
from montage_pipeline.music.model import BeatGrid
from montage_pipeline.spans import Span

__all__ = ["RATE", "TRUST", "beats_of", "find_beats", "track_beats"]

TRUST = 0.25
"""Below this confidence the grid is made of onsets.

In the benchmark no loop with a beat falls below it, and no sound without one is above 0.05
(`make bench-beats`).
"""

_MIN_S = 3.0
"""Shorter sounds have too few beats to tell a tempo from."""

_NO_TEMPO_BPM = 120.0
"""What a grid says whose sound is too short or silent: documents need a tempo."""

_BPM_RANGE = (20.0, 400.0)
"""Bounds of the tempo that a grid without trust still names."""

_ONSETS_APART_S = 0.25
"""Cuts that follow onsets need none closer together."""

_MIN_ONSET = 1.0
"""In standard deviations of the onset curve: weaker ones are noise."""

_LEAD_S = 0.1
"""Of silence before the music: some frames of the onset curve, to rise from."""

_ONSET_S = 0.06
"""A beat may be placed this little before what is heard of it: a block of levels and a frame."""

_EARLY_FRAMES = 3.0
"""A beat this little before the first sample is the file's first."""


def track_beats(path: Path, expected_bpm: float | None = None) -> BeatGrid:
    """The beat grid of any audio file.

    `expected_bpm` is the tempo that was asked for, if any; it only decides between tempos that fit
    the sound about equally well.
    """
    return beats_of(listen_to(path), expected_bpm)


def beats_of(heard: Listened, expected_bpm: float | None = None) -> BeatGrid:
    """The beat grid of what was listened to; no beat lies in silence.

    Only the part between the first and the last music is searched: silence has no tempo.
    """
    if not heard.sounding:
        return _onset_grid(onset_curves(heard.mono[:0]), _NO_TEMPO_BPM, 0.0)
    # A little silence before it, so that the music's own start is heard as an onset.
    first = max(0, round((heard.sounding[0].start_s - _LEAD_S) * RATE))
    last = round(heard.sounding[-1].end_s * RATE)
    found = find_beats(heard.mono[first:last], expected_bpm)

    def moved(times_s: tuple[float, ...]) -> tuple[float, ...]:
        later_s = (round(time_s + first / RATE, 4) for time_s in times_s)
        return tuple(time_s for time_s in later_s if _sounds_at(time_s, heard.sounding))

    return found.model_copy(
        update={
            "beats_s": moved(found.beats_s),
            "downbeats_s": moved(found.downbeats_s),
            "strong_s": moved(found.strong_s),
        }
    )


def _sounds_at(time_s: float, sounding: Sequence[Span]) -> bool:
    return any(span.start_s - _ONSET_S <= time_s < span.end_s for span in sounding)


def find_beats(sound: NDArray[np.float32], expected_bpm: float | None = None) -> BeatGrid:
    """The beat grid of mono samples at 22 050 Hz, whatever in them is silence."""
    onsets = onset_curves(sound)
    if len(onsets.all) * FRAME_S < _MIN_S or not onsets.all.any():
        return _onset_grid(onsets, _NO_TEMPO_BPM, 0.0)
    pulse = find_pulse(onsets.all, expected_bpm)
    ticks = read_ticks(onsets, pulse)
    reading = _best_reading(ticks, pulse, expected_bpm)
    if reading is None:
        return _onset_grid(onsets, pulse.bpm, 0.0)

    beats = _placed(onsets.all, pulse, tick_frames(pulse)[reading.first :: reading.length])
    bpm = 60.0 / (float(np.median(np.diff(beats))) * FRAME_S)
    if reading.confidence < TRUST:
        return _onset_grid(onsets, bpm, reading.confidence)

    beats_a_bar, downbeat = metre.bars(ticks, reading.length, reading.first)
    inside = np.flatnonzero((beats > -_EARLY_FRAMES) & (beats < len(onsets.all) - 1))
    beats = beats[inside]
    bar_starts = [int(number) for number in np.flatnonzero(inside % beats_a_bar == downbeat)]
    strong = strong_places(onsets, beats, bar_starts, beats_a_bar)
    beats_s = _rounded(beats)
    return BeatGrid(
        bpm=round(bpm, 3),
        beats_s=beats_s,
        downbeats_s=tuple(beats_s[number] for number in bar_starts),
        strong_s=tuple(beats_s[number] for number in strong),
        confidence=round(reading.confidence, 3),
        source="tracked",
    )


class _Reading(NamedTuple):
    """The chosen metre: ticks a beat, the tick of the first beat, and how far to believe it."""

    length: int
    first: int
    confidence: float


def _best_reading(ticks: Curve, pulse: Pulse, expected_bpm: float | None) -> _Reading | None:
    """None when the sound is too short for any reading."""
    found = metre.readings(ticks, pulse)
    if not len(found.ticks):
        return None
    scores = metre.scores(found, expected_bpm)
    chosen = int(np.argmax(scores))
    return _Reading(
        length=int(found.ticks[chosen]),
        first=int(found.first[chosen]),
        confidence=metre.confidence(found, scores, chosen, pulse),
    )


def _placed(onsets: Curve, pulse: Pulse, places: Curve) -> Curve:
    """The beats drawn to the onsets beside them.

    Each for itself where the tempo wanders, all as one straight line where it does not.
    """
    if not pulse.steady:
        return np.maximum.accumulate(refine(onsets, places))
    period, phase = draw_to_onsets(onsets, float(np.mean(np.diff(places))), float(places[0]))
    return np.asarray(phase + period * np.arange(len(places)), dtype=np.float64)


def _rounded(places: Curve) -> tuple[float, ...]:
    return tuple(round(float(second), 4) for second in seconds_of(places))


def _onset_grid(onsets: Onsets, bpm: float, confidence: float) -> BeatGrid:
    """Strong onsets at least a quarter of a second apart, for music without a beat to follow."""
    curve = onsets.all
    gap = round(_ONSETS_APART_S / FRAME_S)
    free = np.ones(len(curve), dtype=bool)
    chosen: list[int] = []
    for frame in np.argsort(-curve, kind="stable"):
        if curve[frame] < _MIN_ONSET:
            break
        if free[frame]:
            chosen.append(int(frame))
            free[max(0, frame - gap + 1) : frame + gap] = False
    places = refine(curve, np.sort(np.asarray(chosen, dtype=np.float64)))
    onsets_s = _rounded(places)
    return BeatGrid(
        bpm=round(float(np.clip(bpm, *_BPM_RANGE)), 3),
        beats_s=onsets_s,
        downbeats_s=(),
        strong_s=tuple(onsets_s[number] for number in strong_onsets(curve, places)),
        confidence=round(confidence, 3),
        source="onsets",
    )
