"""How much of its rate each caller of the API has used, counted for all processes together.

Belongs here: the count in Postgres. Does not belong here: who counts as a caller, and what a
refusal looks like (`rate_limits`).
"""

from sqlalchemy import Interval, cast, delete, func, literal, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Engine

from montage_pipeline.requests.tables import CallRateRow

WINDOW_S = 60.0
"""Of calls in general: a caller who was quiet for this long may send a whole minute's at once."""

_STATEMENT_LIMIT = "2s"
"""Whoever calls waits for this: better not to count than to keep everybody waiting."""


class CallRates:
    """Rates in Postgres, by the generic cell rate algorithm: one moment for each caller, at which
    everything it sent would have been due at an even pace.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(
        self, caller: str, per_window: int, wanted: int, *, window_s: float = WINDOW_S
    ) -> tuple[int, float]:
        """Count up to `wanted` requests of the caller as sent, of the `per_window` that it has in
        any `window_s`; how many there were left to take, and, when none, the seconds until there
        is one.
        """
        interval_s = window_s / per_window
        with self._engine.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{_STATEMENT_LIMIT}'")
            now = func.clock_timestamp()
            connection.execute(
                insert(CallRateRow).values(caller=caller, due_at=now).on_conflict_do_nothing()
            )
            ahead = func.extract("epoch", CallRateRow.due_at - now)
            mine = select(ahead).where(CallRateRow.caller == caller).with_for_update()
            ahead_s = max(float(connection.scalar(mine) or 0.0), 0.0)
            # Rounding must not refuse the last request of the minute.
            left = int((window_s - ahead_s) / interval_s + 1e-6)
            taken = min(wanted, max(left, 0))
            if not taken:
                return 0, ahead_s + interval_s - window_s
            used = cast(literal(f"{ahead_s + taken * interval_s} seconds"), Interval)
            mine_now = update(CallRateRow).where(CallRateRow.caller == caller)
            connection.execute(mine_now.values(due_at=now + used))
            return taken, 0.0

    def forget_old(self) -> int:
        """Delete the rows of callers who have a whole window before them; how many there were."""
        old = CallRateRow.due_at < func.now() - literal_column("interval '1 minute'")
        with self._engine.begin() as connection:
            return connection.execute(delete(CallRateRow).where(old)).rowcount
