"""Finds the beat grid of any music: tempo, beats, downbeats, strong moments, and how far to believe
them.

Onsets by band (`beats_onsets`) repeat at a pulse (`beats_pulse`); a metre is read into it
(`beats_metre`); what stands
out is marked (`beats_strong`). Where no beat is heard the grid holds strong onsets instead, and
says so.
"""

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.music.beats import metre
from montage_pipeline.music.beats.onsets import FRAME_S, RATE, Curve, Onsets, onset_curves
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
from montage_pipeline.music.model import BeatGrid

__all__ = ["RATE", "TRUST", "decode_mono", "find_beats", "track_beats"]

TRUST = 0.25
"""Below this confidence the grid is made of onsets."""

_SHORTEST_S = 3.0
_ONSETS_APART_S = 0.25


def decode_mono(path: Path, rate: int = RATE) -> NDArray[np.float32]:
    """The first audio stream as mono samples in -1..1.

    PermanentError `audio_unreadable` when there is none.
    """
    blocks: list[NDArray[np.float32]] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise PermanentError(
                    ErrorCode.AUDIO_UNREADABLE, f"{path.name} has no audio stream.", file=path.name
                )
            resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
            for frame in container.decode(container.streams.audio[0]):
                blocks += [out.to_ndarray()[0] for out in resampler.resample(frame)]
            blocks += [out.to_ndarray()[0] for out in resampler.resample(None)]
    except av.FFmpegError as error:
        raise PermanentError(
            ErrorCode.AUDIO_UNREADABLE,
            f"{path.name} cannot be read as audio: {error}",
            file=path.name,
        ) from error
    if not blocks or not sum(len(block) for block in blocks):
        raise PermanentError(
            ErrorCode.AUDIO_UNREADABLE, f"{path.name} holds no sound.", file=path.name
        )
    return np.concatenate(blocks)


def track_beats(path: Path, expected_bpm: float | None = None) -> BeatGrid:
    """The beat grid of any audio file.

    `expected_bpm` is the tempo that was asked for, when one was; it only decides between
    tempos that fit the sound about equally well.
    """
    return find_beats(decode_mono(path), expected_bpm)


def find_beats(sound: NDArray[np.float32], expected_bpm: float | None = None) -> BeatGrid:
    """The beat grid of mono samples at 22 050 Hz."""
    onsets = onset_curves(sound)
    if len(onsets.all) * FRAME_S < _SHORTEST_S or not onsets.all.any():
        return _onset_grid(onsets, 120.0, 0.0)
    pulse = find_pulse(onsets.all, expected_bpm)
    ticks = read_ticks(onsets, pulse)
    found = metre.readings(ticks, pulse)
    if not len(found.ticks):
        return _onset_grid(onsets, 60.0 / (pulse.period * FRAME_S), 0.0)
    scores = metre.scores(found, expected_bpm)
    chosen = int(np.argmax(scores))
    length, first = int(found.ticks[chosen]), int(found.first[chosen])
    confidence = metre.confidence(found, scores, chosen, pulse)
    beats = _placed(onsets.all, pulse, tick_frames(pulse)[first::length])
    bpm = 60.0 / (float(np.median(np.diff(beats))) * FRAME_S)
    if confidence < TRUST:
        return _onset_grid(onsets, bpm, confidence)
    beats_a_bar, downbeat = metre.bars(ticks, length, first)
    kept = np.flatnonzero((beats > -_EARLY_FRAMES) & (beats < len(onsets.all) - 1))
    beats = beats[kept]
    bar_starts = [int(number) for number in np.flatnonzero(kept % beats_a_bar == downbeat)]
    strong = strong_places(onsets, beats, bar_starts, beats_a_bar)
    seconds = _rounded(beats)
    return BeatGrid(
        bpm=round(bpm, 3),
        beats_s=seconds,
        downbeats_s=tuple(seconds[number] for number in bar_starts),
        strong_s=tuple(seconds[number] for number in strong),
        confidence=round(confidence, 3),
        source="tracked",
    )


_EARLY_FRAMES = 3.0
"""A beat this little before the first sample is the file's first."""


def _placed(onsets: Curve, pulse: Pulse, places: Curve) -> Curve:
    """The beats drawn to the onsets beside them: each for itself where the tempo wanders, as one
    straight line where it does not.
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
        if curve[frame] < 1.0:
            break
        if free[frame]:
            chosen.append(int(frame))
            free[max(0, frame - gap + 1) : frame + gap] = False
    places = refine(curve, np.sort(np.asarray(chosen, dtype=np.float64)))
    seconds = _rounded(places)
    return BeatGrid(
        bpm=round(float(np.clip(bpm, 20, 400)), 3),
        beats_s=seconds,
        downbeats_s=(),
        strong_s=tuple(seconds[number] for number in strong_onsets(curve, places)),
        confidence=round(confidence, 3),
        source="onsets",
    )
