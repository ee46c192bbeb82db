"""The mix brought to the target loudness under the true-peak limit, and encoded as AAC.

Belongs here: what loudness is asked of a Reel and when less is right; one constant gain, the
limiter, AAC, and measuring what came out.
Does not belong here: mixing. A constant gain keeps the ducking and the fades as they were mixed.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from montage_pipeline.logs import get_logger
from montage_pipeline.media.loudness import Loudness
from montage_pipeline.rendering.audio.aac import FINE_QUALITY, USUAL_QUALITY, encode_aac
from montage_pipeline.rendering.audio.levels import (
    STEP,
    StepValues,
    integrated_lufs,
    peak_decibels,
    step_peaks,
    true_peak_dbtp,
    weighted_powers,
)
from montage_pipeline.rendering.audio.limiter import Aim, Drive, drive_for, limited, no_spots
from montage_pipeline.rendering.audio.reading import read_whole_sound
from montage_pipeline.rendering.audio.samples import Samples
from montage_pipeline.rendering.model import LoudnessVerdict

AUDIBLE_LUFS = -50.0
"""A mix below this holds nothing to hear; raising it to the target would only bring up noise."""

LOUDNESS_TOLERANCE_LU = 0.5
"""How far from the target the finished file may be."""

_ROUNDING = 0.05
"""FFmpeg prints tenths."""

_AT_LIMIT_WITHIN_DB = 1.5
"""A file whose peak is this near to the limit could not have been raised."""

_AS_LOWERED_LU = 0.15
"""Between the loudness that the mastering measured and FFmpeg's, which prints tenths."""

_SILENT_MARGIN_LU = 1.0
"""Below AUDIBLE_LUFS, so that what is nearly silent stays so whichever way the encoder rounds."""

_AIM_LU = 0.25
"""Half of the tolerance: near enough to stop."""

_PEAK_AIM_DB = 0.05
"""Kept below the limit, for the rounding of whoever measures."""

_PEAK_ROOM_DB = 1.0
"""Less room than this below the limit is not worth another encoding."""

_TRUE_PEAK_MARGIN_DB = 1.0
"""Of the first encoding: AAC overshoots its input."""

_MAX_ENCODINGS = 6
"""One is usual; white noise, of which AAC leaves out the top, takes two; lone clicks, which it
smears, three. After these the whole is lowered.
"""

_SPOT_STEPS = 1024 // STEP
"""What AAC adds at one place comes from the two frames (1024 samples each) about it."""

_MAX_SPOTTED = 3
"""Times that spots are lowered: an encoder that still overshoots does so elsewhere again and again.
"""

_MAX_SPOTS_SHARE = 0.25
"""Of the sound that spots may lower: more would be heard as pumping, which a lower ceiling is not.
"""

_LIKELY_DRIVE_DB = 3.0
"""What the limiter usually adds to the gain; peaks are measured this much deeper at first."""

_SPARE_GAIN_DB = 6.0
"""Beyond what lifts the faintest audible mix to the target."""

_log = get_logger(__name__)


def loudness_verdict(
    loudness: Loudness, target_lufs: float, max_true_peak_dbtp: float, lowered_lu: float = 0.0
) -> LoudnessVerdict | None:
    """Why the loudness measured on a finished file is right, or None when it is wrong.

    Sound below the target is right only if there is nothing to hear in it, or if it cannot be
    raised because of its peaks: they are at the limit, or were over it until the mastering left the
    sound `lowered_lu` below the target.
    """
    if abs(loudness.integrated_lufs - target_lufs) <= LOUDNESS_TOLERANCE_LU + _ROUNDING:
        return "on_target"
    if loudness.integrated_lufs < AUDIBLE_LUFS:
        return "silent"
    short_lu = target_lufs - loudness.integrated_lufs
    at_limit = loudness.true_peak_dbtp >= max_true_peak_dbtp - _AT_LIMIT_WITHIN_DB - _ROUNDING
    as_lowered = abs(short_lu - lowered_lu) <= _AS_LOWERED_LU
    return "peak_limited" if short_lu > 0 and (at_limit or as_lowered) else None


class MasteredSound(NamedTuple):
    """The encoded sound, and by how much (LU) its true peak kept it below the target; else 0."""

    path: Path
    lowered_lu: float


