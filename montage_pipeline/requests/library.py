"""The user's library: content items, and the requests for Reels of them.

Belongs here: what users do and see, and that a request sent twice is made once. Does not belong
here: what becomes of a request once it is queued (`lifecycle`).
"""

import hashlib
import json
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.requests.endings import superseded
from montage_pipeline.requests.lifecycle import ITEM_GENERATING
from montage_pipeline.requests.model import (
    ContentItem,
    CreatedRequest,
    ItemFilter,
    NewContentItem,
    WantedChanges,
)
from montage_pipeline.requests.options import MontageOptions, refuse_contradictions
from montage_pipeline.requests.queue.turns import URGENT
from montage_pipeline.requests.row_records import (
    item_of,
    newest_with_wishes,
    owned_item,
    standing_options,
)
from montage_pipeline.requests.segment_changes.model import changed_options, stored_changes
from montage_pipeline.requests.tables import ContentItemRow, MontageRequestRow, UserRow
from montage_pipeline.requests.variants.model import ChosenPlan
from montage_pipeline.tracing import current_traceparent
from montage_pipeline.vocabulary import ContentStatus, RequestState

_RETRY_AFTER_S = 30
"""About what one Reel takes."""

_REQUEST_UNDER_WAY = "uq_montage_requests_active_item"
_WAIT = "This item is being generated; wait until it is done."


