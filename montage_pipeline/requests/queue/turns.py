"""Whose turn it is: the order in which requests start, fair between users.

The queue is the table and nothing else. A free place goes, in this order, to

1. somebody of whose requests none runs, if what they wait for is urgent, or if they have waited for
   longer than `PATIENCE`: what is urgent passes others, and never for long;
2. whoever has the fewest requests running;
3. among these, whose last request started longest ago.

A turn that was cut short by a crash, a shutdown or a provider is given back
(`RequestLifecycle.requeue`): whoever had it counts as never served, and goes on before those who
came later.

Within one user's requests the urgent ones come first, then the oldest. So a user who asks for one
Reel waits for at most the next place that becomes free, however many requests others have queued,
and users who all wait take turns.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Engine

ORDINARY = 0
URGENT = 1
"""Priorities of a request. Urgent is what takes seconds and somebody watches: one segment of a Reel
that is there already.
"""

PATIENCE = timedelta(minutes=1)
"""A Reel takes about that long. Who has waited for it, with nothing running, is passed no more."""

_NEXT = text(
    """
    WITH starting AS (
        SELECT request.id, request.user_id
        FROM unnest(CAST(:ids AS uuid[]), CAST(:attempts AS smallint[])) AS given (id, attempt)
        JOIN montage_requests request USING (id, attempt)
        WHERE request.state = 'queued'
    ), active AS (
        SELECT user_id, count(*) AS requests FROM (
            SELECT user_id FROM montage_requests WHERE state = 'running'
            UNION ALL SELECT user_id FROM starting
        ) AS holding GROUP BY user_id
    ), waiting AS (
        SELECT request.id, request.user_id, request.created_at, request.priority,
            coalesce(active.requests, 0) + row_number() OVER (
                PARTITION BY request.user_id
                ORDER BY request.priority DESC, request.created_at, request.id
            ) AS place
        FROM montage_requests request LEFT JOIN active USING (user_id)
        WHERE request.state = 'queued'
            AND coalesce(request.not_before, now()) <= now()
            AND request.id NOT IN (SELECT id FROM starting)
    )
    SELECT waiting.id
    FROM waiting JOIN users ON users.id = waiting.user_id
    WHERE place <= :per_user
    ORDER BY
        place = 1 AND (
            waiting.priority > 0
            OR now() - greatest(waiting.created_at, users.last_started_at) > :patience
        ) DESC,
        place,
        users.last_started_at NULLS FIRST,
        waiting.created_at,
        waiting.id
    LIMIT least(:at_once, greatest(0, :places - (SELECT coalesce(sum(requests), 0) FROM active)))
    """
)
"""Reads the queued and the running rows, by the index on their state: it takes as long with a
million finished requests as with none.
"""

_NO_LIMIT = 1_000_000


class Limits(NamedTuple):
    """How many requests may run at once; 0 is no limit."""

    running: int
    running_per_user: int


class Attempted(NamedTuple):
    """One attempt at a request, by its number."""

    request_id: UUID
    attempt: int


class Turns:
    """The order of the queue, in Postgres."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        self._limits = limits

    def next(self, starting: Collection[Attempted], at_once: int) -> list[UUID]:
        """The requests to start now, at most so many, in order.

        `starting` have a run that may not have taken them over yet: they hold a place.
        """
        values = {
            "ids": [attempted.request_id for attempted in starting],
            "attempts": [attempted.attempt for attempted in starting],
            "places": self._limits.running or _NO_LIMIT,
            "per_user": self._limits.running_per_user or _NO_LIMIT,
            "patience": PATIENCE,
            "at_once": at_once,
        }
        with self._engine.connect() as connection:
            return list(connection.scalars(_NEXT, values))