def mastered_sound(
    mix: Samples, target_lufs: float, max_true_peak_dbtp: float, folder: Path
) -> MasteredSound:
    """Encode the mix to an ADTS file in `folder`.

    Its first sample is the mix's first sample and its length is the mix's, rounded up to whole AAC
    frames. Where the encoder overshoots the true-peak limit, first the spot is lowered by what was
    measured, then all peaks, and at last the whole sound: a Reel may be a little quieter, but
    never fails by its peaks. The log says when the target was not reached.

    Raises RenderError("sound_encoding_failed") with FFmpeg's reason when encoding fails.
    """
    source = _Mix(mix)
    goal = _goal_for(source, target_lufs, max_true_peak_dbtp)
    output, attempt = folder / "sound.aac", folder / "sound.attempt.aac"
    recipe = _first_recipe(source, goal)
    best: _Result | None = None
    for _ in range(_MAX_ENCODINGS):
        result = _encoded(source, recipe, goal, attempt)
        if goal.is_nearer(result, best):
            best = result
            os.replace(attempt, output)
        if goal.is_met_by(result):
            break
        recipe = goal.next_recipe(recipe, result)
    attempt.unlink(missing_ok=True)

    best = best or _quieter(source, recipe, goal, output)
    lowered_lu = 0.0 if goal.silent else max(0.0, target_lufs - best.lufs)
    verdict = _verdict_of(best, goal, target_lufs, lowered_lu)
    _log_verdict(verdict, best, target_lufs)
    return MasteredSound(output, round(lowered_lu, 3))


class _Result(NamedTuple):
    """What was measured on an encoded file.

    `at_limit` says that the limiter forbade more gain; `excess_db` by how much each step is over
    the peak that is aimed for, 0 where it is not.
    """

    lufs: float
    true_peak_dbtp: float
    at_limit: bool
    excess_db: StepValues


class _Recipe(NamedTuple):
    """How the mix is raised and encoded.

    `spots_db` lowers single steps (see `limiter_gain`), and has been changed `spotted` times.
    """

    aim: Aim
    spots_db: StepValues
    spotted: int = 0
    quality: int = USUAL_QUALITY

    def quieter(self, by_db: float) -> "_Recipe":
        """The same sound on a lower level, encoded so finely that little is added to it."""
        aim = Aim(self.aim.lufs - by_db, self.aim.ceiling_dbtp - by_db)
        return self._replace(aim=aim, quality=FINE_QUALITY)


@dataclass(frozen=True)
class _Goal:
    """What the encoded file should measure; a `silent` mix is not raised."""

    lufs: float
    max_true_peak_dbtp: float
    silent: bool

    @property
    def peak_aim_dbtp(self) -> float:
        """The true peak that no encoding may exceed."""
        return self.max_true_peak_dbtp - _PEAK_AIM_DB

    def excess_db(self, result: _Result) -> float:
        """How far a result is above what may be delivered, in peak or loudness; not above 0: it
        may.
        """
        loud_lu = -self._short_lu(result) - LOUDNESS_TOLERANCE_LU
        return max(-self._room_db(result), loud_lu)

    def is_nearer(self, result: _Result, best: _Result | None) -> bool:
        """Whether a result may be delivered and is nearer to the loudness than the best so far."""
        if self.excess_db(result) > 0:
            return False
        return best is None or abs(self._short_lu(result)) < abs(self._short_lu(best))

    def is_met_by(self, result: _Result) -> bool:
        """Whether another encoding would not make it better."""
        room_db = self._room_db(result)
        near = abs(self._short_lu(result)) <= _AIM_LU
        full = self._is_full(result) and room_db <= _PEAK_ROOM_DB
        return room_db >= 0 and (self.silent or near or full)

    def next_recipe(self, recipe: _Recipe, result: _Result) -> _Recipe:
        """What to try after this result."""
        room_db, full = self._room_db(result), self._is_full(result)
        lufs, ceiling_dbtp = recipe.aim
        if not full:
            lufs += self._short_lu(result)

        spots_db = _spots_about(result.excess_db)
        if room_db < 0 and recipe.spotted < _MAX_SPOTTED and _are_few(spots_db):
            return _Recipe(
                aim=Aim(lufs, ceiling_dbtp),
                spots_db=recipe.spots_db + spots_db,
                spotted=recipe.spotted + 1,
                # What a lower level did not cure is the encoder's own noise.
                quality=FINE_QUALITY if recipe.spotted else recipe.quality,
            )
        # Towards the peak limit from above always, from below only if that is all that keeps the
        # sound down.
        if room_db < 0 or full:
            ceiling_dbtp += room_db - _PEAK_AIM_DB
        return recipe._replace(aim=Aim(lufs, ceiling_dbtp))

    def _room_db(self, result: _Result) -> float:
        """How far the true peak is below what is aimed for; negative above."""
        return self.peak_aim_dbtp - result.true_peak_dbtp

    def _short_lu(self, result: _Result) -> float:
        return self.lufs - result.lufs

    def _is_full(self, result: _Result) -> bool:
        return result.at_limit and self._short_lu(result) > 0


def _spots_about(excess_db: StepValues) -> StepValues:
    """By how much to lower each step (0 or less) for the frames of AAC about an excess."""
    padded = np.pad(np.where(excess_db > 0, excess_db + _PEAK_AIM_DB, 0.0), _SPOT_STEPS)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _SPOT_STEPS + 1)
    return np.asarray(-around.max(axis=1))


