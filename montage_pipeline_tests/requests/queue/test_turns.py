"""Requests start in fair turns, within limits, and nobody waits for ever."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, text

from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.queue.turns import PATIENCE, URGENT, Attempted, Limits, Turns
from montage_pipeline.requests.tables import ContentItemRow, MontageRequestRow
from montage_pipeline_tests.clicks import REEL, click, new_user
from montage_pipeline_tests.examples import examples


def clicks(engine: Engine, user: UUID, number: int) -> list[UUID]:
    """So many queued requests of a user, in one transaction; their ids, oldest first."""
    now = datetime.now().astimezone()
    shared = {"user_id": user, "style": "dynamic", "format": "square", "duration_sec": 8}
    ids = [uuid4() for _ in range(number)]
    items = [shared | {"id": each, "type": "reel", "clip_urls": []} for each in ids]
    requests = [
        shared
        | {"id": each, "content_item_id": each, "clip_urls": []}
        | {"created_at": now + timedelta(microseconds=place)}
        for place, each in enumerate(ids)
    ]
    with engine.begin() as connection:
        connection.execute(insert(ContentItemRow), items)
        connection.execute(insert(MontageRequestRow), requests)
    return ids


class Runs:
    """Starts what the turns say, and ends it, as the pipeline does."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self.requests = RequestLifecycle(engine)
        self.turns = Turns(engine, limits)
        self.running: list[UUID] = []
        self.started: list[UUID] = []

    def start(self) -> list[UUID]:
        """Fill the free places."""
        chosen = self.turns.next([], 25)
        for request_id in chosen:
            assert self.requests.start(request_id, f"run-{request_id}")
        self.running += chosen
        self.started += chosen
        return chosen

    def end(self, request_id: UUID | None = None) -> None:
        """Deliver a request, the one that has run longest if none is named."""
        request_id = request_id or self.running[0]
        self.running.remove(request_id)
        assert self.requests.succeed(request_id, f"run-{request_id}", REEL)


@pytest.mark.parametrize("places", [1, 2, 5])
def test_many_requests_of_one_user_delay_anothers_first_by_one_place_at_most(
    engine: Engine, library: ContentLibrary, places: int
) -> None:
    greedy, modest = new_user(library), new_user(library)
    clicks(engine, greedy, 400)
    runs = Runs(engine, Limits(places, places))
    assert len(runs.start()) == places
    runs.end()
    runs.start()

    [theirs] = clicks(engine, modest, 1)
    assert runs.start() == []  # every place is taken
    runs.end()
    assert runs.start() == [theirs]


def test_users_who_all_wait_take_turns(engine: Engine, library: ContentLibrary) -> None:
    users = [new_user(library) for _ in range(3)]
    of = {request: user for user in users for request in clicks(engine, user, 4)}
    runs = Runs(engine, Limits(1, 1))
    while runs.start():
        runs.end()
    assert [of[request] for request in runs.started] == users * 4


def test_limits_hold_for_each_user_and_for_the_whole(
    engine: Engine, library: ContentLibrary
) -> None:
    one, two = new_user(library), new_user(library)
    ours, theirs = clicks(engine, one, 5), clicks(engine, two, 5)
    runs = Runs(engine, Limits(3, 2))
    assert set(runs.start()) == {ours[0], theirs[0], ours[1]}
    runs.end(theirs[0])
    # The first user has two running, which is all that one user may have.
    assert runs.start() == [theirs[1]]

    alone = Runs(engine, Limits(10, 2))
    assert set(alone.start()) == {theirs[2]}


def test_what_is_urgent_passes_others_for_as_long_as_they_have_patience(
    engine: Engine, library: ContentLibrary
) -> None:
    hasty, patient = new_user(library), new_user(library)
    [theirs] = clicks(engine, patient, 1)
    many = clicks(engine, hasty, 6)
    _set(engine, many[3:], priority=URGENT)
    runs = Runs(engine, Limits(1, 2))
    for urgent in many[3:5]:
        # Before their own older ones, and before those of others.
        assert runs.start() == [urgent]
        runs.end()
    with engine.begin() as connection:
        late = {"id": theirs, "age": PATIENCE + timedelta(seconds=1)}
        connection.execute(
            text("UPDATE montage_requests SET created_at = now() - :age WHERE id = :id"), late
        )
    assert runs.start() == [theirs]


