"""How long a provider asks to be left alone.

Belongs here: reading the headers. Does not belong here: how much of it is honoured, which is for
whoever waits.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_WAIT_IN_PLACE_S = 5.0
"""What may be slept through where one stands. A run that waits longer gives its slot to another: it
takes about as long to start one.
"""


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The pause in seconds, from milliseconds, seconds or a date; None when none can be read."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if value and (pause_s := _seconds(value, unit_s)) is not None:
            return pause_s
    return None


def _seconds(value: str, unit_s: float) -> float | None:
    try:
        pause_s = float(value) * unit_s
    except ValueError:
        return _until(value)
    return max(0.0, pause_s) if math.isfinite(pause_s) else None


def _until(value: str) -> float | None:
    """Seconds until a date; one without a time zone is in UTC, as HTTP says."""
    try:
        at = parsedate_to_datetime(value)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0.0, (at - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None
