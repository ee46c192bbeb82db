"""A process that buys music is killed for real, everywhere; ledger and wire are compared after."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from montage_pipeline.requests.database import create_engine
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import CostState
from montage_pipeline_tests.kill_points import KillPoint, run_and_die
from montage_pipeline_tests.music.fal.desk import Desk

PRICE_USD = Decimal("0.005")
SETTLED, ESTIMATED = CostState.SETTLED, CostState.ESTIMATED


@dataclass(frozen=True)
class Buyer:
    """All that another process needs to buy the desk's music."""

    database_url: str
    server_url: str
    user_id: UUID
    request_id: UUID
    workdir: Path

    def buy(self) -> None:
        """Buy, on connections of its own."""
        engine = create_engine(Settings(database_url=self.database_url))
        desk = Desk(engine, _Address(self.server_url), self.user_id, self.request_id, self.workdir)  # type: ignore[arg-type]
        desk.buy()


@dataclass(frozen=True)
class _Address:
    url: str


@pytest.mark.parametrize(
    ("point", "jobs", "rows"),
    [
        # Nothing was sent: nothing is booked, and the retry buys once.
        (KillPoint("open"), 1, [(SETTLED, PRICE_USD)]),
        (KillPoint("open", after=True), 1, [(SETTLED, 0), (SETTLED, PRICE_USD)]),
        pytest.param(
            *(KillPoint("mark_sent"), 1, [(SETTLED, 0), (SETTLED, PRICE_USD)]),
            marks=pytest.mark.slow,  # the ledger says what it said after `open`
        ),
        # The window: marked, and fal's reply not recorded. Booked, whether or not it arrived.
        (KillPoint("mark_sent", after=True), 1, [(ESTIMATED, PRICE_USD), (SETTLED, PRICE_USD)]),
        (KillPoint("attach"), 2, [(ESTIMATED, PRICE_USD), (SETTLED, PRICE_USD)]),
        # The job's id is known: nobody buys again.
        (KillPoint("attach", after=True), 1, [(SETTLED, PRICE_USD)]),
        (KillPoint("settle"), 1, [(SETTLED, PRICE_USD)]),
        (KillPoint("settle", after=True), 1, [(SETTLED, PRICE_USD)]),
    ],
    ids=str,
)
def test_killed(
    desk: Desk,
    database_url: str,
    point: KillPoint,
    jobs: int,
    rows: list[tuple[CostState, Decimal]],
) -> None:
    buyer = Buyer(database_url, desk.server.url, desk.user_id, desk.request_id, desk.workdir)
    run_and_die(buyer.buy, point)
    music = desk.buy()

    assert len(desk.server.jobs) == jobs
    assert [(entry.state, entry.cost_usd) for entry in desk.entries()] == rows
    known = {job.id: job.charged_usd for job in desk.server.jobs}
    for entry in desk.entries():
        if entry.provider_request_id is not None:  # row by row what the wire says
            assert known.pop(entry.provider_request_id) == entry.cost_usd
    # Charges without a row of their own happened in the window, and are booked there.
    doubtful = [entry for entry in desk.entries() if entry.in_doubt]
    assert len(known) <= len(doubtful) <= 1
    assert music.provider_request_id == desk.server.jobs[-1].id
    with create_engine(Settings(database_url=database_url)).connect() as connection:
        predicted = set(connection.scalars(text("SELECT predicted_usd FROM api_cost_logs")))
    assert predicted == {PRICE_USD}
