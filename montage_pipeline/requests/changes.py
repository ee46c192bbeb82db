"""`ItemChanges`: tells who waits for it that a content item has changed, in whatever process.

A trigger announces each change of an item's row (migration 0010). One connection per process
listens, however many wait; nobody holds a connection while waiting.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import LiteralString
from uuid import UUID

import psycopg

from montage_pipeline.logs import get_logger
from montage_pipeline.settings import Settings

log = get_logger(__name__)

CHANNEL: LiteralString = "content_items"
"""What the trigger notifies, with the item's id."""

RECONNECT_S = 2.0
"""Between two attempts to listen: a restarted Postgres is heard soon, one that is down not pressed.
"""

CONNECTION = {
    "connect_timeout": 10,
    # A connection that idles for hours notices within about a minute that its peer is gone.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "application_name": "montage-listen",
}
"""Of every connection that listens."""


class ItemChanges:
    """For coroutines of one event loop. Begins to listen with the first one that waits."""

    def __init__(self, settings: Settings) -> None:
        """Connects to nothing yet."""
        self._conninfo = settings.sqlalchemy_url.replace("postgresql+psycopg://", "postgresql://")
        self._waiting: dict[UUID, set[asyncio.Event]] = {}
        self._listening: asyncio.Task[None] | None = None
        self._connected = False

    @property
    def heard(self) -> bool:
        """Whether changes are heard of; while they are not, look for them."""
        return self._connected

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    @contextmanager
    def of(self, content_item_id: UUID) -> Iterator[asyncio.Event]:
        """An event that is set whenever the item may have changed, until the block is left."""
        if self._listening is None or self._listening.done():
            # It outlives the request that starts it, and does not log in its name.
            self._listening = asyncio.create_task(self._listen(), context=Context())
        changed = asyncio.Event()
        self._waiting.setdefault(content_item_id, set()).add(changed)
        try:
            yield changed
        finally:
            others = self._waiting[content_item_id]
            others.discard(changed)
            if not others:
                del self._waiting[content_item_id]

    async def close(self) -> None:
        """Stop listening."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                await self._pass_on()
            except (psycopg.Error, OSError) as error:
                log.warning("listening_failed", error=str(error).splitlines()[:1])
            finally:
                self._connected = False
            await asyncio.sleep(RECONNECT_S)

    async def _pass_on(self) -> None:
        """Wake who waits for each item that is announced, until the connection breaks."""
        connection = await psycopg.AsyncConnection.connect(
            self._conninfo,
            autocommit=True,
            **CONNECTION,  # type: ignore[arg-type]
        )
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self._connected = True
            # What was announced before that is lost: everybody looks once.
            for content_item_id in list(self._waiting):
                self._wake(content_item_id)
            async for notification in connection.notifies():
                self._wake(UUID(notification.payload))

    def _wake(self, content_item_id: UUID) -> None:
        for changed in self._waiting.get(content_item_id, ()):
            changed.set()