def test_a_run_that_has_not_taken_its_request_over_holds_a_place(
    engine: Engine, library: ContentLibrary, user: UUID
) -> None:
    first, second = clicks(engine, user, 2)
    turns = Turns(engine, Limits(1, 1))
    assert turns.next([], 25) == [first]
    assert turns.next([Attempted(first, 1)], 25) == []
    # One of an earlier attempt holds none: that run is over, or will find its request taken.
    assert turns.next([Attempted(first, 2), Attempted(uuid4(), 1)], 25) == [first]
    assert Turns(engine, Limits(2, 2)).next([Attempted(first, 1)], 25) == [second]


def test_a_turn_that_was_cut_short_is_given_back(engine: Engine, library: ContentLibrary) -> None:
    """Whose run was killed goes on before those who came later; whose own fault it was does not."""
    [killed], [at_fault], *others = (clicks(engine, new_user(library), 1) for _ in range(6))
    runs = Runs(engine, Limits(2, 2))
    assert runs.start() == [killed, at_fault]

    for request, keeps_turn in ((killed, True), (at_fault, False)):
        assert runs.requests.requeue(
            request, attempt=1, run_id=f"run-{request}", keeps_turn=keeps_turn
        )
    assert runs.start() == [killed, others[0][0]]


@dataclass
class Waiting:
    """A queued request as the oracle below knows it."""

    id: UUID
    user: UUID
    urgent: bool


def oracle(
    waiting: Sequence[Waiting], served: Sequence[UUID], running: dict[UUID, int], limits: Limits
) -> list[UUID]:
    """The rules as one would explain them, one place at a time; nobody has lost patience yet."""
    left, has, chosen = list(waiting), dict(running), []
    while sum(has.values()) < limits.running:
        heads: dict[UUID, Waiting] = {}
        for urgent in (True, False):
            for each in left:
                if each.urgent == urgent and has.get(each.user, 0) < limits.running_per_user:
                    heads.setdefault(each.user, each)
        if not heads:
            break
        best = min(
            heads.values(),
            key=lambda each: (
                not (each.urgent and not has.get(each.user, 0)),
                has.get(each.user, 0),
                served.index(each.user) if each.user in served else -1,
                waiting.index(each),
            ),
        )
        left.remove(best)
        chosen.append(best.id)
        has[best.user] = has.get(best.user, 0) + 1
    return chosen


@hypothesis_settings(
    max_examples=examples(1),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=14),
    limits=st.tuples(st.integers(1, 4), st.integers(1, 3)),
    rounds=st.integers(1, 5),
)
def test_the_order_is_that_of_the_rules(
    engine: Engine,
    library: ContentLibrary,
    steps: list[tuple[int, bool]],
    limits: tuple[int, int],
    rounds: int,
) -> None:
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE users CASCADE"))
    users = [new_user(library) for _ in range(4)]
    waiting = []
    for user, urgent in steps:
        request = click(library, users[user]).request_id
        if urgent:
            _set(engine, [request], priority=URGENT)
        waiting.append(Waiting(request, users[user], urgent))

    runs, served, running = Runs(engine, Limits(*limits)), list[UUID](), dict[UUID, int]()
    owner = {each.id: each.user for each in waiting}
    for _ in range(rounds):
        expected = oracle(waiting, served, running, Limits(*limits))
        assert runs.start() == expected
        for request in expected:
            whose = owner[request]
            served = [*(other for other in served if other != whose), whose]
            running[whose] = running.get(whose, 0) + 1
        waiting = [each for each in waiting if each.id not in expected]
        if runs.running:
            running[owner[runs.running[0]]] -= 1
            runs.end()


def _set(engine: Engine, requests: Sequence[UUID], priority: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE montage_requests SET priority = :priority WHERE id = ANY(:ids)"),
            {"priority": priority, "ids": list(requests)},
        )
