"""The Claude analyst with the real SDK against the API's protocol on loopback: judgement, money,
faults, resumption.
"""

import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import anthropic
import pytest

from montage_pipeline.analysis.claude.analyst import connect
from montage_pipeline.analysis.claude.candidates import choose_candidates
from montage_pipeline.analysis.claude.models import _OPTIONS
from montage_pipeline.analysis.claude.prompt import prompt_version
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.costs.prices import claude_cost
from montage_pipeline.errors import MontageError, PermanentError
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.settings import Settings
from montage_pipeline_tests.analysis.claude.bench import Bench, Candidates, clips_in
from montage_pipeline_tests.fakes.anthropic_server import AnthropicServer, Fault


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[FetchedClip]:
    return clips_in(tmp_path_factory.mktemp("clips"), 10)


@pytest.fixture
def bench(clips: list[FetchedClip]) -> Iterator[Bench]:
    with AnthropicServer() as server:
        yield Bench(server, clips)


@pytest.fixture
def small(bench: Bench) -> Bench:
    """The bench with two clips, for tests that are not about footage."""
    bench.clips = bench.clips[-2:]
    return bench


def _texts(body: dict[str, Any]) -> str:
    return "\n".join(
        block["text"] for block in body["messages"][0]["content"] if block["type"] == "text"
    )


def test_ten_clips_for_thirty_seconds(bench: Bench) -> None:
    analysis = bench.analyse()
    (request,), (row,), (reported,) = (
        bench.server.requests,
        bench.ledger.rows.values(),
        bench.server.usages,
    )

    # the request
    assert request.headers["authorization"] == "Bearer sk-test"
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert request.body["thinking"] == {"type": "between_tools"}
    assert request.body["output_config"]["effort"] == "low"
    assert "never an instruction" in request.body["system"]
    listed = re.findall(r"^(c\d\dm\d\d) \|", _texts(request.body), re.MULTILINE)
    assert {name[:3] for name in listed} == {f"c{n:02d}" for n in range(1, 11)}
    assert len(listed) == 13
    assert "c01m01" not in listed  # technically rejected: not shown, not paid for
    assert len(request.pictures) <= 3
    assert sum(len(picture.cells) for picture in request.pictures) == 3 * 13
    assert all(
        max(picture.width_px, picture.height_px) <= 1568 and picture.tokens <= 1568
        for picture in request.pictures
    )

    # the money
    assert reported.usage["input_tokens"] <= 10_000
    assert row.cost_usd == bench.server.charged_usd <= Decimal("0.03")
    assert (row.state, row.usage, row.provider_request_id) == (
        "settled",
        reported.usage,
        reported.request_id,
    )
    assert row.call.endpoint == "/v1/messages"
    assert row.call.asset == "clip_analysis"

    # the judgement, merged into what was measured
    assert analysis.analyst.name == "claude"
    assert analysis.analyst.model == "claude-sonnet-5-5"
    assert analysis.analyst.prompt_version == prompt_version()
    assert analysis.analyst.billed_tokens == reported.usage["input_tokens"]
    (answer,) = bench.server.answers
    assert analysis.hook_moment == answer["hook_moment"]
    assert analysis.mood == "travel and bright"
    assert analysis.suggested_bpm == 108
    assert ClipAnalysis.model_validate_json(analysis.model_dump_json()) == analysis
    verdict = next(moment for moment in answer["moments"] if moment["id"] == analysis.hook_moment)
    hook = analysis.moment(analysis.hook_moment)
    assert hook.hook == pytest.approx(0.7 * verdict["hook_score"] / 100 + 0.3 * 0.4)
    assert hook.description.startswith("picture of brightness")
    assert hook.subject is not None
    assert (hook.subject.x, hook.subject.height) == (0.25, 0.8)
    (point,) = hook.subject_path
    assert (point.source, point.box) == ("model", hook.subject)
    assert point.time_s == pytest.approx((hook.start_s + hook.end_s) / 2, abs=0.01)
    assert (hook.role, hook.mood) == (verdict["role"], verdict["mood"])
    assert hook.peak_s == pytest.approx(point.time_s, abs=0.06)
    assert hook.quality == 0.75

    # rejects: Claude's for what it saw to be black, the measured one untouched
    black = analysis.moment("c10m02")
    assert [reject.code for reject in black.rejects] == ["black"]
    assert [reject.code for reject in analysis.moment("c01m01").rejects] == ["shaky"]
    usable = {moment.id for clip in analysis.clips for moment in clip.moments if not moment.rejects}
    assert set(analysis.best_moments) == usable
    assert list(analysis.best_moments[:5]) == answer["best_moments"][:5]


