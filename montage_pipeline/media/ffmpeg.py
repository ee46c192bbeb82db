"""The FFmpeg program: where it is, and how it is run.

Belongs here: finding the binary and running one command with its errors kept.
Does not belong here: what any command does; that is with the room that needs it.
"""

import subprocess
from collections.abc import Sequence
from functools import lru_cache

import imageio_ffmpeg

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError

_ERROR_LINES = 12


@lru_cache(maxsize=1)
def ffmpeg_path() -> str:
    """Absolute path of the FFmpeg executable that comes with imageio-ffmpeg.

    Raises PermanentError(FFMPEG_MISSING) when the package holds no binary for this platform.
    """
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise PermanentError(
            ErrorCode.FFMPEG_MISSING,
            f"no FFmpeg executable on this platform ({error}); set IMAGEIO_FFMPEG_EXE to one",
        ) from error


def run_ffmpeg(
    args: Sequence[str],
    *,
    timeout_s: float | None = None,
    code: ErrorCode = ErrorCode.FFMPEG_FAILED,
) -> str:
    """Run FFmpeg with `args` and return what it wrote to stderr.

    Raises MontageError(code) carrying FFmpeg's own last lines when it exits non-zero, and
    MontageError("ffmpeg_timeout") when it runs longer than `timeout_s` seconds.
    """
    command = [ffmpeg_path(), "-hide_banner", "-nostdin", *args]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=timeout_s,
            check=False,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise unusable_ffmpeg(error) from error
    except subprocess.TimeoutExpired as error:
        said = (error.stderr or b"").decode("utf-8", "replace")
        message = f"FFmpeg took longer than {timeout_s:g} s; it last said: {last_lines(said)}"
        raise MontageError(ErrorCode.FFMPEG_TIMEOUT, message, args=list(args)) from error
    stderr = done.stderr.decode("utf-8", "replace")
    if done.returncode != 0:
        said = last_lines(stderr)
        raise MontageError(
            code,
            f"FFmpeg failed (exit {done.returncode}): {said}",
            args=list(args),
            exit_code=done.returncode,
            stderr=said,
        )
    return stderr


def unusable_ffmpeg(error: OSError) -> PermanentError:
    """What to raise when the program cannot be started."""
    return PermanentError(
        ErrorCode.FFMPEG_MISSING,
        f"FFmpeg cannot be started ({error}); reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to one",
    )


def last_lines(text: str, count: int = _ERROR_LINES) -> str:
    """The last non-empty lines of FFmpeg's output; progress counters (written with \\r) are
    dropped.
    """
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.split("\n")]
    return "\n".join([line for line in lines if line][-count:])
