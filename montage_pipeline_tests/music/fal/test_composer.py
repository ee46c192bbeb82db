"""Music is bought from fal at most once per request, whatever breaks, and every purchase shows in
the ledger.

The real fal client and the real ledger; only the other end of the wire is a fake.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from montage_pipeline.costs.ledger import CostEntry, CostLedger
from montage_pipeline.errors import MontageError, PermanentError
from montage_pipeline.music.composer import ComposedMusic, MusicBrief
from montage_pipeline.music.fal.composer import FalComposer
from montage_pipeline.music.fal.queue import connect
from montage_pipeline.requests.database import create_engine
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import CostState
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.fakes.fal_server import FalServer, Fault, JobPlan


class Desk:
    """A user's request, the ledger behind it and the server that is paid."""

    def __init__(
        self, engine: Engine, server: FalServer, user_id: UUID, request_id: UUID, workdir: Path
    ) -> None:
        self.user_id = user_id
        self.request_id = request_id
        self.ledger = CostLedger(engine)
        self.server = server
        self.workdir = workdir

    def composer(self, ledger: CostLedger | None = None, **changes: object) -> FalComposer:
        values = {
            "fal_key": SecretStr("a-key"),
            "fal_queue_url": self.server.url,
            "fal_timeout_s": 20.0,
        } | changes
        return FalComposer(Settings(**values), ledger or self.ledger, poll_interval_s=0.01)

    def brief(self, duration_s: float = 11.5) -> MusicBrief:
        return MusicBrief(
            request_id=str(self.request_id),
            user_id=self.user_id,
            run_id="run-1",
            mood="uplifting",
            style="travel",
            prompt="Sunny acoustic guitars",
            bpm=104,
            duration_s=duration_s,
            seed=77,
        )

    def buy(self, **changes: object) -> ComposedMusic:
        return self.composer(**changes).compose(self.brief(), self.workdir)

    def entries(self) -> list[CostEntry]:
        return self.ledger.entries(self.request_id)

    def fails(
        self, code: str, kind: type[MontageError] = MontageError, **changes: object
    ) -> MontageError:
        with pytest.raises(MontageError) as caught:
            self.buy(**changes)
        assert caught.value.code == code
        assert type(caught.value) is kind
        return caught.value


@pytest.fixture
def server() -> Iterator[FalServer]:
    with FalServer(key="a-key") as server:
        yield server


@pytest.fixture
def desk(
    engine: Engine, library: ContentLibrary, user: UUID, server: FalServer, tmp_path: Path
) -> Desk:
    return Desk(engine, server, user, click(library, user).request_id, tmp_path)


def test_buys_once_and_settles_what_fal_billed(desk: Desk) -> None:
    music = desk.buy()
    assert music.composer == "fal"
    assert music.path.read_bytes()[:4] == b"RIFF"
    assert music.content_type == "audio/wav"
    assert music.duration_s >= 14
    assert music.grid.source == "tracked"
    assert music.grid.bpm == pytest.approx(104, abs=0.5)
    [job] = desk.server.jobs
    assert job.arguments["duration"] == 15
    assert "Tempo: 104 BPM" in job.arguments["prompt"]
    assert music.provider_request_id == job.id
    [entry] = desk.entries()
    assert (entry.state, entry.provider_request_id) == (CostState.SETTLED, job.id)
    assert entry.cost_usd == desk.server.charged_usd == Decimal("0.005")
    assert entry.usage["billable_units"] == "0.25"


def test_another_attempt_after_success_fetches_the_same_piece_again(desk: Desk) -> None:
    first = desk.buy()
    first.path.unlink()
    again = desk.buy()
    assert again.provider_request_id == first.provider_request_id
    assert again.path.exists()
    assert len(desk.server.jobs) == len(desk.entries()) == 1


def test_without_the_billing_header_the_price_is_an_estimate_from_the_list(desk: Desk) -> None:
    desk.server.plan(JobPlan(billed_units=None))
    desk.buy()
    [entry] = desk.entries()
    assert entry.state is CostState.ESTIMATED
    assert entry.cost_usd == Decimal("0.005")
    desk.buy()
    assert len(desk.server.jobs) == 1


def test_other_models_get_their_own_arguments_and_answer_in_another_field(desk: Desk) -> None:
    desk.buy(fal_music_model="fal-ai/stable-audio-25/text-to-audio")
    [job] = desk.server.jobs
    assert job.arguments.keys() == {"prompt", "seconds_total", "seed"}
    assert desk.entries()[0].cost_usd == Decimal("0.20")


