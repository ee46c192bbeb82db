"""The Claude analyst on the real ledger and object store, with a process that is really killed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from montage_pipeline.analysis.claude.analyst import ClaudeAnalyst
from montage_pipeline.analysis.claude.call import Payer
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.costs.ledger import CostLedger
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.requests.database import create_engine
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import CostState
from montage_pipeline_tests.analysis.claude.stand_ins import StandInAnalyst, clips_in
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.fakes.anthropic_server import AnthropicServer, Fault
from montage_pipeline_tests.kill_points import KillPoint, begun, run_and_die


@dataclass(frozen=True)
class Attempt:
    """One attempt of the step: all that another process needs to make it."""

    settings: dict[str, Any]
    clips: list[FetchedClip]
    user_id: UUID
    request_id: UUID

    def make(self) -> ClipAnalysis:
        """Analyse, on connections of its own."""
        settings = Settings(**self.settings)
        engine = create_engine(settings)
        try:
            analyst = ClaudeAnalyst(
                settings,
                CostLedger(engine),
                ObjectStore.from_settings(settings),
                Payer(self.user_id, self.request_id, run_id="run-1"),
                measured_by=StandInAnalyst(),
            )
            return analyst.analyse(self.clips, "food", 15)
        finally:
            engine.dispose()


@pytest.fixture
def server() -> Iterator[AnthropicServer]:
    with AnthropicServer() as running:
        yield running


@pytest.fixture
def ledger(engine: Engine) -> CostLedger:
    return CostLedger(engine)


@pytest.fixture(scope="module")
def two_clips(tmp_path_factory: pytest.TempPathFactory) -> list[FetchedClip]:
    return clips_in(tmp_path_factory.mktemp("two"), 2)


@pytest.fixture
def attempt(
    settings: Settings,
    library: ContentLibrary,
    user: UUID,
    server: AnthropicServer,
    two_clips: list[FetchedClip],
) -> Attempt:
    values = {
        **{
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in settings
        },
        "anthropic_api_key": "sk-test",
        "anthropic_base_url": server.url,
    }
    return Attempt(values, two_clips, user, click(library, user).request_id)


def test_killed_while_claude_thinks(
    attempt: Attempt, server: AnthropicServer, ledger: CostLedger, object_store: ObjectStore
) -> None:
    server.script(Fault.slow(60))
    process = begun(attempt.make)
    assert server.received.wait(60)
    process.kill()
    process.join(10)
    (row,) = ledger.entries(attempt.request_id)
    assert row.state is CostState.PENDING

    analysis = attempt.make()
    lost, bought = ledger.entries(attempt.request_id, asset="clip_analysis")
    assert (lost.state, bought.state) == (CostState.ESTIMATED, CostState.SETTLED)
    assert lost.cost_usd > 0
    assert (bought.usage, bought.provider_request_id) == (
        server.usages[1].usage,
        server.usages[1].request_id,
    )

    assert attempt.make() == analysis  # a third attempt finds the answer
    assert len(server.requests) == 2
    assert len(ledger.entries(attempt.request_id)) == 2
    (key,) = object_store.list_keys(f"work/{attempt.request_id}/claude/")
    assert key.endswith(".json")


@pytest.mark.slow
def test_killed_between_answer_and_ledger(
    attempt: Attempt, server: AnthropicServer, ledger: CostLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_args: object, **_kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(CostLedger, "settle", die)
        with pytest.raises(Killed):
            attempt.make()
    (row,) = ledger.entries(attempt.request_id)
    assert row.state is CostState.PENDING

    attempt.make()
    (row,) = ledger.entries(attempt.request_id)
    assert (row.state, row.cost_usd) == (CostState.SETTLED, server.charged_usd)
    assert len(server.requests) == 1


SETTLED, ESTIMATED = CostState.SETTLED, CostState.ESTIMATED


@pytest.mark.parametrize(
    ("point", "charged", "states"),
    [
        # Nothing was sent: nothing is booked, and the retry buys once.
        (KillPoint("open", after=True), 1, [SETTLED, SETTLED]),
        pytest.param(
            *(KillPoint("mark_sent"), 1, [SETTLED, SETTLED]),
            marks=pytest.mark.slow,  # the ledger says what it said after `open`
        ),
        # The window: marked, and no answer kept. Booked, although nothing was sent here.
        (KillPoint("mark_sent", after=True), 1, [ESTIMATED, SETTLED]),
        # The answer was kept: it is used, and its row is settled.
        (KillPoint("settle"), 1, [SETTLED]),
        (KillPoint("settle", after=True), 1, [SETTLED]),
    ],
    ids=str,
)
def test_killed(
    attempt: Attempt,
    server: AnthropicServer,
    ledger: CostLedger,
    point: KillPoint,
    charged: int,
    states: list[CostState],
) -> None:
    run_and_die(attempt.make, point)
    attempt.make()
    entries = ledger.entries(attempt.request_id)
    assert [entry.state for entry in entries] == states
    assert len(server.usages) == charged

    # Row by row what the wire says; what the wire does not know costs nothing, or is in doubt.
    known = {usage.request_id: usage.usage for usage in server.usages}
    for entry in entries:
        if entry.provider_request_id is not None:
            assert known.pop(entry.provider_request_id) == entry.usage
        else:
            assert entry.in_doubt or entry.cost_usd == 0
    assert known == {}
    settled = sum(entry.cost_usd for entry in entries if entry.state is SETTLED)
    assert settled == server.charged_usd
