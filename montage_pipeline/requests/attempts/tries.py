"""The tries of a request's steps that failed, kept on its item: how often, and why each time.

Belongs here: the record of a try. Does not belong here: whether a step is tried again; that is
decided where steps run.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import Select, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.errors import ErrorCode
from montage_pipeline.records import Record
from montage_pipeline.requests.tables import ContentItemRow, MontageRequestRow
from montage_pipeline.vocabulary import RequestState, Step

MAX_MESSAGE_CHARS = 300
"""Enough for the cause; the whole of the last one is the item's error."""


class Try(Record):
    """One try of a step that failed. `number` counts those of this step for this request."""

    step: Step
    number: int = Field(ge=1)
    code: ErrorCode
    message: str
    run_id: str
    at: datetime


class StepTries:
    """Tries in Postgres."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, request_id: UUID, failed: Try) -> int | None:
        """Add a try to the item of a request that runs under the try's run.

        The number of failed tries of that step so far, whatever run they were in (a run that died
        is replaced by another, and a provider should not be asked the more for it). None when the
        request is not that run's.
        """
        running = _item_of(request_id, failed.run_id)
        with Session(self._engine) as session, session.begin():
            earlier = session.scalar(
                select(ContentItemRow.tries)
                .where(ContentItemRow.id == running.scalar_subquery())
                .with_for_update()
            )
            if earlier is None:
                return None
            number = 1 + _of_step(earlier, failed.step)
            message = failed.message[:MAX_MESSAGE_CHARS]
            kept = failed.model_copy(update={"number": number, "message": message})
            session.execute(
                update(ContentItemRow)
                .where(ContentItemRow.id == running.scalar_subquery())
                .values(
                    tries=ContentItemRow.tries.op("||")(
                        literal([kept.model_dump(mode="json")], JSONB)
                    ),
                    updated_at=func.now(),
                )
            )
            return number

    def count(self, request_id: UUID, step: Step, run_id: str) -> int:
        """How many tries of the step have failed so far; 0 when the request is not that run's."""
        item = _item_of(request_id, run_id).scalar_subquery()
        with Session(self._engine) as session:
            tries = session.scalar(select(ContentItemRow.tries).where(ContentItemRow.id == item))
        return _of_step(tries or [], step)


def _item_of(request_id: UUID, run_id: str) -> Select[UUID]:
    """The item of a request that runs under this run."""
    return select(MontageRequestRow.content_item_id).where(
        MontageRequestRow.id == request_id,
        MontageRequestRow.state == RequestState.RUNNING,
        MontageRequestRow.run_id == run_id,
    )


def _of_step(tries: list[dict[str, Any]], step: Step) -> int:
    return sum(one["step"] == step.value for one in tries)
