"""A true-peak limiter, and how much gain in front of it reaches a loudness.

Belongs here: the gain curve of a limiter and the search for the gain before it, on levels alone.
Does not belong here: samples (levels measures them, master applies the gain).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.rendering.audio.levels import STEP, StepValues, integrated_lufs
from montage_pipeline.rendering.audio.reading import SAMPLE_RATE, Samples

_LOOKAHEAD_STEPS = 6  # 4 ms
_RELEASE_DB_PER_STEP = (
    120 * STEP / SAMPLE_RATE
)  # 120 dB/s: slow enough not to bend the waves of a bass
_MOST_WORK_DB = 12.0
_SEARCH_STEPS, _SEARCH_DB = 24, 0.02


class Drive(NamedTuple):
    """A gain before the limiter, in dB, the loudness it gives (LUFS), and whether the limiter
    forbids more.
    """

    gain_db: float
    lufs: float
    at_limit: bool


def limiter_gain(
    peaks_dbtp: StepValues, gain_db: float, ceiling_dbtp: float
) -> NDArray[np.float64]:
    """Gain at the edges of the steps (one more than there are steps) that holds peaks raised by
    `gain_db` under the ceiling.

    Between the edges it runs straight. It falls within the lookahead before a peak and comes back
    slowly after it.
    """
    need_db = np.minimum(0.0, ceiling_dbtp - gain_db - peaks_dbtp)
    if not len(need_db) or need_db.min() >= 0:
        return np.ones(len(need_db) + 1)
    released_db = np.arange(len(need_db)) * _RELEASE_DB_PER_STEP
    lowest_db = np.pad(
        np.minimum.accumulate(need_db - released_db) + released_db,
        2 * _LOOKAHEAD_STEPS,
        mode="edge",
    )
    size = 2 * _LOOKAHEAD_STEPS + 1
    width = 1
    while width < size:
        shift = min(width, size - width)
        lowest_db = np.minimum(lowest_db[:-shift], lowest_db[shift:])
        width += shift
    # A weighted mean of minima over the same window is never above what any step in it needs.
    window = np.hanning(size + 2)[1:-1]
    smooth = np.convolve(
        10 ** (np.minimum(0.0, lowest_db) / 20), window / window.sum(), mode="valid"
    )
    padded = np.pad(smooth, 1, mode="edge")
    return np.asarray(np.minimum(padded[:-1], padded[1:]))


def limited(sound: Samples, peaks: StepValues, gain_db: float, ceiling_dbtp: float) -> Samples:
    """The sound raised by `gain_db` and held under the ceiling; `peaks` are its `step_peaks`."""
    edges = limiter_gain(_decibels(peaks), gain_db, ceiling_dbtp).astype(np.float32) * np.float32(
        10 ** (gain_db / 20)
    )
    rise = ((np.arange(STEP, dtype=np.float32) + 0.5) / STEP)[None, :]
    gain = (edges[:-1, None] + (edges[1:] - edges[:-1])[:, None] * rise).ravel()[: len(sound)]
    return np.asarray(sound * gain[:, None], np.float32)


def drive_for(
    powers: StepValues,
    peaks: StepValues,
    target_lufs: float,
    ceiling_dbtp: float,
    most_gain_db: float,
) -> Drive:
    """The gain that brings the sound to the target through the limiter, or as near as it may go.

    The gain is at most `most_gain_db`, and the limiter may take no more than 12 dB off what is
    heard (a mean weighted by power).
    More than that is no longer the sound that was mixed: of clicks in silence it would only bring
    up the noise between them.
    """
    peaks_dbtp = _decibels(peaks)
    free_db = target_lufs - integrated_lufs(powers)
    gain_db, lufs, work_db = _gain_for(
        powers, peaks_dbtp, target_lufs, ceiling_dbtp, free_db, max(free_db, most_gain_db)
    )
    if work_db > _MOST_WORK_DB:
        # Far enough down the limiter does nothing at all.
        low_db, high_db = min(free_db, ceiling_dbtp - float(peaks_dbtp.max())), gain_db
        while high_db - low_db > _SEARCH_DB:
            gain_db = (low_db + high_db) / 2
            if _driven(powers, peaks_dbtp, gain_db, ceiling_dbtp)[1] > _MOST_WORK_DB:
                high_db = gain_db
            else:
                low_db = gain_db
        gain_db = low_db
        lufs = _driven(powers, peaks_dbtp, gain_db, ceiling_dbtp)[0]
    return Drive(gain_db, lufs, lufs < target_lufs - 2 * _SEARCH_DB)


def _gain_for(
    powers: StepValues,
    peaks_dbtp: StepValues,
    target_lufs: float,
    ceiling_dbtp: float,
    low_db: float,
    most_db: float,
) -> tuple[float, float, float]:
    """The gain between two gains that reaches the target, its loudness and the limiter's work; the
    higher gain if that is too low.
    """
    lufs, work_db = _driven(powers, peaks_dbtp, low_db, ceiling_dbtp)
    high_db, slope = most_db, 0.8
    for _ in range(_SEARCH_STEPS):
        if target_lufs - lufs <= _SEARCH_DB or high_db - low_db <= _SEARCH_DB:
            break
        # The more the limiter works, the less a decibel of gain adds: go by what the last step
        # brought.
        next_db = low_db + (target_lufs - lufs) / slope
        if next_db > high_db or (next_db == high_db and high_db < most_db):
            next_db = high_db if high_db == most_db else (low_db + high_db) / 2
        next_lufs, next_work_db = _driven(powers, peaks_dbtp, next_db, ceiling_dbtp)
        if next_lufs > target_lufs + _SEARCH_DB:
            high_db = next_db
            continue
        slope = float(np.clip((next_lufs - lufs) / (next_db - low_db), 0.05, 1.0))
        low_db, lufs, work_db = next_db, next_lufs, next_work_db
    return low_db, lufs, work_db


def _driven(
    powers: StepValues, peaks_dbtp: StepValues, gain_db: float, ceiling_dbtp: float
) -> tuple[float, float]:
    """Loudness behind the limiter, and the limiter's work in dB."""
    edges = limiter_gain(peaks_dbtp, gain_db, ceiling_dbtp)
    # The gain moves slowly against the weighting's response, so weighting before it or after it is
    # the same.
    reduction = (edges[:-1] + edges[1:]) / 2
    heard = powers * (reduction * 10 ** (gain_db / 20)) ** 2
    work_db = (
        -20 * float(np.log10(np.maximum(reduction, 1e-9)) @ heard) / max(float(heard.sum()), 1e-30)
    )
    return integrated_lufs(heard), work_db


def _decibels(peaks: StepValues) -> StepValues:
    return 20 * np.log10(np.maximum(peaks, 1e-9))
