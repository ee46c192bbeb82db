"""Prices: known bills by hand, and the table against an independent price list."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import genai_prices
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from montage_pipeline.costs.price_table import CLAUDE_PRICES, FAL_PRICES
from montage_pipeline.costs.prices import claude_cost, fal_cost, predict_claude_cost, require_price
from montage_pipeline.errors import PermanentError
from montage_pipeline.vocabulary import Service
from montage_pipeline_tests.examples import examples

TODAY = date(2026, 11, 22)

CLAUDE_BILLS: list[tuple[str, dict[str, Any], date, str]] = [
    ("claude-sonnet-5-5", {"input_tokens": 10_000, "output_tokens": 1_000}, TODAY, "0.03"),
    ("claude-sonnet-5-5-20260928", {"input_tokens": 10_000, "output_tokens": 1_000}, TODAY, "0.03"),
    # every token of a request is at the long rate, the output too; the prompt counts cached tokens
    ("claude-haiku-5-5", {"input_tokens": 100_000, "output_tokens": 1_000}, TODAY, "0.0105"),
    ("claude-haiku-5-5", {"input_tokens": 100_001, "output_tokens": 1_000}, TODAY, "0.0525005"),
    (
        "claude-haiku-5-5",
        {"input_tokens": 1, "cache_read_input_tokens": 100_000, "output_tokens": 0},
        TODAY,
        "0.0050005",
    ),
    # the price of cache reads changed on one day
    (
        "claude-sonnet-5-5",
        {"input_tokens": 0, "cache_read_input_tokens": 1_000_000, "output_tokens": 0},
        date(2026, 10, 6),
        "0.2",
    ),
    (
        "claude-sonnet-5-5",
        {"input_tokens": 0, "cache_read_input_tokens": 1_000_000, "output_tokens": 0},
        date(2026, 10, 7),
        "0.1",
    ),
    # cache writes: split by life, or all at 5 minutes when the split is missing
    (
        "claude-sonnet-5-5",
        {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_creation_input_tokens": 3_000,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 1_000,
                "ephemeral_1h_input_tokens": 2_000,
            },
        },
        TODAY,
        "0.0105",
    ),
    (
        "claude-sonnet-5-5",
        {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_creation_input_tokens": 3_000,
            "cache_creation": None,
        },
        TODAY,
        "0.0075",
    ),
    (
        "claude-sonnet-5-5",
        {"input_tokens": 10_000, "output_tokens": 1_000, "service_tier": "batch"},
        TODAY,
        "0.015",
    ),
    (
        "claude-sonnet-5-5",
        {"input_tokens": 10_000, "output_tokens": 1_000, "inference_geo": "us"},
        TODAY,
        "0.033",
    ),
    (
        "claude-haiku-4-5",
        {"input_tokens": 10_000, "output_tokens": 1_000, "inference_geo": "us"},
        TODAY,
        "0.015",
    ),
    (
        "claude-opus-5-5",
        {"input_tokens": 1_000, "output_tokens": 1_000, "speed": "fast"},
        TODAY,
        "0.048",
    ),
    # the factor for the region is on tokens, not on searches
    (
        "claude-sonnet-5-5",
        {
            "input_tokens": 1_000,
            "output_tokens": 0,
            "inference_geo": "us",
            "server_tool_use": {"web_search_requests": 3},
        },
        TODAY,
        "0.0322",
    ),
    # the smallest bill there is keeps all its digits
    (
        "claude-haiku-5-5",
        {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_read_input_tokens": 1,
            "service_tier": "batch",
            "inference_geo": "us",
        },
        TODAY,
        "0.0000000055",
    ),
]


@pytest.mark.parametrize(("model", "usage", "on", "expected"), CLAUDE_BILLS)
def test_claude_bill(model: str, usage: dict[str, Any], on: date, expected: str) -> None:
    priced = claude_cost(model, usage, on=on)
    assert priced.cost_usd == Decimal(expected)
    assert not priced.estimated
    assert model.removesuffix("-20260928") in priced.price_version


@pytest.mark.parametrize(
    "odd", [{"service_tier": "priority"}, {"inference_geo": "mars"}, {"speed": "fast"}]
)
def test_a_mode_without_published_price_is_marked_estimated(odd: dict[str, str]) -> None:
    assert claude_cost(
        "claude-sonnet-5-5", {"input_tokens": 1, "output_tokens": 1, **odd}, on=TODAY
    ).estimated


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"input_tokens": 1},
        {"input_tokens": -1, "output_tokens": 0},
        {"input_tokens": "7", "output_tokens": 0},
    ],
)
def test_an_unreadable_usage_is_an_error_not_a_free_call(usage: dict[str, Any]) -> None:
    with pytest.raises(PermanentError, match="usage report") as caught:
        claude_cost("claude-sonnet-5-5", usage, on=TODAY)
    assert caught.value.code == "unreadable_usage"


@pytest.mark.parametrize(
    ("model", "seconds", "units", "expected", "estimated"),
    [
        ("cassetteai/music-generator", 30, None, "0.01", True),
        ("CassetteAI/music-generator", 30, Decimal("0.5"), "0.01", False),
        ("fal-ai/stable-audio-25/text-to-audio", 30, None, "0.20", False),
        ("fal-ai/lyria3", 30, Decimal(1), "0.04", False),
        ("fal-ai/minimax-music/v2.6", 75, None, "0.15", False),
        ("elevenlabs/music/v2", 61, None, "1.20", False),
        ("elevenlabs/music/v2.5", 60, None, "0.60", False),
    ],
)
def test_fal_bill(
    model: str, seconds: float, units: Decimal | None, expected: str, estimated: bool
) -> None:
    priced = fal_cost(model, seconds=seconds, billable_units=units, on=TODAY)
    assert (priced.cost_usd, priced.estimated) == (Decimal(expected), estimated)


@pytest.mark.parametrize("units", [Decimal(-1), Decimal("NaN")])
def test_fal_units_must_be_a_count(units: Decimal) -> None:
    with pytest.raises(PermanentError, match="billable units"):
        fal_cost("fal-ai/lyria3", seconds=30, billable_units=units, on=TODAY)


@pytest.mark.parametrize(
    ("service", "model"),
    [
        (Service.CLAUDE, "claude-next-9"),
        (Service.FAL, "beatoven/music-generation"),
        (Service.STRIPE, "payments"),
    ],
)
def test_an_unknown_price_is_refused_before_the_call(service: Service, model: str) -> None:
    with pytest.raises(PermanentError) as caught:
        require_price(service, model, TODAY)
    assert caught.value.code == "unknown_price"
    if service is not Service.STRIPE:
        assert "price_table.py" in caught.value.message
        assert model in caught.value.message


def test_a_day_outside_the_rows_is_refused_with_the_day() -> None:
    with pytest.raises(PermanentError, match="2026-09-27"):
        require_price(Service.CLAUDE, "claude-sonnet-5-5", date(2026, 9, 27))


def test_every_model_has_exactly_one_row_on_any_day() -> None:
    for table in (CLAUDE_PRICES, FAL_PRICES):
        for model in {row.model for row in table}:
            rows = sorted(
                (row for row in table if row.model == model),
                key=lambda row: row.first_day or date.min,
            )
            assert rows[-1].last_day is None, model
            for earlier, later in pairwise(rows):
                assert earlier.last_day is not None, model
                assert later.first_day is not None, model
                assert (later.first_day - earlier.last_day).days == 1, model


MODELS = sorted({row.model for row in CLAUDE_PRICES})
TOKENS = st.integers(0, 400_000)

# genai-prices 0.2.3 is known to be wrong or silent on these, so the comparison leaves them out;
# CLAUDE_BILLS covers them:
#   usage.inference_geo  it has no factor for the region
#   claude-sonnet-5-5    it has no cache-read price for the days before 2026-10-07
#   4.6 models           a batch before 2026-03-13 has no long-prompt rate there
# Batch and speed are not read from the usage by it and are passed as price_context.


@settings(max_examples=examples(3), deadline=None)
@given(
    model=st.sampled_from(MODELS),
    fresh=TOKENS,
    written_5m=TOKENS,
    written_1h=TOKENS,
    read=TOKENS,
    output=TOKENS,
    searches=st.integers(0, 20),
    batch=st.booleans(),
)
@example(
    model="claude-haiku-5-5",
    fresh=100_000,
    written_5m=0,
    written_1h=0,
    read=0,
    output=9,
    searches=0,
    batch=False,
)
@example(
    model="claude-haiku-5-5",
    fresh=99_999,
    written_5m=0,
    written_1h=1,
    read=1,
    output=9,
    searches=1,
    batch=True,
)
def test_the_table_agrees_with_an_independent_price_list(
    model: str,
    fresh: int,
    written_5m: int,
    written_1h: int,
    read: int,
    output: int,
    searches: int,
    batch: bool,
) -> None:
    usage = {
        "input_tokens": fresh,
        "output_tokens": output,
        "cache_creation_input_tokens": written_5m + written_1h,
        "cache_creation": {
            "ephemeral_5m_input_tokens": written_5m,
            "ephemeral_1h_input_tokens": written_1h,
        },
        "cache_read_input_tokens": read,
        "server_tool_use": {"web_search_requests": searches},
        "service_tier": "batch" if batch else "standard",
    }
    theirs = genai_prices.extract_usage({"model": model, "usage": usage}, provider_id="anthropic")
    expected = genai_prices.calc_price(
        theirs.usage,
        model,
        provider_id="anthropic",
        genai_request_timestamp=datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC),
        price_context={"processing": "batch"} if batch else None,
    ).total_price
    assert claude_cost(model, usage, on=TODAY).cost_usd == expected


@pytest.mark.parametrize(
    "model", sorted({row.model for row in CLAUDE_PRICES if row.fast_factor is not None})
)
def test_fast_mode_agrees_with_an_independent_price_list(model: str) -> None:
    usage = {
        "input_tokens": 1_234,
        "output_tokens": 567,
        "cache_read_input_tokens": 89,
        "cache_creation_input_tokens": 10,
        "speed": "fast",
    }
    theirs = genai_prices.extract_usage({"model": model, "usage": usage}, provider_id="anthropic")
    expected = genai_prices.calc_price(
        theirs.usage, model, provider_id="anthropic", price_context={"speed": "fast"}
    ).total_price
    assert claude_cost(model, usage, on=TODAY).cost_usd == expected


def test_the_prediction_is_the_bill_of_an_uncached_call() -> None:
    assert predict_claude_cost(
        "claude-sonnet-5-5", input_tokens=9_000, output_tokens=900, on=TODAY
    ) == Decimal("0.027")
