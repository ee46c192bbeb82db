"""Heartbeats of runs: what proves that a run lives.

A run's process renews its row every few seconds, over a connection of its own. Dagster cannot tell
by itself that a process died together with the server that launched it; a row that is not renewed
can, on whatever machine the run was.

Does not belong here: who renews (`orchestration.lease`), and what becomes of a run whose heart
stopped (`orchestration.reconciliation`).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Engine

from montage_pipeline.requests.tables import MontageRequestRow, RunHeartbeatRow
from montage_pipeline.vocabulary import RequestState

KEPT = timedelta(days=1)
"""How long a row outlives its run: long enough to ask it what happened last night."""

_STATEMENT_LIMIT = "5s"
"""A beat that takes longer is not worth having; the next one may go through."""


class Claim(NamedTuple):
    """Whose a request is: its state, and the run that has it."""

    state: RequestState
    run_id: str | None


class Beats(NamedTuple):
    """The last beat of each run that was asked for, and what time it is now, by the database's
    clock alone.
    """

    now: datetime
    last: dict[str, datetime]


class RunHeartbeats:
    """The heartbeats in Postgres."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def beat(self, run_id: str, request_id: UUID) -> Claim | None:
        """Say that the run lives. Whose its request is now; None when there is no such request."""
        renewed = insert(RunHeartbeatRow).values(
            run_id=run_id, montage_request_id=request_id, beat_at=func.clock_timestamp()
        )
        claim = select(MontageRequestRow.state, MontageRequestRow.run_id).where(
            MontageRequestRow.id == request_id
        )
        with self._engine.begin() as connection:
            connection.execute(text(f"SET LOCAL statement_timeout = '{_STATEMENT_LIMIT}'"))
            found = connection.execute(claim).one_or_none()
            if found is None:
                return None
            connection.execute(
                renewed.on_conflict_do_update(
                    index_elements=["run_id"], set_={"beat_at": func.clock_timestamp()}
                )
            )
        return Claim(*found)

    def claim(self, request_id: UUID) -> Claim | None:
        """Whose the request is; None when there is none."""
        query = select(MontageRequestRow.state, MontageRequestRow.run_id).where(
            MontageRequestRow.id == request_id
        )
        with self._engine.connect() as connection:
            found = connection.execute(query).one_or_none()
        return None if found is None else Claim(*found)

    def of_runs(self, run_ids: Iterable[str]) -> Beats:
        """When these runs last beat; those that never did are left out."""
        query = select(RunHeartbeatRow.run_id, RunHeartbeatRow.beat_at).where(
            RunHeartbeatRow.run_id.in_(list(run_ids))
        )
        with self._engine.connect() as connection:
            now = connection.scalar(select(func.clock_timestamp()))
            last = {row.run_id: row.beat_at for row in connection.execute(query)}
        assert isinstance(now, datetime)
        return Beats(now, last)

    def forget_old(self) -> None:
        """Delete the rows of runs that are long over."""
        old = RunHeartbeatRow.beat_at < func.now() - KEPT
        with self._engine.begin() as connection:
            connection.execute(delete(RunHeartbeatRow).where(old))

    def close(self) -> None:
        """Give the connection back."""
        self._engine.dispose()
