"""FFmpeg as a child that encodes one part of the picture.

Belongs here: starting, feeding, watching and killing such a child.
Does not belong here: what it is told to do (part).

A child talks to us through pipes and nothing else, so it cannot outlive us: when this process dies,
however it dies,
the child's next write fails. What it encodes is written to disk here, so a full disk is our own
error and is told.
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

from montage_pipeline.errors import ErrorCode
from montage_pipeline.media.ffmpeg import ffmpeg_path, last_lines, unusable_ffmpeg
from montage_pipeline.rendering.errors import RenderError

STALL_TIMEOUT_S = 120.0

_CHUNK_BYTES = 1 << 18
_KEPT_LINES = 200
_PROGRESS = re.compile(
    rb"^(frame|fps|stream_\d+_\d+_q|bitrate|total_size|out_time\w*|dup_frames|drop_frames|speed|progress)=(.*)$"
)
_PROGRESS_EVERY_S = "0.25"


class EncodingProcess:
    """One FFmpeg whose stdout becomes the file `output`; with `fed`, raw frames go to its stdin.

    `what` completes "FFmpeg failed while it …" in errors; `folder` is where the child runs.
    Whoever starts it must call `kill` in the end, whatever happened; `kill` may be called from any
    thread.
    """

    def __init__(
        self, args: Sequence[str], output: Path, what: str, folder: Path, *, fed: bool = False
    ) -> None:
        self._what = what
        self._output = output
        self._lines: deque[bytes] = deque(maxlen=_KEPT_LINES)
        self._frames = 0
        self._last_sign_s = time.monotonic()
        self._disk_error: OSError | None = None
        command = [
            ffmpeg_path(),
            "-hide_banner",
            "-nostats",
            "-loglevel",
            "warning",
            "-stats_period",
            _PROGRESS_EVERY_S,
        ]
        try:
            self._process = subprocess.Popen(
                [*command, "-progress", "pipe:2", "-y", *args, "pipe:1"],
                stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=folder,
                start_new_session=True,
            )
        except (FileNotFoundError, PermissionError) as error:
            raise unusable_ffmpeg(error) from error
        self._threads = [
            threading.Thread(target=work, daemon=True)
            for work in (self._keep_output, self._keep_lines)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def frames(self) -> int:
        """Frames encoded so far."""
        return self._frames

    def write(self, data: memoryview) -> None:
        """Hand over all of the data.

        Raises RenderError with the child's reason when it has stopped reading.
        """
        assert self._process.stdin is not None
        try:
            while data:
                data = data[self._process.stdin.write(data) or 0 :]
        except (BrokenPipeError, ValueError) as error:
            self._process.wait()
            raise self._failure("stopped early") from error

    def finish(self) -> None:
        """Wait until the output is whole.

        RenderError with FFmpeg's or the disk's reason when it never will be.
        """
        if self._process.stdin is not None:
            self._process.stdin.close()
        while True:
            try:
                code = self._process.wait(1.0)
                break
            except subprocess.TimeoutExpired:
                if time.monotonic() - self._last_sign_s > STALL_TIMEOUT_S:
                    self.kill()
                    raise self._failure(f"made no progress for {STALL_TIMEOUT_S:g} s") from None
        self._threads[0].join()
        if self._disk_error is not None:
            raise RenderError(
                ErrorCode.RENDER_FAILED,
                f"cannot write {self._output.parent}: {self._disk_error.strerror or self._disk_error}",
            ) from self._disk_error
        if code != 0:
            raise self._failure(f"failed (exit {code})")

    def kill(self) -> None:
        """End the child at once; harmless when it has ended."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for thread in self._threads:
            thread.join(5)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _failure(self, how: str) -> RenderError:
        self._threads[1].join(5)
        said = last_lines(b"".join(self._lines).decode("utf-8", "replace"))
        return RenderError(
            ErrorCode.RENDER_FAILED,
            f"FFmpeg {how} while it {self._what}: {said or 'it gave no reason'}",
            stderr=said,
        )

    def _keep_output(self) -> None:
        assert self._process.stdout is not None
        try:
            with self._output.open("wb") as file:
                while data := self._process.stdout.read(_CHUNK_BYTES):
                    file.write(data)
                    self._last_sign_s = time.monotonic()
        except OSError as error:
            self._disk_error = error
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _keep_lines(self) -> None:
        assert self._process.stderr is not None
        with contextlib.suppress(ValueError, OSError):
            for line in self._process.stderr:
                progress = _PROGRESS.match(line.strip())
                if progress is None:
                    self._lines.append(line)
                elif progress[1] == b"frame" and int(progress[2]) > self._frames:
                    self._frames = int(progress[2])
                    self._last_sign_s = time.monotonic()
