"""Every request under way has a run that lives, whatever Dagster believes and whatever was missed.

Dagster's row of a run says that it is under way until somebody writes otherwise; the process, the
server that launched it and the machine may be long gone. So runs are judged by their heartbeats
(`lease`), and by nothing else: not by Dagster's status, not by what Dagster means to retry.

A run is dead when its heartbeat did not move while this sensor watched, for as long as a lease
lasts. What counts is watched time: after an outage of the database, or of the daemon, nobody saw
anything, and a run that lives gets the time to say so. Only the database's clock is read, so clocks
of machines may differ and jump.

Bounds, from the moment that daemon, code server and database work: a run that died is settled
within 45 s, one that died before its first step within 140 s. A run that hangs ends itself after
15 minutes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg
from dagster import ResourceParam, SensorEvaluationContext

from montage_pipeline import logs
from montage_pipeline.composition import Services
from montage_pipeline.orchestration.jobs import montage
from montage_pipeline.orchestration.lease import LEASE
from montage_pipeline.orchestration.outcomes import has, settle_lost
from montage_pipeline.orchestration.runs import LIVE, is_live, newest_runs, request_id_of
from montage_pipeline.orchestration.sensors import default_status
from montage_pipeline.requests.attempts.heartbeats import Beats
from montage_pipeline.requests.model import MontageRequest
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import RequestState

START_LIMIT_S = 120.0
"""For a run to reach its first step: a process is started and the libraries imported, which took
20 s on a machine with ten times as much to do as it could.
"""

_EVERY_S = 10
"""A few queries, however many requests there are."""

_MAX_WATCHED_S = 15.0
"""What one look may add to the time watched. Where more went by, nobody watched."""

_IN_A_PROCESS = [status for status in LIVE if status is not dg.DagsterRunStatus.QUEUED]

log = logs.get_logger(__name__)


@dataclass
class Watch:
    """What the looks before this one saw: for each run its last beat, and for how many seconds it
    has been watched without another.
    """

    seen_at: datetime | None
    still: dict[str, tuple[str, float]]

    @classmethod
    def from_cursor(cls, cursor: str | None) -> "Watch":
        """What the sensor stored at its last tick; nothing was seen before the first."""
        try:
            stored = json.loads(cursor or "")
            still = {run: (str(beat), float(s)) for run, (beat, s) in stored["still"].items()}
            return cls(datetime.fromisoformat(stored["seen_at"]), still)
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls(None, {})

    def cursor(self) -> str:
        """As the sensor stores it."""
        seen_at = self.seen_at.isoformat() if self.seen_at else None
        return json.dumps({"seen_at": seen_at, "still": self.still})

    def dead(self, beats: Beats, run_ids: Sequence[str]) -> set[str]:
        """Look at these runs; those whose heart has stopped."""
        passed_s = (beats.now - self.seen_at).total_seconds() if self.seen_at else 0.0
        watched_s = min(max(passed_s, 0.0), _MAX_WATCHED_S)
        still: dict[str, tuple[str, float]] = {}
        for run_id in run_ids:
            beat = beats.last[run_id].isoformat() if run_id in beats.last else ""
            before, still_s = self.still.get(run_id, (None, 0.0))
            still[run_id] = (beat, still_s + watched_s if beat == before else 0.0)
        self.seen_at, self.still = beats.now, still
        lease_s = LEASE.total_seconds()
        return {
            run_id
            for run_id, (beat, still_s) in still.items()
            if still_s >= (lease_s if beat else START_LIMIT_S)
        }


def reconciliation(settings: Settings) -> dg.SensorDefinition:
    """Requests under way whose run is over, dead or lost are settled."""

    @dg.sensor(
        name="montage_reconciliation",
        minimum_interval_seconds=_EVERY_S,
        default_status=default_status(settings),
        description="Ends runs whose process is gone, and queues their requests again.",
    )
    def montage_reconciliation(
        context: SensorEvaluationContext, services: ResourceParam[Services]
    ) -> dg.SkipReason:
        watch = Watch.from_cursor(context.cursor)
        settled = reconcile(context.instance, services, watch)
        context.update_cursor(watch.cursor())
        return dg.SkipReason(
            f"{settled} requests were settled."
            if settled
            else "Every request under way has its run."
        )

    return montage_reconciliation


def reconcile(instance: dg.DagsterInstance, services: Services, watch: Watch) -> int:
    """Look at everything under way once, and settle what cannot go on; how many requests that was.

    No request is looked at before others, so none can hide behind them.
    """
    filters = dg.RunsFilter(job_name=montage.name, statuses=_IN_A_PROCESS)
    runs = {run.run_id: run for run in instance.get_runs(filters)}
    requests = services.requests.under_way()
    run_ids = sorted({*runs, *(request.run_id for request in requests if request.run_id)})
    dead = watch.dead(services.heartbeats.of_runs(run_ids), run_ids)

    for run_id in dead & set(runs):
        _end(instance, services, runs[run_id])
    running = [request for request in requests if request.state is RequestState.RUNNING]
    queued = [request for request in requests if request.state is RequestState.QUEUED]
    return sum(
        _settle_running(instance, services, request)
        for request in running
        if request.run_id in dead
    ) + _settle_queued(instance, services, queued)


def _end(instance: dg.DagsterInstance, services: Services, run: dg.DagsterRun) -> None:
    """Tell Dagster that a run is over, which frees its slot."""
    log.warning("run_found_dead", run_id=run.run_id, status=run.status.value)
    request_id = request_id_of(run)
    unwanted = request_id is not None and services.requests.is_canceled(request_id)
    if unwanted or run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, message="Its process ended while it was being canceled.")
    else:
        instance.report_run_failed(run, message="Its process is gone: its heartbeat stopped.")


def _settle_running(
    instance: dg.DagsterInstance, services: Services, request: MontageRequest
) -> bool:
    """Settle a request whose run is dead."""
    run = instance.get_run_by_id(request.run_id) if request.run_id else None
    if run is not None and run.status is dg.DagsterRunStatus.CANCELED:
        return services.requests.cancel(request.id, request.run_id)
    return settle_lost(services, request)


def _settle_queued(
    instance: dg.DagsterInstance, services: Services, queued: Sequence[MontageRequest]
) -> int:
    """Settle requests whose run for this attempt ended before it took them over.

    One without a run is where the request sensor will find it.
    """
    runs = newest_runs(instance, queued)
    settled = 0
    for request in queued:
        own = [run for run in runs.get(request.id, ()) if has(request, run)]
        if not own or any(is_live(run) for run in own):
            continue
        if own[0].status is dg.DagsterRunStatus.CANCELED:
            settled += services.requests.cancel(request.id, None, attempt=request.attempt)
        else:
            settled += settle_lost(services, request, "It ended before its first step.")
    return settled
