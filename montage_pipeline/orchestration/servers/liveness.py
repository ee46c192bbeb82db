"""Whether every loop of the daemon turns, for a cheap health check:

    python -m montage_pipeline.orchestration.servers.liveness

Dagster's own `dagster-daemon liveness-check` imports the whole of Dagster each time, which takes
seconds of a core, and on a busy machine longer than a health check may. It reads what the loops
wrote into the database, so it knows nothing while that is away.

Here the daemon notes each turn of its loops, and a thread of it writes down when the one that has
stood for longest last turned. The check reads that file and a clock that nobody can set. It ends
with 0 when all turn, with 3 when one stands, and with 1 when there is no telling.

Nothing heavy is imported here: the check is a process of its own every minute.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_FILE = "montage-daemon-turned"
"""In the folder for temporary files: of a container, or of `montage up`'s home."""

_INTERVAL_S = 10.0

_BEAT_S = 30.0
_TOLERANCE_S = 300.0
_TOLERANCE_VARIABLE = "DAGSTER_DAEMON_HEARTBEAT_TOLERANCE"
"""Dagster's own variable, of the same meaning: a loop may stand for a beat and this long. A turn of
the loop of sensors waits for the code server, which may just be starting.
"""

LIVE, UNKNOWN, STANDS = 0, 1, 3
"""Exit statuses. 1 is also what Python ends with when it cannot even begin."""


class Turns:
    """When each loop of this process last turned, and the file that says so."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or _usual_path()
        # Whoever never gets as far as its loops stands, too.
        self._turned_at_s = {"start": time.monotonic()}

    def watch(self, loops: list[str]) -> None:
        """From now on it is these loops that have to turn."""
        now_s = time.monotonic()
        self._turned_at_s = dict.fromkeys(loops, now_s)

    def note(self, loop: str) -> None:
        """This loop has turned."""
        self._turned_at_s[loop] = time.monotonic()

    def write(self) -> None:
        """Write down when the loop that has stood for longest last turned; whole or not at all."""
        turned_at_s = min(self._turned_at_s.values())
        descriptor, name = tempfile.mkstemp(prefix=f".{_FILE}-", dir=self._path.parent)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{turned_at_s:.0f}\n")
        Path(name).replace(self._path)

    def keep_writing(self, interval_s: float = _INTERVAL_S) -> threading.Thread:
        """Write now, and again and again in a thread of its own."""

        def write() -> None:
            while True:
                # Where nothing can be written, the check says that there is no telling.
                with suppress(OSError):
                    self.write()
                time.sleep(interval_s)

        thread = threading.Thread(target=write, name="liveness", daemon=True)
        thread.start()
        return thread


def noting(turn: Callable[..., None], note: Callable[[], None]) -> Callable[..., None]:
    """What a loop does on each turn, with a note that it does; an error of it is its own."""

    def noted(*args: object, **kwargs: object) -> None:
        note()
        turn(*args, **kwargs)

    return noted


def check(path: Path | None = None) -> tuple[int, str]:
    """An exit status and a sentence."""
    path = path or _usual_path()
    try:
        turned_at_s = float(path.read_text())
    except (OSError, ValueError) as error:
        return UNKNOWN, f"No daemon has written to {path} ({error})."
    stood_s = time.monotonic() - turned_at_s
    if stood_s < -1:
        return UNKNOWN, f"{path} was written before the machine was last started."
    limit_s = _BEAT_S + float(os.environ.get(_TOLERANCE_VARIABLE) or _TOLERANCE_S)
    if stood_s > limit_s:
        return (
            STANDS,
            f"A loop of the daemon has stood for {stood_s:.0f} s ({limit_s:.0f} at most).",
        )
    return LIVE, f"Every loop of the daemon turned within {max(stood_s, 0):.0f} s."


def _usual_path() -> Path:
    return Path(tempfile.gettempdir(), _FILE)


def main() -> int:
    """The health check as a program."""
    status, sentence = check()
    sys.stderr.write(f"{sentence}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
