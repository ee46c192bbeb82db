"""Loudness of a file's sound after EBU R128 (ITU-R BS.1770), as FFmpeg measures it."""

import re
from pathlib import Path

import av

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.records import Record

SILENCE_LUFS = -70.0

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

    Raises PermanentError("no_audio") when the file has no audio stream that can be decoded,
    and MontageError("loudness_failed") with FFmpeg's words when measuring fails.
    """
    stream = _first_audio_stream(path)
    source = [
        "-nostats",
        "-protocol_whitelist",
        "file",
        "-i",
        f"file:{path}",
        "-map",
        f"0:{stream}",
    ]
    said = run_ffmpeg(
        [*source, "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"],
        code=ErrorCode.LOUDNESS_FAILED,
    )
    summary = said[said.rfind("Summary:") :]
    return Loudness(
        integrated_lufs=max(_figure(_INTEGRATED, summary), SILENCE_LUFS),
        true_peak_dbtp=max(_figure(_PEAK, summary), SILENCE_LUFS),
        range_lu=max(_figure(_RANGE, summary), 0.0),
    )


def _first_audio_stream(path: Path) -> int:
    try:
        with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
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