def _are_few(spots_db: StepValues) -> bool:
    return bool((spots_db < 0).mean() <= _MAX_SPOTS_SHARE)


def _quieter(source: "_Mix", recipe: _Recipe, goal: _Goal, output: Path) -> _Result:
    """The last resort: the whole sound lower, until what is measured may be delivered.

    It ends, since each step down is larger than the one before and silence has no peak.
    """
    margin_db = _PEAK_AIM_DB
    recipe = recipe.quieter(0.0)
    while (excess_db := goal.excess_db(result := _encoded(source, recipe, goal, output))) > 0:
        recipe = recipe.quieter(excess_db + margin_db)
        margin_db *= 2
    return result


class _Mix:
    """The mix with its levels; peaks are measured closely only where they can matter."""

    def __init__(self, sound: Samples) -> None:
        self.sound = sound
        self.powers: StepValues = weighted_powers(sound)
        self.lufs = integrated_lufs(self.powers)
        self._peaks: StepValues | None = None
        self._peaks_from_dbtp = 0.0

    def raised(self, aim: Aim, spots_db: StepValues) -> tuple[Samples, Drive]:
        """The mix with one gain, the limiter and lower spots, as near to the aim as those allow."""
        from_dbtp = aim.ceiling_dbtp - max(0.0, aim.lufs - self.lufs + _LIKELY_DRIVE_DB)
        max_gain_db = aim.lufs - AUDIBLE_LUFS + _SPARE_GAIN_DB
        while True:
            peaks = self._peaks_above(from_dbtp)
            drive = drive_for(self.powers, peaks, aim, max_gain_db, spots_db)
            if aim.ceiling_dbtp - drive.gain_db >= self._peaks_from_dbtp:
                raised = limited(self.sound, peaks, drive.gain_db, aim.ceiling_dbtp, spots_db)
                return raised, drive
            from_dbtp = aim.ceiling_dbtp - drive.gain_db - _LIKELY_DRIVE_DB

    def _peaks_above(self, from_dbtp: float) -> StepValues:
        """True peaks of the steps, right wherever they may reach `from_dbtp`."""
        if self._peaks is None or from_dbtp < self._peaks_from_dbtp:
            self._peaks = step_peaks(self.sound, 10 ** (from_dbtp / 20))
            self._peaks_from_dbtp = from_dbtp
        return self._peaks


def _goal_for(source: _Mix, target_lufs: float, max_true_peak_dbtp: float) -> _Goal:
    silent = source.lufs < AUDIBLE_LUFS
    lufs = min(source.lufs, AUDIBLE_LUFS - _SILENT_MARGIN_LU) if silent else target_lufs
    return _Goal(lufs, max_true_peak_dbtp, silent)


def _first_recipe(source: _Mix, goal: _Goal) -> _Recipe:
    aim = Aim(goal.lufs, goal.max_true_peak_dbtp - _TRUE_PEAK_MARGIN_DB)
    return _Recipe(aim, no_spots(source.powers))


def _encoded(source: _Mix, recipe: _Recipe, goal: _Goal, output: Path) -> _Result:
    raised, drive = source.raised(recipe.aim, recipe.spots_db)
    encode_aac(raised, output, recipe.quality)
    del raised  # ninety seconds are 35 MB, and decoding needs as much again
    decoded = read_whole_sound(output)
    lufs, peak_dbtp = integrated_lufs(weighted_powers(decoded)), true_peak_dbtp(decoded)

    excess_db = no_spots(source.powers)
    if peak_dbtp > goal.peak_aim_dbtp:
        # The last frame of AAC reaches beyond the mix.
        peaks = step_peaks(decoded, 10 ** (goal.peak_aim_dbtp / 20))[: len(excess_db)]
        excess_db = np.maximum(0.0, peak_decibels(peaks) - goal.peak_aim_dbtp)
    return _Result(lufs, peak_dbtp, drive.at_limit, excess_db)


def _verdict_of(
    result: _Result, goal: _Goal, target_lufs: float, lowered_lu: float
) -> LoudnessVerdict | None:
    loudness = Loudness(
        integrated_lufs=result.lufs, true_peak_dbtp=result.true_peak_dbtp, range_lu=0.0
    )
    return loudness_verdict(loudness, target_lufs, goal.max_true_peak_dbtp, lowered_lu)


def _log_verdict(verdict: LoudnessVerdict | None, result: _Result, target_lufs: float) -> None:
    """Warn when the target was not reached, for whatever good reason."""
    events: dict[LoudnessVerdict | None, str] = {
        "peak_limited": "loudness_limited_by_peaks",
        "silent": "sound_is_silent",
    }
    event = events.get(verdict)
    if event is not None:
        _log.warning(
            event,
            lufs=round(result.lufs, 1),
            true_peak_dbtp=round(result.true_peak_dbtp, 1),
            target_lufs=target_lufs,
        )
