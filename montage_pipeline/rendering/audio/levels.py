"""Loudness and true peak of samples, measured in this process, after ITU-R BS.1770.

Belongs here: figures of samples in memory, in steps short enough to tell what a moving gain does to
them.
Does not belong here: measuring files (media.loudness), which asks FFmpeg and so checks this module.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import cache

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from montage_pipeline.media.loudness import SILENCE_LUFS
from montage_pipeline.rendering.audio.samples import SAMPLE_RATE, Samples

STEP = 32
"""Samples in a step: 0.67 ms, a whole number of times in the standard's 100 ms."""

StepValues = NDArray[np.float64]
"""One value for each step; the last step may reach past the end."""

_K_WEIGHTING = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585),
    (1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621),
)
"""b0, b1, b2, a1, a2 at 48 kHz (BS.1770): the shelf of the head, then the high-pass."""

_OFFSET_LU = -0.691
"""Of BS.1770: makes a 997 Hz sine at 0 dBFS on one side come out at -3.01."""

_RELATIVE_GATE = 0.1
"""-10 LU below the mean of what is not silent (BS.1770)."""

_HOP_STEPS, _BLOCK_HOPS = SAMPLE_RATE // 10 // STEP, 4
"""Blocks of 400 ms, one every 100 ms (BS.1770)."""

_BATCH_STEPS = 1_500
"""Weighted at a time: a second of sound, which stays in the processor's cache."""

_BATCH_ROWS = 128
"""Interpolated at a time: a product this small stays in one thread; those of a larger one cost more
than they save.
"""

_OVERSAMPLING = 4
"""Times 48 kHz, as BS.1770 asks of a true-peak meter."""

_TAPS, _KAISER_BETA = 32, 9.0
"""Of the filter that FFmpeg's resampler takes by default: others differ by half a decibel where
high tones start at once.
"""

_MAX_OVERSHOOT = 2.0
"""Between samples the sound is not more than twice as high as at the samples around."""

_TINY_PEAK = 1e-9


def weighted_powers(sound: Samples) -> StepValues:
    """K-weighted power of each step, both sides summed."""
    powers = np.zeros(-(-len(sound) // STEP))
    first = 0
    for weighted in _k_weighted(sound):
        padded = np.pad(weighted, ((0, 0), (0, -weighted.shape[1] % STEP)))
        steps = padded.reshape(2, -1, STEP)
        powers[first:][: steps.shape[1]] = np.einsum("cks,cks->k", steps, steps) / STEP
        first += _BATCH_STEPS
    return powers


def integrated_lufs(powers: StepValues) -> float:
    """Integrated loudness with both gates, from `weighted_powers`.

    -70 for silence and for less than 400 ms.
    """
    hops = len(powers) // _HOP_STEPS
    if hops < _BLOCK_HOPS:
        return SILENCE_LUFS

    tenths = powers[: hops * _HOP_STEPS].reshape(hops, _HOP_STEPS).mean(axis=1)
    total = np.concatenate([[0.0], np.cumsum(tenths)])
    blocks = (total[_BLOCK_HOPS:] - total[:-_BLOCK_HOPS]) / _BLOCK_HOPS
    loud = blocks[blocks > 10 ** ((SILENCE_LUFS - _OFFSET_LU) / 10)]
    if not len(loud):
        return SILENCE_LUFS
    kept = loud[loud > loud.mean() * _RELATIVE_GATE]
    return float(_OFFSET_LU + 10 * np.log10(kept.mean()))


def step_peaks(sound: Samples, from_peak: float) -> StepValues:
    """Largest magnitude of each step, both sides, oversampled wherever it may reach `from_peak`.

    Steps that stay clearly below `from_peak` get the peak of their samples.
    """
    steps = -(-len(sound) // STEP)
    before = _TAPS // 2 - 1
    padded = np.zeros((2, (steps + 2) * STEP), np.float32)
    padded[:, before : before + len(sound)] = sound.T

    at_samples = np.abs(padded[:, before : before + steps * STEP]).reshape(2, steps, STEP)
    peaks = at_samples.max(axis=(0, 2), initial=0.0)
    around = np.maximum(peaks, np.maximum(np.append(peaks[1:], 0.0), np.insert(peaks[:-1], 0, 0.0)))
    chosen = np.flatnonzero(around > from_peak / _MAX_OVERSHOOT)

    interpolation = _interpolation()
    for side in range(2):
        # Each row: a step with what its interpolation needs of the neighbours.
        rows = np.lib.stride_tricks.sliding_window_view(padded[side], len(interpolation))[::STEP]
        for begin in range(0, len(chosen), _BATCH_ROWS):
            batch = chosen[begin : begin + _BATCH_ROWS]
            between = rows[batch] @ interpolation
            highest = np.maximum(between.max(axis=1), -between.min(axis=1))
            peaks[batch] = np.maximum(peaks[batch], highest)
    return np.asarray(peaks, np.float64)


def true_peak_dbtp(sound: Samples) -> float:
    """The true peak of the whole; -70 for silence."""
    highest = float(np.abs(sound).max(initial=0.0))
    peak = float(step_peaks(sound, highest).max(initial=0.0))
    return max(SILENCE_LUFS, 20 * float(np.log10(max(peak, _TINY_PEAK))))


def peak_decibels(peaks: StepValues) -> StepValues:
    """Peaks in dBTP."""
    return 20 * np.log10(np.maximum(peaks, _TINY_PEAK))


def _k_weighted(sound: Samples) -> Iterator[NDArray[np.float32]]:
    """The weighted sound, `_BATCH_STEPS` at a time, shape (2, samples)."""
    graph = _weighting_filter()
    batch_samples = _BATCH_STEPS * STEP
    for begin in range(0, len(sound), batch_samples):
        batch = np.ascontiguousarray(sound[begin : begin + batch_samples].T, dtype=np.float32)
        frame = AudioFrame.from_ndarray(batch, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = SAMPLE_RATE, begin
        graph.push(frame)
        weighted = graph.pull()
        assert isinstance(weighted, AudioFrame)
        yield np.asarray(weighted.to_ndarray(), np.float32)


def _weighting_filter() -> av.filter.Graph:
    """The two filters of the K-weighting, one after the other."""
    graph = av.filter.Graph()
    last = graph.add_abuffer(
        format="fltp", sample_rate=SAMPLE_RATE, layout="stereo", time_base=Fraction(1, SAMPLE_RATE)
    )
    for b0, b1, b2, a1, a2 in _K_WEIGHTING:
        # In double precision: near 0 Hz the high-pass is all cancellation.
        biquad = graph.add("biquad", f"b0={b0}:b1={b1}:b2={b2}:a0=1:a1={a1}:a2={a2}:precision=f64")
        last.link_to(biquad)
        last = biquad
    sink = graph.add("abuffersink")
    last.link_to(sink)
    graph.configure()
    return graph


@cache
def _interpolation() -> NDArray[np.float32]:
    """Matrix from the samples of a step and its neighbourhood to the three values after each
    sample.
    """
    taps = np.arange(_TAPS) - (_TAPS // 2 - 1)
    matrix = np.zeros((STEP + _TAPS - 1, STEP, _OVERSAMPLING - 1))
    for number in range(1, _OVERSAMPLING):
        away = taps - number / _OVERSAMPLING
        window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(0.0, 1 - (2 * away / _TAPS) ** 2)))
        response = np.sinc(away) * window
        for sample in range(STEP):
            matrix[sample : sample + _TAPS, sample, number - 1] = response / response.sum()
    return matrix.reshape(len(matrix), -1).astype(np.float32)
