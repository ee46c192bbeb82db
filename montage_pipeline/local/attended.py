"""Which requests somebody waits for at this machine.

`montage make` wants its Reel for as long as it runs. Should it be killed, nobody cancels its
request; but the lock it held is free then, and whoever starts next can tell.

Belongs here: the locks, and what is done about those that are free. Does not belong here: what it
means to cancel a request (requests).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from montage_pipeline.requests.lifecycle import RequestLifecycle

_FOLDER = "attended"


@contextmanager
def attended(home: Path, request_id: UUID) -> Iterator[None]:
    """Say that this process waits for the request."""
    path = home.resolve() / _FOLDER / str(request_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    unnamed = path.with_name(f".{path.name}")
    with unnamed.open("wb") as file:
        # Locked before it can be found, so that nobody sees it free.
        fcntl.flock(file, fcntl.LOCK_EX)
        unnamed.rename(path)
        yield
        # After an error it stays: who starts next makes sure that the request is canceled.
        path.unlink(missing_ok=True)


def any_attended(home: Path) -> bool:
    """Whether there is anything for `cancel_abandoned` to look at."""
    folder = home.resolve() / _FOLDER
    return folder.is_dir() and any(folder.iterdir())


def cancel_abandoned(home: Path, requests: "RequestLifecycle") -> int:
    """Cancel what nobody waits for any more because its process died; returns how many there were.

    Call before anything could go on with them.
    """
    folder = home.resolve() / _FOLDER
    if not folder.is_dir():
        return 0
    named = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    canceled = 0
    for path in named:
        if not _is_held(path):
            canceled += requests.withdraw(UUID(path.name))
            path.unlink(missing_ok=True)
    return canceled


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True  # its process has just ended in order
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