def test_a_job_that_outlives_the_time_limit_is_resumed_not_bought_again(desk: Desk) -> None:
    desk.server.plan(JobPlan(never=True))
    error = desk.fails("music_timeout", fal_timeout_s=0.2)
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

        def die(*args: object, **values: object) -> object:
            if when == "after":
                real(*args, **values)
            raise Killed

        setattr(self, method, die)


@pytest.mark.parametrize(
    ("method", "when", "jobs", "states"),
    [
        ("open", "after", 1, [CostState.ESTIMATED, CostState.SETTLED]),
        ("attach", "before", 2, [CostState.ESTIMATED, CostState.SETTLED]),
        ("attach", "after", 1, [CostState.SETTLED]),
        ("settle", "before", 1, [CostState.SETTLED]),
        ("settle", "after", 1, [CostState.SETTLED]),
    ],
)
def test_a_killed_process_leaves_a_row_from_which_the_next_goes_on(
    desk: Desk, database_url: str, method: str, when: str, jobs: int, states: list[CostState]
) -> None:
    engine = create_engine(Settings(database_url=database_url))
    with pytest.raises(Killed):
        desk.composer(DyingLedger(engine, method, when)).compose(desk.brief(), desk.workdir)
    engine.dispose()
    assert desk.buy().path.exists()
    assert len(desk.server.jobs) == jobs
    assert [entry.state for entry in desk.entries()] == states
    # The ledger never says less than was charged.
    assert sum(entry.cost_usd for entry in desk.entries()) >= desk.server.charged_usd


def test_a_lost_reply_to_the_order_sends_no_second_order_and_shows_in_the_costs(desk: Desk) -> None:
    desk.server.script("submit", Fault.cut_after())
    desk.fails("music_submit_uncertain")
    assert desk.server.calls["submit"] == 1
    [entry] = desk.entries()
    assert entry.state is CostState.ESTIMATED
    assert entry.cost_usd == Decimal("0.005")
    assert entry.usage["uncertain"] is True
    desk.buy()
    assert [entry.state for entry in desk.entries()] == [CostState.ESTIMATED, CostState.SETTLED]
    assert sum(entry.cost_usd for entry in desk.entries()) == desk.server.charged_usd


@pytest.mark.parametrize(
    "fault", [Fault.garbage(), Fault.http(502, "<html>nginx</html>"), Fault.cut_before()]
)
def test_an_order_without_a_readable_reply_counts_as_perhaps_charged(
    desk: Desk, fault: Fault
) -> None:
    desk.server.script("submit", fault)
    desk.fails("music_submit_uncertain")
    assert desk.server.calls["submit"] == 1
    assert desk.entries()[0].state is CostState.ESTIMATED


@pytest.mark.parametrize(
    ("fault", "code", "kind"),
    [
        (Fault.http(429, retry_after="7"), "music_rate_limited", MontageError),
        (Fault.http(500), "music_unavailable", MontageError),
        (Fault.http(503, "<html>nginx</html>"), "music_unavailable", MontageError),
        (Fault.http(401), "fal_refused_key", PermanentError),
        (
            Fault.http(403, {"detail": "User is locked. Reason: Exhausted balance"}),
            "fal_refused_key",
            PermanentError,
        ),
        (
            Fault.http(422, {"detail": [{"loc": ["body", "prompt"], "msg": "bad"}]}),
            "music_rejected",
            PermanentError,
        ),
        (Fault.http(307, location="https://elsewhere.example/"), "music_rejected", PermanentError),
    ],
)
def test_a_refused_order_costs_nothing_and_is_sent_once(
    desk: Desk, fault: Fault, code: str, kind: type[MontageError]
) -> None:
    desk.server.script("submit", fault)
    error = desk.fails(code, kind)
    assert desk.server.calls["submit"] == 1
    [entry] = desk.entries()
    assert (entry.state, entry.cost_usd) == (CostState.SETTLED, 0)
    if fault.status == 429:
        assert error.details["retry_after_s"] == 7.0
    if fault.status == 403:
        assert "Exhausted balance" in error.message


def test_nothing_listening_costs_nothing(desk: Desk) -> None:
    desk.fails("music_unreachable", fal_queue_url="http://127.0.0.1:9")
    [entry] = desk.entries()
    assert (entry.state, entry.cost_usd) == (CostState.SETTLED, 0)


def test_a_wrong_key_is_permanent(desk: Desk) -> None:
    desk.fails("fal_refused_key", PermanentError, fal_key=SecretStr("another"))