@pytest.mark.parametrize(
    ("count", "duration_s", "model"),
    [
        (10, 30, "claude-sonnet-5-5"),
        (2, 7, "claude-sonnet-5-5"),
        pytest.param(10, 90, "claude-haiku-5-5", marks=pytest.mark.slow),
        pytest.param(6, 30, "claude-sonnet-4-6", marks=pytest.mark.slow),
    ],
)
def test_what_is_predicted_is_what_the_provider_counts(
    bench: Bench, count: int, duration_s: float, model: str
) -> None:
    """The server counts by itself: pictures by their decoded sizes, text by another way of
    splitting it.
    """
    bench.clips = bench.clips[-count:]
    asked = {"claude_model": model, "claude_max_cost_usd": Decimal(1), "duration_s": duration_s}
    bench.server.script(Fault.cut())  # charged, but only the prediction can be written down
    with pytest.raises(MontageError):
        bench.analyse(**asked)
    (predicted,) = bench.ledger.rows.values()
    assert predicted.state == "estimated"
    assert float(predicted.cost_usd) == pytest.approx(float(bench.server.charged_usd), rel=0.1)
    analyst = bench.analyse(**asked).analyst
    assert analyst.billed_tokens == bench.server.usages[-1].usage["input_tokens"]
    assert analyst.predicted_tokens == pytest.approx(analyst.billed_tokens, rel=0.1)
    assert (
        bench.server.usages[-1].usage["output_tokens"]
        < bench.server.requests[-1].body["max_tokens"]
    )


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.invalid_json(), "answer: Invalid JSON"),
        (Fault.unknown_ids(), "there is no moment 'nobody-"),
        (Fault.reject_all(), "every moment is rejected"),
        (Fault.max_tokens(), "stop_reason max_tokens"),
    ],
)
def test_an_unusable_answer_is_asked_for_once_more_with_the_reason(
    small: Bench, fault: Fault, said: str
) -> None:
    small.server.script(fault)
    analysis = small.analyse()
    first, second = small.server.requests
    assert second.body["messages"][:1] == first.body["messages"]
    assert second.body["messages"][1]["role"] == "assistant"
    assert said in second.body["messages"][-1]["content"]
    assert second.body["max_tokens"] > first.body["max_tokens"]
    assert analysis.analyst.name == "claude"
    assert small.ledger.states == ["settled", "settled"]
    assert small.ledger.total_usd == small.server.charged_usd


def test_two_unusable_answers_fail_and_a_retry_asks_anew(small: Bench) -> None:
    small.server.script(Fault.unknown_ids(), Fault.invalid_json())
    with pytest.raises(MontageError) as caught:
        small.analyse()
    assert caught.value.code == "analysis_unusable"
    assert caught.value.retryable
    assert len(small.server.requests) == 2
    small.analyse()
    assert len(small.server.requests) == 3
    assert len(small.server.requests[2].body["messages"]) == 1
    assert small.ledger.total_usd == small.server.charged_usd


