"""Purchases that are used again: who made the same one before, and the row that says so.

Belongs here: what the ledger knows of it. Does not belong here: the bought things themselves; they
lie in the object store, with the request that they were bought for.
"""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from montage_pipeline.costs.ledger import REUSED, CostLedger, PaidCall, row_of
from montage_pipeline.requests.tables import ApiCostLogRow
from montage_pipeline.vocabulary import CostState

MAX_FOUND = 5
"""Newest purchases that are looked at: where the files of five have expired, others' have too."""


def requests_that_bought(ledger: CostLedger, call: PaidCall) -> list[UUID]:
    """The other requests of the same user that were charged for the same, newest first."""
    row = ApiCostLogRow
    query = (
        select(row.montage_request_id)
        .where(
            row.user_id == call.user_id,
            row.service == call.service,
            row.endpoint == call.endpoint,
            row.fingerprint == call.fingerprint,
            row.cost_usd > 0,
            row.montage_request_id.is_not(None),
            row.montage_request_id.is_distinct_from(call.montage_request_id),
        )
        .group_by(row.montage_request_id)
        .order_by(func.max(row.created_at).desc())
        .limit(MAX_FOUND)
    )
    with Session(ledger.engine) as session:
        return [found for found in session.scalars(query) if found is not None]


def note_reuse(ledger: CostLedger, call: PaidCall, bought_for: UUID) -> None:
    """Write the row of a purchase that was not made, because what another request bought is used:
    settled at nothing. Noted once for each request and purchase.
    """
    row = row_of(call)
    row.state, row.predicted_usd, row.price_version = CostState.SETTLED, Decimal(0), None
    row.usage = {"charged": False, REUSED: str(bought_for)}
    noted = select(ApiCostLogRow.id).where(
        ApiCostLogRow.montage_request_id == call.montage_request_id,
        ApiCostLogRow.service == call.service,
        ApiCostLogRow.fingerprint == call.fingerprint,
        ApiCostLogRow.usage.has_key(REUSED),
    )
    with Session(ledger.engine) as session, session.begin():
        if session.scalar(noted.limit(1)) is None:
            session.add(row)
