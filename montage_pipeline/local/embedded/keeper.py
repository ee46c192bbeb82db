"""The keeper: a small process that ends our servers when the process that started them is gone,
even by kill -9.

Run as a script, with nothing but the standard library, so that it starts in milliseconds. It reads
orders on stdin, one per line: `+ PID SIGNAL` (end this process group with this signal) and `- PID`
(it has ended). When stdin ends, its starter is dead: the groups get their signals, newest first,
and SIGKILL after `GRACE_S`.
"""

import os
import signal
import sys
import time
from pathlib import Path

GRACE_S = 4.0
"""More than any of our servers needs to stop in order."""


def started_at(pid: int) -> str | None:
    """When a live process began, as the kernel writes it; None for one that is gone or a zombie.

    Elsewhere than on Linux it only says that the process is there.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        if Path("/proc/self").exists():
            return None
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            return "present"
        return "present"
    return None if fields[0] == "Z" else fields[19]


def signal_group(pid: int, number: int) -> None:
    """Signal the process group that `pid` leads; a group that is gone is fine."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def end(kept: dict[int, tuple[int, str | None]]) -> None:
    """End every kept group that is still the one it was when it was handed over."""
    for pid, (number, begun) in reversed(kept.items()):
        if started_at(pid) == begun:
            signal_group(pid, number)
    deadline = time.monotonic() + GRACE_S
    while time.monotonic() < deadline and any(
        started_at(pid) == begun for pid, (_, begun) in kept.items()
    ):
        time.sleep(0.05)
    # The leader may be gone while its workers are not: a group's number stays taken as long as it
    # has members.
    for pid in kept:
        signal_group(pid, signal.SIGKILL)


def main() -> None:
    """Keep until stdin ends, then end what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    kept: dict[int, tuple[int, str | None]] = {}
    for line in sys.stdin:
        order, pid, *rest = line.split()
        if order == "+" and (begun := started_at(int(pid))) is not None:
            kept[int(pid)] = (int(rest[0]), begun)
        elif order == "-":
            kept.pop(int(pid), None)
    end(kept)


if __name__ == "__main__":
    main()