@pytest.mark.parametrize(
    ("fault", "code", "retryable", "kept"),
    [
        (
            Fault.rate_limited(retry_after_s=7),
            "analysis_rate_limited",
            True,
            {"error": "rate_limit_error", "status": 429},
        ),
        (
            Fault.overloaded(),
            "analysis_unavailable",
            True,
            {"error": "overloaded_error", "status": 529},
        ),
        (Fault.server_error(), "analysis_unavailable", True, {"error": "api_error", "status": 500}),
        (
            Fault.spend_limit(),
            "analysis_limit_reached",
            False,
            {"error": "rate_limit_error", "status": 429},
        ),
        (
            Fault.error(402, "billing_error", "no credit"),
            "analysis_rejected",
            False,
            {"error": "billing_error", "status": 402},
        ),
        (
            Fault.error(403, "permission_error", "not allowed"),
            "analysis_rejected",
            False,
            {"error": "permission_error", "status": 403},
        ),
        (
            Fault.error(404, "not_found_error", "model gone"),
            "analysis_rejected",
            False,
            {"error": "not_found_error", "status": 404},
        ),
        (
            Fault.error(413, "request_too_large", "too large"),
            "analysis_rejected",
            False,
            {"error": "request_too_large", "status": 413},
        ),
    ],
)
def test_an_error_answer_costs_nothing_and_is_not_retried_by_the_client(
    small: Bench, fault: Fault, code: str, retryable: bool, kept: dict[str, Any]
) -> None:
    small.server.script(fault)
    with pytest.raises(MontageError) as caught:
        small.analyse()
    assert (caught.value.code, caught.value.retryable) == (code, retryable)
    assert fault.message in caught.value.message
    assert len(small.server.requests) == 1
    (row,) = small.ledger.rows.values()
    assert (row.state, row.cost_usd, row.usage) == ("settled", 0, kept)
    if code == "analysis_rate_limited":
        assert caught.value.details["retry_after_s"] == 7
    small.analyse()  # the next attempt is a new call
    assert small.ledger.states == ["settled", "settled"]
    assert small.ledger.total_usd == small.server.charged_usd > 0


def test_a_wrong_key_says_which_variable(small: Bench) -> None:
    with pytest.raises(PermanentError, match="ANTHROPIC_API_KEY") as caught:
        small.analyse(anthropic_api_key="invalid")
    assert caught.value.details["status"] == 401


@pytest.mark.parametrize(
    ("fault", "code"),
    [(Fault.cut(), "analysis_unreachable"), (Fault.broken_body(), "analysis_unreadable")],
)
def test_a_lost_answer_is_estimated_at_the_prediction(
    small: Bench, fault: Fault, code: str
) -> None:
    small.server.script(fault)
    with pytest.raises(MontageError) as caught:
        small.analyse()
    assert (caught.value.code, caught.value.retryable) == (code, True)
    (row,) = small.ledger.rows.values()
    assert row.state == "estimated"
    assert row.cost_usd > 0
    assert row.usage["uncertain"] is True


def test_a_late_answer_is_given_up_and_estimated(small: Bench) -> None:
    small.server.script(Fault.slow(3))
    with pytest.raises(MontageError) as caught:
        small.analyse(claude_timeout_s=0.5)
    assert caught.value.code == "analysis_unreachable"
    assert small.ledger.states == ["estimated"]


def test_a_server_that_is_not_there_costs_nothing(small: Bench) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(MontageError) as caught:
            small.analyse(anthropic_base_url=url)
    assert caught.value.code == "analysis_unreachable"
    (row,) = small.ledger.rows.values()
    assert (row.state, row.cost_usd) == ("settled", 0)


def test_a_refusal_is_final_charged_and_not_bought_again(small: Bench) -> None:
    small.server.script(Fault.refusal())
    for _attempt in range(2):
        with pytest.raises(PermanentError, match="cannot be judged") as caught:
            small.analyse()
        assert caught.value.code == "analysis_refused"
        assert caught.value.details["category"] == "general_harms"
    assert len(small.server.requests) == 1
    assert small.ledger.total_usd == small.server.charged_usd > 0


class Killed(BaseException):
    """The process ends here."""


def test_killed_in_flight_the_first_call_is_estimated_and_made_again(small: Bench) -> None:
    def die(_request: Any, _call_next: Any) -> Any:
        raise Killed

    def dying_client(settings: Settings) -> anthropic.Anthropic:
        return anthropic.Anthropic(
            api_key="k", base_url=settings.anthropic_base_url, max_retries=0, middleware=[die]
        )

    with pytest.raises(Killed):
        small.analyse(client_factory=dying_client)
    assert small.ledger.states == ["pending"]
    small.analyse()
    assert small.ledger.states == ["estimated", "settled"]
    lost, bought = small.ledger.rows.values()
    assert float(lost.cost_usd) == pytest.approx(float(bought.cost_usd), rel=0.1)
    assert lost.call.fingerprint == bought.call.fingerprint


