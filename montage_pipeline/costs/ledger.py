"""The ledger of paid calls: `api_cost_logs`.

The order of work of whoever buys makes a crash at any point harmless:

1. `open`: a row, `pending`, with what the call is predicted to cost; refused when a budget has no
   room for it;
2. `mark_sent`, right before the request's body goes out (`sending`);
3. `attach`, as soon as the provider has named the call;
4. `settle` from the usage that the provider reports; `close_free` when it charges nothing;
   `close_in_doubt` when nobody will ever know, at what was predicted.

A process that dies leaves a pending row: without `sent_at` nothing was bought; with it the call may
have been charged. The next attempt closes such a row, or else the reconciler does (`left_behind`).
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import Update, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.costs.alerts import store_alerts
from montage_pipeline.costs.budgets import Limits, Purchase, require_room, weigh
from montage_pipeline.costs.doubts import MOST_USD, sentence_on, tell_item
from montage_pipeline.costs.switch import require_paid_calls
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.records import Record
from montage_pipeline.requests.tables import ApiCostLogRow, MontageRequestRow
from montage_pipeline.vocabulary import CostState, RequestState, Service

REUSED = "reused_from"
"""In the usage of a row for which nothing was bought: the request whose purchase was used."""

_OVER = tuple(state for state in RequestState if state.is_terminal)


class PaidCall(Record):
    """A call about to be paid for; `fingerprint` names what is bought, so that a retry knows it.

    `predicted_usd` is what it should cost: `predicted_usage`, in the provider's own terms, at the
    price `price_version`. `most_usd` is what it cannot pass, where that is more.
    """

    user_id: UUID
    service: Service
    endpoint: str
    montage_request_id: UUID | None
    run_id: str | None
    asset: str | None
    fingerprint: str
    predicted_usd: Decimal = Decimal(0)
    predicted_usage: dict[str, Any] = Field(default_factory=dict)
    most_usd: Decimal | None = None
    price_version: str | None = None

    @property
    def purchase(self) -> Purchase:
        """What the budgets need to know of it."""
        return Purchase(self.user_id, self.montage_request_id, self.service, self.predicted_usd)


class OpenEntry(Record):
    """A row found again by a later attempt. `sent`: the call may have been charged."""

    id: UUID
    provider_request_id: str | None
    usage: dict[str, Any]
    sent: bool


class LeftEntry(OpenEntry):
    """A pending row whose call nobody waits for any more. `too_old`: it must be closed now."""

    user_id: UUID
    service: Service
    endpoint: str
    montage_request_id: UUID | None
    fingerprint: str | None
    created_at: datetime
    too_old: bool


class CostEntry(Record):
    """A row as the assets show it in their metadata."""

    id: UUID
    service: Service
    endpoint: str
    cost_usd: Decimal
    state: CostState
    usage: dict[str, Any]
    provider_request_id: str | None
    predicted_usd: Decimal | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether nobody knows if the call was charged."""
        return bool(self.usage.get("uncertain"))

    @property
    def reused(self) -> bool:
        """Whether nothing was bought: an earlier purchase was used again."""
        return REUSED in self.usage

    @property
    def doubt(self) -> str | None:
        """What its item says of it; None unless it is in doubt."""
        if not self.in_doubt:
            return None
        return sentence_on(self.service, self.cost_usd, self.usage)


