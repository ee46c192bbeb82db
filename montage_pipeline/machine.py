"""What this process may use of the machine it runs on."""

import os


def usable_cores() -> int:
    """Cores this process may use; containers and schedulers often allow fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
