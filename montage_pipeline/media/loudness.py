"""Loudness of a file's sound after EBU R128 (ITU-R BS.1770), as FFmpeg measures it.

Belongs here: measuring a file. Does not belong here: bringing sound to a target (rendering.audio).
"""

import re
from pathlib import Path

import av

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget
from montage_pipeline.media.opening import SOUND_FORMATS, input_args, open_media
from montage_pipeline.records import Record

SILENCE_LUFS = -70.0
"""What silence is said to be: the gate of EBU R128, below which nothing is counted."""

_MAX_S = 120.0  # for reading what a file holds

_INTEGRATED = re.compile(r"^\s*I:\s+(-?[\d.]+|-inf|nan) LUFS", re.MULTILINE)
_RANGE = re.compile(r"^\s*LRA:\s+(-?[\d.]+|-inf|nan) LU\b", re.MULTILINE)
_PEAK = re.compile(r"^\s*Peak:\s+(-?[\d.]+|-inf|nan) dBFS", re.MULTILINE)


class Loudness(Record):
    """Loudness of a whole file. Silence is -70 LUFS and -70 dBTP, never minus infinity."""

    integrated_lufs: float
    true_peak_dbtp: float
    range_lu: float


def measure_loudness(path: Path) -> Loudness:
    """Integrated loudness (LUFS), true peak (dBTP) and range (LU) of the first real audio stream.

    Raises PermanentError: NO_AUDIO when the file has no audio stream that can be decoded,
    AUDIO_UNREADABLE when it is no media file; and MontageError(LOUDNESS_FAILED) with FFmpeg's last
    lines when measuring fails.
    """
    stream = isolated(Budget(_MAX_S), None, _first_audio_stream, path)
    source = [*input_args(path, SOUND_FORMATS), "-map", f"0:{stream}"]
    measuring = ["-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"]
    output = run_ffmpeg(["-nostats", *source, *measuring], code=ErrorCode.LOUDNESS_FAILED)
    summary = output[output.rfind("Summary:") :]
    return Loudness(
        integrated_lufs=max(_figure(_INTEGRATED, summary), SILENCE_LUFS),
        true_peak_dbtp=max(_figure(_PEAK, summary), SILENCE_LUFS),
        range_lu=max(_figure(_RANGE, summary), 0.0),
    )


def _first_audio_stream(path: Path) -> int:
    try:
        with open_media(path, SOUND_FORMATS) as container:
            for stream in container.streams.audio:
                # Data tracks of phones are listed as audio without a decoder.
                if stream.codec_context is not None and stream.codec_context.sample_rate:
                    return stream.index
    except av.FFmpegError as error:
        raise PermanentError(
            ErrorCode.AUDIO_UNREADABLE, f"{path.name} cannot be read as a media file: {error}"
        ) from error
    raise PermanentError(ErrorCode.NO_AUDIO, f"{path.name} has no audio stream")


def _figure(pattern: re.Pattern[str], summary: str) -> float:
    found = pattern.search(summary)
    if found is None or found.group(1) in ("-inf", "nan"):
        return SILENCE_LUFS
    return float(found.group(1))
