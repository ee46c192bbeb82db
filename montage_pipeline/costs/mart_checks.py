"""What the files for analysts are held against: the ledger's own rows, and usual days.

The sums are taken from the product's tables by queries that know nothing of the views.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from statistics import median
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.engine import Connection

from montage_pipeline.requests.analytics.model import View

_BY_CALL = """
    SELECT (created_at AT TIME ZONE 'UTC')::date AS day, sum(cost_usd) AS cost_usd
    FROM api_cost_logs
    WHERE (created_at AT TIME ZONE 'UTC')::date BETWEEN :first AND :last
    GROUP BY 1
"""
_BY_REQUEST = """
    SELECT (r.created_at AT TIME ZONE 'UTC')::date AS day, sum(c.cost_usd) AS cost_usd
    FROM api_cost_logs c JOIN montage_requests r ON r.id = c.montage_request_id
    WHERE (r.created_at AT TIME ZONE 'UTC')::date BETWEEN :first AND :last
    GROUP BY 1
"""
_BY_REEL = """
    SELECT first.day, sum(c.cost_usd) AS cost_usd
    FROM (
        SELECT content_item_id, (min(finished_at) AT TIME ZONE 'UTC')::date AS day
        FROM montage_requests WHERE state = 'succeeded' GROUP BY 1
    ) AS first
    JOIN montage_requests r ON r.content_item_id = first.content_item_id
    JOIN api_cost_logs c ON c.montage_request_id = r.id
    WHERE first.day BETWEEN :first AND :last
    GROUP BY 1
"""

_LEDGER_SUMS = {
    "calls": _BY_CALL,
    "cost_by_day": _BY_CALL,
    "cost_by_user": _BY_CALL,
    "cost_by_request": _BY_REQUEST,
    "cost_by_style": _BY_REQUEST,
    "cost_by_reel": _BY_REEL,
}
"""By view. The others show a part of the ledger only."""

USUAL_DAYS = 28
"""Four weeks: as many of each day of the week."""

_MIN_USUAL_DAYS = 7
_MADS = 5
"""Median absolute deviations, scaled to standard deviations: once in a million days by chance."""

_MAD_TO_SIGMA = 1.4826
_MIN_TIMES = 2
"""Where every day costs the same, twice as much is still within bounds."""

_MIN_ALARM_USD = Decimal(1)
"""Below that a day is not worth a person's time, however unusual."""

_LOW_SHARE = Decimal("0.1")
"""As many requests as ever for a tenth of the money: some calls are not on the ledger."""


_MIN_VOLUME = 10
"""Fewer calls than that say nothing about a day, nor do fewer requests."""

_VOLUME_TIMES = 3
"""A request makes one to three calls, more with retries; three times as many as usual, or a third,
is not how busy a day was but what its requests did.
"""


class Volume(NamedTuple):
    """A day's rows of the ledger, and the requests made on it."""

    calls: int
    requests: int


class Spend(NamedTuple):
    """A day's money, and the requests made on it."""

    cost_usd: Decimal
    requests: int


def is_whole(view: View) -> bool:
    """Whether the view has all the money that its days stand for."""
    return view.name in _LEDGER_SUMS


def ledger_sums(
    connection: Connection, view: View, first: date, last: date
) -> dict[date, Decimal] | None:
    """What the ledger's rows come to on each day, for a view that has all of them; else None.

    Days without any are left out.
    """
    if not is_whole(view):
        return None
    rows = connection.execute(text(_LEDGER_SUMS[view.name]), {"first": first, "last": last})
    return {row.day: row.cost_usd for row in rows}


def differences(
    view: View, stored: Mapping[date, Decimal], ledger: Mapping[date, Decimal]
) -> list[str]:
    """A sentence on each day whose file is not the ledger, to the last digit."""
    return [
        f"{view.name} of {day} has ${stored.get(day, Decimal(0)):f}, "
        f"the ledger ${ledger.get(day, Decimal(0)):f}."
        for day in sorted({*stored, *ledger})
        if stored.get(day, Decimal(0)) != ledger.get(day, Decimal(0))
    ]


def spend_by_day(connection: Connection, first: date, last: date) -> dict[date, Spend]:
    """Of the days on which anything was asked for or paid."""
    rows = connection.execute(
        text(
            """
            SELECT day, sum(cost_usd) AS cost_usd, sum(requests) AS requests FROM (
                SELECT (created_at AT TIME ZONE 'UTC')::date AS day, cost_usd, 0 AS requests
                FROM api_cost_logs
                UNION ALL
                SELECT (created_at AT TIME ZONE 'UTC')::date, 0, 1 FROM montage_requests
            ) AS entry WHERE day BETWEEN :first AND :last GROUP BY day
            """
        ),
        {"first": first, "last": last},
    )
    return {row.day: Spend(row.cost_usd, row.requests) for row in rows}


def unusual(day: date, spend: Spend, before: Sequence[Spend]) -> str | None:
    """What is unusual about a day, beside those before it; None for nothing, or too few of them."""
    if len(before) < _MIN_USUAL_DAYS:
        return None
    costs = [float(usual.cost_usd) for usual in before]
    middle = median(costs)
    spread = _MAD_TO_SIGMA * median(abs(cost - middle) for cost in costs)
    most = Decimal(str(max(middle + _MADS * spread, _MIN_TIMES * middle)))
    if spend.cost_usd > max(most, _MIN_ALARM_USD):
        return f"{day} cost ${spend.cost_usd:.2f}; up to ${most:.2f} is usual."

    usual_usd = Decimal(str(middle))
    as_many = spend.requests >= median(usual.requests for usual in before) > 0
    if as_many and usual_usd > _MIN_ALARM_USD and spend.cost_usd < usual_usd * _LOW_SHARE:
        return (
            f"{day} cost ${spend.cost_usd:.2f} for {spend.requests} requests; "
            f"${usual_usd:.2f} is usual."
        )
    return None


def volume_by_day(connection: Connection, first: date, last: date) -> dict[date, Volume]:
    """Of the days on which anything was asked for or paid."""
    rows = connection.execute(
        text(
            """
            SELECT day, sum(calls) AS calls, sum(requests) AS requests FROM (
                SELECT (created_at AT TIME ZONE 'UTC')::date AS day, 1 AS calls, 0 AS requests
                FROM api_cost_logs
                UNION ALL
                SELECT (created_at AT TIME ZONE 'UTC')::date, 0, 1 FROM montage_requests
            ) AS entry WHERE day BETWEEN :first AND :last GROUP BY day
            """
        ),
        {"first": first, "last": last},
    )
    return {row.day: Volume(int(row.calls), int(row.requests)) for row in rows}


def unusual_volume(day: date, volume: Volume, before: Sequence[Volume]) -> str | None:
    """What is unusual about a day's calls for each request; None for nothing, or too few of them.

    It sees what money does not: calls that cost nothing, or that nobody wrote down.
    """
    busy = [usual for usual in before if usual.requests]
    if len(busy) < _MIN_USUAL_DAYS or volume.requests < _MIN_VOLUME:
        return None
    usual = median(each.calls / each.requests for each in busy)
    expected = usual * volume.requests
    too_few = volume.calls * _VOLUME_TIMES < expected and expected >= _MIN_VOLUME
    too_many = volume.calls > expected * _VOLUME_TIMES and volume.calls >= _MIN_VOLUME
    if not (too_few or too_many):
        return None
    return (
        f"{day} has {volume.calls} paid calls for {volume.requests} requests; "
        f"about {expected:.0f} are usual."
    )
