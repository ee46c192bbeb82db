"""Events: how a content item gets on, pushed as it happens (server-sent events)."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any

import sqlalchemy.exc
from fastapi import APIRouter, Depends, Header, HTTPException, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from montage_pipeline.api.errors import documented_errors
from montage_pipeline.api.owned_item import OwnedItem
from montage_pipeline.api.schemas.answers import StatusOut
from montage_pipeline.api.schemas.base import ApiModel
from montage_pipeline.api.schemas.events import DeletedOut, PlanReadyOut
from montage_pipeline.api.services import ApiServices, ServicesNeeded
from montage_pipeline.logs import get_logger
from montage_pipeline.requests.model import ContentItem
from montage_pipeline.vocabulary import ContentStatus

log = get_logger(__name__)

router = APIRouter(prefix="/api/content-items", tags=["content items"])

MAX_STREAM_S = 900.0
"""Then the client connects again, with a token that is still valid; nothing is missed."""

LOOK_HEARD_S = 10.0
"""Between two looks at an item of which nothing is heard: a pooler between here and Postgres may
swallow notifications without a word.
"""

LOOK_UNHEARD_S = 2.0
"""The same while nothing can be heard; as often as polling clients are told to look."""

_RETRY_MS = 2000
"""How long a client waits before it connects again."""

LastEventId = Annotated[
    int | None,
    Header(
        alias="Last-Event-ID",
        ge=0,
        description="The `id` of the last event received; what came after it is sent.",
    ),
]


def _something_to_tell(
    item: OwnedItem,
    services: ServicesNeeded,
    response: Response,
    last_event_id: LastEventId = None,
) -> ContentItem:
    """The item; 204 when the client has seen everything that will ever come, 429 when it has too
    many streams open.
    """
    # Added to FastAPI's no-cache: the events carry presigned URLs.
    response.headers["Cache-Control"] = "no-store"
    if _is_final(item) and last_event_id == item.revision:
        raise HTTPException(HTTPStatus.NO_CONTENT)
    services.streams.refuse_too_many(item.user_id)
    return item


WatchedItem = Annotated[ContentItem, Depends(_something_to_tell)]

_EXAMPLE = """\
event: plan
data: {"id":"0b9f7a52-…","requestId":"3a1e9a0c-…","artefacts":"/api/content-items/0b9f7a52-…"}

event: status
data: {"id":"0b9f7a52-…","status":"generating","progressPercent":42,"progressDetail":null,…}
id: 17

: ping

"""


def _errors_as_json(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """FastAPI would document every answer of this route as a stream of events."""
    answers = documented_errors(*statuses)
    for answer in answers.values():
        reference = {"$ref": f"#/components/schemas/{answer.pop('model').__name__}"}
        answer["content"] = {"application/json": {"schema": reference}}
    return answers


_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events until the item is `draft` or `failed`, or was deleted.",
        "content": {"text/event-stream": {"example": _EXAMPLE}},
    },
    204: {"description": "The item is final and `Last-Event-ID` is its last event: do not retry."},
}


@router.get(
    "/{contentItemId}/events",
    operation_id="watchContentItem",
    summary="Watch a Reel being made",
    response_class=EventSourceResponse,
    responses={**_STREAM, **_errors_as_json(404, 422)},
)
async def watch_content_item(
    item: WatchedItem,
    services: ServicesNeeded,
    last_event_id: LastEventId = None,
) -> AsyncIterator[ServerSentEvent]:
    """`status` events whenever status, step, percent or detail changes (data: what `/status`
    answers), a `plan` event once the edit is decided (data: `PlanReadyOut`), `deleted` when the
    item is (data: `DeletedOut`). Comments keep the connection alive. The stream ends by itself with
    the last event; where it breaks before, connect again with `Last-Event-ID`.
    """
    begun_s = time.monotonic()
    told = _Told(last_event_id)
    with services.streams.one_of(item.user_id), services.changes.of(item.id) as changed:
        while True:
            changed.clear()
            now = await _look(item, services)
            for event in told.news_of(now, services) if now else [_deleted(item)]:
                yield event
            left_s = begun_s + MAX_STREAM_S - time.monotonic()
            if now is None or _is_final(now) or left_s <= 0:
                return
            look_s = LOOK_HEARD_S if services.changes.heard else LOOK_UNHEARD_S
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), min(look_s, left_s))


class _Told:
    """What a client has been told, by revision of the item."""

    def __init__(self, last_event_id: int | None) -> None:
        self._revision = -1 if last_event_id is None else last_event_id

    def news_of(self, item: ContentItem, services: ApiServices) -> Iterator[ServerSentEvent]:
        """What the client has not been told yet.

        The last event carries the id that a client resumes from; one that gets only a part of
        them gets that part again.
        """
        # A database that was restored from a backup counts on from a smaller revision.
        since = self._revision if self._revision <= item.revision else -1
        if since == item.revision:
            return
        self._revision = item.revision
        if item.planned_request_id is not None and (item.plan_revision or 0) > since:
            plan = PlanReadyOut(
                id=item.id,
                request_id=item.planned_request_id,
                artefacts=f"{router.prefix}/{item.id}/artefacts?requestId={item.planned_request_id}",
            )
            yield _event("plan", plan)
        yield _event("status", StatusOut.of(item, services.fresh_url), str(item.revision))


async def _look(item: ContentItem, services: ApiServices) -> ContentItem | None:
    """The item as it is now; None when it was deleted."""
    try:
        return await run_in_threadpool(services.library.get_item, item.user_id, item.id)
    except (
        sqlalchemy.exc.OperationalError,
        sqlalchemy.exc.InterfaceError,
        sqlalchemy.exc.TimeoutError,
    ) as error:
        # It goes on as it was; the next look is as good.
        log.warning("database_unavailable", error=str(error).splitlines()[0])
        return item


def _is_final(item: ContentItem) -> bool:
    return item.status is not ContentStatus.GENERATING


def _deleted(item: ContentItem) -> ServerSentEvent:
    return _event("deleted", DeletedOut(id=item.id))


def _event(name: str, body: ApiModel, event_id: str | None = None) -> ServerSentEvent:
    return ServerSentEvent(
        event=name, raw_data=body.model_dump_json(by_alias=True), id=event_id, retry=_RETRY_MS
    )
