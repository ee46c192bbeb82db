"""`StackAddress`: how other processes find the system of a home, and keep it running while they use
it.
"""

import fcntl
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal

from pydantic import ValidationError

from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.local.embedded.process import HomeLock, write_private
from montage_pipeline.records import Record

_MAX_START_S = 120.0
"""A start takes 10 to 20 s; the first one on a slow disk several times as long."""


class StackAddress(Record):
    """Where a running system is.

    `env` holds every variable that a process needs to use its database and object store. URLs are
    empty for what does not run.
    """

    schema_version: Literal[1] = 1
    home: str
    pid: int
    env: dict[str, str]
    ui_url: str = ""
    api_url: str = ""


def stack_lock(home: Path) -> HomeLock:
    """The lock whose holder owns the system of this home."""
    return HomeLock(home.resolve() / "stack.lock")


def running_stack(home: Path) -> StackAddress | None:
    """The system that runs on `home`, or None. Waits for one that is starting.

    It stays while this process lives, unless its owner is told to stop: see
    `LocalStack.wait_until_unused`.
    """
    lock = stack_lock(home)
    deadline_s = time.monotonic() + _MAX_START_S
    while lock.owned_by_somebody():
        address = _read(home)
        if address is not None:
            _use(home)
            # It may have begun to stop before it could see that we use it.
            if _read(home) is not None and lock.owned_by_somebody():
                return address
        if time.monotonic() > deadline_s:
            raise MontageError(
                ErrorCode.STACK_NOT_READY,
                f"another montage has been starting or stopping on {home.resolve()} for "
                f"{_MAX_START_S:g} s",
            )
        time.sleep(0.2)
    return None


def publish(address: StackAddress) -> None:
    """Let others find the system. The file holds credentials: only its owner may read it."""
    write_private(_path(Path(address.home)), address.model_dump_json(indent=2))


def withdraw(home: Path) -> None:
    """Let nobody find the system any more."""
    _path(home).unlink(missing_ok=True)


def in_use(home: Path) -> bool:
    """Whether another process found the system of this home and still lives."""
    with _users(home) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


_uses: dict[Path, IO[bytes]] = {}


def _use(home: Path) -> None:
    """Hold a share of the users' lock until this process ends, however it ends."""
    if home.resolve() not in _uses:
        file = _users(home)
        fcntl.flock(file, fcntl.LOCK_SH)
        _uses[home.resolve()] = file


def _users(home: Path) -> IO[bytes]:
    return (home.resolve() / "stack.users").open("ab")


def _read(home: Path) -> StackAddress | None:
    with suppress(FileNotFoundError, ValidationError):
        return StackAddress.model_validate_json(_path(home).read_text())
    return None


def _path(home: Path) -> Path:
    return home.resolve() / "stack.json"
