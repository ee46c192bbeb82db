"""Tells the operator's webhook when Reels fail by our fault, when requests wait too long, and when
more is spent than usual; and when each is over.

It is the webhook of the budget alerts (`MONTAGE_BUDGET_WEBHOOK_URL`), signed alike. Each alert is
sent until it is taken, under the same id. What was told is in the sensor's cursor: an alert that
goes on is not told again.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

import dagster as dg
from dagster import ResourceParam, SensorEvaluationContext

from montage_pipeline import logs
from montage_pipeline.composition import Services
from montage_pipeline.metrics.faults import Fault
from montage_pipeline.orchestration.sensors import default_status
from montage_pipeline.orchestration.spending.webhook import post_to_operator
from montage_pipeline.orchestration.watching.figures import Figures, look
from montage_pipeline.records import Record
from montage_pipeline.settings import Settings

_EVERY_S = 60

MAX_QUEUED_S = 600.0
"""A Reel takes a minute or two: who waits this long sees a system that stands or is too small."""

MAX_FAILED_SHARE = 0.2
MIN_ENDED = 5
"""One Reel in five, of five or more in an hour: fewer say nothing about the rest."""

MAX_SPEND_FACTOR = 5
MIN_SPEND_USD = Decimal(1)
"""An hour that costs five times the usual one. Below a dollar nobody is woken."""

log = logs.get_logger(__name__)


class Told(Record):
    """An alert that is on since then. `taken`: the webhook knows that it is on."""

    since: str
    taken: bool = False


def problems(figures: Figures) -> dict[str, str]:
    """What needs an operator now: a sentence for each alert that is on."""
    found = {}
    if figures.oldest_queued_s > MAX_QUEUED_S:
        found["queue_stands"] = (
            f"A request has waited for {figures.oldest_queued_s / 60:.0f} minutes; "
            f"{figures.queued} wait."
        )

    ours = sum(
        count for fault, count in figures.failed_by.items() if fault in (Fault.OURS, Fault.PROVIDER)
    )
    if figures.ended >= MIN_ENDED and ours / figures.ended > MAX_FAILED_SHARE:
        parts = ", ".join(f"{count} by {fault}" for fault, count in figures.failed_by.items())
        found["reels_fail"] = f"Of {figures.ended} Reels of the last hour failed: {parts}."

    limit_usd = max(MIN_SPEND_USD, MAX_SPEND_FACTOR * figures.usual_hour_usd)
    if figures.hour_usd > limit_usd:
        found["spend_unusual"] = (
            f"${figures.hour_usd:.2f} were spent in the last hour; "
            f"${figures.usual_hour_usd:.2f} is usual."
        )
    return found


def operations_alerts(settings: Settings) -> dg.SensorDefinition:
    """The sensor."""

    @dg.sensor(
        name="operations_alerts",
        minimum_interval_seconds=_EVERY_S,
        default_status=default_status(settings),
        description="Tells the operator's webhook of failing Reels, a queue that stands and "
        "unusual spending.",
    )
    def operations_alerts_sensor(
        context: SensorEvaluationContext, services: ResourceParam[Services]
    ) -> dg.SkipReason:
        found = problems(look(services.engine))
        told = tell(services, found, _told(context.cursor))
        context.update_cursor(json.dumps({name: one.model_dump() for name, one in told.items()}))
        return dg.SkipReason(" ".join(found.values()) or "Nothing needs an operator.")

    return operations_alerts_sensor


def tell(services: Services, found: dict[str, str], told: dict[str, Told]) -> dict[str, Told]:
    """Tell the webhook of what began and what is over; what is on now, for the next look."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    on: dict[str, Told] = {}
    for name, message in found.items():
        alert = told.get(name) or Told(since=now)
        if name not in told:
            log.warning("operations_alert", alert=name, message=message)
        taken = alert.taken or _send(services, name, alert.since, "raised", message)
        on[name] = Told(since=alert.since, taken=taken)

    for name, alert in told.items():
        if name in found:
            continue
        message = f"{name} is over."
        if alert.taken and not _send(services, name, alert.since, "cleared", message):
            on[name] = alert  # told again at the next look
    return on


def _send(services: Services, name: str, since: str, state: str, message: str) -> bool:
    alert_id = str(uuid5(NAMESPACE_URL, f"montage/{name}/{since}/{state}"))
    body = {
        "type": "operations_alert",
        "id": alert_id,
        "alert": name,
        "state": state,
        "since": since,
        "message": message,
    }
    return post_to_operator(services.settings, json.dumps(body).encode(), alert_id)


def _told(cursor: str | None) -> dict[str, Told]:
    """What the last look left; nothing where there was none, or it cannot be read."""
    try:
        stored = json.loads(cursor or "{}")
        return {name: Told.model_validate(one) for name, one in stored.items()}
    except (ValueError, AttributeError):
        return {}
