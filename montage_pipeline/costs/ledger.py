"""The ledger of paid calls: `api_cost_logs`.

A row is committed before the call is sent, gets the provider's request id as soon as it is known,
and is settled from the usage the provider reports. So a process that dies at any point leaves the
truth behind: what was sent, and whether its price is known.
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.records import Record
from montage_pipeline.requests.tables import ApiCostLogRow
from montage_pipeline.vocabulary import CostState, Service


class PaidCall(Record):
    """A call about to be paid for; `fingerprint` names what is bought, so that a retry knows it."""

    user_id: UUID
    service: Service
    endpoint: str
    montage_request_id: UUID | None
    run_id: str | None
    asset: str | None
    fingerprint: str


class OpenEntry(Record):
    """A row found again by a later attempt."""

    id: UUID
    provider_request_id: str | None
    usage: dict[str, Any]


class CostEntry(Record):
    """A row as the assets show it in their metadata."""

    id: UUID
    service: Service
    endpoint: str
    cost_usd: Decimal
    state: CostState
    usage: dict[str, Any]
    provider_request_id: str | None


def fingerprint_of(*parts: str) -> str:
    """A sha256 over the parts that make two purchases the same purchase."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


class CostLedger:
    """Rows of paid calls in Postgres. Every method commits before it returns."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, call: PaidCall) -> UUID:
        """Write the pending row of a call that is about to be sent."""
        row = ApiCostLogRow(
            user_id=call.user_id,
            service=call.service,
            endpoint=call.endpoint,
            montage_request_id=call.montage_request_id,
            run_id=call.run_id,
            asset=call.asset,
            fingerprint=call.fingerprint,
            state=CostState.PENDING,
        )
        with Session(self._engine) as session, session.begin():
            session.add(row)
            session.flush()
            return row.id

    def find_pending(self, call: PaidCall) -> OpenEntry | None:
        """The newest pending row that an earlier attempt left for the same purchase and request."""
        return self._find(call, ApiCostLogRow.state == CostState.PENDING)

    def find_bought(self, call: PaidCall) -> OpenEntry | None:
        """The newest row of the same purchase that was charged and has a provider's request id."""
        return self._find(
            call,
            ApiCostLogRow.state != CostState.PENDING,
            ApiCostLogRow.cost_usd > 0,
            ApiCostLogRow.provider_request_id.is_not(None),
        )

    def _find(self, call: PaidCall, *conditions: Any) -> OpenEntry | None:
        if call.montage_request_id is None:
            return None
        query = (
            select(ApiCostLogRow)
            .where(
                ApiCostLogRow.montage_request_id == call.montage_request_id,
                ApiCostLogRow.service == call.service,
                ApiCostLogRow.endpoint == call.endpoint,
                ApiCostLogRow.fingerprint == call.fingerprint,
                *conditions,
            )
            .order_by(ApiCostLogRow.created_at.desc())
            .limit(1)
        )
        with Session(self._engine) as session:
            row = session.scalar(query)
            if row is None:
                return None
            return OpenEntry(
                id=row.id, provider_request_id=row.provider_request_id, usage=row.usage
            )

    def attach(self, entry_id: UUID, provider_request_id: str) -> None:
        """Note the provider's id of the call, so that a later attempt can resume it."""
        self._update(entry_id, provider_request_id=provider_request_id)

    def settle(
        self,
        entry_id: UUID,
        *,
        cost_usd: Decimal,
        usage: Mapping[str, Any],
        price_version: str,
        provider_request_id: str | None = None,
    ) -> None:
        """Price the call from the usage the provider reported. A refused call is settled at 0."""
        values: dict[str, Any] = {
            "state": CostState.SETTLED,
            "cost_usd": cost_usd,
            "usage": dict(usage),
            "price_version": price_version,
        }
        if provider_request_id is not None:
            values["provider_request_id"] = provider_request_id
        self._update(entry_id, **values)

    def estimate(
        self, entry_id: UUID, *, cost_usd: Decimal, usage: Mapping[str, Any], price_version: str
    ) -> None:
        """Price a call that may have been charged but whose usage never came back."""
        self._update(
            entry_id,
            state=CostState.ESTIMATED,
            cost_usd=cost_usd,
            usage=dict(usage),
            price_version=price_version,
        )

    def _update(self, entry_id: UUID, **values: Any) -> None:
        # Only a pending row changes: a settled price is history and is never written over.
        with Session(self._engine) as session, session.begin():
            changed = session.scalar(
                update(ApiCostLogRow)
                .where(ApiCostLogRow.id == entry_id, ApiCostLogRow.state == CostState.PENDING)
                .values(**values, updated_at=func.now())
                .returning(ApiCostLogRow.id)
            )
        if changed is None:
            raise MontageError(
                ErrorCode.LEDGER_CONFLICT,
                f"Cost row {entry_id} is not pending any more, so it was left as it is.",
            )

    def entries(self, montage_request_id: UUID, *, asset: str | None = None) -> list[CostEntry]:
        """The rows of a request, oldest first; of one asset when named."""
        query = select(ApiCostLogRow).where(ApiCostLogRow.montage_request_id == montage_request_id)
        if asset is not None:
            query = query.where(ApiCostLogRow.asset == asset)
        with Session(self._engine) as session:
            return [
                CostEntry(
                    id=row.id,
                    service=row.service,
                    endpoint=row.endpoint,
                    cost_usd=row.cost_usd,
                    state=row.state,
                    usage=row.usage,
                    provider_request_id=row.provider_request_id,
                )
                for row in session.scalars(query.order_by(ApiCostLogRow.created_at))
            ]


def log_cost(
    ledger: CostLedger,
    call: PaidCall,
    *,
    cost_usd: Decimal,
    usage: Mapping[str, Any],
    price_version: str,
    provider_request_id: str | None = None,
) -> UUID:
    """Record a call that was already made and priced, in one step."""
    entry_id = ledger.open(call)
    ledger.settle(
        entry_id,
        cost_usd=cost_usd,
        usage=usage,
        price_version=price_version,
        provider_request_id=provider_request_id,
    )
    return entry_id
