"""The FFmpeg program: where it is, and how it is run.

Belongs here: finding the binary and running one command with its errors kept.
Does not belong here: what any command does; that is with the room that needs it.
"""

import subprocess
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import imageio_ffmpeg

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.media.isolation.limits import bare_environment, limit_ffmpeg

_ERROR_LINES = 12  # the cause stands near the end of what FFmpeg says


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

    Raises MontageError(code) with FFmpeg's own last lines when it exits non-zero, MontageError
    (FFMPEG_TIMEOUT) when it runs longer than `timeout_s` seconds, and PermanentError
    (FFMPEG_MISSING) when it cannot be started.
    """
    command = [ffmpeg_path(), "-hide_banner", "-nostdin", *args]
    with start_ffmpeg(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            _, output = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            process.kill()
            said = last_lines((error.stderr or b"").decode("utf-8", "replace"))
            message = f"FFmpeg took longer than {timeout_s:g} s; its last lines: {said}"
            raise MontageError(ErrorCode.FFMPEG_TIMEOUT, message, args=list(args)) from error
        except BaseException:
            process.kill()
            raise

    stderr = output.decode("utf-8", "replace")
    if process.returncode != 0:
        cause = last_lines(stderr)
        raise MontageError(
            code,
            f"FFmpeg failed (exit {process.returncode}): {cause}",
            args=list(args),
            exit_code=process.returncode,
            stderr=cause,
        )
    return stderr


def start_ffmpeg(command: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
    """FFmpeg, started with limits and without our environment; `options` are Popen's.

    It reads bytes of strangers, and needs neither keys nor addresses for that.

    Raises PermanentError(FFMPEG_MISSING) when it cannot be started.
    """
    try:
        process = subprocess.Popen(command, env=bare_environment(), **options)
    except (FileNotFoundError, PermissionError) as error:
        raise unusable_ffmpeg(error) from error
    limit_ffmpeg(process.pid)
    return process


def unusable_ffmpeg(error: OSError) -> PermanentError:
    """What to raise when the program cannot be started."""
    return PermanentError(
        ErrorCode.FFMPEG_MISSING,
        f"FFmpeg cannot be started ({error}); "
        "reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to one",
    )


def last_lines(text: str, count: int = _ERROR_LINES) -> str:
    """The last non-empty lines of FFmpeg's output, without progress counters (written with \\r)."""
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.split("\n")]
    return "\n".join([line for line in lines if line][-count:])
