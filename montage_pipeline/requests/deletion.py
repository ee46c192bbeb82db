"""Deleting a content item: its rows at once, and what it leaves in the object store soon after.

The keys to purge are written down in the transaction that deletes the rows, so that no crash and no
outage of the store leaves anything behind for good. Paid calls stay on the ledger.

Belongs here: what is deleted, and remembering what is left to purge. Does not belong here: how keys
are spelt, and the purge itself (those who call).
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.requests.tables import ContentItemRow, MontageRequestRow, ObjectPurgeRow
from montage_pipeline.vocabulary import ContentStatus

SWEEP_AGAIN = timedelta(minutes=10)
"""A canceled run ends within seconds, but what it was uploading may still arrive."""

PURGE_RETRY = timedelta(minutes=5)
"""A store that is down is not asked more often."""


class Leavings(NamedTuple):
    """What belonged to a deleted item: its requests, and URLs that no other item of its owner uses,
    of clips and of music.
    """

    user_id: UUID
    content_item_id: UUID
    request_ids: tuple[UUID, ...]
    urls: tuple[str, ...]


class Purge(NamedTuple):
    """Objects to delete, by the beginning of their keys, and how often it is looked for them."""

    prefix: str
    sweeps: int


def delete_item(
    engine: Engine,
    user_id: UUID,
    content_item_id: UUID,
    purges_of: Callable[[Leavings], Iterable[Purge]],
) -> None:
    """Delete the user's item with its requests; `purges_of` says where its objects lie.

    Raises PermanentError: NOT_FOUND when it is not this user's, ALREADY_GENERATING while a request
    is under way: a run that works on it costs money until it is told to stop.
    """
    with Session(engine) as session, session.begin():
        item = session.scalar(
            select(ContentItemRow)
            .where(ContentItemRow.id == content_item_id, ContentItemRow.user_id == user_id)
            .with_for_update()
        )
        if item is None:
            raise PermanentError(
                ErrorCode.NOT_FOUND, f"There is no content item {content_item_id}."
            )
        if item.status is ContentStatus.GENERATING:
            raise PermanentError(
                ErrorCode.ALREADY_GENERATING,
                "This item is being generated; cancel it, or wait until it is done, then delete "
                "it.",
            )
        for purge in purges_of(_leavings(session, item)):
            session.add(ObjectPurgeRow(prefix=purge.prefix, sweeps_left=purge.sweeps))
        session.execute(delete(ContentItemRow).where(ContentItemRow.id == content_item_id))


def purge_due(engine: Engine, purge: Callable[[str], bool], limit: int = 100) -> int:
    """Call `purge` for up to `limit` prefixes that are due; how many there were.

    A prefix for which it gives False is tried again later. Several processes share the work.
    """
    for count in range(limit):
        with Session(engine) as session, session.begin():
            due = session.scalar(
                select(ObjectPurgeRow)
                .where(ObjectPurgeRow.due_at <= func.now())
                .order_by(ObjectPurgeRow.due_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            if due is None:
                return count
            row = ObjectPurgeRow.id == due.id
            if not purge(due.prefix):
                later: dict[str, Any] = {"due_at": func.now() + PURGE_RETRY}
                session.execute(update(ObjectPurgeRow).where(row).values(later))
            elif due.sweeps_left > 1:
                again = {"due_at": func.now() + SWEEP_AGAIN, "sweeps_left": due.sweeps_left - 1}
                session.execute(update(ObjectPurgeRow).where(row).values(again))
            else:
                session.execute(delete(ObjectPurgeRow).where(row))
    return limit


def _leavings(session: Session, item: ContentItemRow) -> Leavings:
    asked = select(
        MontageRequestRow.id,
        MontageRequestRow.content_item_id,
        MontageRequestRow.clip_urls,
        MontageRequestRow.options,
    ).where(MontageRequestRow.user_id == item.user_id)
    request_ids, used, used_elsewhere = [], set(item.clip_urls), set[str]()
    for request_id, item_id, clip_urls, options in session.execute(asked):
        urls = {*clip_urls, *filter(None, [options.get("music_url")])}
        if item_id == item.id:
            request_ids.append(request_id)
            used |= urls
        else:
            used_elsewhere |= urls
    return Leavings(item.user_id, item.id, tuple(request_ids), tuple(sorted(used - used_elsewhere)))
