"""How much slower than a quiet machine this one is: the factor of all time-outs."""

import os

_MAX = 6.0
"""So that time-outs stay bounded whatever the machine does: a case that hangs is to be seen."""


def _factor() -> float:
    """1 with nothing else to do; with load, as many times more as there is work for each core, and
    as many times more as there are systems that are broken side by side.
    """
    given = os.environ.get("CHAOS_PATIENCE")
    wanted = float(given) if given else 1.0 + os.getloadavg()[0] / (os.cpu_count() or 1)
    beside = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return min(max(wanted, 1.0) * beside, _MAX)


PATIENCE = _factor()
