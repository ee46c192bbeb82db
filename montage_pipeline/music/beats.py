"""Finds the beat grid of an audio file: onsets, tempo, beats, downbeats.

The beats are placed by dynamic programming over an onset curve (after Ellis, 2007). Where no
steady beat is heard the grid holds strong onsets instead, and says so.
"""

import itertools
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.music.model import BeatGrid
from montage_pipeline.records import PermanentError

RATE = 22_050
HOP = 256
WINDOW = 1024
FRAME_S = HOP / RATE
MIN_BPM, MAX_BPM = 50.0, 200.0
FASTEST_BACKBEAT_BPM = 182.0
TRUST = 0.35
"""Below this confidence the grid is made of onsets."""

_BAND_EDGES_HZ = (30, 120, 250, 500, 1000, 2000, 4000, 10_000)
_LATENESS_S = 0.016
"""A window sees an onset before its centre reaches it: measured on clicks and drums."""
_CENTRE_BPM = 112.0
_SPREAD_OCTAVES = 0.75
_TIGHTNESS = 120.0

Curve = NDArray[np.float64]


def decode_mono(path: Path, rate: int = RATE) -> NDArray[np.float32]:
    """The first audio stream as mono samples in -1..1. PermanentError `audio_unreadable` when there is none."""
    blocks: list[NDArray[np.float32]] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise PermanentError("audio_unreadable", f"{path.name} has no audio stream.", file=path.name)
            resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
            for frame in container.decode(container.streams.audio[0]):
                blocks += [out.to_ndarray()[0] for out in resampler.resample(frame)]
            blocks += [out.to_ndarray()[0] for out in resampler.resample(None)]
    except av.FFmpegError as error:
        raise PermanentError("audio_unreadable", f"{path.name} cannot be read as audio: {error}", file=path.name) from error
    if not blocks or not sum(len(block) for block in blocks):
        raise PermanentError("audio_unreadable", f"{path.name} holds no sound.", file=path.name)
    return np.concatenate(blocks)


def track_beats(path: Path, expected_bpm: float | None = None) -> BeatGrid:
    """The beat grid of any audio file.

    `expected_bpm` is the tempo that was asked for, when one was; it only decides between
    tempos that fit the sound about equally well.
    """
    return find_beats(decode_mono(path), expected_bpm)


def find_beats(sound: NDArray[np.float32], expected_bpm: float | None = None) -> BeatGrid:
    """The beat grid of mono samples at 22 050 Hz."""
    bands = onset_bands(sound)
    if bands.shape[1] * FRAME_S < 3.0:
        return _onset_grid(np.zeros(1), 120.0, 0.0)
    onsets = _combine(bands)
    if float(onsets.max(initial=0.0)) <= 0.0:
        return _onset_grid(onsets, 120.0, 0.0)
    period, strength = _choose_period(onsets, bands[:2].sum(axis=0), expected_bpm)
    beats = _place_beats(onsets, period)
    exact, phase_frames, contrast = _steady_grid(onsets, period)
    if len(beats) < 4:
        return _onset_grid(onsets, 60.0 / (period * FRAME_S), 0.0)
    steady, heard = _fit(onsets, exact, phase_frames)
    confidence = _confidence(contrast, strength, heard, len(steady))
    followed = float(_strength_at(onsets, beats).mean())
    if float(_strength_at(onsets, steady).mean()) > 0.6 * followed:
        beats, _ = _fit(onsets, exact, _settle_phase(bands, sound, exact, phase_frames))
    bpm = 60.0 / (float(np.median(np.diff(beats))) * FRAME_S)
    if confidence < TRUST:
        return _onset_grid(onsets, bpm, confidence)
    phase = _downbeat_phase(bands, sound, beats)
    seconds = tuple(_seconds(float(beat)) for beat in beats)
    return BeatGrid(bpm=round(bpm, 3), beats_s=seconds, downbeats_s=seconds[phase::4], confidence=round(confidence, 3), source="tracked")


def _seconds(frame: float) -> float:
    """When the sound of a frame of the onset curve starts."""
    return round(frame * FRAME_S + _LATENESS_S, 4) if frame > 0 else 0.0