class ContentLibrary:
    """Users and their content items in Postgres."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ensure_user(self, user_id: UUID, email: str) -> None:
        """Make the user's row if there is none."""
        with Session(self._engine) as session, session.begin():
            session.execute(
                insert(UserRow)
                .values(id=user_id, email=email)
                .on_conflict_do_nothing(index_elements=["id"])
            )

    def create_item(
        self,
        user_id: UUID,
        new: NewContentItem,
        *,
        idempotency_key: str | None = None,
        max_under_way: int = 0,
    ) -> CreatedRequest:
        """Store a new item with its first queued request.

        With an idempotency key, the same call made again gives the first answer. `max_under_way`
        is how many requests of this user may run and wait, this one included; 0 for any number.

        Raises PermanentError: IDEMPOTENCY_CONFLICT when the key was used for something else, and a
        contradiction's own code when the wishes in `new.options` cannot be granted; and
        MontageError(TOO_MANY_REQUESTS_UNDER_WAY).
        """
        refuse_contradictions(new.clip_urls, new.options)
        digest = _digest(
            new.model_dump_json(exclude={"options"}), new.options if new.options.stored() else None
        )
        if idempotency_key and (replay := self._replay(user_id, idempotency_key, digest)):
            return replay
        try:
            with Session(self._engine) as session, session.begin():
                _refuse_too_many(session, user_id, max_under_way)
                item = ContentItemRow(
                    user_id=user_id,
                    type=new.type,
                    title=new.title,
                    style=new.style,
                    format=new.format,
                    duration_sec=new.duration_s,
                    clip_urls=list(new.clip_urls),
                    status=ContentStatus.GENERATING,
                )
                session.add(item)
                session.flush()
                return _stored_request(
                    session, _request_for(item, new.options, idempotency_key, digest), item.status
                )
        except IntegrityError:
            # Two calls with one key at the same time: the loser answers what the winner stored.
            if idempotency_key and (replay := self._replay(user_id, idempotency_key, digest)):
                return replay
            raise

    def request_again(
        self,
        user_id: UUID,
        content_item_id: UUID,
        options: MontageOptions | None = None,
        *,
        chosen: ChosenPlan | None = None,
        changes: WantedChanges | None = None,
        idempotency_key: str | None = None,
        max_under_way: int = 0,
    ) -> CreatedRequest:
        """Queue another request for an item, with these wishes; None stands for those that
        the item has. With `chosen` it renders that plan; with `changes` it changes the edit of an
        earlier request, whose wishes it has.

        A delivered Reel that somebody makes again by hand meanwhile gives way: its request is
        canceled, upon which its run ends.

        Raises PermanentError: NOT_FOUND when the item is not this user's, or the changed request
        not this item's, ALREADY_GENERATING while a request of theirs is under way, and what
        `create_item` raises.
        """
        asked = f"again:{content_item_id}"
        if chosen is not None:
            asked += f":{chosen.request_id}:{chosen.variant}"
        if changes is not None:
            asked = f"change:{content_item_id} {changes.model_dump_json()}"
        digest = _digest(asked, options)
        if idempotency_key and (replay := self._replay(user_id, idempotency_key, digest)):
            return replay
        try:
            with Session(self._engine) as session, session.begin():
                item = _set_generating(session, user_id, content_item_id)
                _supersede(session, item.id)
                _refuse_too_many(session, user_id, max_under_way)
                if changes is not None:
                    request = _request_to_change(session, item, changes, idempotency_key, digest)
                    return _stored_request(session, request, item.status)
                wishes = options if options is not None else standing_options(session, item.id)
                refuse_contradictions(item.clip_urls, wishes)
                request = _request_for(item, wishes, idempotency_key, digest)
                if chosen is not None:
                    request.plan_request_id, request.variant = chosen.request_id, chosen.variant
                return _stored_request(session, request, item.status)
        except (IntegrityError, PermanentError) as error:
            if idempotency_key and (replay := self._replay(user_id, idempotency_key, digest)):
                return replay
            if isinstance(error, IntegrityError) and _REQUEST_UNDER_WAY in str(error.orig):
                # Somebody began to re-materialise the item in this very moment.
                raise PermanentError(ErrorCode.ALREADY_GENERATING, _WAIT) from error
            raise

    def get_item(self, user_id: UUID, content_item_id: UUID) -> ContentItem | None:
        """The item if it is this user's."""
        with Session(self._engine) as session:
            found = session.execute(
                owned_item(user_id, content_item_id).add_columns(newest_with_wishes())
            ).one_or_none()
            return None if found is None else item_of(*found)

    def find_item(self, content_item_id: UUID) -> ContentItem | None:
        """The item, whoever's it is."""
        with Session(self._engine) as session:
            found = session.execute(
                select(ContentItemRow)
                .where(ContentItemRow.id == content_item_id)
                .add_columns(newest_with_wishes())
            ).one_or_none()
            return None if found is None else item_of(*found)

    def list_items(
        self,
        user_id: UUID,
        *,
        limit: int,
        before: datetime | None = None,
        wanted: ItemFilter = ItemFilter(),
    ) -> list[ContentItem]:
        """The user's items, newest first; `before` continues a page."""
        query = select(ContentItemRow, newest_with_wishes()).where(
            ContentItemRow.user_id == user_id
        )
        if wanted.status is not None:
            query = query.where(ContentItemRow.status == wanted.status)
        if wanted.style is not None:
            query = query.where(ContentItemRow.style == wanted.style)
        if wanted.since is not None:
            query = query.where(ContentItemRow.created_at >= wanted.since)
        if before is not None:
            query = query.where(ContentItemRow.created_at < before)
        query = query.order_by(ContentItemRow.created_at.desc(), ContentItemRow.id).limit(limit)
        with Session(self._engine) as session:
            return [item_of(*found) for found in session.execute(query)]

    def rename(self, user_id: UUID, content_item_id: UUID, title: str | None) -> None:
        """Give the item another title, or none; nothing happens when it is not this user's."""
        self._change(user_id, content_item_id, title=title)

    def choose_poster(self, user_id: UUID, content_item_id: UUID, poster_url: str) -> None:
        """Have another frame stand for the Reel; the same."""
        self._change(user_id, content_item_id, poster_url=poster_url)

    def newest_request(self, content_item_id: UUID) -> UUID | None:
        """The request that an item last made a Reel of, or is making; None without the item."""
        of_item = select(MontageRequestRow.id).where(
            MontageRequestRow.content_item_id == content_item_id
        )
        newest_first = of_item.order_by(MontageRequestRow.created_at.desc(), MontageRequestRow.id)
        with Session(self._engine) as session:
            return session.scalar(newest_first.limit(1))

    def _change(self, user_id: UUID, content_item_id: UUID, **values: str | None) -> None:
        with Session(self._engine) as session, session.begin():
            session.execute(
                update(ContentItemRow)
                .where(ContentItemRow.id == content_item_id, ContentItemRow.user_id == user_id)
                .values(**values)
            )

    def _replay(self, user_id: UUID, key: str, digest: str) -> CreatedRequest | None:
        query = select(MontageRequestRow, ContentItemRow.status).join(
            ContentItemRow, MontageRequestRow.content_item_id == ContentItemRow.id
        )
        query = query.where(
            MontageRequestRow.user_id == user_id, MontageRequestRow.idempotency_key == key
        )
        with Session(self._engine) as session:
            found = session.execute(query).one_or_none()
        if found is None:
            return None
        request, status = found
        if request.idempotency_digest != digest:
            raise PermanentError(
                ErrorCode.IDEMPOTENCY_CONFLICT,
                f"Idempotency-Key {key!r} was used for another request; use a new key.",
            )
        return CreatedRequest(
            content_item_id=request.content_item_id,
            request_id=request.id,
            partition_key=request.partition_key,
            status=status,
            replayed=True,
        )


