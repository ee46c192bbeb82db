"""The mix brought to the target loudness under the true-peak limit, and encoded as AAC.

Belongs here: what loudness is asked of a Reel and when less is right; one constant gain, the
limiter, AAC, and measuring what came out.
Does not belong here: mixing. A constant gain keeps the ducking and the fades as they were mixed.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from montage_pipeline.errors import ErrorCode
from montage_pipeline.logs import get_logger
from montage_pipeline.media.loudness import Loudness
from montage_pipeline.rendering.audio.aac import encode_aac
from montage_pipeline.rendering.audio.levels import (
    StepValues,
    integrated_lufs,
    step_peaks,
    true_peak_dbtp,
    weighted_powers,
)
from montage_pipeline.rendering.audio.limiter import Aim, Drive, drive_for, limited
from montage_pipeline.rendering.audio.reading import read_whole_sound
from montage_pipeline.rendering.audio.samples import Samples
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.model import LoudnessVerdict

AUDIBLE_LUFS = -50.0
"""A mix below this holds nothing to hear; raising it to the target would only bring up noise."""

LOUDNESS_TOLERANCE_LU = 0.5
"""How far from the target the finished file may be."""

_ROUNDING = 0.05
"""FFmpeg prints tenths."""

_AT_LIMIT_WITHIN_DB = 1.5
"""A file whose peak is this near to the limit could not have been raised."""

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
smears, three.
"""

_LIKELY_DRIVE_DB = 3.0
"""What the limiter usually adds to the gain; peaks are measured this much deeper at first."""

_SPARE_GAIN_DB = 6.0
"""Beyond what lifts the faintest audible mix to the target."""

_log = get_logger(__name__)


def loudness_verdict(
    loudness: Loudness, target_lufs: float, max_true_peak_dbtp: float
) -> LoudnessVerdict | None:
    """Why the loudness measured on a finished file is right, or None when it is wrong.

    Sound below the target is right only if there is nothing to hear in it, or if it cannot be
    raised because its peaks are at the limit.
    """
    if abs(loudness.integrated_lufs - target_lufs) <= LOUDNESS_TOLERANCE_LU + _ROUNDING:
        return "on_target"
    if loudness.integrated_lufs < AUDIBLE_LUFS:
        return "silent"
    at_limit = loudness.true_peak_dbtp >= max_true_peak_dbtp - _AT_LIMIT_WITHIN_DB - _ROUNDING
    return "peak_limited" if loudness.integrated_lufs < target_lufs and at_limit else None


def mastered_sound(
    mix: Samples, target_lufs: float, max_true_peak_dbtp: float, folder: Path
) -> Path:
    """Encode the mix to an ADTS file in `folder` and return it.

    Its first sample is the mix's first sample and its length is the mix's, rounded up to whole AAC
    frames. Where the true-peak limit keeps the sound from the target, it is as loud as the limiter
    makes it, and the log says so; `loudness_verdict` tells from the file.

    Raises RenderError("sound_encoding_failed") with FFmpeg's reason when encoding fails, and
    RenderError("true_peak_exceeded") when no encoding stays under the limit.
    """
    source = _Mix(mix)
    goal = _goal_for(source, target_lufs, max_true_peak_dbtp)
    aim = Aim(goal.lufs, max_true_peak_dbtp - _TRUE_PEAK_MARGIN_DB)
    output, attempt = folder / "sound.aac", folder / "sound.attempt.aac"
    best: _Result | None = None
    for _ in range(_MAX_ENCODINGS):
        result = _encoded(source, aim, attempt)
        if goal.is_nearer(result, best):
            best = result
            os.replace(attempt, output)
        if goal.is_met_by(result):
            break
        aim = goal.next_aim(aim, result)
    attempt.unlink(missing_ok=True)

    if best is None:
        raise RenderError(
            ErrorCode.TRUE_PEAK_EXCEEDED,
            f"after {_MAX_ENCODINGS} encodings the sound still peaks at "
            f"{result.true_peak_dbtp:.1f} dBTP, above {max_true_peak_dbtp:g}",
        )
    _log_verdict(best, target_lufs, max_true_peak_dbtp)
    return output


