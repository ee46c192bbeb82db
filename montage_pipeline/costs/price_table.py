"""The price lists of the paid services, as dated rows.

Belongs here: rates and where they were read. Does not belong here: arithmetic (`prices`) and what
was spent (`ledger`).

A changed price is a new row, never an edit of an old one: close the old row with `last_day`, add a
row with `first_day`, and move `TABLE_VERSION` to the day you read the price list. Old rows stay, so
that an old usage is priced as it was then.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

TABLE_VERSION = "2026-11-22"
"""The day the price lists below were last compared with their sources."""


@dataclass(frozen=True)
class TokenRates:
    """USD per million tokens."""

    input: Decimal
    output: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    cache_read: Decimal


@dataclass(frozen=True)
class LongPromptRates:
    """Rates of a whole request, output included, whose prompt has more than `above_tokens`."""

    above_tokens: int
    rates: TokenRates


@dataclass(frozen=True)
class ClaudePrice:
    """What one Claude model costs from `first_day` to `last_day`, both included; None is open.

    `fast_factor` multiplies every rate when `usage.speed` is fast; None: the model has no fast
    mode. `us_factor` multiplies the tokens' price when `usage.inference_geo` is us.
    """

    model: str
    rates: TokenRates
    first_day: date | None = None
    last_day: date | None = None
    long_prompt: LongPromptRates | None = None
    fast_factor: Decimal | None = None
    us_factor: Decimal = Decimal("1.1")


@dataclass(frozen=True)
class FalPrice:
    """What one fal endpoint costs: `usd_per_unit` per minute of output, or per generation.

    `rounding` says how a fraction of a unit is charged; `rounding_known` is False where the vendor
    does not say.
    """

    model: str
    unit: Literal["minute", "generation"]
    usd_per_unit: Decimal
    rounding: Literal["pro_rata", "up"] = "up"
    rounding_known: bool = True
    first_day: date | None = None
    last_day: date | None = None


def _rates(
    input_: str, output: str, cache_write_5m: str, cache_write_1h: str, cache_read: str
) -> TokenRates:
    return TokenRates(
        Decimal(input_),
        Decimal(output),
        Decimal(cache_write_5m),
        Decimal(cache_write_1h),
        Decimal(cache_read),
    )


# Source: platform.claude.com/docs/en/about-claude/pricing, under #batch-processing and
# #fast-mode-pricing.
BATCH_FACTOR = Decimal("0.5")

WEB_SEARCH_USD = Decimal("0.01")
"""$10 per 1,000 searches; web fetches cost only their tokens."""

_FAST = Decimal(2)
"""Fast mode doubles the base rates; the caching multipliers apply on top."""

_SAME = Decimal(1)
"""US-only inference costs 1.1 times from the 4.6 models on (platform.claude.com data-residency)."""

_OPUS_5 = _rates("5", "25", "6.25", "10", "0.50")
_SONNET_4 = _rates("3", "15", "3.75", "6", "0.30")
_FABLE_5_2 = _rates("8", "40", "10", "16", "0.20")

# Source unless a row says otherwise: platform.claude.com/docs/en/about-claude/pricing as carried by
# genai-prices 0.2.3 (read 2026-11-22).
CLAUDE_PRICES: tuple[ClaudePrice, ...] = (
    ClaudePrice(
        "claude-haiku-5-5",
        _rates("0.10", "0.50", "0.125", "0.20", "0.01"),
        first_day=date(2026, 10, 7),  # release
        # …/pricing#long-context-pricing; litellm 1.109.1 agrees
        long_prompt=LongPromptRates(100_000, _rates("0.50", "2.50", "0.625", "1.00", "0.05")),
    ),
    # The price at release.
    ClaudePrice(
        "claude-sonnet-5-5",
        _rates("2", "10", "2.50", "4", "0.20"),
        first_day=date(2026, 9, 28),
        last_day=date(2026, 10, 6),
    ),
    # Cache reads fell to 0.05 of input.
    ClaudePrice(
        "claude-sonnet-5-5", _rates("2", "10", "2.50", "4", "0.10"), first_day=date(2026, 10, 7)
    ),
    ClaudePrice("claude-opus-5-5", _rates("4", "20", "5", "8", "0.20"), fast_factor=_FAST),
    ClaudePrice("claude-fable-5-2", _FABLE_5_2, fast_factor=_FAST),
    ClaudePrice("claude-mythos-5-2", _FABLE_5_2, fast_factor=_FAST),
    ClaudePrice("claude-fable-5-1", _rates("10", "50", "12.50", "20", "0.25")),
    # The announced rise to 3/15 was withdrawn.
    ClaudePrice("claude-sonnet-5", _rates("2", "10", "2.50", "4", "0.20")),
    ClaudePrice("claude-opus-5", _OPUS_5, fast_factor=_FAST),
    ClaudePrice("claude-fable-5", _rates("10", "50", "12.50", "20", "1.00")),
    # Fast mode ends with that day.
    ClaudePrice("claude-opus-4-8", _OPUS_5, last_day=date(2026, 11, 30), fast_factor=_FAST),
    ClaudePrice("claude-opus-4-8", _OPUS_5, first_day=date(2026, 12, 1)),
    ClaudePrice("claude-opus-4-7", _OPUS_5),
    # Until then prompts above 200,000 tokens cost more (1M context beta).
    ClaudePrice(
        "claude-opus-4-6",
        _OPUS_5,
        last_day=date(2026, 3, 12),
        long_prompt=LongPromptRates(200_000, _rates("10", "37.50", "12.50", "20", "1")),
    ),
    ClaudePrice("claude-opus-4-6", _OPUS_5, first_day=date(2026, 3, 13)),
    ClaudePrice(
        "claude-sonnet-4-6",
        _SONNET_4,
        last_day=date(2026, 3, 12),
        long_prompt=LongPromptRates(200_000, _rates("6", "22.50", "7.50", "12", "0.60")),
    ),
    ClaudePrice("claude-sonnet-4-6", _SONNET_4, first_day=date(2026, 3, 13)),
    ClaudePrice("claude-opus-4-5", _OPUS_5, us_factor=_SAME),
    ClaudePrice(
        "claude-sonnet-4-5",
        _SONNET_4,
        us_factor=_SAME,
        long_prompt=LongPromptRates(200_000, _rates("6", "22.50", "7.50", "12", "0.60")),
    ),
    ClaudePrice("claude-haiku-4-5", _rates("1", "5", "1.25", "2", "0.10"), us_factor=_SAME),
)

# Source: the endpoints' pages on fal.ai/models (llms.txt of each), read 2026-11-22. Endpoint ids in
# lower case.
FAL_PRICES: tuple[FalPrice, ...] = (
    # The page does not say how it rounds.
    FalPrice(
        "cassetteai/music-generator",
        "minute",
        Decimal("0.02"),
        rounding="pro_rata",
        rounding_known=False,
    ),
    FalPrice("fal-ai/stable-audio-25/text-to-audio", "generation", Decimal("0.20")),
    FalPrice("fal-ai/lyria3", "generation", Decimal("0.04")),
    FalPrice("fal-ai/minimax-music/v2.6", "generation", Decimal("0.15")),
    FalPrice("fal-ai/minimax-music/v2", "generation", Decimal("0.03")),
    FalPrice("fal-ai/minimax-music/v1.5", "generation", Decimal("0.03")),
    FalPrice("elevenlabs/music/v2", "minute", Decimal("0.60")),
    FalPrice("elevenlabs/music/v2.5", "minute", Decimal("0.60")),
)
