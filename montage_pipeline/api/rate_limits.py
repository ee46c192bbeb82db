"""`RateLimiter`: how many requests a minute one caller may send.

Counted in this process's memory, so that a poll costs no write to the database: with several API
processes each counts for itself, and a caller who reaches all of them gets as many times the limit.
What must be exact, requests under way, is counted in Postgres (`requests.library`).
"""

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

_WINDOW_S = 60.0
"""A caller who was quiet for this long may send a whole minute's requests at once."""

_MAX_CALLERS = 100_000
"""Some 20 MB. A flood from more addresses than that is for whatever stands in front of the API."""

_IPV6_CUSTOMER_BITS = 64
"""What one customer of a provider gets at least (RFC 6177): it counts as one address."""


class RateLimiter:
    """Limits each key to `per_minute` requests; 0 limits nothing.

    The generic cell rate algorithm: one number for each key, the moment at which everything it sent
    would have been due at an even pace.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = _WINDOW_S / per_minute if per_minute else 0.0
        self._clock = clock
        self._due_s: OrderedDict[str | UUID, float] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, key: str | UUID) -> int:
        """0 when the request may pass, which counts it; else whole seconds until it may."""
        if not self._interval_s:
            return 0
        with self._lock:
            now = self._clock()
            due = max(self._due_s.get(key, now), now) + self._interval_s
            over_s = due - now - _WINDOW_S
            if over_s > 1e-6:  # Rounding must not refuse the last request of the minute.
                return math.ceil(over_s)
            self._due_s[key] = due
            self._due_s.move_to_end(key)
            if len(self._due_s) > _MAX_CALLERS:
                self._due_s.popitem(last=False)
            return 0


def caller_address(client: tuple[str, int] | None) -> str:
    """What counts as one address: an IPv4 address, an IPv6 customer's network."""
    host = client[0] if client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host  # A Unix socket, a test client.
    if isinstance(address, ipaddress.IPv6Address):
        network = ipaddress.ip_network((int(address), _IPV6_CUSTOMER_BITS), strict=False)
        return str(address.ipv4_mapped or network)
    return host
