"""Calls a minute hold over several processes of the API, and without their database."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine

from montage_pipeline.api.limits.call_rates import CallRates
from montage_pipeline.api.limits.rate_limits import SharedRateLimiter
from montage_pipeline_tests.examples import examples


@hypothesis_settings(
    max_examples=examples(0.2),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    per_minute=st.sampled_from([1, 7, 60, 200]),
    processes=st.integers(1, 4),
    calls=st.lists(st.integers(0, 3), max_size=300),
)
def test_no_number_of_processes_lets_more_calls_pass(
    engine: Engine, per_minute: int, processes: int, calls: list[int]
) -> None:
    """Within a minute, whatever they reach; a caller of one process gets the whole of it."""
    rates, key, now = CallRates(engine), uuid4(), 0.0
    limiters = [
        SharedRateLimiter("user", per_minute, rates, clock=lambda: now) for _ in range(processes)
    ]
    began_s = time.monotonic()
    passed = sum(limiters[call % processes].wait_s(key) == 0 for call in calls)
    # The database's clock goes on meanwhile.
    assert passed <= per_minute * (1 + (time.monotonic() - began_s) / 60) + 1
    if processes == 1:
        assert passed >= min(len(calls), per_minute)


def test_callers_who_race_through_many_processes_get_one_minutes_calls(engine: Engine) -> None:
    rates, key = CallRates(engine), uuid4()
    limiters = [SharedRateLimiter("user", 40, rates) for _ in range(4)]
    with ThreadPoolExecutor(8) as crowd:
        began_s = time.monotonic()
        waits = list(crowd.map(lambda n: limiters[n % 4].wait_s(key), range(160)))
    # Each process may hold a portion of two calls that nobody came back for.
    passed_s = time.monotonic() - began_s
    assert 40 - 4 * 2 <= waits.count(0) <= 40 * (1 + passed_s / 60) + 1
    assert all(0 < wait_s <= 60 for wait_s in waits if wait_s)
    assert limiters[0].wait_s(uuid4()) == 0


def test_a_database_that_is_away_limits_nobody_more_than_each_process_does() -> None:
    nowhere = create_engine("postgresql+psycopg://nobody@127.0.0.1:9/nothing")
    limiter = SharedRateLimiter("address", 5, CallRates(nowhere))
    assert [limiter.wait_s("a") == 0 for _ in range(7)] == [True] * 5 + [False] * 2


def test_callers_of_long_ago_are_forgotten(engine: Engine) -> None:
    rates = CallRates(engine)
    rates.take("user:gone", 60, 3)
    rates.take("user:busy", 60, 3)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE call_rates SET due_at = now() - interval '2 min' WHERE caller = 'user:gone'"
            )
        )
    assert rates.forget_old() == 1
