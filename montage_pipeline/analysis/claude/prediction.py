"""What a call will cost, and how much it may answer within the budget."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from montage_pipeline.costs.prices import predict_claude_cost
from montage_pipeline.errors import ErrorCode, PermanentError

_INPUT_DOUBT = Decimal("1.1")
"""The input may be this much above its estimate: text is estimated, and the estimate may drift."""

_OUTPUT_ROOM = 1.15
"""The budget must pay for this many times the expected output, so that no answer is cut off."""


@dataclass(frozen=True)
class Budget:
    """The most that one call may cost, at the prices of a day."""

    limit_usd: Decimal
    on: date


@dataclass(frozen=True)
class ExpectedTokens:
    """What a call is expected to use; `max_output` is the output it should be allowed."""

    input: int
    output: int
    max_output: int


@dataclass(frozen=True)
class Prediction:
    """What a call is expected to use and cost, and the most output it may use within the budget;
    with all of that, it costs `most_usd`.
    """

    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    max_output_tokens: int
    most_usd: Decimal
    within_budget: bool


def predict(model: str, expected: ExpectedTokens, budget: Budget) -> Prediction:
    """The price of a call to a model; PermanentError (UNKNOWN_PRICE) when it has none."""
    input_usd = _cost_usd(model, expected.input, 0, budget)
    output_token_usd = _cost_usd(model, expected.input, 1, budget) - input_usd

    # As max_tokens of the request, this makes the budget a limit that the call cannot pass, and not
    # only a forecast, although the input is an estimate.
    affordable = int((budget.limit_usd - _INPUT_DOUBT * input_usd) / output_token_usd)
    max_output_tokens = max(expected.output, min(expected.max_output, affordable))
    return Prediction(
        input_tokens=expected.input,
        output_tokens=expected.output,
        cost_usd=input_usd + expected.output * output_token_usd,
        max_output_tokens=max_output_tokens,
        most_usd=_INPUT_DOUBT * input_usd + max_output_tokens * output_token_usd,
        within_budget=affordable >= _OUTPUT_ROOM * expected.output,
    )


def _cost_usd(model: str, input_tokens: int, output_tokens: int, budget: Budget) -> Decimal:
    return predict_claude_cost(
        model, input_tokens=input_tokens, output_tokens=output_tokens, on=budget.on
    )


def too_expensive(model: str, prediction: Prediction, budget: Budget) -> PermanentError:
    """The error for a call that is not made because of its price."""
    return PermanentError(
        ErrorCode.ANALYSIS_TOO_EXPENSIVE,
        f"Asking {model} is predicted to cost ${prediction.cost_usd:.4f} "
        f"({prediction.input_tokens} input and {prediction.output_tokens} output tokens, and room "
        f"for a longer answer), above the limit of ${budget.limit_usd} for one request. Raise "
        "CLAUDE_MAX_COST_USD, choose a cheaper CLAUDE_MODEL, or ask for a shorter Reel.",
        predicted_cost_usd=str(prediction.cost_usd),
        max_cost_usd=str(budget.limit_usd),
    )
