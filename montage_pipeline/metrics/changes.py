"""What happened between two moments, and how things stand, read from the rows.

Every query finds its rows by an index, whatever lies in the tables beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.engine import Connection, Engine

_NOW = "SELECT clock_timestamp()"

_STANDING = """
    SELECT
        count(*) FILTER (WHERE state = 'queued') AS queued,
        count(*) FILTER (WHERE state = 'queued' AND COALESCE(not_before, now()) <= now()) AS ready,
        count(*) FILTER (WHERE state = 'running') AS running,
        COALESCE(
            EXTRACT(EPOCH FROM now() - min(GREATEST(created_at, COALESCE(not_before, created_at)))
                FILTER (WHERE state = 'queued' AND COALESCE(not_before, now()) <= now())),
            0
        ) AS oldest_queued_s
    FROM montage_requests WHERE state IN ('queued', 'running')
"""
_PENDING = """
    SELECT service::text, count(*) AS calls FROM api_cost_logs WHERE state = 'pending' GROUP BY 1
"""
_ENDED = """
    SELECT state::text, error ->> 'code' AS code, step_seconds, measures FROM montage_requests
    WHERE finished_at > :after AND finished_at <= :until
"""
_CLOSED = """
    SELECT
        service::text,
        CASE
            WHEN usage ? 'reused_from' THEN 'reused'
            WHEN usage @> '{"uncertain": true}' THEN 'in_doubt'
            WHEN usage ? 'unusable' THEN 'unusable'
            WHEN cost_usd > 0 THEN 'charged'
            ELSE 'free'
        END AS outcome,
        count(*) AS calls,
        sum(cost_usd) AS cost_usd,
        sum(predicted_usd) FILTER (WHERE cost_usd > 0) AS predicted_usd
    FROM api_cost_logs
    WHERE updated_at > :after AND updated_at <= :until AND state <> 'pending'
    GROUP BY 1, 2
"""
OUTCOMES = ("charged", "free", "unusable", "in_doubt", "reused")
"""How a call of a provider ends, as the query above tells it."""

_FAILED_TRIES = """
    SELECT try ->> 'step' AS step, try ->> 'code' AS code, count(*) AS tries
    FROM content_items AS item, jsonb_array_elements(item.tries) AS try
    WHERE item.id IN (
        SELECT content_item_id FROM montage_requests WHERE state IN ('queued', 'running')
        UNION
        SELECT content_item_id FROM montage_requests WHERE finished_at > :after
    )
    AND (try ->> 'at')::timestamptz > :after AND (try ->> 'at')::timestamptz <= :until
    GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Standing:
    """How things stand now. `ready`: queued, and not waiting for anything to pass;
    `oldest_queued_s`: since when the first of those could have begun.
    """

    queued: int
    ready: int
    running: int
    oldest_queued_s: float
    pending_calls: dict[str, int]


class Ended(NamedTuple):
    """A request that ended: the error's code if it failed, seconds by step, and what its run
    measured.
    """

    state: str
    code: str | None
    step_seconds: dict[str, float]
    measures: dict[str, Any]


@dataclass(frozen=True)
class Changes:
    """What happened after one moment and until another."""

    ended: Sequence[Ended]
    closed: Sequence[Any]
    failed_tries: Sequence[Any]


def database_now(engine: Engine) -> datetime:
    """The database's clock, by which rows are dated."""
    with engine.connect() as connection:
        now: datetime | None = connection.scalar(text(_NOW))
    assert now is not None
    return now


def standing(connection: Connection) -> Standing:
    """How things stand."""
    row = connection.execute(text(_STANDING)).one()
    pending = connection.execute(text(_PENDING)).all()
    return Standing(
        queued=row.queued,
        ready=row.ready,
        running=row.running,
        oldest_queued_s=max(0.0, float(row.oldest_queued_s)),
        pending_calls={row.service: row.calls for row in pending},
    )


def changes(connection: Connection, after: datetime, until: datetime) -> Changes:
    """What happened after `after`, until `until`."""
    window = {"after": after, "until": until}
    return Changes(
        ended=[Ended(*row) for row in connection.execute(text(_ENDED), window)],
        closed=connection.execute(text(_CLOSED), window).all(),
        failed_tries=connection.execute(text(_FAILED_TRIES), window).all(),
    )
