"""FFmpeg as a child that frames are read from or written to.

Belongs here: starting, feeding, watching and killing such a child.
Does not belong here: what it is told to do (segment_frames, picture_encoder).

A child talks to us through pipes and nothing else, so it cannot outlive us: when this process dies,
however it dies, a reader's next write fails and an encoder's input ends.
"""

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal

from montage_pipeline.footage.ffmpeg import ffmpeg_path, last_lines
from montage_pipeline.rendering.errors import RenderError

_PIPE_BYTES = 1 << 20
_KEPT_LINES = 200
STALL_TIMEOUT_S = 120.0


class FrameProcess:
    """One FFmpeg whose stdout ("read") or stdin ("write") carries raw frames.

    `what` completes "FFmpeg failed while it …" in errors; `folder` is where the child runs.
    Whoever starts it must call `kill` in the end, whatever happened.
    """

    def __init__(self, args: Sequence[str], direction: Literal["read", "write"], what: str, folder: Path) -> None:
        self._what = what
        self._lines: deque[bytes] = deque(maxlen=_KEPT_LINES)
        command = [ffmpeg_path(), "-hide_banner", "-nostats", "-loglevel", "warning", *args]
        reading = direction == "read"
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if reading else subprocess.PIPE,
            stdout=subprocess.PIPE if reading else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=folder,
            start_new_session=True,
        )
        pipe = self._process.stdout if reading else self._process.stdin
        assert pipe is not None
        assert self._process.stderr is not None
        self._pipe: IO[bytes] = pipe
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        os.set_blocking(pipe.fileno(), False)
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN if reading else select.POLLOUT)
        self._reader = threading.Thread(target=self._keep_lines, args=(self._process.stderr,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid

    def read_into(self, buffer: memoryview) -> int:
        """Fill the buffer and return the bytes read: fewer than its size only at the end of the stream."""
        done = 0
        while done < len(buffer):
            self._wait()
            with contextlib.suppress(BlockingIOError):
                got = os.readv(self._pipe.fileno(), [buffer[done:]])
                if got == 0:
                    break
                done += got
        return done

    def write(self, data: memoryview) -> None:
        """Hand over all of the data. Raises RenderError with the child's reason when it has stopped reading."""
        done = 0
        while done < len(data):
            self._wait()
            try:
                done += os.write(self._pipe.fileno(), data[done:])
            except BlockingIOError:
                continue
            except BrokenPipeError as error:
                self._process.wait()
                raise self._failure("stopped early") from error

    def finish(self) -> None:
        """Close our end and wait for the child; RenderError with its last words when it failed."""
        self._pipe.close()
        try:
            code = self._process.wait(STALL_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise self._failure(f"did not end within {STALL_TIMEOUT_S:g} s") from error
        if code != 0:
            raise self._failure(f"failed (exit {code})")

    def kill(self) -> None:
        """End the child and everything it started, at once; harmless when it has ended."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._pipe.close()
        self._reader.join(5)
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _wait(self) -> None:
        if not self._poll.poll(STALL_TIMEOUT_S * 1000):
            raise self._failure(f"moved no data for {STALL_TIMEOUT_S:g} s")

    def _failure(self, how: str) -> RenderError:
        self._reader.join(5)
        said = last_lines(b"".join(self._lines).decode("utf-8", "replace"))
        return RenderError("render_failed", f"FFmpeg {how} while it {self._what}: {said or 'it gave no reason'}", stderr=said)

    def _keep_lines(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in stream:
                self._lines.append(line)
