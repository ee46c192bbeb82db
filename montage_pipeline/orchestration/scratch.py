"""Folders for what a step makes on its way; none outlives its step by long.

A step that ends removes its own. What a killed process left is removed by the next step on the
machine: the lock that the process held on its folder is free then.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from montage_pipeline.composition import Services

_MIN_AGE_S = 60.0
"""A folder is locked a moment after it is made; before that it must not be taken for abandoned."""


@contextmanager
def scratch_folder(services: Services, name: str) -> Iterator[Path]:
    """A folder of this process's own, gone afterwards."""
    remove_abandoned(services.scratch)
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix=f"{name}-") as folder:
        lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield Path(folder)
        finally:
            os.close(lock)


def remove_abandoned(scratch: Path) -> int:
    """Remove the folders that no process holds any more; how many there were."""
    removed = 0
    for folder in scratch.iterdir():
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime < _MIN_AGE_S or _is_held(folder):
                continue
            shutil.rmtree(folder)
            removed += 1
    return removed


def _is_held(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