def fingerprint_of(*parts: str) -> str:
    """A sha256 over the parts that make two purchases the same purchase."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


class CostLedger:
    """Rows of paid calls in Postgres. Every method commits before it returns."""

    def __init__(self, engine: Engine, limits: Limits = Limits()) -> None:
        self.engine = engine
        self._limits = limits

    def open(self, call: PaidCall) -> UUID:
        """Write the pending row of a call that is about to be sent.

        Raises PermanentError, and writes no row: PAID_CALLS_OFF, BUDGET_EXCEEDED, PAID_CALLS_SPENT.
        """
        row = row_of(call)
        with Session(self.engine) as session, session.begin():
            require_paid_calls(session, allowed=self._limits.paid_calls)
            verdict = weigh(session, self._limits, call.purchase)
            if verdict.refusal is None:
                session.add(row)
                session.flush()
            # In the same transaction: the alert is as sure as what it tells of.
            store_alerts(session, verdict.alerts)
            entry_id = row.id
        if verdict.refusal is not None:
            raise verdict.refusal
        return entry_id

    def require_another(self, call: PaidCall) -> None:
        """Raise PermanentError(PAID_CALLS_SPENT) when the request may not buy one more answer."""
        with Session(self.engine) as session:
            require_room(session, self._limits, call.purchase)

    def mark_sent(self, entry_id: UUID) -> None:
        """Note that the call goes out now; from here on it may be charged."""
        self._update(entry_id, sent_at=func.clock_timestamp())

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
        with Session(self.engine) as session:
            row = session.scalar(query)
            if row is None:
                return None
            return _open_entry(row)

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

    def close_free(
        self,
        entry_id: UUID,
        facts: Mapping[str, Any],
        *,
        price_version: str | None = None,
        provider_request_id: str | None = None,
    ) -> None:
        """Settle a call at 0: it was not sent, or the provider does not charge for its end."""
        values: dict[str, Any] = {
            "state": CostState.SETTLED,
            "cost_usd": Decimal(0),
            "usage": {"charged": False, **facts},
            "price_version": func.coalesce(ApiCostLogRow.price_version, price_version),
        }
        if provider_request_id is not None:
            values["provider_request_id"] = provider_request_id
        self._update(entry_id, **values)

    def close_in_doubt(self, entry_id: UUID, reason: str, **facts: Any) -> None:
        """Close a call that may have been charged, and of which nobody will ever know more: at what
        it was predicted to cost. Its item says so, and what the most is that it can have cost.
        """
        doubt = {"uncertain": True, "error": reason, **facts}
        with Session(self.engine) as session, session.begin():
            row = session.scalar(
                _of_pending(entry_id)
                .values(
                    state=CostState.ESTIMATED,
                    cost_usd=func.coalesce(ApiCostLogRow.predicted_usd, 0),
                    usage=ApiCostLogRow.usage.op("||")(literal(doubt, JSONB)),
                )
                .returning(ApiCostLogRow)
            )
            if row is None:
                raise _conflict(entry_id)
            sentence = sentence_on(row.service, row.cost_usd, row.usage)
            tell_item(session, row.montage_request_id, sentence)

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
        with Session(self.engine) as session, session.begin():
            changed = session.scalar(
                _of_pending(entry_id).values(**values).returning(ApiCostLogRow.id)
            )
        if changed is None:
            raise _conflict(entry_id)

    def left_behind(self, *, grace: timedelta, most: timedelta, limit: int) -> list[LeftEntry]:
        """Pending rows that nobody works on: their request ended more than `grace` ago, or the row
        is older than `most` whatever its request does. Those that waited longest first.
        """
        is_old = ApiCostLogRow.created_at < func.now() - most
        idle = ApiCostLogRow.created_at < func.now() - grace
        over = or_(
            MontageRequestRow.id.is_(None),
            MontageRequestRow.state.in_(_OVER)
            & (MontageRequestRow.finished_at < func.now() - grace),
        )
        query = (
            select(ApiCostLogRow, is_old)
            .outerjoin(MontageRequestRow, MontageRequestRow.id == ApiCostLogRow.montage_request_id)
            .where(ApiCostLogRow.state == CostState.PENDING, or_(is_old, idle & over))
            .order_by(ApiCostLogRow.updated_at)
            .limit(limit)
        )
        with Session(self.engine) as session:
            return [
                LeftEntry(
                    **dict(_open_entry(row)),
                    user_id=row.user_id,
                    service=row.service,
                    endpoint=row.endpoint,
                    montage_request_id=row.montage_request_id,
                    fingerprint=row.fingerprint,
                    created_at=row.created_at,
                    too_old=too_old,
                )
                for row, too_old in session.execute(query)
            ]

    def touch(self, entry_id: UUID) -> None:
        """Let a pending row wait behind the others."""
        self._update(entry_id)

    def entries(self, montage_request_id: UUID, *, asset: str | None = None) -> list[CostEntry]:
        """The rows of a request, oldest first; of one asset when named."""
        query = select(ApiCostLogRow).where(ApiCostLogRow.montage_request_id == montage_request_id)
        if asset is not None:
            query = query.where(ApiCostLogRow.asset == asset)
        with Session(self.engine) as session:
            return [
                CostEntry(
                    id=row.id,
                    service=row.service,
                    endpoint=row.endpoint,
                    cost_usd=row.cost_usd,
                    state=row.state,
                    usage=row.usage,
                    provider_request_id=row.provider_request_id,
                    predicted_usd=row.predicted_usd,
                )
                for row in session.scalars(query.order_by(ApiCostLogRow.created_at))
            ]


def _of_pending(entry_id: UUID) -> Update:
    # Only a pending row changes: a settled price is history and is never written over.
    return (
        update(ApiCostLogRow)
        .where(ApiCostLogRow.id == entry_id, ApiCostLogRow.state == CostState.PENDING)
        .values(updated_at=func.now())
    )


def _conflict(entry_id: UUID) -> MontageError:
    return MontageError(
        ErrorCode.LEDGER_CONFLICT,
        f"Cost row {entry_id} is not pending any more, so it was left as it is.",
    )


def row_of(call: PaidCall) -> ApiCostLogRow:
    """The pending row of a call that is about to be sent."""
    return ApiCostLogRow(
        user_id=call.user_id,
        service=call.service,
        endpoint=call.endpoint,
        montage_request_id=call.montage_request_id,
        run_id=call.run_id,
        asset=call.asset,
        fingerprint=call.fingerprint,
        state=CostState.PENDING,
        predicted_usd=call.predicted_usd,
        usage=_predicted(call),
        price_version=call.price_version,
    )


def _predicted(call: PaidCall) -> dict[str, Any]:
    known = {"predicted": call.predicted_usage} if call.predicted_usage else {}
    return known if call.most_usd is None else {**known, MOST_USD: f"{call.most_usd:f}"}


def _open_entry(row: ApiCostLogRow) -> OpenEntry:
    return OpenEntry(
        id=row.id,
        provider_request_id=row.provider_request_id,
        usage=row.usage,
        sent=row.sent_at is not None,
    )


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