def onset_bands(sound: NDArray[np.float32]) -> Curve:
    """Rise of log energy in seven bands: bands x frames. Frame k is about the sound at k * FRAME_S seconds."""
    padded = np.pad(sound.astype(np.float32), (WINDOW // 2, WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), axis=1)).astype(np.float32)
    hz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    rises = []
    for low, high in itertools.pairwise(_BAND_EDGES_HZ):
        chosen = power[:, (hz >= low) & (hz < high)]
        level = np.log1p(30.0 * chosen)
        rise = np.maximum(level[2:] - level[:-2], 0.0).mean(axis=1)
        rises.append(np.pad(rise, (1, 1)))
    return np.asarray(rises, dtype=np.float64)


def _combine(bands: Curve) -> Curve:
    """One onset curve: each band counts alike, slow swells are taken out."""
    total = np.zeros(bands.shape[1])
    for band in bands:
        scale = float(np.sqrt(np.mean(np.square(band))))
        if scale > 1e-4:
            total += band / scale
    width = int(0.4 / FRAME_S)
    floor = np.convolve(total, np.ones(width) / width, mode="same")
    onsets = np.maximum(total - floor, 0.0)
    deviation = float(onsets.std())
    return onsets / deviation if deviation > 0 else onsets


def _autocorrelation(onsets: Curve, most: int) -> Curve:
    """Unbiased autocorrelation for lags 0..most, 1 at lag 0."""
    centred = onsets - onsets.mean()
    size = 1 << (2 * len(centred) - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    raw = np.fft.irfft(np.square(np.abs(spectrum)), size)[: most + 1]
    raw = raw / (len(centred) - np.arange(most + 1))
    return np.asarray(raw / raw[0])


def _choose_period(onsets: Curve, bass: Curve, expected_bpm: float | None) -> tuple[float, float]:
    """The beat period in frames, and how strongly the sound repeats at it (about 0..1)."""
    smooth = np.convolve(onsets, np.hanning(7) / np.hanning(7).sum(), mode="same")
    most = min(len(onsets) - 2, int(4.2 * 60.0 / MIN_BPM / FRAME_S))
    correlation = _autocorrelation(smooth, most)
    bpms = np.geomspace(MIN_BPM, MAX_BPM, 600)
    periods = 60.0 / bpms / FRAME_S
    comb = np.zeros_like(periods)
    weights = (1.0, 0.8, 0.6, 0.6)
    for multiple, weight in enumerate(weights, start=1):
        lags = periods * multiple
        comb += weight * np.where(lags <= most, np.interp(lags, np.arange(most + 1), correlation), 0.0)
    centre, spread = (expected_bpm, 0.35) if expected_bpm else (_CENTRE_BPM, _SPREAD_OCTAVES)
    prior = np.exp(-0.5 * (np.log2(bpms / centre) / spread) ** 2)
    if expected_bpm:
        prior = 0.25 + 0.75 * prior
    score = np.maximum(comb, 0.0) * prior
    period = float(periods[int(np.argmax(score))])
    if not expected_bpm:
        period = _check_octave(smooth, bass, period)
    return period, float(np.interp(period, np.arange(most + 1), correlation))


def _strength_at(onsets: Curve, places: Curve) -> Curve:
    """The largest onset within two frames of each place."""
    centre = np.rint(places).astype(int)
    centre = centre[(centre >= 2) & (centre < len(onsets) - 2)]
    if not len(centre):
        return np.zeros(1)
    return np.asarray(np.max([onsets[centre + shift] for shift in range(-2, 3)], axis=0))


def _check_octave(onsets: Curve, bass: Curve, period: float) -> float:
    """Correct a tempo at half or double speed, by what sounds on every second beat and between the beats."""
    beats = _place_beats(onsets, period)
    if len(beats) < 6:
        return period

    def typical(curve: Curve, places: Curve) -> float:
        return float(np.median(_strength_at(curve, places)))

    halfway, quarters = (beats[1:] + beats[:-1]) / 2, beats[:-1] + np.diff(beats) / 4
    on, off, between = (typical(onsets, places) for places in (beats, halfway, quarters))
    bass_on, bass_off = typical(bass, beats), typical(bass, halfway)
    if 60.0 / (period / 2 * FRAME_S) <= MAX_BPM:
        alike = off > 0.7 * on and bass_off > 0.9 * bass_on and between < 0.5 * off
        plain = off > 0.8 * on and between < 0.3 * on
        if alike or (plain and 60.0 / (period / 2 * FRAME_S) <= FASTEST_BACKBEAT_BPM):
            return period / 2
    even, odd = typical(onsets, beats[::2]), typical(onsets, beats[1::2])
    bass_even, bass_odd = typical(bass, beats[::2]), typical(bass, beats[1::2])
    every_second = min(even, odd) < 0.62 * max(even, odd) and min(bass_even, bass_odd) < 0.25 * max(bass_even, bass_odd)
    return period * 2 if every_second and 60.0 / (period * 2 * FRAME_S) >= MIN_BPM else period


def _place_beats(onsets: Curve, period: float) -> Curve:
    """Beats in frames (fractional): the path that collects most onset while keeping to the period."""
    width = max(1, round(period / 32))
    kernel = np.exp(-0.5 * (np.arange(-2 * width, 2 * width + 1) / width) ** 2)
    local = np.convolve(onsets, kernel, mode="same")
    back = np.arange(-round(1.9 * period), -round(period / 1.9) + 1)
    cost = -_TIGHTNESS * np.log(-back / period) ** 2
    reach = len(local)
    total = np.zeros(reach + len(back) + int(2 * period) + 2)
    shift = len(total) - reach
    came_from = np.full(reach, -1)
    for frame in range(reach):
        window = total[frame + shift + back[0] : frame + shift + back[-1] + 1] + cost
        best = int(np.argmax(window))
        source = frame + int(back[best])
        gain = float(window[best])
        if source < 0:
            gain = max(gain, 0.0)
        total[frame + shift] = local[frame] + gain
        came_from[frame] = source
    scores = total[shift:]
    last = reach - int(period) + int(np.argmax(scores[reach - int(period) :]))
    path = [last]
    while came_from[path[-1]] >= 0:
        path.append(int(came_from[path[-1]]))
    path.reverse()
    return _refine(onsets, np.asarray(path, dtype=np.float64))


def _refine(onsets: Curve, beats: Curve) -> Curve:
    """Each beat to the top of the parabola through the onset peak beside it, where there is one."""
    refined = beats.copy()
    for number, beat in enumerate(beats.astype(int)):
        low, high = max(1, beat - 3), min(len(onsets) - 1, beat + 4)
        if high - low < 3:
            continue
        peak = low + int(np.argmax(onsets[low:high]))
        if not 0 < peak < len(onsets) - 1 or onsets[peak] < 0.5:
            continue
        before, here, after = onsets[peak - 1 : peak + 2]
        bend = before - 2 * here + after
        refined[number] = peak + (0.5 * (before - after) / bend if bend < 0 else 0.0)
    return refined


def _steady_grid(onsets: Curve, period: float) -> tuple[float, float, float]:
    """The constant grid within 2 % of `period` that collects the most onset: period and phase in frames,
    and the mean onset on it as a multiple of the mean anywhere."""
    smooth = np.convolve(onsets, (0.5, 1.0, 0.5), mode="same")
    frames = np.arange(len(smooth))
    # A step must not move the last beat by more than about a frame.
    step = period / len(smooth)
    best = (period, 0.0, 0.0)
    for candidate in np.arange(period * 0.98, period * 1.02, step):
        bins = max(8, round(float(candidate)))
        places = ((frames % candidate) / candidate * bins).astype(int) % bins
        folded = np.bincount(places, weights=smooth, minlength=bins) / np.bincount(places, minlength=bins)
        top = int(np.argmax(folded))
        if folded[top] > best[2]:
            best = (float(candidate), (top + 0.5) / bins * float(candidate), float(folded[top]))
    return best[0], best[1], best[2] / max(float(smooth.mean()), 1e-9)


def _settle_phase(bands: Curve, sound: NDArray[np.float32], period: float, phase: float) -> float:
    """The phase, or the one half a beat later, whichever is where the music counts.

    Off-beat hats, basses and strums are loud in much of today's music. What tells: harmony changes
    on beats, and the middle of the spectrum, where kick, snare and clap have their attack; the bass only leans.
    """
    later = (phase + period / 2) % period
    frames = bands.shape[1]

    def leaning(curve: Curve) -> float:
        on, off = (float(_strength_at(curve, np.arange(first, frames, period)).mean()) for first in (phase, later))
        return float(np.log((on + 1e-6) / (off + 1e-6)))

    middle = float(np.mean([leaning(band) for band in bands[4:6]]))
    halves = np.arange(phase, frames, period / 2)
    change = _harmony_change(sound, halves, period)
    # A bar is eight half beats: the strongest of those on beats against the strongest between.
    strongest = [max(float(change[place::8].mean()) for place in places if place < len(change)) for places in ((0, 2, 4, 6), (1, 3, 5, 7))]
    harmony = float(np.log((strongest[0] + 0.05) / (strongest[1] + 0.05)))
    return phase if middle + 0.2 * leaning(bands[:2].sum(axis=0)) + 1.3 * harmony >= 0 else later


def _fit(onsets: Curve, period: float, phase: float) -> tuple[Curve, float]:
    """The grid drawn to the onsets beside it, by a line through them; and the share of beats with an onset within 40 ms."""
    grid = np.arange(phase, len(onsets), period)
    found = _refine(onsets, grid)
    moved = np.abs(found - grid) > 1e-9
    near = np.abs(found - grid) * FRAME_S < 0.04
    heard = moved & near
    if heard.sum() >= 4:
        number = np.arange(len(grid))[heard]
        slope, start = (float(value) for value in np.polyfit(number, found[heard], 1))
        if abs(slope / period - 1) < 0.01:
            period, phase = slope, start
    first = -np.floor(phase / period + 0.06)
    count = int((len(onsets) - 1 - (phase + first * period)) / period) + 1
    return np.maximum(phase + period * (first + np.arange(count)), 0.0), float(heard.mean())


def _confidence(contrast: float, repeats: float, heard: float, beats: int) -> float:
    """How far to believe the beats, 0..1: onsets on them rather than anywhere, repetition, few beats unheard.

    A short file fits some grid by chance alone, the more so the fewer its beats.
    """
    chance = 1.0 + 10.0 / np.sqrt(beats)
    stands_out = float(np.clip((contrast - chance) / 2.5, 0.0, 1.0))
    repeating = float(np.clip((repeats - 0.05) / 0.2, 0.0, 1.0))
    return repeating * (0.6 * stands_out + 0.4 * heard)


def _downbeat_phase(bands: Curve, sound: NDArray[np.float32], beats: Curve) -> int:
    """Which of the first four beats starts a bar: where the bass strikes and the harmony changes."""
    if len(beats) < 8:
        return 0
    low = bands[:2].sum(axis=0)
    accent = np.array([float(low[max(0, int(beat) - 2) : int(beat) + 3].max(initial=0.0)) for beat in beats])
    change = _harmony_change(sound, beats, float(np.median(np.diff(beats))))
    score = accent / (accent.std() + 1e-9) + 3.0 * change / (change.std() + 1e-9)
    return int(np.argmax([float(score[phase::4].mean()) for phase in range(4)]))


def _harmony_change(sound: NDArray[np.float32], places: Curve, period: float) -> Curve:
    """How much the pitch classes differ after each place (frames) from before it: 0 none, 1 all, 2 opposite.

    Where there is no sound on one side, the mean of the other places stands.
    """
    size = 8192
    hz = np.fft.rfftfreq(size, 1 / RATE)
    audible = (hz > 55) & (hz < 2000)
    classes = np.rint(12 * np.log2(hz[audible] / 440.0)).astype(int) % 12
    span = int(min(period * HOP, size))

    def chroma(first: int) -> Curve | None:
        piece = sound[max(0, first) : max(0, first) + span]
        if first < -HOP or len(piece) < span // 2:
            return None
        spectrum = np.sqrt(np.abs(np.fft.rfft(piece * np.hanning(len(piece)), size))[audible])
        folded = np.bincount(classes, weights=spectrum, minlength=12)
        folded -= folded.mean()
        return np.asarray(folded / (np.linalg.norm(folded) + 1e-9))

    samples = [int((place + _LATENESS_S / FRAME_S) * HOP) for place in places]
    pairs = [(chroma(sample - span), chroma(sample)) for sample in samples]
    change = np.array([np.nan if before is None or after is None else 1.0 - float(before @ after) for before, after in pairs])
    known = change[~np.isnan(change)]
    return np.where(np.isnan(change), float(known.mean()) if len(known) else 0.0, change)


def _onset_grid(onsets: Curve, bpm: float, confidence: float) -> BeatGrid:
    """Strong onsets at least a quarter of a second apart, for music without a beat to follow."""
    gap = int(0.25 / FRAME_S)
    chosen: list[int] = []
    for frame in np.argsort(-onsets):
        if onsets[frame] < 1.0 or len(chosen) > 2000:
            break
        if all(abs(int(frame) - other) >= gap for other in chosen):
            chosen.append(int(frame))
    chosen.sort()
    seconds = tuple(_seconds(frame) for frame in chosen)
    return BeatGrid(
        bpm=round(float(np.clip(bpm, 20, 400)), 3), beats_s=seconds, downbeats_s=(), confidence=round(confidence, 3), source="onsets"
    )
