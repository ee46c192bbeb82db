"""How much may be spent: for a request, a user, the whole installation.

A call is weighed before it is sent, by its predicted cost, against what was spent and what is under
way, in the transaction that writes its row. Calls of one user are weighed one after the other, and
calls of all users where the installation has a limit: calls at the same time cannot spend the same
dollar twice.

Belongs here: the limits, the sums and the verdict. Does not belong here: the rows (`ledger`) and
telling anybody (`alerts`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, or_, select, text
from sqlalchemy.orm import Session

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.requests.tables import ApiCostLogRow, UserRow
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import CostState, Service

WARN_PERCENT = 80
FULL_PERCENT = 100

_INSTALLATION_LOCK = 7_305_111
"""Any number that nothing else locks in this database (`pg_advisory_xact_lock`)."""

_NO_WINDOW = datetime(1970, 1, 1, tzinfo=UTC)
"""A request's budget begins with it, so its alerts need no window."""

_NEXT = {"day": "from 00:00 UTC on", "month": "from the 1st on, 00:00 UTC"}


class Budget(StrEnum):
    """What a limit is for. Days and months are those of UTC."""

    REQUEST = "request"
    USER_DAY = "user_day"
    USER_MONTH = "user_month"
    DAY = "day"
    MONTH = "month"

    @property
    def words(self) -> str:
        """As people are told."""
        return {
            Budget.REQUEST: "of one request",
            Budget.USER_DAY: "of one user and day",
            Budget.USER_MONTH: "of one user and month",
            Budget.DAY: "of the whole installation for a day",
            Budget.MONTH: "of the whole installation for a month",
        }[self]

    @property
    def window(self) -> str | None:
        """`day` or `month`; None for a request, which has all its life."""
        return None if self is Budget.REQUEST else self.value.rpartition("_")[2]


@dataclass(frozen=True)
class Limits:
    """The most that may be spent, in USD; None is no limit, 0 buys nothing.

    `calls_per_request` is how often one service may be paid for one request, retries included.
    `paid_calls` is False where the settings forbid every paid call.
    """

    request_usd: Decimal | None = None
    user_day_usd: Decimal | None = None
    user_month_usd: Decimal | None = None
    day_usd: Decimal | None = None
    month_usd: Decimal | None = None
    calls_per_request: int | None = None
    paid_calls: bool = True

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """As the settings say."""
        return cls(
            request_usd=settings.budget_request_usd,
            user_day_usd=settings.budget_user_day_usd,
            user_month_usd=settings.budget_user_month_usd,
            day_usd=settings.budget_day_usd,
            month_usd=settings.budget_month_usd,
            calls_per_request=settings.max_paid_calls,
            paid_calls=settings.paid_calls,
        )


class Purchase(NamedTuple):
    """Whom a call is for, and what it is predicted to cost."""

    user_id: UUID
    montage_request_id: UUID | None
    service: Service
    predicted_usd: Decimal


class Alert(NamedTuple):
    """A budget that this call fills to 80 % or more, or that has no room for it."""

    budget: Budget
    subject: str
    window_start: datetime
    percent: int
    limit_usd: Decimal
    spent_usd: Decimal


class Verdict(NamedTuple):
    """Whether a call may be made: not when there is a `refusal`."""

    refusal: PermanentError | None
    alerts: tuple[Alert, ...] = ()


class _Sums(NamedTuple):
    spent_usd: Decimal
    pending_usd: Decimal
    window_start: datetime


def weigh(session: Session, limits: Limits, purchase: Purchase) -> Verdict:
    """Weigh a call against every limit that applies.

    Holds locks until the session's transaction ends, so that the row written in it counts for
    whoever is weighed next.
    """
    applying = dict(_applying(session, limits, purchase))
    refusal = _too_often(session, limits, purchase)
    if refusal is not None:
        return Verdict(refusal)

    alerts: list[Alert] = []
    for budget, limit_usd in applying.items():
        sums = _sums(session, budget, purchase)
        after_usd = sums.spent_usd + sums.pending_usd + purchase.predicted_usd
        alert = Alert(
            budget,
            _subject(budget, purchase),
            sums.window_start,
            WARN_PERCENT,
            limit_usd,
            sums.spent_usd + sums.pending_usd,
        )
        if after_usd > limit_usd:
            full = alert._replace(percent=FULL_PERCENT)
            return Verdict(_refusal(budget, limit_usd, sums, purchase), (*alerts, full))
        if after_usd * 100 >= limit_usd * WARN_PERCENT:
            alerts.append(alert._replace(spent_usd=after_usd))
    return Verdict(None, tuple(alerts))


def _applying(
    session: Session, limits: Limits, purchase: Purchase
) -> Iterator[tuple[Budget, Decimal]]:
    """The budgets that have a limit, with the user's own instead of the settings'."""
    # The wider lock first, always: two transactions never wait for each other.
    if limits.day_usd is not None or limits.month_usd is not None:
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _INSTALLATION_LOCK})
    own = session.execute(
        select(UserRow.budget_request_usd, UserRow.budget_day_usd, UserRow.budget_month_usd)
        .where(UserRow.id == purchase.user_id)
        # Inserts of rows that point to the user go on meanwhile.
        .with_for_update(key_share=True)
    ).one_or_none()
    request_usd, day_usd, month_usd = own or (None, None, None)
    for budget, limit_usd in (
        (Budget.REQUEST, _first(request_usd, limits.request_usd)),
        (Budget.USER_DAY, _first(day_usd, limits.user_day_usd)),
        (Budget.USER_MONTH, _first(month_usd, limits.user_month_usd)),
        (Budget.DAY, limits.day_usd),
        (Budget.MONTH, limits.month_usd),
    ):
        if limit_usd is not None and (
            budget is not Budget.REQUEST or purchase.montage_request_id is not None
        ):
            yield budget, limit_usd


