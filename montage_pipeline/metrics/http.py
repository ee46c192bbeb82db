"""The API's metrics: its requests, by route and not by address."""

from prometheus_client import CollectorRegistry, Counter, Histogram

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

UNMATCHED = "unmatched"
"""The route of a request for nothing that there is: strangers ask for anything."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HttpMetrics:
    """Requests of one API process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "montage_http_requests",
            "Requests that were answered; status 0: the client left before.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "montage_http_request_seconds",
            "Seconds until the answer began.",
            ["route"],
            buckets=_BUCKETS_S,
            registry=self.registry,
        )

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request. `route` is the template it matched, or `UNMATCHED`."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        if status:
            self._seconds.labels(route).observe(seconds)
