"""The life of a request in the pipeline: which wait or are under way, and every change of state.

A change of state is one UPDATE guarded by the expected old state; the item and its request change
in one transaction. A guard that does not match changes nothing and the method says so.

Does not belong here: how users ask for a Reel and see their items (`library`).
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    CursorResult,
    Select,
    String,
    and_,
    any_,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from montage_pipeline.records import Record
from montage_pipeline.requests.edit_view import CoverImage
from montage_pipeline.requests.endings import Ending, canceled
from montage_pipeline.requests.footage import ClipReport
from montage_pipeline.requests.model import MAX_DETAIL_CHARS, MontageRequest, RequestFailure
from montage_pipeline.requests.row_records import request_of
from montage_pipeline.requests.seen import SeenSegment, store_seen
from montage_pipeline.requests.tables import ContentItemRow, MontageRequestRow, UserRow
from montage_pipeline.requests.variants.model import Rendition
from montage_pipeline.requests.variants.unfinished import UnfinishedReel
from montage_pipeline.requests.webhooks.model import Outcome
from montage_pipeline.requests.webhooks.outbox import queue_outcome
from montage_pipeline.vocabulary import ContentStatus, RequestState, Step

_ACTIVE = (RequestState.QUEUED, RequestState.RUNNING)
_TERMINAL = (RequestState.SUCCEEDED, RequestState.FAILED, RequestState.CANCELED)

ITEM_GENERATING: dict[str, Any] = {
    "status": ContentStatus.GENERATING,
    "progress_step": None,
    "progress_percent": 0,
    "progress_detail": None,
    "planned_request_id": None,
    "clips": [],
    "error": None,
    "warnings": [],
    "tries": [],
    "updated_at": func.now(),
}
"""What an item's row is set to when a request of it begins. The media of an earlier request stay
until there are new ones.
"""


class FinishedReel(Record):
    """What a run that succeeds leaves with the item.

    `originality` is the planner's report; `shown` is what counts as seen from now on,
    `clips` says what became of each clip that was given. `covers` are the frames that could be the
    poster, which is the first of them. `renditions` are the files, in every format asked for.
    """

    media_url: str
    music_url: str
    poster_url: str
    covers: tuple[CoverImage, ...] = ()
    renditions: tuple[Rendition, ...] = ()
    warnings: tuple[str, ...] = ()
    originality: dict[str, Any] | None = None
    shown: tuple[SeenSegment, ...] = ()
    clips: tuple[ClipReport, ...] = ()


class RequestLifecycle:
    """Montage requests in Postgres, with the status of their items."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get_request(self, request_id: UUID) -> MontageRequest | None:
        """The request, whoever's it is."""
        with Session(self._engine) as session:
            row = session.get(MontageRequestRow, request_id)
            return None if row is None else request_of(row)

    def of_partition(self, partition_key: str) -> MontageRequest | None:
        """The request that Dagster knows by this key."""
        row = MontageRequestRow
        found = self._requests(select(row).where(row.partition_key == partition_key))
        return found[0] if found else None

    def ids_of_partitions(self, partition_keys: Collection[str]) -> dict[str, UUID]:
        """The requests that Dagster knows by these keys; those of no request are left out."""
        table = MontageRequestRow
        query = select(table.partition_key, table.id).where(table.partition_key.in_(partition_keys))
        with Session(self._engine) as session:
            return {row.partition_key: row.id for row in session.execute(query)}

    def titles(self, item_ids: Collection[UUID]) -> dict[UUID, str]:
        """What users call these items; those without a title are left out."""
        row = ContentItemRow
        query = select(row.id, row.title).where(row.id.in_(item_ids))
        with Session(self._engine) as session:
            return {item_id: title for item_id, title in session.execute(query) if title}

    def get_requests(self, request_ids: Sequence[UUID]) -> list[MontageRequest]:
        """These requests, in this order; those that are gone are left out."""
        found = self._requests(
            select(MontageRequestRow).where(MontageRequestRow.id.in_(request_ids))
        )
        return sorted(found, key=lambda request: request_ids.index(request.id))

    def under_way(self) -> list[MontageRequest]:
        """Every queued or running request, oldest first."""
        query = select(MontageRequestRow).where(MontageRequestRow.state.in_(_ACTIVE))
        return self._requests(query.order_by(MontageRequestRow.created_at))

    def unfinished_since(self, age: timedelta, partition_keys: Collection[str]) -> set[str]:
        """Those of these partitions whose requests are under way, or ended less than `age` ago."""
        # One array, because Postgres takes no more than 65,535 parameters.
        these = literal(list(partition_keys), ARRAY(String))
        fresh = or_(
            MontageRequestRow.state.in_(_ACTIVE), MontageRequestRow.finished_at >= func.now() - age
        )
        key = MontageRequestRow.partition_key
        query = select(key).where(key == any_(these), fresh)
        with Session(self._engine) as session:
            return set(session.scalars(query))

    def start(self, request_id: UUID, run_id: str, *, earlier_runs: Sequence[str] = ()) -> bool:
        """queued → running under this run; a retried run takes over from one of `earlier_runs`.

        True when the request now runs under `run_id` (also if it already did).
        """
        row = MontageRequestRow
        values = {
            "state": RequestState.RUNNING,
            "run_id": run_id,
            "started_at": func.coalesce(row.started_at, func.now()),
            "error": None,
        }
        this = update(row).where(row.id == request_id).values(values)
        waiting = this.where(row.state == RequestState.QUEUED).returning(row.user_id)
        lost = this.where(
            row.state == RequestState.RUNNING, row.run_id.in_([run_id, *earlier_runs])
        )
        with Session(self._engine) as session, session.begin():
            user_id = session.scalar(waiting)
            if user_id is None:
                return _changed(session.execute(lost))
            # That was this user's turn.
            session.execute(
                update(UserRow).where(UserRow.id == user_id).values(last_started_at=func.now())
            )
            return True

    def reopen(self, request_id: UUID, run_id: str) -> bool:
        """A finished request → running: a person re-materialises it.

        Its item → generating, unless it has its Reel: that one stays until there is another. False
        when the request is not finished, or another request of the item is under way.
        """
        try:
            with Session(self._engine) as session, session.begin():
                item_id = session.scalar(
                    update(MontageRequestRow)
                    .where(
                        MontageRequestRow.id == request_id, MontageRequestRow.state.in_(_TERMINAL)
                    )
                    .values(
                        state=RequestState.RUNNING,
                        run_id=run_id,
                        lost_runs=0,
                        started_at=func.now(),
                        finished_at=None,
                        error=None,
                    )
                    .returning(MontageRequestRow.content_item_id)
                )
                if item_id is None:
                    return False
                item = update(ContentItemRow).where(ContentItemRow.id == item_id)
                is_draft = ContentItemRow.status == ContentStatus.DRAFT
                session.execute(item.where(~is_draft).values(ITEM_GENERATING))
                session.execute(item.where(is_draft).values(tries=[]))
                return True
        except IntegrityError:
            return False

    def progress(
        self, request_id: UUID, run_id: str, step: Step, percent: int, detail: str = ""
    ) -> bool:
        """Show how far the run is, on the item; `detail` says in words what it is at.

        False when the request no longer belongs to this run.
        """
        running = select(MontageRequestRow.content_item_id).where(
            MontageRequestRow.id == request_id,
            MontageRequestRow.state == RequestState.RUNNING,
            MontageRequestRow.run_id == run_id,
        )
        with Session(self._engine) as session, session.begin():
            return _changed(
                session.execute(
                    update(ContentItemRow)
                    .where(
                        ContentItemRow.id == running.scalar_subquery(),
                        ContentItemRow.status == ContentStatus.GENERATING,
                    )
                    .values(
                        progress_step=step,
                        progress_percent=percent,
                        progress_detail=detail[:MAX_DETAIL_CHARS] or None,
                        updated_at=func.now(),
                    )
                )
            )

    def note_step(self, request_id: UUID, step: Step, seconds: float) -> None:
        """Remember how long a step took."""
        with Session(self._engine) as session, session.begin():
            session.execute(
                update(MontageRequestRow)
                .where(MontageRequestRow.id == request_id)
                .values(
                    step_seconds=MontageRequestRow.step_seconds.op("||")(
                        func.jsonb_build_object(step.value, round(seconds, 3))
                    )
                )
            )

    def succeed(self, request_id: UUID, run_id: str, reel: FinishedReel) -> bool:
        """running → succeeded, and the item generating → draft with its media; what the Reel shows
        counts as seen from now on.
        """
        values: dict[str, Any] = {
            "status": ContentStatus.DRAFT,
            "generated_media_url": reel.media_url,
            "reel_request_id": request_id,
            "music_url": reel.music_url,
            "poster_url": reel.poster_url,
            "covers": [cover.model_dump(mode="json") for cover in reel.covers],
            "renditions": [file.model_dump(mode="json") for file in reel.renditions],
            "progress_step": Step.R2_OBJECT,
            "progress_percent": 100,
            "progress_detail": None,
            "clips": [clip.model_dump(mode="json") for clip in reel.clips],
            "error": None,
            "warnings": list(reel.warnings),
            "originality": reel.originality,
        }
        end = Ending(RequestState.SUCCEEDED, values, shown=reel.shown)
        return self._finish(request_id, _running_in(run_id), end)

    def succeed_without_reel(self, request_id: UUID, run_id: str, made: UnfinishedReel) -> bool:
        """running → succeeded, and the item generating → draft: a plan, or a preview of one. The
        item keeps the Reel it has, and nothing counts as seen.
        """
        return self._finish(request_id, _running_in(run_id), made.ending(request_id))

    def fail(
        self, request_id: UUID, failure: RequestFailure, *, attempt: int | None = None
    ) -> bool:
        """queued (for this attempt, if one is given) or running under the failure's run → failed,
        and the item generating → failed with the details.
        """
        end = Ending.of_failure(RequestState.FAILED, failure)
        return self._finish(request_id, _waiting_or_of(failure.run_id, attempt), end)

    def cancel(self, request_id: UUID, run_id: str | None, *, attempt: int | None = None) -> bool:
        """queued (for this attempt, if one is given) or running under that run → canceled; the item
        becomes failed, saying that it was stopped.
        """
        return self._finish(request_id, _waiting_or_of(run_id, attempt), canceled(run_id))

    def withdraw(self, request_id: UUID) -> bool:
        """queued, or running under whatever run → canceled: who asked for it wants it no more.

        A run that works on it notices by itself and ends.
        """
        request = self.get_request(request_id)
        run_id = None if request is None else request.run_id
        return self._finish(request_id, true(), canceled(run_id))

    def is_canceled(self, request_id: UUID) -> bool:
        """Whether the request was canceled."""
        with Session(self._engine) as session:
            state = session.scalar(
                select(MontageRequestRow.state).where(MontageRequestRow.id == request_id)
            )
        return state is RequestState.CANCELED

    def requeue(
        self,
        request_id: UUID,
        *,
        attempt: int,
        run_id: str | None,
        lost: bool = True,
        pause: timedelta = timedelta(0),
        keeps_turn: bool = True,
    ) -> bool:
        """Give a request whose run is over to a new run: attempt + 1, queued again, to be started
        once the pause is over. `lost`: the run died, which counts. `keeps_turn`: the user is given
        back the turn that they waited for and had nothing of. Not for a fault of their own: whose
        server says "later" would pass the others each time.
        """
        row = MontageRequestRow
        same_run = row.run_id.is_(None) if run_id is None else row.run_id == run_id
        waiting = update(row).where(
            row.id == request_id, row.state.in_(_ACTIVE), row.attempt == attempt, same_run
        )
        values = {
            "state": RequestState.QUEUED,
            "run_id": None,
            "attempt": attempt + 1,
            "lost_runs": row.lost_runs + int(lost),
            "not_before": func.now() + pause,
            "started_at": func.now(),
        }
        with Session(self._engine) as session, session.begin():
            user_id = session.scalar(waiting.values(values).returning(row.user_id))
            if user_id is not None and keeps_turn:
                session.execute(
                    update(UserRow).where(UserRow.id == user_id).values(last_started_at=None)
                )
            return user_id is not None

    def _requests(self, query: Select[MontageRequestRow]) -> list[MontageRequest]:
        with Session(self._engine) as session:
            return [request_of(row) for row in session.scalars(query)]

    def _finish(self, request_id: UUID, guard: ColumnElement[bool], end: Ending) -> bool:
        with Session(self._engine) as session, session.begin():
            ended = session.execute(
                update(MontageRequestRow)
                .where(
                    MontageRequestRow.id == request_id, MontageRequestRow.state.in_(_ACTIVE), guard
                )
                .values(state=end.state, finished_at=func.now(), error=end.error)
                .returning(MontageRequestRow.content_item_id, MontageRequestRow.user_id)
            ).one_or_none()
            if ended is None:
                return False
            item_id, user_id = ended
            session.execute(
                update(ContentItemRow)
                .where(ContentItemRow.id == item_id, ContentItemRow.status.in_(end.leaves))
                .values(**end.item_values, updated_at=func.now())
            )
            if end.shown is not None:
                store_seen(session, request_id, end.shown)
            outcome = Outcome(
                user_id=user_id,
                content_item_id=item_id,
                request_id=request_id,
                state=end.state,
                error=end.error,
                event=end.event,
            )
            queue_outcome(session, outcome)
            return True


def _running_in(run_id: str) -> ColumnElement[bool]:
    """Guard: the request runs under this run."""
    return and_(MontageRequestRow.state == RequestState.RUNNING, MontageRequestRow.run_id == run_id)


def _waiting_or_of(run_id: str | None, attempt: int | None) -> ColumnElement[bool]:
    """Guard: the request is queued (for this attempt, if one is given), or belongs to this run."""
    queued = MontageRequestRow.state == RequestState.QUEUED
    if attempt is not None:
        queued = and_(queued, MontageRequestRow.attempt == attempt)
    return or_(queued, MontageRequestRow.run_id == run_id)


def _changed(result: Any) -> bool:
    assert isinstance(result, CursorResult)
    return bool(result.rowcount)
