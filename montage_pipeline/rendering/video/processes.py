"""FFmpeg as a child process that encodes one chunk.

Belongs here: starting, watching and killing such a child.
Does not belong here: what it is told to do (the chunks).

A child talks to us through pipes and nothing else, so it cannot outlive us: when this process dies,
however it dies, the child's next write fails. What it encodes is written to disk here, so a full
disk is our own error and is reported as one.
"""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.media.ffmpeg import ffmpeg_path, last_lines, start_ffmpeg
from montage_pipeline.rendering.errors import RenderError

STALL_TIMEOUT_S = 120.0
"""Without a frame or a byte for this long, FFmpeg hangs: even a slow machine encodes faster."""

_READ_BYTES = 1 << 18
"""Read from the child at a time: enough that reading costs nothing beside encoding."""

_KEPT_LINES = 200
"""Of the child's log; more than any message shows, and bounded."""

_JOIN_TIMEOUT_S = 5
"""For a thread whose pipe is closed already."""

_CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL})
"""Of a program itself; SIGKILL comes of the system, for want of memory, and may pass."""

_PROGRESS = re.compile(
    rb"^(frame|fps|stream_\d+_\d+_q|bitrate|total_size|out_time\w*"
    rb"|dup_frames|drop_frames|speed|progress)=(.*)$"
)
_DECODER_FAULT = re.compile(
    rb"corrupt decoded frame|Error submitting packet to decoder|error while decoding MB"
    rb"|concealing \d+ DC"
)
"""Frames shown with these are not what was filmed. What decoders say of frames that they leave out
after a seek is none of it.
"""

_PROGRESS_EVERY_S = "0.25"

_FFMPEG_OPTIONS = (
    *("-hide_banner", "-nostats", "-loglevel", "warning"),
    *("-stats_period", _PROGRESS_EVERY_S, "-progress", "pipe:2", "-y"),
)


class EncodingProcess:
    """One FFmpeg whose stdout becomes the file `output`.

    `what` completes "FFmpeg failed while it …" in errors; `folder` is where the child runs.
    With `ends_at_fault` it is killed as soon as the decoder finds a fault, and `finish` then
    returns with a part of the output. Whoever starts it must call `kill` in the end, whatever
    happened; `kill` may be called from any thread.
    """

    def __init__(
        self,
        args: Sequence[str],
        output: Path,
        what: str,
        folder: Path,
        *,
        ends_at_fault: bool = False,
    ) -> None:
        self._what = what
        self._ends_at_fault = ends_at_fault
        self._ended_at_fault = False
        self._output = output
        self._lines: deque[bytes] = deque(maxlen=_KEPT_LINES)
        self._frames = 0
        self._last_sign_s = time.monotonic()
        self._disk_error: OSError | None = None
        self._process = start_ffmpeg(
            [ffmpeg_path(), *_FFMPEG_OPTIONS, *args, "pipe:1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=folder,
            start_new_session=True,
        )

        self._output_thread = threading.Thread(target=self._keep_output, daemon=True)
        self._log_thread = threading.Thread(target=self._keep_lines, daemon=True)
        self._output_thread.start()
        self._log_thread.start()

    @property
    def frames(self) -> int:
        """Frames encoded so far."""
        return self._frames

    @property
    def decoder_faults(self) -> list[str]:
        """What the decoder said of frames that it could not decode as they were meant."""
        return [
            line.decode("utf-8", "replace").strip()
            for line in tuple(self._lines)
            if _DECODER_FAULT.search(line)
        ]

    def finish(self) -> None:
        """Wait until the output is whole.

        Raises RenderError with FFmpeg's or the disk's reason when it never will be;
        PermanentError(CLIP_CRASHED) when FFmpeg crashed, which comes of what it reads.
        """
        exit_code = self._wait()
        self._output_thread.join()

        if self._disk_error is not None:
            reason = self._disk_error.strerror or self._disk_error
            raise RenderError(
                ErrorCode.RENDER_FAILED, f"cannot write {self._output.parent}: {reason}"
            ) from self._disk_error
        if self._ended_at_fault:
            return
        if -exit_code in _CRASHES:
            name = signal.Signals(-exit_code).name
            raise PermanentError(
                ErrorCode.CLIP_CRASHED, f"FFmpeg crashed ({name}) while it {self._what}"
            )
        if exit_code != 0:
            raise self._failure(f"failed (exit {exit_code})")

    def kill(self) -> None:
        """End the child at once; harmless when it has ended."""
        self._signal_kill()
        self._process.wait()
        for thread in (self._output_thread, self._log_thread):
            thread.join(_JOIN_TIMEOUT_S)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _wait(self) -> int:
        """The exit code; a child that makes no progress is killed, which is a RenderError."""
        while True:
            try:
                return self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                if time.monotonic() - self._last_sign_s > STALL_TIMEOUT_S:
                    self.kill()
                    raise self._failure(f"made no progress for {STALL_TIMEOUT_S:g} s") from None

    def _signal_kill(self) -> None:
        # Once it is waited for, its number may be another's.
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _failure(self, how: str) -> RenderError:
        self._log_thread.join(_JOIN_TIMEOUT_S)
        reason = last_lines(b"".join(self._lines).decode("utf-8", "replace"))
        return RenderError(
            ErrorCode.RENDER_FAILED,
            f"FFmpeg {how} while it {self._what}: {reason or 'it gave no reason'}",
            stderr=reason,
        )

    def _keep_output(self) -> None:
        assert self._process.stdout is not None
        try:
            with self._output.open("wb") as file:
                while data := self._process.stdout.read(_READ_BYTES):
                    file.write(data)
                    self._last_sign_s = time.monotonic()
        except OSError as error:
            self._disk_error = error
            self._signal_kill()

    def _keep_lines(self) -> None:
        assert self._process.stderr is not None
        with contextlib.suppress(ValueError, OSError):
            for line in self._process.stderr:
                progress = _PROGRESS.match(line.strip())
                if progress is None:
                    self._lines.append(line)
                    self._end_at_fault(line)
                elif progress[1] == b"frame" and int(progress[2]) > self._frames:
                    self._frames = int(progress[2])
                    self._last_sign_s = time.monotonic()

    def _end_at_fault(self, line: bytes) -> None:
        if self._ends_at_fault and _DECODER_FAULT.search(line):
            self._ended_at_fault = True
            self._signal_kill()
