"""`KeptValues`: which request's value answers what is asked now.

A row belongs to its request and its user: it goes with either of them, and is found for that user
alone. It says where a value may lie, not that it does: work files expire.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.records import Record
from montage_pipeline.requests.tables import KeptValueRow, MontageRequestRow
from montage_pipeline.vocabulary import Step

MAX_FOUND = 5
"""Newest requests that are looked at: where the files of five have expired, those of others have.
"""


class KeptValue(Record):
    """That a request's value of a step answers `asked`: the SHA-256 of what it was made from.

    `clips` is the SHA-256 of the clips' contents alone.
    """

    montage_request_id: UUID
    user_id: UUID
    step: Step
    asked: str
    clips: str


class KeptValues:
    """The values of earlier requests, in Postgres."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, value: KeptValue) -> None:
        """Remember the value in the place of the one that its request had before."""
        row = insert(KeptValueRow).values(**dict(value))
        changed = {"asked": value.asked, "clips": value.clips, "created_at": func.now()}
        with Session(self._engine) as session, session.begin():
            session.execute(
                row.on_conflict_do_update(
                    index_elements=["montage_request_id", "step"], set_=changed
                )
            )

    def answering(
        self, user_id: UUID, step: Step, asked: str, asking: UUID | None = None
    ) -> list[UUID]:
        """The user's requests whose value answers exactly this: the one that is `asking`, where it
        is made again, then the newest first.
        """
        return self._newest(user_id, step, KeptValueRow.asked == asked, asking=asking)

    def of_item(self, user_id: UUID, step: Step, content_item_id: UUID) -> list[UUID]:
        """The requests of an item that have a value, newest first."""
        of_item = select(MontageRequestRow.id).where(
            MontageRequestRow.content_item_id == content_item_id
        )
        return self._newest(user_id, step, KeptValueRow.montage_request_id.in_(of_item))

    def of_clips(self, user_id: UUID, step: Step, clips: str) -> list[UUID]:
        """The user's requests that have a value made for these clips, newest first."""
        return self._newest(user_id, step, KeptValueRow.clips == clips)

    def _newest(
        self,
        user_id: UUID,
        step: Step,
        *conditions: ColumnElement[bool],
        asking: UUID | None = None,
    ) -> list[UUID]:
        others_later = KeptValueRow.montage_request_id.is_distinct_from(asking)
        query = (
            select(KeptValueRow.montage_request_id)
            .where(KeptValueRow.user_id == user_id, KeptValueRow.step == step, *conditions)
            .order_by(others_later, KeptValueRow.created_at.desc(), KeptValueRow.montage_request_id)
            .limit(MAX_FOUND)
        )
        with Session(self._engine) as session:
            found: Sequence[UUID] = session.scalars(query).all()
            return list(found)
