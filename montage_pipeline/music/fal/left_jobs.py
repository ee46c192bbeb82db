"""The rows of jobs that nobody waits for any more, because their request has ended.

Belongs here: asking fal what became of such a job, and pricing its row. Does not belong here: which
rows those are (costs.ledger), and music: nobody needs it.
"""

from decimal import Decimal
from typing import Any

from montage_pipeline.costs.ledger import CostLedger, LeftEntry
from montage_pipeline.costs.prices import fal_cost
from montage_pipeline.errors import MontageError
from montage_pipeline.logs import get_logger
from montage_pipeline.music.fal.job import JobFailed, MusicJob, Patience
from montage_pipeline.music.fal.queue import Connection, QueueFault, connect
from montage_pipeline.settings import Settings

_log = get_logger(__name__)


def settle_left(settings: Settings, ledger: CostLedger, left: LeftEntry) -> None:
    """Close the row as exactly as can be known; it stays pending while its job is under way and
    not too old.
    """
    if not left.sent:
        ledger.close_free(left.id, {"error": "the process ended before the order was sent"})
    elif left.provider_request_id is None:
        ledger.close_in_doubt(
            left.id,
            "the process ended before fal's reply to the order was recorded",
            unusable="uncertain",
        )
    else:
        _ask_and_settle(settings, ledger, left, left.provider_request_id)


def _ask_and_settle(settings: Settings, ledger: CostLedger, left: LeftEntry, job_id: str) -> None:
    key = settings.fal_key.get_secret_value()
    if not key:
        _close_if_too_old(ledger, left, "FAL_KEY is not set, so the job cannot be asked for")
        return
    connection = connect(key, settings.fal_queue_url, None)
    try:
        _settle_by_answer(connection, ledger, left, job_id)
    finally:
        connection.transport.close()


def _settle_by_answer(
    connection: Connection, ledger: CostLedger, left: LeftEntry, job_id: str
) -> None:
    job = MusicJob(
        connection.client, left.endpoint, job_id, Patience(poll_interval_s=1.0, timeout_s=1.0)
    )
    try:
        finished = job.poll() is not None
    except JobFailed as failed:
        if connection.transport.billable_units:
            _settle_delivered(connection, ledger, left)
        elif failed.may_be_charged:
            ledger.close_in_doubt(left.id, failed.error.message, unusable="failed")
        else:
            ledger.close_free(left.id, failed.usage | {"unusable": "failed"})
    except (QueueFault, MontageError, KeyError, TypeError, ValueError) as error:
        _close_if_too_old(ledger, left, f"fal does not say what became of the job: {error}")
    else:
        if finished:
            _settle_delivered(connection, ledger, left)
        else:
            _close_if_too_old(ledger, left, "the job had not finished long after its request")


def _settle_delivered(connection: Connection, ledger: CostLedger, left: LeftEntry) -> None:
    """Price a job that fal finished, by the units it reports, else at the list price."""
    units: Decimal | None = connection.transport.billable_units
    requested_s = (left.usage.get("predicted") or {}).get("requested_s")
    if units is None and not requested_s:
        ledger.close_in_doubt(left.id, "fal reported no units for the job")
        return
    price = fal_cost(
        left.endpoint,
        seconds=float(requested_s or 0),
        billable_units=units,
        on=left.created_at.date(),
    )
    usage: dict[str, Any] = {
        "requested_s": requested_s,
        "billable_units": None if units is None else str(units),
    }
    write = ledger.estimate if price.estimated else ledger.settle
    write(left.id, cost_usd=price.cost_usd, usage=usage, price_version=price.price_version)


def _close_if_too_old(ledger: CostLedger, left: LeftEntry, reason: str) -> None:
    # The job keeps its id on the row: who materialises its request again fetches it, paid for.
    if left.too_old:
        ledger.close_in_doubt(left.id, reason)
    else:
        ledger.touch(left.id)
        _log.info("cost_row_left_pending", entry_id=str(left.id), reason=reason)