def _first(*amounts: Decimal | None) -> Decimal | None:
    return next((amount for amount in amounts if amount is not None), None)


def _sums(session: Session, budget: Budget, purchase: Purchase) -> _Sums:
    """What was spent in the budget's window, and what calls under way are predicted to cost."""
    window_start: ColumnElement[datetime] | None = None
    conditions: list[ColumnElement[bool]] = []
    if budget.window is not None:
        midnight = func.date_trunc(budget.window, func.timezone("UTC", func.now()))
        window_start = func.timezone("UTC", midnight)
        conditions.append(ApiCostLogRow.created_at >= window_start)
    if budget is Budget.REQUEST:
        conditions.append(ApiCostLogRow.montage_request_id == purchase.montage_request_id)
    elif budget in (Budget.USER_DAY, Budget.USER_MONTH):
        conditions.append(ApiCostLogRow.user_id == purchase.user_id)

    # Rows under way cost nothing yet, so `cost_usd` is what was spent.
    committed_usd, spent_usd = session.execute(
        select(
            func.coalesce(func.sum(_committed_usd()), 0),
            func.coalesce(func.sum(ApiCostLogRow.cost_usd), 0),
        ).where(*conditions)
    ).one()
    start = _NO_WINDOW if window_start is None else session.scalar(select(window_start))
    return _Sums(spent_usd, committed_usd - spent_usd, start or _NO_WINDOW)


def _committed_usd() -> ColumnElement[Decimal]:
    """What a row costs, or is predicted to while its call is under way."""
    predicted_usd = func.coalesce(ApiCostLogRow.predicted_usd, ApiCostLogRow.cost_usd)
    is_pending = ApiCostLogRow.state == CostState.PENDING
    return case((is_pending, predicted_usd), else_=ApiCostLogRow.cost_usd)


def _subject(budget: Budget, purchase: Purchase) -> str:
    if budget is Budget.REQUEST:
        return str(purchase.montage_request_id)
    return str(purchase.user_id) if budget in (Budget.USER_DAY, Budget.USER_MONTH) else ""


def _refusal(budget: Budget, limit_usd: Decimal, sums: _Sums, purchase: Purchase) -> PermanentError:
    left_usd = max(Decimal(0), limit_usd - sums.spent_usd - sums.pending_usd)
    again = f" There is room again {_NEXT[budget.window]}." if budget.window else ""
    return PermanentError(
        ErrorCode.BUDGET_EXCEEDED,
        f"A call to {purchase.service} is predicted to cost ${purchase.predicted_usd:.4f}, and the "
        f"budget {budget.words} has ${left_usd:.4f} left: of ${limit_usd:.4f}, "
        f"${sums.spent_usd:.4f} is spent and ${sums.pending_usd:.4f} is under way. Nothing was "
        f"bought.{again}",
        budget=budget.value,
        limit_usd=str(limit_usd),
        spent_usd=str(sums.spent_usd),
        pending_usd=str(sums.pending_usd),
        predicted_usd=str(purchase.predicted_usd),
    )


def _too_often(session: Session, limits: Limits, purchase: Purchase) -> PermanentError | None:
    """The refusal of a call to a service that was paid often enough for the request."""
    if limits.calls_per_request is None or purchase.montage_request_id is None:
        return None
    times, cost_usd = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(_committed_usd()), 0),
        ).where(
            ApiCostLogRow.montage_request_id == purchase.montage_request_id,
            ApiCostLogRow.service == purchase.service,
            may_be_charged(),
        )
    ).one()
    if times < limits.calls_per_request:
        return None
    return PermanentError(
        ErrorCode.PAID_CALLS_SPENT,
        f"{purchase.service} was paid {times} times for this request, retries included, about "
        f"${cost_usd:.4f} in all, without an answer that can be used. That is as often as "
        "MONTAGE_MAX_PAID_CALLS allows, so nothing more was bought.",
        service=purchase.service.value,
        paid_calls=times,
        max_paid_calls=limits.calls_per_request,
    )


def may_be_charged() -> ColumnElement[bool]:
    """Condition: the row's call was charged, or is on its way and may be."""
    under_way = and_(ApiCostLogRow.state == CostState.PENDING, ApiCostLogRow.sent_at.is_not(None))
    return or_(ApiCostLogRow.cost_usd > 0, under_way)


def require_room(session: Session, limits: Limits, purchase: Purchase) -> None:
    """Raise what `weigh` refuses a further call of the request for."""
    if (refusal := _too_often(session, limits, purchase)) is not None:
        raise refusal


def sentence_of(alert: Alert) -> str:
    """An alert in words, for the log."""
    return (
        f"The budget {alert.budget.words} is used up to {alert.percent} % or more: "
        f"${alert.spent_usd:.4f} of ${alert.limit_usd:.4f}."
    )
