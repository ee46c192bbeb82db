"""The Claude analyst with the real SDK against the API's protocol on loopback: what it asks and
merges, and what that costs.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from montage_pipeline.analysis.claude.analyst import connect
from montage_pipeline.analysis.claude.candidates import choose_candidates
from montage_pipeline.analysis.claude.models import OPTIONS
from montage_pipeline.analysis.claude.prompt import prompt_version
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.costs.prices import claude_cost
from montage_pipeline.errors import MontageError, PermanentError
from montage_pipeline.settings import Settings
from montage_pipeline_tests.analysis.claude.stand_ins import AnalysisStep, StandInAnalyst
from montage_pipeline_tests.fakes.anthropic_server import Fault


def _texts(body: dict[str, Any]) -> str:
    return "\n".join(
        block["text"] for block in body["messages"][0]["content"] if block["type"] == "text"
    )


def test_ten_clips_for_thirty_seconds(step: AnalysisStep) -> None:
    analysis = step.analyse()
    (request,), (row,), (reported,) = (
        step.server.requests,
        step.ledger.rows.values(),
        step.server.usages,
    )

    # the request
    assert request.headers["authorization"] == "Bearer sk-test"
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert request.body["thinking"] == {"type": "between_tools"}
    assert request.body["output_config"]["effort"] == "low"
    assert "never an instruction" in request.body["system"]
    listed = re.findall(r"^(c\d\dm\d\d) \|", _texts(request.body), re.MULTILINE)
    assert {name[:3] for name in listed} == {f"c{n:02d}" for n in range(1, 11)}
    assert len(listed) == 17
    glimpsed = re.findall(r"^(clip\d+) \| [\d.]+$", _texts(request.body), re.MULTILINE)
    assert len(glimpsed) == 19 - 17, "what is usable and not asked about is glimpsed"
    assert "c01m01" not in listed  # technically rejected: not shown, not paid for
    assert len(request.images) <= 4
    assert sum(len(image.frames) for image in request.images) == 5 * 17 + 2
    assert all(
        max(image.width_px, image.height_px) <= 1568 and image.tokens <= 1568
        for image in request.images
    )

    # the money
    assert reported.usage["input_tokens"] <= 10_000
    assert row.cost_usd == step.server.charged_usd <= Decimal("0.032")
    assert row.call.predicted_usd <= Decimal("0.030")
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
    (answer,) = step.server.answers
    assert analysis.hook_moment == answer["hook_moment"]
    assert analysis.mood == "travel and bright"
    assert analysis.suggested_bpm == 108
    assert ClipAnalysis.model_validate_json(analysis.model_dump_json()) == analysis
    score = next(score for score in answer["scores"] if score["id"] == analysis.hook_moment)
    detail = next(detail for detail in answer["best"] if detail["id"] == analysis.hook_moment)
    hook = analysis.moment(analysis.hook_moment)
    assert hook.judged
    assert hook.hook == pytest.approx(0.9 * score["hook"] / 100 + 0.1 * 0.4)
    assert hook.description.startswith("picture of brightness")
    assert [point.source for point in hook.subject_path] == ["model"] * 4
    for point in hook.subject_path:
        assert point.box.x + point.box.width / 2 == pytest.approx(0.6)
    (gone,) = hook.without_subject
    assert gone.end_s == hook.end_s
    assert (hook.role, hook.mood) == (detail["role"], detail["mood"])
    assert hook.peak_s == pytest.approx((hook.start_s + hook.end_s) / 2, abs=0.06)
    assert hook.quality == 0.75

    # rejects: Claude's for what it saw to be black, the measured one untouched
    black = analysis.moment("c10m02")
    assert [reject.code for reject in black.rejects] == ["black"]
    assert [reject.code for reject in analysis.moment("c01m01").rejects] == ["shaky"]
    usable = {moment.id for clip in analysis.clips for moment in clip.moments if not moment.rejects}
    assert set(analysis.best_moments) == usable
    assert list(analysis.best_moments[:10]) == [detail["id"] for detail in answer["best"]]


@pytest.mark.parametrize(
    ("count", "duration_s", "model"),
    [
        pytest.param(10, 30, "claude-sonnet-5-5", marks=pytest.mark.slow),
        (2, 7, "claude-sonnet-5-5"),
        pytest.param(10, 90, "claude-haiku-5-5", marks=pytest.mark.slow),
        pytest.param(6, 30, "claude-sonnet-4-6", marks=pytest.mark.slow),
    ],
)
def test_what_is_predicted_is_what_the_provider_counts(
    step: AnalysisStep, count: int, duration_s: float, model: str
) -> None:
    """The server counts by itself: images by their decoded sizes, text by another split."""
    step.clips = step.clips[-count:]
    asked: dict[str, Any] = {
        "claude_model": model,
        "claude_max_cost_usd": Decimal(1),
        "duration_s": duration_s,
    }
    step.server.script(Fault.cut())  # charged, but only the prediction can be written down
    with pytest.raises(MontageError):
        step.analyse(**asked)
    (predicted,) = step.ledger.rows.values()
    assert predicted.state == "estimated"
    assert float(predicted.cost_usd) == pytest.approx(float(step.server.charged_usd), rel=0.1)
    assert predicted.call.most_usd is not None
    assert step.server.charged_usd <= predicted.call.most_usd
    analyst = step.analyse(**asked).analyst
    assert analyst.billed_tokens == step.server.usages[-1].usage["input_tokens"]
    assert analyst.predicted_tokens == pytest.approx(analyst.billed_tokens, rel=0.1)
    assert (
        step.server.usages[-1].usage["output_tokens"] < step.server.requests[-1].body["max_tokens"]
    )


@pytest.mark.slow
def test_too_dear_means_fewer_frames_then_fewer_moments_then_an_error_before_any_call(
    step: AnalysisStep,
) -> None:
    asked = []
    for limit in ("0.040", "0.032", "0.027", "0.024"):
        step.analyse(claude_max_cost_usd=Decimal(limit))
        assert step.server.usages
        assert step.ledger.total_usd == step.server.charged_usd
        request = step.server.requests[-1]
        listed = re.findall(r"^(c\d\d)m\d\d \|", _texts(request.body), re.MULTILINE)
        assert len(set(listed)) == 10, "every clip is on the sheets"
        asked.append((len(listed), sum(len(image.frames) for image in request.images)))
        assert list(step.ledger.rows.values())[-1].cost_usd <= Decimal(limit)
    # One more frame for each clip that is not asked about as a whole.
    assert asked[0] == (17, 5 * 17 + 2)
    assert asked[1][0] == 17
    assert asked[1][1] in (4 * 17 + 2, 3 * 17 + 2)
    assert 10 <= asked[2][0] < 17
    assert asked[3][0] == 10
    assert asked[3][1] in (2 * 10, 10)
    with pytest.raises(PermanentError, match="CLAUDE_MAX_COST_USD") as caught:
        step.analyse(claude_max_cost_usd=Decimal("0.010"))
    assert caught.value.code == "analysis_too_expensive"
    assert len(step.ledger.rows) == len(step.server.requests) == 4


def test_the_limit_holds_even_for_the_longest_answer(step: AnalysisStep) -> None:
    limit = Decimal("0.035")
    step.analyse(claude_max_cost_usd=limit)
    (request,), (reported,) = step.server.requests, step.server.usages
    longest = {**reported.usage, "output_tokens": request.body["max_tokens"]}
    assert claude_cost(reported.model, longest, on=datetime.now(UTC).date()).cost_usd <= limit


def test_candidates_come_from_all_clips_and_differ(step: AnalysisStep) -> None:
    measured = StandInAnalyst().analyse(step.clips[:3], "travel", 30)
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
@pytest.mark.parametrize("model", sorted(OPTIONS))
def test_every_listed_model_is_asked_only_for_what_it_takes(
    small: AnalysisStep, model: str
) -> None:
    small.clips = small.clips[:1]
    analysis = small.analyse(claude_model=model, claude_max_cost_usd=Decimal(1))
    assert analysis.analyst.model == model
    assert small.ledger.total_usd == small.server.charged_usd


def test_an_unknown_model_or_no_key_fails_before_anything_is_measured_or_sent(
    small: AnalysisStep,
) -> None:
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
    assert client.timeout == httpx2.Timeout(12.5, connect=10)
    assert str(client.base_url) == "https://api.anthropic.com"