def _refuse_too_many(session: Session, user_id: UUID, max_under_way: int) -> None:
    """Until the transaction ends, no other one counts this user's requests: the limit holds under
    any number of clicks at once.
    """
    if not max_under_way:
        return
    session.execute(
        # Not FOR UPDATE, which would wait for every insert of a row that belongs to the user.
        select(UserRow.id).where(UserRow.id == user_id).with_for_update(key_share=True)
    )
    under_way = session.scalar(
        select(func.count()).where(
            MontageRequestRow.user_id == user_id,
            MontageRequestRow.state.in_((RequestState.QUEUED, RequestState.RUNNING)),
        )
    )
    if (under_way or 0) >= max_under_way:
        raise MontageError(
            ErrorCode.TOO_MANY_REQUESTS_UNDER_WAY,
            f"{under_way} of your requests run or wait; at most {max_under_way} may. "
            "Ask again when some are done, or cancel some.",
            under_way=under_way,
            limit=max_under_way,
            retry_after_s=_RETRY_AFTER_S,
        )


def _set_generating(session: Session, user_id: UUID, content_item_id: UUID) -> ContentItemRow:
    """The user's item, from now on `generating`."""
    item = session.execute(
        update(ContentItemRow)
        .where(
            ContentItemRow.id == content_item_id,
            ContentItemRow.user_id == user_id,
            ContentItemRow.status != ContentStatus.GENERATING,
        )
        .values(ITEM_GENERATING)
        .returning(ContentItemRow)
    ).scalar_one_or_none()
    if item is not None:
        return item

    if session.scalar(owned_item(user_id, content_item_id)) is None:
        raise PermanentError(ErrorCode.NOT_FOUND, f"There is no content item {content_item_id}.")
    raise PermanentError(ErrorCode.ALREADY_GENERATING, _WAIT)


def _supersede(session: Session, content_item_id: UUID) -> None:
    """Cancel what is under way of an item that was finished: a person makes it again by hand. Its
    owner, who sees a draft, knows nothing of that, and is not told how it ends.
    """
    values = {
        "state": RequestState.CANCELED,
        "finished_at": func.now(),
        "error": superseded().error,
    }
    session.execute(
        update(MontageRequestRow)
        .where(
            MontageRequestRow.content_item_id == content_item_id,
            MontageRequestRow.state.in_((RequestState.QUEUED, RequestState.RUNNING)),
        )
        .values(values)
    )


def _stored_request(
    session: Session, request: MontageRequestRow, status: ContentStatus
) -> CreatedRequest:
    session.add(request)
    session.flush()
    return CreatedRequest(
        content_item_id=request.content_item_id,
        request_id=request.id,
        partition_key=request.partition_key,
        status=status,
    )


def _digest(asked: str, options: MontageOptions | None) -> str:
    """What an idempotency key stands for.

    Without wishes it is the hash of `asked` alone, which keys stored by every release agree on.
    """
    text = asked if options is None else f"{asked} {json.dumps(options.stored(), sort_keys=True)}"
    return hashlib.sha256(text.encode()).hexdigest()


def _request_for(
    item: ContentItemRow, options: MontageOptions, idempotency_key: str | None, digest: str
) -> MontageRequestRow:
    return MontageRequestRow(
        content_item_id=item.id,
        user_id=item.user_id,
        clip_urls=item.clip_urls,
        style=item.style,
        format=item.format,
        duration_sec=item.duration_sec,
        options=options.stored(),
        idempotency_key=idempotency_key,
        idempotency_digest=digest if idempotency_key else None,
        traceparent=current_traceparent(),
    )


def _request_to_change(
    session: Session,
    item: ContentItemRow,
    wanted: WantedChanges,
    idempotency_key: str | None,
    digest: str,
) -> MontageRequestRow:
    """A request for the same Reel as its base, but for the changes."""
    base = session.get(MontageRequestRow, wanted.base_request_id)
    if base is None or base.content_item_id != item.id:
        raise PermanentError(
            ErrorCode.NOT_FOUND, f"There is no request {wanted.base_request_id} of this item."
        )
    # A plan that is changed was looked at: it is rendered.
    settled = {"variants": 1, "plan_only": False}
    wishes = MontageOptions.model_validate(base.options | changed_options(wanted.changes) | settled)
    request = _request_for(item, wishes, idempotency_key, digest)
    request.clip_urls, request.style = base.clip_urls, base.style
    request.format, request.duration_sec = base.format, base.duration_sec
    request.base_request_id, request.priority = base.id, URGENT
    request.changes = stored_changes(wanted.changes)
    return request
