"""The mix brought to the target loudness under the true-peak limit, and encoded as AAC.

Belongs here: what loudness is asked of a Reel and when less is right; one constant gain, the
limiter, AAC, and measuring what came out.
Does not belong here: mixing. A constant gain keeps the ducking and the fades as they were mixed.
"""

import os
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
from montage_pipeline.rendering.audio.limiter import Drive, drive_for, limited
from montage_pipeline.rendering.audio.reading import Samples, read_whole_sound
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.model import LoudnessVerdict

AUDIBLE_LUFS = -50.0
"""A mix below this holds nothing to hear; raising it to the target would only bring up noise."""

LOUDNESS_TOLERANCE_LU = 0.5
"""How far from the target the finished file may be."""

_ROUNDING = 0.05  # FFmpeg prints tenths
_LIMIT_WITHIN_DB = 1.5
_SILENT_MARGIN_LU = 1.0
_AIM_LU = 0.25  # good enough to stop
_PEAK_AIM_DB = 0.05
_PEAK_ROOM_DB = 1.0
_TRUE_PEAK_MARGIN_DB = 1.0  # AAC overshoots its input
# one is usual; white noise, of which AAC leaves out the top, takes two; lone clicks, which it
# smears, three
_ENCODINGS = 6
_LIKELY_DRIVE_DB = 3.0
_SPARE_GAIN_DB = 6.0  # beyond what lifts the faintest audible mix to the target

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
    at_limit = loudness.true_peak_dbtp >= max_true_peak_dbtp - _LIMIT_WITHIN_DB - _ROUNDING
    return "peak_limited" if loudness.integrated_lufs < target_lufs and at_limit else None


class _Aim(NamedTuple):
    """What is asked of the limiter."""

    lufs: float
    ceiling_dbtp: float


class _Result(NamedTuple):
    """What was measured on an encoded file;

    `at_limit` says whether the limiter forbade more gain.
    """

    lufs: float
    true_peak_dbtp: float
    at_limit: bool


class _Mix:
    """The mix with its levels; peaks are looked at closely only where they can matter."""

    def __init__(self, sound: Samples) -> None:
        self.sound = sound
        self.powers: StepValues = weighted_powers(sound)
        self.lufs = integrated_lufs(self.powers)
        self._peaks: StepValues | None = None
        self._peaks_from_dbtp = 0.0

    def raised(self, aim: _Aim) -> tuple[Samples, Drive]:
        """The mix with one gain and the limiter, at the loudness aimed at or as near as the limiter
        lets it get.
        """
        from_dbtp = aim.ceiling_dbtp - max(0.0, aim.lufs - self.lufs + _LIKELY_DRIVE_DB)
        while True:
            if self._peaks is None or from_dbtp < self._peaks_from_dbtp:
                self._peaks = step_peaks(self.sound, 10 ** (from_dbtp / 20))
                self._peaks_from_dbtp = from_dbtp
            most_gain_db = aim.lufs - AUDIBLE_LUFS + _SPARE_GAIN_DB
            drive = drive_for(self.powers, self._peaks, aim.lufs, aim.ceiling_dbtp, most_gain_db)
            if aim.ceiling_dbtp - drive.gain_db >= self._peaks_from_dbtp:
                return limited(self.sound, self._peaks, drive.gain_db, aim.ceiling_dbtp), drive
            from_dbtp = aim.ceiling_dbtp - drive.gain_db - _LIKELY_DRIVE_DB


def mastered_sound(
    mix: Samples, target_lufs: float, max_true_peak_dbtp: float, folder: Path
) -> Path:
    """Encode the mix to an ADTS file in `folder` and return it.

    Its first sample is the mix's first sample and its length is the mix's, rounded up to whole AAC
    frames. Where the true-peak limit
    keeps the sound from the target, it is as loud as the limiter makes it, and the log says so;
    `loudness_verdict` tells from the file.
    Raises RenderError("sound_encoding_failed") with FFmpeg's reason when encoding fails, and
    RenderError("true_peak_exceeded") when
    no encoding stays under the limit.
    """
    source = _Mix(mix)
    silent = source.lufs < AUDIBLE_LUFS
    # What is nearly silent stays so after the encoder, whichever way that rounds.
    wanted_lufs = min(source.lufs, AUDIBLE_LUFS - _SILENT_MARGIN_LU) if silent else target_lufs
    aim = _Aim(wanted_lufs, max_true_peak_dbtp - _TRUE_PEAK_MARGIN_DB)
    output, attempt = folder / "sound.aac", folder / "sound.attempt.aac"
    best: _Result | None = None
    for _ in range(_ENCODINGS):
        result = _encoded(source, aim, attempt)
        room_db = max_true_peak_dbtp - _PEAK_AIM_DB - result.true_peak_dbtp
        short_lu = wanted_lufs - result.lufs
        if room_db >= 0 and (best is None or abs(short_lu) < abs(wanted_lufs - best.lufs)):
            best = result
            os.replace(attempt, output)
        full = result.at_limit and short_lu > 0
        if room_db >= 0 and (
            silent or abs(short_lu) <= _AIM_LU or (full and room_db <= _PEAK_ROOM_DB)
        ):
            break
        # Towards the peak limit from above always, from below only if that is all that keeps the
        # sound down.
        moved_dbtp = (
            aim.ceiling_dbtp + room_db - _PEAK_AIM_DB if room_db < 0 or full else aim.ceiling_dbtp
        )
        aim = _Aim(aim.lufs if full else aim.lufs + short_lu, moved_dbtp)
    attempt.unlink(missing_ok=True)
    if best is None:
        raise RenderError(
            ErrorCode.TRUE_PEAK_EXCEEDED,
            f"after {_ENCODINGS} encodings the sound still peaks at {result.true_peak_dbtp:.1f} dBTP, above {max_true_peak_dbtp:g}",
        )
    _tell(best, target_lufs, max_true_peak_dbtp)
    return output


def _encoded(source: _Mix, aim: _Aim, output: Path) -> _Result:
    raised, drive = source.raised(aim)
    encode_aac(raised, output)
    del raised
    decoded = read_whole_sound(output)
    return _Result(
        integrated_lufs(weighted_powers(decoded)), true_peak_dbtp(decoded), drive.at_limit
    )


def _tell(result: _Result, target_lufs: float, max_true_peak_dbtp: float) -> None:
    loudness = Loudness(
        integrated_lufs=result.lufs, true_peak_dbtp=result.true_peak_dbtp, range_lu=0.0
    )
    verdict = loudness_verdict(loudness, target_lufs, max_true_peak_dbtp)
    facts = {
        "lufs": round(result.lufs, 1),
        "true_peak_dbtp": round(result.true_peak_dbtp, 1),
        "target_lufs": target_lufs,
    }
    if verdict == "peak_limited":
        _log.warning(
            "the sound stays below its loudness target: its peaks are at the limit", **facts
        )
    elif verdict == "silent":
        _log.warning("there is nothing to hear in the sound", **facts)
