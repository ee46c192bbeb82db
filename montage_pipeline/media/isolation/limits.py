"""How much a child process may use, and what of our environment it sees.

Belongs here: limits and environment of every child that reads media, FFmpeg's included. Does not
belong here: starting it (fork_server, media.ffmpeg).
"""

import os
import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from montage_pipeline.machine import usable_memory_bytes

_MAX_MEMORY_BYTES = 4 << 30
"""8K footage at 10 bits takes 2.5 GB in a decoder with many threads."""

_MEMORY_SHARE = 0.5
"""Of the machine or container: the limit must be met before the kernel ends us all."""

_FFMPEG_MEMORY_BYTES = 8 << 30
"""Encoding holds some sixty frames besides what the decoder does."""

_MAX_SLOWER = 19.0
"""How much longer the same may take where others compute too: ten to a core, and as many before
them.
"""

_MAX_WAIT_S = 500.0
"""A run of which nothing is heard for 900 s is taken to hang (`orchestration.lease`)."""

_OPEN_FILES = 256
"""A clip, its copy, the libraries; files that are opened by the thousand are no footage."""

_ENVIRONMENT = {
    *("PATH", "HOME", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LD_LIBRARY_PATH"),
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "IMAGEIO_FFMPEG_EXE", "DYLD_LIBRARY_PATH"),
    *("VIRTUAL_ENV", "PYTHONHOME", "DISPLAY", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"),
}
_ENVIRONMENT_STARTS = ("LC_", "FONTCONFIG_", "LIBVA_", "VDPAU_", "NVIDIA_", "CUDA_", "MESA_")
"""What programs need to run, to find fonts and to use a graphics card. Keys, passwords and
addresses have other names, whatever they are called.
"""


@dataclass(frozen=True)
class Budget:
    """What one call may use: seconds of a core, bytes of memory, bytes of any file it writes."""

    work_s: float
    file_bytes: int = 0
    memory_bytes: int = field(default_factory=lambda: memory_limit_bytes())

    @property
    def wall_s(self) -> float:
        """Seconds by the clock: what a busy machine may make of it."""
        return self.work_s + min(_MAX_SLOWER * self.work_s, _MAX_WAIT_S)


def memory_limit_bytes() -> int:
    """What one worker may hold."""
    return min(_MAX_MEMORY_BYTES, int(usable_memory_bytes() * _MEMORY_SHARE))


def bare_environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that a child gets; `given` instead of this process's own."""
    environment = os.environ if given is None else given
    return {
        name: value
        for name, value in environment.items()
        if name in _ENVIRONMENT or name.startswith(_ENVIRONMENT_STARTS)
    }


def limit_worker() -> None:
    """For all of a worker's life: no core dumps, few files."""
    _set_soft(resource.RLIMIT_CORE, 0)
    _set_soft(resource.RLIMIT_NOFILE, _OPEN_FILES)


def limit_call(budget: Budget) -> None:
    """For the call that begins now, in the worker itself."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    cores = os.cpu_count() or 1
    cpu_s = used.ru_utime + used.ru_stime + budget.work_s * cores
    # For all threads together. Should whoever watches it be gone, this still ends it.
    _set_soft(resource.RLIMIT_CPU, int(cpu_s) + 1)
    _set_soft(resource.RLIMIT_DATA, budget.memory_bytes)
    _set_soft(resource.RLIMIT_FSIZE, budget.file_bytes)


def limit_ffmpeg(pid: int) -> None:
    """Bound the memory of an FFmpeg program that was just started; where the system can do that."""
    if sys.platform == "linux":
        limit = min(_FFMPEG_MEMORY_BYTES, usable_memory_bytes())
        for kind, value in ((resource.RLIMIT_DATA, limit), (resource.RLIMIT_CORE, 0)):
            try:
                resource.prlimit(pid, kind, (value, value))
            except (ProcessLookupError, PermissionError):
                return  # it has ended already


def _set_soft(kind: int, value: int) -> None:
    """The soft limit only, so that the next call can have more."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    try:
        resource.setrlimit(kind, (value, hard))
    except (ValueError, OSError):
        return  # macOS knows some of these limits by name only