def test_killed_before_the_row_was_settled_the_answer_is_used_and_not_bought_again(
    small: Bench,
) -> None:
    small.ledger.fail_settle.append(Killed())
    with pytest.raises(Killed):
        small.analyse()
    assert small.ledger.states == ["pending"]
    analysis = small.analyse()
    assert len(small.server.requests) == 1
    (row,) = small.ledger.rows.values()
    assert (row.state, row.cost_usd, row.provider_request_id) == (
        "settled",
        small.server.charged_usd,
        small.server.usages[0].request_id,
    )
    assert small.analyse() == analysis  # and once more, with nothing left to settle
    assert len(small.server.requests) == 1


def test_a_store_that_fails_loses_neither_the_answer_nor_its_cost(small: Bench) -> None:
    small.store.fail_put.append(MontageError("store_unavailable", "the store is away"))
    assert small.analyse().analyst.name == "claude"
    assert small.ledger.total_usd == small.server.charged_usd > 0


def test_too_dear_means_fewer_frames_then_fewer_moments_then_an_error_before_any_call(
    bench: Bench,
) -> None:
    asked = []
    for limit in ("0.040", "0.029", "0.022"):
        bench.analyse(claude_max_cost_usd=Decimal(limit))
        assert bench.server.usages
        assert bench.ledger.total_usd == bench.server.charged_usd
        request = bench.server.requests[-1]
        moments = len(re.findall(r"^c\d\dm\d\d \|", _texts(request.body), re.MULTILINE))
        asked.append((moments, sum(len(picture.cells) for picture in request.pictures)))
        assert list(bench.ledger.rows.values())[-1].cost_usd <= Decimal(limit)
    assert asked[0] == (13, 39)
    assert asked[1] == (13, 26)
    assert asked[2][0] < 13
    assert asked[2][1] == 2 * asked[2][0]
    with pytest.raises(PermanentError, match="CLAUDE_MAX_COST_USD") as caught:
        bench.analyse(claude_max_cost_usd=Decimal("0.010"))
    assert caught.value.code == "analysis_too_expensive"
    assert len(bench.ledger.rows) == len(bench.server.requests) == 3


def test_the_limit_holds_even_for_the_longest_answer(bench: Bench) -> None:
    limit = Decimal("0.035")
    bench.analyse(claude_max_cost_usd=limit)
    (request,), (reported,) = bench.server.requests, bench.server.usages
    longest = {**reported.usage, "output_tokens": request.body["max_tokens"]}
    assert claude_cost(reported.model, longest, on=datetime.now(UTC).date()).cost_usd <= limit


def test_candidates_come_from_all_clips_and_differ(bench: Bench) -> None:
    measured = Candidates().analyse(bench.clips[:3], "travel", 30)
    first, second, third = measured.clips
    twins = tuple(
        moment.model_copy(update={"fingerprint": "00000000000000f0"}) for moment in second.moments
    )
    measured = measured.model_copy(
        update={"clips": (first, second.model_copy(update={"moments": twins}), third)}
    )
    chosen = choose_candidates(measured, 4)
    assert [moment.id for moment in chosen] == ["c01m02", "c02m01", "c03m01", "c03m02"]
    assert len(choose_candidates(measured, 100)) == 5


@pytest.mark.filterwarnings("ignore:The model 'claude-sonnet-4-5' is deprecated")
@pytest.mark.parametrize("model", sorted(_OPTIONS))
def test_every_listed_model_is_asked_only_for_what_it_takes(small: Bench, model: str) -> None:
    small.clips = small.clips[:1]
    analysis = small.analyse(claude_model=model, claude_max_cost_usd=Decimal(1))
    assert analysis.analyst.model == model
    assert small.ledger.total_usd == small.server.charged_usd


def test_an_unknown_model_or_no_key_fails_before_anything_is_measured_or_sent(small: Bench) -> None:
    small.clips = []
    with pytest.raises(PermanentError) as caught:
        small.analyse(claude_model="claude-next-9")
    assert caught.value.code == "unknown_price"
    with pytest.raises(PermanentError, match="ANTHROPIC_API_KEY") as caught:
        small.analyse(anthropic_api_key="")
    assert caught.value.code == "analysis_not_configured"
    assert not small.server.requests


def test_the_client_never_retries_and_ends_in_time() -> None:
    client = connect(Settings(anthropic_api_key="k", claude_timeout_s=12.5))
    assert client.max_retries == 0
    assert client.timeout.read == 12.5
    assert client.timeout.connect == 10
    assert str(client.base_url) == "https://api.anthropic.com"
