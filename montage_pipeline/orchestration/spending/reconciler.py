"""Closes the rows of paid calls that nobody works on any more, and sends budget alerts on.

A step that is tried again closes what its last try left. Here is what no step will: rows of
requests that have ended, and of processes that nobody started again.
"""

import time
from contextlib import suppress
from datetime import timedelta

import dagster as dg
from dagster import ResourceParam

from montage_pipeline import logs
from montage_pipeline.composition import Services
from montage_pipeline.costs.ledger import LeftEntry
from montage_pipeline.errors import MontageError
from montage_pipeline.orchestration.sensors import default_status
from montage_pipeline.orchestration.spending.webhook import deliver_alerts
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Service

_EVERY_S = 30

GRACE = timedelta(seconds=120)
"""A process that is being stopped may still close its own row: a call takes 90 s at most."""

MOST = timedelta(minutes=15)
"""No step waits this long for one call; whatever is pending then is closed."""

_MAX_ROWS_PER_TICK = 20
_MAX_TICK_S = 30.0
"""A tick has 60 s; a row whose provider does not answer takes 20."""

log = logs.get_logger(__name__)


def cost_reconciliation(settings: Settings) -> dg.SensorDefinition:
    """The sensor."""

    @dg.sensor(
        name="cost_reconciliation",
        minimum_interval_seconds=_EVERY_S,
        default_status=default_status(settings),
        description="Closes rows of paid calls whose request has ended, and sends budget alerts "
        "to the webhook.",
    )
    def cost_reconciliation_sensor(services: ResourceParam[Services]) -> dg.SkipReason:
        closed = settle_left_behind(services)
        delivered = deliver_alerts(services)
        return dg.SkipReason(f"{closed} cost rows looked at, {delivered} alerts delivered.")

    return cost_reconciliation_sensor


def settle_left_behind(
    services: Services, *, grace: timedelta = GRACE, most: timedelta = MOST
) -> int:
    """Close what can be closed now; how many rows were looked at."""
    deadline_s = time.monotonic() + _MAX_TICK_S
    looked_at = 0
    for left in services.ledger.left_behind(grace=grace, most=most, limit=_MAX_ROWS_PER_TICK):
        if time.monotonic() > deadline_s:
            break
        looked_at += 1
        try:
            _settle(services, left)
        except Exception as error:
            # One row that cannot be closed now (the store is away, say) does not hold up the rest.
            _put_off(services, left, error)
    return looked_at


def _put_off(services: Services, left: LeftEntry, error: Exception) -> None:
    log.warning("cost_row_not_settled", entry_id=str(left.id), error=str(error))
    with suppress(MontageError):  # its own process closed it meanwhile
        if left.sent and left.too_old:
            services.ledger.close_in_doubt(left.id, "what became of the call cannot be looked up")
        else:
            services.ledger.touch(left.id)


def _settle(services: Services, left: LeftEntry) -> None:
    if left.service is Service.CLAUDE:
        from montage_pipeline.analysis.claude.call import settle_left as settle_answer

        settle_answer(services.ledger, services.store, left)
    elif left.service is Service.FAL:
        from montage_pipeline.music.fal.left_jobs import settle_left as settle_job

        settle_job(services.settings, services.ledger, left)
    elif left.sent:
        services.ledger.close_in_doubt(left.id, "nobody waits for the call any more")
    else:
        services.ledger.close_free(left.id, {"error": "the call was never sent"})
    log.info("cost_row_looked_at", entry_id=str(left.id), service=left.service.value)