def test_passing_faults_while_waiting_are_sat_out(desk: Desk) -> None:
    faults = [
        Fault.http(500, "oops"),
        Fault.cut_before(),
        Fault.http(429, retry_after="0.05"),
        Fault.garbage(),
        Fault.slow(0.05),
    ]
    desk.server.script("status", *faults)
    desk.server.script("result", Fault.http(503, "<html>nginx</html>"), Fault.cut_after())
    desk.server.script("file", Fault.cut_after(), Fault.http(500))
    assert desk.buy().duration_s >= 14
    assert len(desk.server.jobs) == 1
    assert [entry.state for entry in desk.entries()] == [CostState.SETTLED]


def test_faults_that_do_not_pass_leave_the_job_to_the_next_attempt(desk: Desk) -> None:
    desk.server.script("status", *[Fault.http(500, "oops")] * 6)
    desk.fails("music_unavailable")
    assert desk.entries()[0].state is CostState.PENDING
    desk.server.script("file", *[Fault.cut_after()] * 3)
    desk.fails("music_download_failed")
    assert desk.entries()[0].state is CostState.PENDING
    desk.buy()
    assert len(desk.server.jobs) == 1
    assert [entry.state for entry in desk.entries()] == [CostState.SETTLED]


def test_a_failed_job_is_free_and_the_next_attempt_orders_afresh(desk: Desk) -> None:
    desk.server.plan(JobPlan(error="CUDA out of memory"))
    error = desk.fails("music_failed")
    assert "CUDA out of memory" in error.message
    [entry] = desk.entries()
    assert (entry.state, entry.cost_usd) == (CostState.SETTLED, 0)
    assert entry.usage["error"] == "CUDA out of memory"
    desk.buy()
    assert len(desk.server.jobs) == 2
    assert sum(entry.cost_usd for entry in desk.entries()) == desk.server.charged_usd


def test_a_failure_that_fal_bills_is_in_the_ledger_and_not_taken_for_music(desk: Desk) -> None:
    desk.server.plan(JobPlan(error="safety filter", billed_units="0.25"))
    desk.fails("music_failed")
    assert desk.entries()[0].cost_usd == Decimal("0.005")
    desk.buy()
    assert len(desk.server.jobs) == 2


def test_an_order_the_model_rejects_is_permanent(desk: Desk) -> None:
    desk.server.plan(JobPlan(error="prompt not allowed", error_status=422))
    assert "prompt not allowed" in desk.fails("music_rejected", PermanentError).message


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (JobPlan(seconds=9.0), "music_too_short"),
        (JobPlan(file_body=b"<html>not music</html>"), "music_not_audio"),
        (JobPlan(file_gone=True), "music_failed"),
    ],
)
def test_useless_music_is_paid_for_and_not_used_again(desk: Desk, plan: JobPlan, code: str) -> None:
    desk.server.plan(plan)
    desk.fails(code)
    assert desk.entries()[0].cost_usd == Decimal("0.005")
    desk.buy()
    assert len(desk.server.jobs) == 2
    assert sum(entry.cost_usd for entry in desk.entries()) == desk.server.charged_usd


def test_a_job_fal_no_longer_knows_is_ordered_again(desk: Desk) -> None:
    desk.server.plan(JobPlan(never=True))
    desk.fails("music_timeout", fal_timeout_s=0.1)
    desk.server.jobs.clear()
    desk.buy()
    assert [entry.state for entry in desk.entries()] == [CostState.ESTIMATED, CostState.SETTLED]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"fal_key": SecretStr("")}, "fal_key_missing"),
        ({"fal_music_model": "acme/hit-machine"}, "music_model_unsupported"),
    ],
)
def test_bad_configuration_is_told_before_anything_is_sent(
    desk: Desk, changes: dict[str, object], code: str
) -> None:
    desk.fails(code, PermanentError, **changes)
    assert desk.server.calls["submit"] == 0
    assert desk.entries() == []


def test_the_key_never_goes_to_another_host() -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={})

    client, _ = connect("a-key", "https://gateway.example/fal", httpx.MockTransport(answer))
    client.get_handle("cassetteai/music-generator", "1").client.get(
        "https://queue.fal.run/cassetteai/music-generator/requests/1"
    )
    assert str(sent[0].url) == "https://gateway.example/fal/cassetteai/music-generator/requests/1"
    assert sent[0].headers["host"] == "gateway.example"
    with pytest.raises(PermanentError, match=r"evil\.example"):
        client.get_handle("cassetteai/music-generator", "1").client.get("https://evil.example/")
    assert len(sent) == 1
