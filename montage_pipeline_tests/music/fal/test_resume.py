"""Music is bought at most once per request: the next attempt resumes what the last one left."""

from typing import Any

import pytest
from sqlalchemy import Engine

from montage_pipeline.costs.ledger import CostLedger
from montage_pipeline.errors import ErrorCode
from montage_pipeline.music.fal import order
from montage_pipeline.requests.database import create_engine
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import CostState
from montage_pipeline_tests.fakes.fal_server import JobPlan
from montage_pipeline_tests.music.fal.desk import Desk


def test_another_attempt_after_success_fetches_the_same_piece_again(desk: Desk) -> None:
    first = desk.buy()
    first.path.unlink()
    again = desk.buy()
    assert again.provider_request_id == first.provider_request_id
    assert again.path.exists()
    assert len(desk.server.jobs) == len(desk.entries()) == 1


def reword_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a release with another wording does to every order."""
    monkeypatch.setattr(order, "prompt_text", lambda brief, limit: "Quite other words.")


def test_another_wording_does_not_buy_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first = desk.buy()
    reword_prompts(monkeypatch)
    again = desk.buy(desk.brief().model_copy(update={"mood": "calm", "prompt": "Soft piano"}))
    assert again.provider_request_id == first.provider_request_id
    assert len(desk.server.jobs) == len(desk.entries()) == 1


def test_a_job_submitted_in_another_wording_is_resumed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.server.plan(JobPlan(never=True))
    desk.fails(ErrorCode.MUSIC_TIMEOUT, fal_timeout_s=0.1)
    [job] = desk.server.jobs
    desk.server.finish(job)
    reword_prompts(monkeypatch)
    assert desk.buy().provider_request_id == job.id
    assert len(desk.server.jobs) == 1


def test_another_version_of_purchases_buys_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = desk.buy()
    monkeypatch.setattr(order, "PURCHASE_VERSION", order.PURCHASE_VERSION + 1)
    assert desk.buy().provider_request_id != first.provider_request_id
    assert len(desk.server.jobs) == len(desk.entries()) == 2


def test_a_job_that_outlives_the_time_limit_is_resumed_not_bought_again(desk: Desk) -> None:
    desk.server.plan(JobPlan(never=True))
    error = desk.fails(ErrorCode.MUSIC_TIMEOUT, fal_timeout_s=0.2)
    [job] = desk.server.jobs
    assert error.details["provider_request_id"] == job.id
    [entry] = desk.entries()
    assert (entry.state, entry.provider_request_id) == (CostState.PENDING, job.id)
    desk.server.finish(job)
    assert desk.buy().provider_request_id == job.id
    assert len(desk.server.jobs) == 1
    assert [entry.state for entry in desk.entries()] == [CostState.SETTLED]


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class DyingLedger(CostLedger):
    """Dies before or after one of its writes."""

    def __init__(self, engine: Engine, method: str, when: str) -> None:
        super().__init__(engine)
        real = getattr(self, method)

        def die(*args: Any, **values: Any) -> None:
            if when == "after":
                real(*args, **values)
            raise Killed

        setattr(self, method, die)


@pytest.mark.parametrize(
    ("method", "when", "jobs", "costs_usd"),
    [
        ("open", "after", 1, [0, 0.005]),
        ("mark_sent", "before", 1, [0, 0.005]),
        ("mark_sent", "after", 1, [0, 0.005]),
        ("attach", "before", 2, [0.005, 0.005]),
        ("attach", "after", 1, [0.005]),
        ("settle", "before", 1, [0.005]),
        ("settle", "after", 1, [0.005]),
    ],
)
def test_a_killed_process_leaves_a_row_from_which_the_next_goes_on(
    desk: Desk, database_url: str, method: str, when: str, jobs: int, costs_usd: list[float]
) -> None:
    engine = create_engine(Settings(database_url=database_url))
    with pytest.raises(Killed):
        desk.composer(DyingLedger(engine, method, when)).compose(desk.brief(), desk.workdir)
    engine.dispose()
    assert desk.buy().path.exists()
    assert len(desk.server.jobs) == jobs
    assert [float(entry.cost_usd) for entry in desk.entries()] == costs_usd
    # The ledger never says less than was charged.
    assert sum(entry.cost_usd for entry in desk.entries()) >= desk.server.charged_usd


def test_a_job_fal_no_longer_knows_is_ordered_again(desk: Desk) -> None:
    desk.server.plan(JobPlan(never=True))
    desk.fails(ErrorCode.MUSIC_TIMEOUT, fal_timeout_s=0.1)
    desk.server.jobs.clear()
    desk.buy()
    assert [entry.state for entry in desk.entries()] == [CostState.ESTIMATED, CostState.SETTLED]
