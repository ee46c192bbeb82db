"""The pipeline's metrics: gauges of how requests stand, counters and histograms of what ended.

Counters begin at 0 with the process, as Prometheus expects. Each collection adds what happened
since the one before, up to a few seconds ago: rows are dated when their transaction begins, and
seen when it ends.
"""

import threading
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from montage_pipeline.logs import get_logger
from montage_pipeline.metrics.changes import (
    OUTCOMES,
    Changes,
    Ended,
    Standing,
    changes,
    database_now,
    standing,
)
from montage_pipeline.metrics.faults import Fault, fault_of
from montage_pipeline.vocabulary import RequestState, Service, Step

SETTLING = timedelta(seconds=10)
"""Longer than any transaction of ours lasts."""

_STEP_BUCKETS_S = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
"""From a step that had nothing to do to the longest that a run may take."""

_SPEED_BUCKETS = (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)
"""Seconds of Reel by second of rendering."""

log = get_logger(__name__)


class PipelineMetrics:
    """Every metric of the pipeline, in a registry of its own; `update` brings them up to date."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._until: datetime | None = None
        self.registry = CollectorRegistry()
        self._define()

    def _define(self) -> None:
        here = self.registry
        self._up = Gauge(
            "montage_database_up",
            "1 when the rows could be read at the last scrape.",
            registry=here,
        )
        self._requests = Gauge(
            "montage_requests", "Requests under way, by state.", ["state"], registry=here
        )
        self._queue = Gauge(
            "montage_queue_depth",
            "Queued requests that could start now: they wait for nothing but a slot.",
            registry=here,
        )
        self._oldest = Gauge(
            "montage_oldest_queued_seconds",
            "How long the first of those has waited that could start now; 0 when none could.",
            registry=here,
        )
        self._pending = Gauge(
            "montage_pending_calls",
            "Paid calls without a price yet.",
            ["service"],
            registry=here,
        )
        self._finished = Counter(
            "montage_requests_finished",
            "Requests that ended; of those that failed, by whose fault: user (the input), "
            "provider, stopped (by somebody), ours.",
            ["state", "fault"],
            registry=here,
        )
        self._steps = Histogram(
            "montage_step_seconds",
            "Seconds a step took in the run that finished its request.",
            ["step"],
            buckets=_STEP_BUCKETS_S,
            registry=here,
        )
        self._tries = Counter(
            "montage_step_failures",
            "Tries of a step that failed, by error code; most are tried again.",
            ["step", "code"],
            registry=here,
        )
        self._calls = Counter(
            "montage_provider_calls",
            "Paid calls that were closed: charged, free (refused, or never sent), unusable, "
            "in_doubt, reused (an earlier purchase was used instead).",
            ["service", "outcome"],
            registry=here,
        )
        self._cost = Counter("montage_cost_usd", "What was charged.", ["service"], registry=here)
        self._predicted = Counter(
            "montage_predicted_usd",
            "What the charged calls were predicted to cost.",
            ["service"],
            registry=here,
        )
        self._chunks = Counter(
            "montage_chunks",
            "Segments of finished Reels: encoded, or reused from an earlier render.",
            ["source"],
            registry=here,
        )
        self._speed = Histogram(
            "montage_render_speed",
            "Seconds of Reel rendered per second.",
            buckets=_SPEED_BUCKETS,
            registry=here,
        )
        self._show_zeros()

    def _show_zeros(self) -> None:
        """What has not happened yet is 0, not absent: alerts compare with it."""
        for state in RequestState:
            if state.is_terminal and state is not RequestState.FAILED:
                self._finished.labels(state.value, "")
        for fault in Fault:
            self._finished.labels(RequestState.FAILED.value, fault.name.lower())

        for service in (Service.CLAUDE, Service.FAL):
            for outcome in OUTCOMES:
                self._calls.labels(service.value, outcome)
            self._cost.labels(service.value)
            self._predicted.labels(service.value)
        for step in Step:
            self._steps.labels(step.value)
        for source in ("encoded", "reused"):
            self._chunks.labels(source)

    def update(self) -> None:
        """Add what happened since the last time. A database that is away is a metric, too."""
        with self._lock:
            try:
                until = database_now(self._engine) - SETTLING
                after = self._until or until
                with self._engine.connect() as connection:
                    now = standing(connection)
                    happened = changes(connection, after, until)
            except SQLAlchemyError as error:
                self._up.set(0)
                log.warning("metrics_not_read", error=str(error))
                return
            self._up.set(1)
            self._until = max(after, until)
            self._show(now)
            self._add(happened)

    def _show(self, now: Standing) -> None:
        self._requests.labels(RequestState.QUEUED.value).set(now.queued)
        self._requests.labels(RequestState.RUNNING.value).set(now.running)
        self._queue.set(now.ready)
        self._oldest.set(now.oldest_queued_s)
        for service in {Service.CLAUDE.value, Service.FAL.value, *now.pending_calls}:
            self._pending.labels(service).set(now.pending_calls.get(service, 0))

    def _add(self, happened: Changes) -> None:
        for request in happened.ended:
            self._add_request(request)
        for row in happened.closed:
            self._calls.labels(row.service, row.outcome).inc(row.calls)
            self._cost.labels(row.service).inc(float(row.cost_usd))
            self._predicted.labels(row.service).inc(float(row.predicted_usd or 0))
        for row in happened.failed_tries:
            self._tries.labels(row.step, row.code).inc(row.tries)

    def _add_request(self, request: Ended) -> None:
        failed = request.state == RequestState.FAILED
        fault = fault_of(str(request.code)).name.lower() if failed else ""
        self._finished.labels(request.state, fault).inc()
        for step, seconds in request.step_seconds.items():
            self._steps.labels(step).observe(float(seconds))
        measures = request.measures
        if measures:
            reused = measures["chunks_reused"]
            self._chunks.labels("reused").inc(reused)
            self._chunks.labels("encoded").inc(measures["chunks"] - reused)
            # A render that found every chunk says nothing of how fast encoding is.
            if reused < measures["chunks"]:
                self._speed.observe(measures["render_speed"])
