"""How many requests a minute one caller may send, whichever API process they reach.

The count is kept in Postgres, and taken from there in portions, so that a poll costs no write: a
process asks for a few requests of a caller at a time, and hands them out. Those portions count when
they are taken; what is not used within seconds is lost to the caller. So the limit is never passed,
and a caller whom balancing spreads over many processes may be refused a few requests early.

Before that, each process counts in its own memory: a flood does not reach the database, and while
that is away, this count alone holds.
"""

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from montage_pipeline.api.limits.call_rates import WINDOW_S, CallRates
from montage_pipeline.logs import get_logger

_MAX_CALLERS = 100_000
"""Some 20 MB. A flood from more addresses than that is for whatever stands in front of the API."""

_IPV6_CUSTOMER_BITS = 64
"""What one customer of a provider gets at least (RFC 6177): it counts as one address."""

_PORTIONS = 20
"""Of a minute's requests: a caller costs one write every three seconds at most."""

_PORTION_KEPT_S = 10.0
"""As long as a client that polls takes to come back."""

V = TypeVar("V")

_OUTAGE_S = 5.0
"""A database that is away is not asked by every call meanwhile."""

log = get_logger(__name__)


class RateLimiter:
    """Limits each key to `per_minute` requests in this process; 0 limits nothing.

    The generic cell rate algorithm: one number for each key, the moment at which everything it sent
    would have been due at an even pace.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = WINDOW_S / per_minute if per_minute else 0.0
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
            over_s = due - now - WINDOW_S
            if over_s > 1e-6:  # Rounding must not refuse the last request of the minute.
                return math.ceil(over_s)
            self._due_s[key] = due
            self._due_s.move_to_end(key)
            if len(self._due_s) > _MAX_CALLERS:
                self._due_s.popitem(last=False)
            return 0


class SharedRateLimiter:
    """Limits each key to `per_minute` requests over all processes of one database; 0 limits
    nothing. `kind` tells users from addresses.
    """

    def __init__(
        self,
        kind: str,
        per_minute: int,
        rates: CallRates,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kind = kind
        self._per_minute = per_minute
        self._portion = max(1, per_minute // _PORTIONS)
        self._rates = rates
        self._clock = clock
        self._here = RateLimiter(per_minute, clock)
        # For each key how many requests it has left, or from when on it may ask, and until when
        # that holds.
        self._granted: OrderedDict[str | UUID, tuple[int, float]] = OrderedDict()
        self._refused: OrderedDict[str | UUID, float] = OrderedDict()
        self._away_until_s = 0.0
        self._lock = threading.Lock()

    def wait_s(self, key: str | UUID) -> int:
        """0 when the request may pass, which counts it; else whole seconds until it may. Blocks for
        one short transaction now and then.
        """
        if not self._per_minute:
            return 0
        if wait_s := self._here.wait_s(key):
            return wait_s
        with self._lock:
            now = self._clock()
            if (refused_s := self._refused.get(key, now) - now) > 0:
                return math.ceil(refused_s)
            left, until = self._granted.pop(key, (0, now))
            if left and now < until:
                self._keep(self._granted, key, (left - 1, until))
                return 0
            is_away = now < self._away_until_s
        return 0 if is_away else self._take(key)

    def _take(self, key: str | UUID) -> int:
        """Take another portion, or what is left of the minute."""
        try:
            taken, wait_s = self._rates.take(f"{self._kind}:{key}", self._per_minute, self._portion)
        except SQLAlchemyError as error:
            # This process's own count has let it pass, and holds until the database is back.
            log.warning("rates_not_shared", error=str(error).splitlines()[0])
            self._away_until_s = self._clock() + _OUTAGE_S
            return 0
        with self._lock:
            now = self._clock()
            if not taken:
                self._keep(self._refused, key, now + wait_s)
                return math.ceil(wait_s)
            self._keep(self._granted, key, (taken - 1, now + _PORTION_KEPT_S))
        return 0

    @staticmethod
    def _keep(kept: "OrderedDict[str | UUID, V]", key: str | UUID, value: V) -> None:
        kept[key] = value
        kept.move_to_end(key)
        if len(kept) > _MAX_CALLERS:
            kept.popitem(last=False)


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
