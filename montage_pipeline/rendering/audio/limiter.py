"""A true-peak limiter, and how much gain in front of it reaches a loudness.

Belongs here: the gain curve of a limiter and the search for the gain before it, on levels alone.
Does not belong here: samples (levels measures them, master applies the gain).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.rendering.audio.levels import (
    STEP,
    StepValues,
    integrated_lufs,
    peak_decibels,
)
from montage_pipeline.rendering.audio.samples import SAMPLE_RATE, Samples

_LOOKAHEAD_STEPS = 6
"""4 ms: shorter distorts, longer is heard as a dip before the beat."""

_RELEASE_DB_PER_STEP = 120 * STEP / SAMPLE_RATE
"""120 dB/s: slow enough not to bend the waves of a bass."""

_MAX_WORK_DB = 12.0
"""What the limiter may take off what is heard, as a mean weighted by power.

More than that is no longer the sound that was mixed: of clicks in silence it would only bring up
the noise between them.
"""

_PRECISION_DB = 0.02
"""Of the search: far below what is heard, and below what FFmpeg prints."""

_MAX_TRIES = 24
"""Of the search, which converges in a handful."""

_FIRST_SLOPE = 0.8
"""LU for each dB of gain, before anything is known of the sound: the limiter takes its share."""

_SLOPES = (0.05, 1.0)
"""Within these the search believes what its last step brought."""

_TINY = 1e-9


class Aim(NamedTuple):
    """The loudness to reach, and the true peak that must not be exceeded."""

    lufs: float
    ceiling_dbtp: float


class Drive(NamedTuple):
    """A gain before the limiter, in dB, the loudness it gives (LUFS), and whether the limiter
    forbids more.
    """

    gain_db: float
    lufs: float
    at_limit: bool


class _Driven(NamedTuple):
    """A gain, the loudness behind the limiter, and what the limiter takes off."""

    gain_db: float
    lufs: float
    work_db: float


def no_spots(peaks: StepValues) -> StepValues:
    """Spots that lower nothing, for as many steps as there are peaks."""
    return np.zeros(len(peaks))


def limiter_gain(
    peaks_dbtp: StepValues, gain_db: float, ceiling_dbtp: float, spots_db: StepValues
) -> NDArray[np.float64]:
    """Gain at the edges of the steps that holds peaks raised by `gain_db` under the ceiling.

    There is one edge more than there are steps; between edges the gain runs straight. It falls
    within the lookahead before a peak and comes back slowly after it. `spots_db` (0 or less for
    each step) comes on top, whatever the peaks.
    """
    need_db = np.minimum(0.0, ceiling_dbtp - gain_db - peaks_dbtp) + spots_db
    if not len(need_db) or need_db.min() >= 0:
        return np.ones(len(need_db) + 1)

    released_db = np.arange(len(need_db)) * _RELEASE_DB_PER_STEP
    lowest_db = np.minimum.accumulate(need_db - released_db) + released_db
    window_steps = 2 * _LOOKAHEAD_STEPS + 1
    ahead_db = _minimum_over(np.pad(lowest_db, 2 * _LOOKAHEAD_STEPS, mode="edge"), window_steps)

    # A weighted mean of minima over the same window is never above what any step in it needs.
    window = np.hanning(window_steps + 2)[1:-1]
    smooth = np.convolve(
        10 ** (np.minimum(0.0, ahead_db) / 20), window / window.sum(), mode="valid"
    )
    padded = np.pad(smooth, 1, mode="edge")
    return np.asarray(np.minimum(padded[:-1], padded[1:]))


def limited(
    sound: Samples, peaks: StepValues, gain_db: float, ceiling_dbtp: float, spots_db: StepValues
) -> Samples:
    """The sound raised by `gain_db`, held under the ceiling and lowered at the spots.

    `peaks` are its `step_peaks`.
    """
    gains = limiter_gain(peak_decibels(peaks), gain_db, ceiling_dbtp, spots_db)
    reduction = gains.astype(np.float32)
    edges = reduction * np.float32(10 ** (gain_db / 20))
    rise = ((np.arange(STEP, dtype=np.float32) + 0.5) / STEP)[None, :]
    gain = (edges[:-1, None] + (edges[1:] - edges[:-1])[:, None] * rise).ravel()[: len(sound)]
    return np.asarray(sound * gain[:, None], np.float32)


def drive_for(
    powers: StepValues, peaks: StepValues, aim: Aim, max_gain_db: float, spots_db: StepValues
) -> Drive:
    """The gain that brings the sound to the aim through the limiter, or as near as it may go.

    The gain is at most `max_gain_db`, and the limiter takes off at most `_MAX_WORK_DB`.
    """
    limiter = _Limiter(powers, peak_decibels(peaks), aim.ceiling_dbtp, spots_db)
    unlimited_db = aim.lufs - integrated_lufs(powers)
    driven = limiter.reaching(aim.lufs, unlimited_db, max(unlimited_db, max_gain_db))
    if driven.work_db > _MAX_WORK_DB:
        driven = limiter.working_less(min(unlimited_db, limiter.idle_below_db), driven.gain_db)
    return Drive(driven.gain_db, driven.lufs, driven.lufs < aim.lufs - 2 * _PRECISION_DB)


class _Limiter:
    """A sound in front of a limiter, known by the levels of its steps."""

    def __init__(
        self,
        powers: StepValues,
        peaks_dbtp: StepValues,
        ceiling_dbtp: float,
        spots_db: StepValues,
    ) -> None:
        self._powers = powers
        self._peaks_dbtp = peaks_dbtp
        self._ceiling_dbtp = ceiling_dbtp
        self._spots_db = spots_db

    @property
    def idle_below_db(self) -> float:
        """The gain up to which the limiter does nothing at all."""
        return self._ceiling_dbtp - float(self._peaks_dbtp.max())

    def driven(self, gain_db: float) -> _Driven:
        """What this gain makes of the sound."""
        edges = limiter_gain(self._peaks_dbtp, gain_db, self._ceiling_dbtp, self._spots_db)
        # The gain moves slowly against the weighting's response, so weighting before it or after it
        # is the same.
        reduction = (edges[:-1] + edges[1:]) / 2
        heard = self._powers * (reduction * 10 ** (gain_db / 20)) ** 2
        taken = -20 * float(np.log10(np.maximum(reduction, _TINY)) @ heard)
        return _Driven(gain_db, integrated_lufs(heard), taken / max(float(heard.sum()), 1e-30))

    def reaching(self, target_lufs: float, low_db: float, max_db: float) -> _Driven:
        """The gain between two gains that reaches the target; the higher one if that is too low."""
        best = self.driven(low_db)
        high_db, slope = max_db, _FIRST_SLOPE
        for _ in range(_MAX_TRIES):
            short_lu = target_lufs - best.lufs
            if short_lu <= _PRECISION_DB or high_db - best.gain_db <= _PRECISION_DB:
                break
            # The more the limiter works, the less a decibel of gain adds: go by what the last step
            # brought.
            next_db = best.gain_db + short_lu / slope
            if next_db > high_db or (next_db == high_db and high_db < max_db):
                next_db = high_db if high_db == max_db else (best.gain_db + high_db) / 2

            tried = self.driven(next_db)
            if tried.lufs > target_lufs + _PRECISION_DB:
                high_db = next_db
                continue
            gained = (tried.lufs - best.lufs) / (next_db - best.gain_db)
            slope = float(np.clip(gained, *_SLOPES))
            best = tried
        return best

    def working_less(self, low_db: float, high_db: float) -> _Driven:
        """The highest gain between two gains at which the limiter takes off no more than it may."""
        while high_db - low_db > _PRECISION_DB:
            middle_db = (low_db + high_db) / 2
            if self.driven(middle_db).work_db > _MAX_WORK_DB:
                high_db = middle_db
            else:
                low_db = middle_db
        return self.driven(low_db)


def _minimum_over(values: StepValues, size: int) -> StepValues:
    """The minimum of every window of `size` values, by doubling the window."""
    width = 1
    while width < size:
        shift = min(width, size - width)
        values = np.minimum(values[:-shift], values[shift:])
        width += shift
    return values
