"""What a user's earlier Reels showed: kept with every delivered Reel, looked up for the next one.

Belongs here: the stored segments and the two ways to find them, by file and by fingerprint. Does
not belong here: what having been seen costs an edit.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from pydantic import Field
from sqlalchemy import LargeBinary, Select, delete, func, insert, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.records import Record
from montage_pipeline.requests.tables import MontageRequestRow, SeenSegmentRow
from montage_pipeline.rules import ALIKE_BITS

MAX_COMPARED = 5_000
"""The newest of a user's segments that are compared, some 500 Reels: bounds a search's time."""

_SIGN = 1 << 63
"""The bit that makes a 64-bit number of Postgres negative."""


class SeenSegment(Record):
    """Footage that an earlier Reel of the same user showed: seconds of a file (presentation time),
    and the moment's fingerprint, 16 hex digits or empty.
    """

    sha256: str
    start_s: float
    end_s: float
    fingerprint: str = Field(default="", pattern=r"^([0-9a-f]{16})?$")


class SeenFootage:
    """The segments of delivered Reels in Postgres."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def earlier(
        self,
        user_id: UUID,
        before: datetime,
        *,
        files: Collection[str],
        fingerprints: Collection[str],
        besides_item: UUID | None = None,
    ) -> tuple[SeenSegment, ...]:
        """What the user's Reels delivered before `before` showed of this footage, newest first.

        That is every segment of a file in `files` (SHA-256), and those of other files that look
        like one of `fingerprints` (`rules.ALIKE_BITS`); the newest `MAX_COMPARED` of either kind
        are compared. `before` makes planning the same request again later give the same edit. Reels
        of `besides_item` do not count: a changed edit repeats what it was changed from.
        """
        of_user = (
            # Columns, not mapped rows: hundreds of those keep the garbage collector busier than
            # the database.
            select(
                SeenSegmentRow.sha256,
                SeenSegmentRow.start_s,
                SeenSegmentRow.end_s,
                SeenSegmentRow.fingerprint,
            )
            .where(SeenSegmentRow.user_id == user_id, SeenSegmentRow.shown_at < before)
            .order_by(SeenSegmentRow.shown_at.desc(), SeenSegmentRow.id.desc())
            .limit(MAX_COMPARED)
        )
        if besides_item is not None:
            its_requests = select(MontageRequestRow.id).where(
                MontageRequestRow.content_item_id == besides_item
            )
            of_user = of_user.where(SeenSegmentRow.montage_request_id.not_in(its_requests))
        with Session(self._engine) as session:
            rows = (
                [*session.execute(of_user.where(SeenSegmentRow.sha256.in_(files)))] if files else []
            )
            if fingerprints:
                others = of_user.where(
                    SeenSegmentRow.fingerprint.is_not(None), SeenSegmentRow.sha256.not_in(files)
                )
                alike = _alike(session, others, [int(digits, 16) for digits in fingerprints])
                rows += (
                    session.execute(of_user.where(SeenSegmentRow.id.in_(alike))) if alike else []
                )
            return tuple(
                SeenSegment(
                    sha256=sha256, start_s=start_s, end_s=end_s, fingerprint=_unsigned(fingerprint)
                )
                for sha256, start_s, end_s, fingerprint in rows
            )


def _alike(session: Session, rows: Select[*tuple[Any, ...]], wanted: Sequence[int]) -> list[int]:
    """The ids of those rows whose fingerprint looks like one of the wanted ones."""
    compared = rows.with_only_columns(SeenSegmentRow.id, SeenSegmentRow.fingerprint).subquery()
    # As bytes: making thousands of rows into Python numbers takes longer than comparing them.
    packed = func.string_agg(
        func.int8send(compared.c.id).op("||")(func.int8send(compared.c.fingerprint)),
        text("''::bytea"),
        type_=LargeBinary,
    )
    numbers = (
        np.frombuffer(session.scalar(select(packed)) or b"", dtype=">u8")
        .astype(np.uint64)
        .reshape(-1, 2)
    )
    unique = np.unique(np.asarray(wanted, dtype=np.uint64))
    near = (np.bitwise_count(numbers[:, 1, None] ^ unique[None, :]) < ALIKE_BITS).any(axis=1)
    return [int(number) for number in numbers[near, 0]]


def store_seen(session: Session, request_id: UUID, segments: Sequence[SeenSegment]) -> None:
    """Make these the segments that a delivered request shows, in the caller's transaction.

    A Reel that is delivered again keeps the time of its first delivery: what later Reels know of it
    must not change.
    """
    user_id = session.scalar(
        select(MontageRequestRow.user_id).where(MontageRequestRow.id == request_id)
    )
    own = SeenSegmentRow.montage_request_id == request_id
    shown_at = session.scalar(
        select(func.coalesce(func.min(SeenSegmentRow.shown_at), func.now())).where(own)
    )
    session.execute(delete(SeenSegmentRow).where(own))
    rows = [
        {
            "user_id": user_id,
            "montage_request_id": request_id,
            "sha256": segment.sha256,
            "start_s": segment.start_s,
            "end_s": segment.end_s,
            "fingerprint": _signed(segment.fingerprint),
            "shown_at": shown_at,
        }
        for segment in segments
    ]
    if rows:
        session.execute(insert(SeenSegmentRow), rows)


def _signed(fingerprint: str) -> int | None:
    """A fingerprint as Postgres's 64 bits, which have a sign."""
    if not fingerprint:
        return None
    number = int(fingerprint, 16)
    return number - 2 * _SIGN if number >= _SIGN else number


def _unsigned(stored: int | None) -> str:
    return "" if stored is None else f"{stored % (2 * _SIGN):016x}"