class _Result(NamedTuple):
    """What was measured on an encoded file; whether the limiter forbade more gain."""

    lufs: float
    true_peak_dbtp: float
    at_limit: bool


@dataclass(frozen=True)
class _Goal:
    """What the encoded file should measure; a `silent` mix is not raised."""

    lufs: float
    max_true_peak_dbtp: float
    silent: bool

    def is_nearer(self, result: _Result, best: _Result | None) -> bool:
        """Whether a result is under the limit and nearer to the loudness than the best so far."""
        if self._room_db(result) < 0:
            return False
        return best is None or abs(self._short_lu(result)) < abs(self._short_lu(best))

    def is_met_by(self, result: _Result) -> bool:
        """Whether another encoding would not make it better."""
        room_db = self._room_db(result)
        near = abs(self._short_lu(result)) <= _AIM_LU
        full = self._is_full(result) and room_db <= _PEAK_ROOM_DB
        return room_db >= 0 and (self.silent or near or full)

    def next_aim(self, aim: Aim, result: _Result) -> Aim:
        """What to ask of the limiter after this result."""
        room_db, full = self._room_db(result), self._is_full(result)
        # Towards the peak limit from above always, from below only if that is all that keeps the
        # sound down.
        ceiling_dbtp = aim.ceiling_dbtp
        if room_db < 0 or full:
            ceiling_dbtp = aim.ceiling_dbtp + room_db - _PEAK_AIM_DB
        return Aim(aim.lufs if full else aim.lufs + self._short_lu(result), ceiling_dbtp)

    def _room_db(self, result: _Result) -> float:
        return self.max_true_peak_dbtp - _PEAK_AIM_DB - result.true_peak_dbtp

    def _short_lu(self, result: _Result) -> float:
        return self.lufs - result.lufs

    def _is_full(self, result: _Result) -> bool:
        return result.at_limit and self._short_lu(result) > 0


class _Mix:
    """The mix with its levels; peaks are measured closely only where they can matter."""

    def __init__(self, sound: Samples) -> None:
        self.sound = sound
        self.powers: StepValues = weighted_powers(sound)
        self.lufs = integrated_lufs(self.powers)
        self._peaks: StepValues | None = None
        self._peaks_from_dbtp = 0.0

    def raised(self, aim: Aim) -> tuple[Samples, Drive]:
        """The mix with one gain and the limiter, as near to the aim as the limiter lets it get."""
        from_dbtp = aim.ceiling_dbtp - max(0.0, aim.lufs - self.lufs + _LIKELY_DRIVE_DB)
        max_gain_db = aim.lufs - AUDIBLE_LUFS + _SPARE_GAIN_DB
        while True:
            peaks = self._peaks_above(from_dbtp)
            drive = drive_for(self.powers, peaks, aim, max_gain_db)
            if aim.ceiling_dbtp - drive.gain_db >= self._peaks_from_dbtp:
                return limited(self.sound, peaks, drive.gain_db, aim.ceiling_dbtp), drive
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


def _encoded(source: _Mix, aim: Aim, output: Path) -> _Result:
    raised, drive = source.raised(aim)
    encode_aac(raised, output)
    del raised  # ninety seconds are 35 MB, and decoding needs as much again
    decoded = read_whole_sound(output)
    return _Result(
        integrated_lufs(weighted_powers(decoded)), true_peak_dbtp(decoded), drive.at_limit
    )


def _log_verdict(result: _Result, target_lufs: float, max_true_peak_dbtp: float) -> None:
    """Warn when the target was not reached, for whatever good reason."""
    loudness = Loudness(
        integrated_lufs=result.lufs, true_peak_dbtp=result.true_peak_dbtp, range_lu=0.0
    )
    events: dict[LoudnessVerdict | None, str] = {
        "peak_limited": "loudness_limited_by_peaks",
        "silent": "sound_is_silent",
    }
    event = events.get(loudness_verdict(loudness, target_lufs, max_true_peak_dbtp))
    if event is not None:
        _log.warning(
            event,
            lufs=round(result.lufs, 1),
            true_peak_dbtp=round(result.true_peak_dbtp, 1),
            target_lufs=target_lufs,
        )
