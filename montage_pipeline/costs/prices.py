"""What a paid call costs: exact arithmetic from the provider's usage report and the price table.

Belongs here: choosing the row of a day and multiplying. Does not belong here: the rates
(`price_table`) and the rows of calls that were made (`ledger`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Any, NamedTuple, TypeVar

from montage_pipeline.costs.price_table import (
    BATCH_FACTOR,
    CLAUDE_PRICES,
    FAL_PRICES,
    TABLE_VERSION,
    WEB_SEARCH_USD,
    ClaudePrice,
    FalPrice,
    TokenRates,
)
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.vocabulary import Service

_MILLION = Decimal(1_000_000)
_SNAPSHOT_SUFFIX = re.compile(r"[-@]\d{8}$")

_Price = TypeVar("_Price", ClaudePrice, FalPrice)


@dataclass(frozen=True)
class PricedCall:
    """The price of one call.

    `cost_usd` is exact, not rounded. `price_version` names the table and its row. `estimated` is
    True when the usage or the price list left something open: an unreported unit count, a mode
    without a published price.
    """

    cost_usd: Decimal
    price_version: str
    estimated: bool


def require_price(service: Service, model: str, on: date) -> None:
    """Raise PermanentError(UNKNOWN_PRICE) unless calls to `model` on that day have a price.

    To be called before anything is sent.
    """
    if service is Service.CLAUDE:
        _claude_price(model, on)
    elif service is Service.FAL:
        _fal_price(model, on)
    else:
        raise PermanentError(
            ErrorCode.UNKNOWN_PRICE,
            f"There is no price list for {service}.",
            service=str(service),
            model=model,
        )


def claude_cost(model: str, usage: Mapping[str, Any], *, on: date) -> PricedCall:
    """Price one answered Messages call from its raw `usage` JSON.

    `model` is the id in the answer; a dated snapshot counts as its model. All tokens of a request
    are at the long rate when its prompt (fresh, written to and read from the cache) is above the
    model's threshold.

    Raises PermanentError: UNKNOWN_PRICE, UNREADABLE_USAGE.
    """
    return _claude_cost(_claude_price(model, on), usage)


def _claude_cost(price: ClaudePrice, usage: Mapping[str, Any]) -> PricedCall:
    tokens = _Tokens.of(usage)
    factor, estimated = _factor(price, usage)
    searches = _count(usage.get("server_tool_use") or {}, "web_search_requests")

    rates = _rates_for(price, tokens.prompt)
    cost = tokens.cost_usd(rates) * factor + searches * WEB_SEARCH_USD
    return PricedCall(cost, _version(price), estimated)


class _Tokens(NamedTuple):
    """The tokens of one call, by what they cost."""

    fresh: int
    written_5m: int
    written_1h: int
    read: int
    output: int

    @classmethod
    def of(cls, usage: Mapping[str, Any]) -> "_Tokens":
        by_life = usage.get("cache_creation") or {}
        written_1h = _count(by_life, "ephemeral_1h_input_tokens")
        written_5m = _count(by_life, "ephemeral_5m_input_tokens")
        written = max(_count(usage, "cache_creation_input_tokens"), written_5m + written_1h)
        return cls(
            fresh=_count(usage, "input_tokens", required=True),
            # Writes without a stated life have the default one, 5 minutes.
            written_5m=written - written_1h,
            written_1h=written_1h,
            read=_count(usage, "cache_read_input_tokens"),
            output=_count(usage, "output_tokens", required=True),
        )

    @property
    def prompt(self) -> int:
        return self.fresh + self.written_5m + self.written_1h + self.read

    def cost_usd(self, rates: TokenRates) -> Decimal:
        return (
            self.fresh * rates.input
            + self.written_5m * rates.cache_write_5m
            + self.written_1h * rates.cache_write_1h
            + self.read * rates.cache_read
            + self.output * rates.output
        ) / _MILLION


def _factor(price: ClaudePrice, usage: Mapping[str, Any]) -> tuple[Decimal, bool]:
    """What the call's modes multiply its tokens' price by, and whether one of them has no published
    price.
    """
    factor, estimated = Decimal(1), False
    if usage.get("speed") == "fast":
        estimated |= price.fast_factor is None
        factor *= price.fast_factor or 1
    match usage.get("service_tier"):
        case "batch":
            factor *= BATCH_FACTOR
        case None | "standard":
            pass
        case _:  # the priority tier has no public price
            estimated = True
    match usage.get("inference_geo"):
        case "us":
            factor *= price.us_factor
        case None | "" | "global" | "not_available":
            pass
        case _:
            estimated = True
    return factor, estimated


def recomputed_cost(service: Service, usage: Mapping[str, Any], price_version: str) -> Decimal:
    """What a row of the ledger must cost, from nothing but its own `usage` and `price_version`.

    `usage` is what the provider reported; with `uncertain`, what was predicted of the call; with
    `charged` false, of a call that costs nothing.

    Raises PermanentError: UNKNOWN_PRICE for a version that no table has, UNREADABLE_USAGE.
    """
    if usage.get("charged") is False:
        return Decimal(0)
    counted = usage.get("predicted") or {} if usage.get("uncertain") else usage
    if service is Service.CLAUDE:
        return _claude_cost(
            _row_of_version(service, CLAUDE_PRICES, price_version), counted
        ).cost_usd
    fal_price = _row_of_version(service, FAL_PRICES, price_version)
    units = counted.get("billable_units")
    seconds = float(counted.get("requested_s") or 0)
    return _fal_cost(fal_price, seconds, None if units is None else Decimal(str(units))).cost_usd


def _row_of_version(service: Service, table: Sequence[_Price], price_version: str) -> _Price:
    """The row of the price table that a version names: `day of the table:model[@first day]`."""
    named = price_version.partition(":")[2]
    for row in table:
        if _version(row).partition(":")[2] == named:
            return row
    raise PermanentError(
        ErrorCode.UNKNOWN_PRICE,
        f"No row of montage_pipeline/costs/price_table.py is the {service} price {price_version}.",
        service=str(service),
        price_version=price_version,
    )


def predict_claude_cost(model: str, *, input_tokens: int, output_tokens: int, on: date) -> Decimal:
    """USD of an uncached, standard call with that many tokens.

    Raises PermanentError(UNKNOWN_PRICE) for a model without a price.
    """
    usage = {"input_tokens": input_tokens, "output_tokens": output_tokens}
    return claude_cost(model, usage, on=on).cost_usd


def fal_cost(model: str, *, seconds: float, billable_units: Decimal | None, on: date) -> PricedCall:
    """Price one finished fal job.

    `seconds` is the length of the audio asked for; `billable_units` is the provider's header
    x-fal-billable-units, in the endpoint's own unit, and wins when it is there.

    Raises PermanentError: UNKNOWN_PRICE, UNREADABLE_USAGE.
    """
    return _fal_cost(_fal_price(model, on), seconds, billable_units)


def _fal_cost(price: FalPrice, seconds: float, billable_units: Decimal | None) -> PricedCall:
    model = price.model
    if billable_units is not None:
        if not billable_units.is_finite() or billable_units < 0:
            raise PermanentError(
                ErrorCode.UNREADABLE_USAGE,
                f"fal reported {billable_units} billable units for {model}.",
                model=model,
            )
        return PricedCall(billable_units * price.usd_per_unit, _version(price), estimated=False)
    if not seconds > 0:
        raise PermanentError(
            ErrorCode.UNREADABLE_USAGE,
            f"The length of the audio from {model} must be above 0 s, got {seconds}.",
            model=model,
        )
    if price.unit == "generation":
        return PricedCall(price.usd_per_unit, _version(price), estimated=False)
    minutes = Decimal(str(seconds)) / 60
    if price.rounding == "up":
        minutes = minutes.to_integral_value(ROUND_CEILING)
    cost = minutes * price.usd_per_unit
    return PricedCall(cost, _version(price), estimated=not price.rounding_known)


def _claude_price(model: str, on: date) -> ClaudePrice:
    return _row(Service.CLAUDE, CLAUDE_PRICES, _SNAPSHOT_SUFFIX.sub("", model), on)


def _fal_price(model: str, on: date) -> FalPrice:
    return _row(Service.FAL, FAL_PRICES, model.strip("/").lower(), on)


def _row(service: Service, table: Sequence[_Price], model: str, on: date) -> _Price:
    rows = [row for row in table if row.model == model]
    for row in rows:
        if (row.first_day is None or row.first_day <= on) and (
            row.last_day is None or on <= row.last_day
        ):
            return row
    known = sorted({row.model for row in table})
    if rows:
        reason = (
            f"{model} has no price on {on.isoformat()}: its rows in "
            "montage_pipeline/costs/price_table.py cover other days. "
            "Check the clock, or add a row."
        )
    else:
        reason = (
            f"No price is known for the {service} model {model}. Use one of {', '.join(known)}, "
            "or add its row to montage_pipeline/costs/price_table.py."
        )
    raise PermanentError(
        ErrorCode.UNKNOWN_PRICE,
        reason,
        service=str(service),
        model=model,
        on=on.isoformat(),
        known=known,
    )


def _rates_for(price: ClaudePrice, prompt_tokens: int) -> TokenRates:
    if price.long_prompt is not None and prompt_tokens > price.long_prompt.above_tokens:
        return price.long_prompt.rates
    return price.rates


def _count(usage: Mapping[str, Any], field: str, *, required: bool = False) -> int:
    value = usage.get(field)
    if value is None and not required:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise PermanentError(
            ErrorCode.UNREADABLE_USAGE,
            f"The usage report's {field} must be a count, got {value!r}.",
            field=field,
        )
    return value


def _version(price: ClaudePrice | FalPrice) -> str:
    since = f"@{price.first_day.isoformat()}" if price.first_day else ""
    return f"{TABLE_VERSION}:{price.model}{since}"
