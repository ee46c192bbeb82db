"""The switch that stops every paid call, for all processes at once and without a restart.

It is a row that is read at each call, in the transaction that writes the call's row.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.records import Record
from montage_pipeline.requests.tables import OperatorSwitchRow

_PAID_CALLS = "paid_calls"


class PaidCallsSwitch(Record):
    """Whether paid calls are made; since when and why, when somebody has ever turned the switch."""

    is_on: bool
    reason: str = ""
    changed_at: datetime | None = None


def read_switch(engine: Engine) -> PaidCallsSwitch:
    """How the switch stands."""
    with Session(engine) as session:
        return _read(session)


def turn_switch(engine: Engine, *, is_on: bool, reason: str = "") -> PaidCallsSwitch:
    """Turn paid calls on or off. A call that is under way is not stopped."""
    values = {"is_on": is_on, "reason": reason, "changed_at": func.now()}
    with Session(engine) as session, session.begin():
        session.execute(
            insert(OperatorSwitchRow)
            .values(name=_PAID_CALLS, **values)
            .on_conflict_do_update(index_elements=["name"], set_=values)
        )
        return _read(session)


def require_paid_calls(session: Session, *, allowed: bool) -> None:
    """Raise PermanentError(PAID_CALLS_OFF) when the switch is off, or the settings forbid it."""
    if not allowed:
        raise PermanentError(
            ErrorCode.PAID_CALLS_OFF, "Paid calls are turned off by MONTAGE_PAID_CALLS=false."
        )
    switch = _read(session)
    if not switch.is_on:
        why = f" ({switch.reason})" if switch.reason else ""
        raise PermanentError(
            ErrorCode.PAID_CALLS_OFF,
            f"Whoever runs this installation has turned paid calls off{why}. Nothing was bought.",
        )


def _read(session: Session) -> PaidCallsSwitch:
    row = session.scalar(
        select(OperatorSwitchRow)
        .where(OperatorSwitchRow.name == _PAID_CALLS)
        .execution_options(populate_existing=True)
    )
    if row is None:
        return PaidCallsSwitch(is_on=True)
    return PaidCallsSwitch(is_on=row.is_on, reason=row.reason, changed_at=row.changed_at)
