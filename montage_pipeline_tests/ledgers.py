"""Ledgers for tests of what analysts see: three weeks of requests and paid calls of every kind.

Belongs here: rows as a month of production leaves them, made from a seed. Does not belong here:
making single calls as the product does (`costs.conftest`).
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from montage_pipeline.requests.tables import (
    ApiCostLogRow,
    ContentItemRow,
    MontageRequestRow,
    UserRow,
)
from montage_pipeline.vocabulary import (
    ContentStatus,
    ContentType,
    CostState,
    Format,
    RequestState,
    Service,
)

Row = dict[str, Any]

_PRICES = {
    Service.CLAUDE: ("/v1/messages", "2026-11-22:claude-sonnet-5-5@2026-10-07"),
    Service.FAL: ("fal-ai/minimax-music", "2026-11-22:fal-ai/minimax-music"),
}
_STEPS = {Service.CLAUDE: "clip_analysis", Service.FAL: "music_track"}
_STATES = ("succeeded", "succeeded", "succeeded", "failed", "canceled", "running")


@dataclass
class Ledger:
    """What was put into the database, as plain rows in the order of their making."""

    users: list[Row] = field(default_factory=list)
    items: list[Row] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)
    calls: list[Row] = field(default_factory=list)

    def request_of(self, call: Row) -> Row | None:
        """The request of a call, if it is still there."""
        return next((r for r in self.requests if r["id"] == call["montage_request_id"]), None)


def fill(engine: Engine, *, until: datetime, days: int = 21, seed: int = 1) -> Ledger:
    """Make the rows of the `days` days that end at `until`."""
    made, chance = Ledger(), random.Random(seed)
    for _ in range(3):
        made.users.append({"id": _id(chance), "email": "somebody@example.org"})
    for back in range(days - 1, -1, -1):
        if back == days // 2:
            continue  # a day on which nothing happens
        for _ in range(chance.randint(1, 4)):
            _add_item(made, chance, until - timedelta(days=back, minutes=chance.randint(0, 1400)))
    _store(engine, made)
    return made


def _id(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)


def _usd(chance: random.Random) -> Decimal:
    """To the twelfth decimal, as prices of tokens are."""
    return Decimal(chance.randint(10**9, 10**11)) / 10**12


def _add_item(made: Ledger, chance: random.Random, at: datetime) -> None:
    about: Row = {
        "user_id": chance.choice(made.users)["id"],
        "style": chance.choice(("travel", "dynamic")),
        "format": chance.choice((Format.REEL, Format.SQUARE)),
        "duration_sec": chance.choice((15, 30)),
        "clip_urls": ["https://x/a.mp4"],
        "created_at": at,
    }
    item = about | {
        "id": _id(chance),
        "type": ContentType.REEL,
        "status": ContentStatus.DRAFT,
    }
    made.items.append(item)
    for number in range(chance.choice((1, 1, 2))):
        asked_at = at + timedelta(hours=number)
        state = RequestState(chance.choice(_STATES) if number == 0 else "succeeded")
        request = about | {
            "id": _id(chance),
            "content_item_id": item["id"],
            "state": state,
            "created_at": asked_at,
            "finished_at": asked_at + timedelta(minutes=2) if state.is_terminal else None,
        }
        if number and not made.requests[-1]["state"].is_terminal:
            return  # one request of an item is under way at most
        made.requests.append(request)
        for service in (Service.CLAUDE, Service.FAL):
            _add_calls(made, chance, request, service)


def _add_calls(made: Ledger, chance: random.Random, request: Row, service: Service) -> None:
    fingerprint = f"{chance.getrandbits(64):x}"
    for number in range(chance.choice((0, 1, 1, 1, 2))):
        endpoint, price_version = _PRICES[service]
        at = request["created_at"] + timedelta(seconds=10 + 20 * number)
        predicted = _usd(chance)
        call: Row = {
            "id": _id(chance),
            "user_id": request["user_id"],
            "montage_request_id": request["id"],
            "service": service,
            "endpoint": endpoint,
            "asset": _STEPS[service],
            "fingerprint": fingerprint,
            "price_version": price_version,
            "predicted_usd": predicted,
            "created_at": at,
            "updated_at": at + timedelta(seconds=5),
        }
        call |= _outcome(chance, predicted)
        if "reused_from" in call["usage"]:
            call["usage"]["reused_from"] = str(chance.choice(made.requests)["id"])
        made.calls.append(call)


def _outcome(chance: random.Random, predicted: Decimal) -> Row:
    settled, estimated = CostState.SETTLED, CostState.ESTIMATED
    match chance.randint(0, 9):
        case 0:
            doubt = {"uncertain": True, "error": "interrupted"}
            return {"state": estimated, "cost_usd": predicted, "usage": doubt}
        case 1:
            return {"state": settled, "cost_usd": _usd(chance), "usage": {"unusable": "silent"}}
        case 2:
            return {"state": settled, "cost_usd": Decimal(0), "usage": {"charged": False}}
        case 3:
            return {"state": CostState.PENDING, "cost_usd": Decimal(0), "usage": {}}
        case 4:
            reused = {"charged": False, "reused_from": None}
            return {
                "state": settled,
                "cost_usd": Decimal(0),
                "usage": reused,
                "predicted_usd": Decimal(0),
                "price_version": None,
            }
        case 5:
            return {
                "state": settled,
                "cost_usd": _usd(chance),
                "usage": {},
                "predicted_usd": None,
                "price_version": None,
            }
        case _:
            return {"state": settled, "cost_usd": _usd(chance), "usage": {"input_tokens": 9}}


def _store(engine: Engine, made: Ledger) -> None:
    with Session(engine) as session, session.begin():
        for kind, rows in (
            (UserRow, made.users),
            (ContentItemRow, made.items),
            (MontageRequestRow, made.requests),
            (ApiCostLogRow, made.calls),
        ):
            session.add_all([kind(**row) for row in rows])
            session.flush()


def utc(year: int, month: int, day: int, hour: int = 23, minute: int = 50) -> datetime:
    """A moment, in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)
