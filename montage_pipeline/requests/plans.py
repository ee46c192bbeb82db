"""Plans: that the edit of a request is decided, before there is a Reel of it.

Belongs here: noting it with the item, and which request's edit belongs to an item. Does not belong
here: changes of a request's state (`lifecycle`), the edit itself (the object store has it).
"""

from uuid import UUID

from sqlalchemy import CursorResult, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.requests.tables import ContentItemRow, MontageRequestRow
from montage_pipeline.vocabulary import ContentStatus, RequestState


def note_plan(engine: Engine, request_id: UUID, run_id: str) -> bool:
    """Note on the item that the plan of this request lies in the object store, whole.

    False when the request is not under way in this run.
    """
    running = select(MontageRequestRow.content_item_id).where(
        MontageRequestRow.id == request_id,
        MontageRequestRow.state == RequestState.RUNNING,
        MontageRequestRow.run_id == run_id,
    )
    with Session(engine) as session, session.begin():
        noted = session.execute(
            update(ContentItemRow)
            .where(
                ContentItemRow.id == running.scalar_subquery(),
                ContentItemRow.status == ContentStatus.GENERATING,
            )
            .values(planned_request_id=request_id)
        )
        assert isinstance(noted, CursorResult)
        return bool(noted.rowcount)


def planned_request(engine: Engine, content_item_id: UUID) -> UUID | None:
    """The request whose edit belongs to the item now: the one that was planned last, else the one
    that last made a Reel; None before there is any.
    """
    newest_first = (
        select(MontageRequestRow.id)
        .where(
            MontageRequestRow.content_item_id == content_item_id,
            MontageRequestRow.state == RequestState.SUCCEEDED,
        )
        .order_by(MontageRequestRow.finished_at.desc(), MontageRequestRow.id)
    )
    with Session(engine) as session:
        planned = session.scalar(
            select(ContentItemRow.planned_request_id).where(ContentItemRow.id == content_item_id)
        )
        return planned or session.scalar(newest_first.limit(1))


def base_request(engine: Engine, request_id: UUID) -> UUID | None:
    """The request whose edit this one changed; None where it changed none."""
    with Session(engine) as session:
        return session.scalar(
            select(MontageRequestRow.base_request_id).where(MontageRequestRow.id == request_id)
        )


def is_request_of(engine: Engine, request_id: UUID, content_item_id: UUID) -> bool:
    """Whether the request was made for this item."""
    with Session(engine) as session:
        found = select(MontageRequestRow.id).where(
            MontageRequestRow.id == request_id,
            MontageRequestRow.content_item_id == content_item_id,
        )
        return session.scalar(found) is not None
