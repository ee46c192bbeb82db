"""The question to Claude: in what words it is put, and what the call will cost.

Does not belong here: which moments (`claude_candidates`), the pictures (`claude_sheets`), the
instructions (`claude_prompt`), sending
(`claude_call`), reading the answer (`claude_judgement`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import structlog

from montage_pipeline.analysis.claude.candidates import (
    choose_candidates,
    segments_in,
    wanted_candidates,
)
from montage_pipeline.analysis.claude.judgement import Shown
from montage_pipeline.analysis.claude.models import NEWER_TEXT_FACTOR, ModelOptions, options_of
from montage_pipeline.analysis.claude.prompt import answer_schema, prompt_version, system_prompt
from montage_pipeline.analysis.claude.sheets import (
    SAMPLINGS,
    Sampling,
    SheetPlan,
    Tile,
    draw_sheets,
    plan_sheets,
)
from montage_pipeline.analysis.claude.tokens import REQUEST_TOKENS, text_tokens
from montage_pipeline.analysis.model import AnalysedClip, ClipAnalysis, Moment
from montage_pipeline.costs.ledger import fingerprint_of
from montage_pipeline.costs.prices import predict_claude_cost
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.styles import style_of

OUTPUT_TOKENS_PER_MOMENT = 130
OUTPUT_TOKENS_OVERALL = 120
DOUBT = Decimal("1.1")  # the input may be as much above its estimate
# the expected output times this must be within the budget, so that an answer is not cut off
ROOM_FOR_OUTPUT = 1.15

_STYLE_DIRECTIONS = {
    "dynamic": "fast and energetic; movement and surprise first",
    "cinematic": "composed, atmospheric pictures with depth and light; calm before loud",
    "travel": "places, wide views, people discovering them; variety of scenes",
    "fitness": "effort, power and form; bodies in motion, close and clear",
    "food": "texture, steam, hands at work, the finished plate; close views",
    "minimal": "few things in the picture, clean lines, quiet",
}
_MEASURES = ("sharpness", "exposure", "stability", "motion", "colour", "faces", "speech")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Brief:
    """What Claude is asked about: measured clips, for a Reel of that style and length (seconds), by
    that model.
    """

    analysis: ClipAnalysis
    style: str
    duration_s: float
    model: str

    @property
    def options(self) -> ModelOptions:
        """How that model is asked."""
        return options_of(self.model)


@dataclass(frozen=True)
class Prediction:
    """What a call is expected to use and cost, and the most output it may use (tokens) within the
    budget.
    """

    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    max_output_tokens: int
    within_budget: bool


@dataclass(frozen=True)
class Question:
    """A request body for POST /v1/messages, with its fingerprint and prediction, and what of each
    moment it shows.

    The fingerprint is made from what the pictures are of, not from their bytes: another machine may
    encode them with
    other bytes, and that must not buy the same answer twice.
    """

    body: dict[str, Any]
    fingerprint: str
    prediction: Prediction
    shown: Mapping[str, Shown]


def ask_about(
    brief: Brief, clips: Sequence[FetchedClip], *, budget_usd: Decimal, on: date
) -> Question:
    """The question, with as many moments, as large and in as many frames, as the budget allows.

    Errors: PermanentError "no_usable_clips"; "analysis_too_expensive" when even the smallest
    question that leaves a choice is above
    `budget_usd`.
    """
    wanted = wanted_candidates(brief.analysis, brief.duration_s)
    for candidates, sampling in _from_rich_to_poor(brief, wanted):
        plans = plan_sheets(brief.analysis, candidates, sampling)
        prediction = _predict(brief, plans, budget_usd, on)
        if prediction.within_budget and len(plans) <= brief.options.max_images:
            break
    else:
        raise too_expensive(prediction, budget_usd, brief.model)
    if len(candidates) < wanted or sampling != SAMPLINGS[0]:
        _log.info(
            "claude_question_made_to_fit",
            moments=len(candidates),
            frames=sampling.frames_per_moment,
            budget_usd=str(budget_usd),
        )
    sheets, shown = draw_sheets(plans, brief.analysis, clips)
    limit = {"max_tokens": prediction.max_output_tokens}
    named = _body(brief, plans, [sheet.name() for sheet in sheets]) | limit
    fingerprint = fingerprint_of(brief.model, prompt_version(), canonical_json(named))
    return Question(
        _body(brief, plans, [sheet.block() for sheet in sheets]) | limit,
        fingerprint,
        prediction,
        shown,
    )


def _from_rich_to_poor(brief: Brief, wanted: int) -> Iterator[tuple[list[Moment], Sampling]]:
    """Smaller and fewer frames first, then fewer moments, down to one for each segment of the Reel."""
    candidates = choose_candidates(brief.analysis, wanted)
    if not candidates:
        raise PermanentError(
            ErrorCode.NO_USABLE_CLIPS, "No moment of the clips is technically usable."
        )
    for sampling in SAMPLINGS:
        yield candidates, sampling
    for count in range(
        len(candidates) - 1, min(len(candidates), segments_in(brief.duration_s)) - 1, -1
    ):
        yield choose_candidates(brief.analysis, count), SAMPLINGS[-1]


def too_expensive(prediction: Prediction, budget_usd: Decimal, model: str) -> PermanentError:
    """The error for a call that is not made because of its price."""
    return PermanentError(
        ErrorCode.ANALYSIS_TOO_EXPENSIVE,
        f"Asking {model} is predicted to cost ${prediction.cost_usd:.4f} ({prediction.input_tokens} input and {prediction.output_tokens} "
        f"output tokens, and room for a longer answer), above the limit of ${budget_usd} for one request. Raise CLAUDE_MAX_COST_USD, "
        "choose a cheaper CLAUDE_MODEL, or ask for a shorter Reel.",
        predicted_cost_usd=str(prediction.cost_usd),
        max_cost_usd=str(budget_usd),
    )


def ask_again(
    question: Question, answer: str, problem: str, *, budget_usd: Decimal, on: date
) -> Question:
    """The same question with the unusable answer and what is wrong with it.

    Errors: PermanentError "analysis_too_expensive".
    """
    correction = (
        f"That answer cannot be used: {problem}. Answer again with the complete JSON object: "
        "every moment once, under its own id, nothing else."
    )
    turns: list[dict[str, Any]] = (
        [{"role": "assistant", "content": answer}] if answer.strip() else []
    )
    turns.append({"role": "user", "content": correction})
    old, model = question.prediction, question.body["model"]
    input_tokens = old.input_tokens + text_tokens(
        answer + correction, options_of(model).text_factor
    )
    prediction = _priced(
        input_tokens, old.output_tokens, 2 * old.max_output_tokens, model, budget_usd, on
    )
    if prediction.cost_usd > budget_usd:
        raise too_expensive(prediction, budget_usd, model)
    body = {
        **question.body,
        "messages": [*question.body["messages"], *turns],
        "max_tokens": prediction.max_output_tokens,
    }
    return Question(
        body,
        fingerprint_of(question.fingerprint, canonical_json(turns)),
        prediction,
        question.shown,
    )


def _predict(brief: Brief, plans: Sequence[SheetPlan], budget_usd: Decimal, on: date) -> Prediction:
    body, factor = _body(brief, plans, []), brief.options.text_factor
    texts = [
        body["system"],
        canonical_json(answer_schema()),
        *(block["text"] for block in body["messages"][0]["content"]),
    ]
    moments = sum(len(plan.tiles) for plan in plans)
    input_tokens = (
        text_tokens("\n".join(texts), factor) + sum(plan.tokens for plan in plans) + REQUEST_TOKENS
    )
    answer = OUTPUT_TOKENS_OVERALL + OUTPUT_TOKENS_PER_MOMENT * moments
    output_tokens = round(answer * factor / NEWER_TEXT_FACTOR) + brief.options.thinking_tokens
    return _priced(input_tokens, output_tokens, 2 * output_tokens, brief.model, budget_usd, on)


def _priced(
    input_tokens: int,
    output_tokens: int,
    wanted_output_tokens: int,
    model: str,
    budget_usd: Decimal,
    on: date,
) -> Prediction:
    asked_usd = predict_claude_cost(model, input_tokens=input_tokens, output_tokens=0, on=on)
    token_usd = (
        predict_claude_cost(model, input_tokens=input_tokens, output_tokens=1, on=on) - asked_usd
    )
    # max_tokens makes the budget a limit that the call cannot pass, not only a forecast, though the
    # input is an estimate
    affordable = int((budget_usd - DOUBT * asked_usd) / token_usd)
    return Prediction(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_usd=asked_usd + output_tokens * token_usd,
        max_output_tokens=max(output_tokens, min(wanted_output_tokens, affordable)),
        within_budget=affordable >= ROOM_FOR_OUTPUT * output_tokens,
    )


def canonical_json(value: object) -> str:
    """JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _body(
    brief: Brief, plans: Sequence[SheetPlan], pictures: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The request without `max_tokens`; `pictures` are the blocks of the sheets, each before its
    own list.

    Names of files and what people typed are not in it: nothing that a stranger could have worded
    but the pictures themselves.
    """
    content: list[dict[str, Any]] = []
    told: set[int] = set()
    for number, plan in enumerate(plans, start=1):
        content.extend(pictures[number - 1 : number])
        lines = [
            f"Sheet {number}. Each moment: id | start-end s | its frames' times in s | {' '.join(_MEASURES)}"
        ]
        for tile in plan.tiles:
            index = tile.moment.clip
            if index not in told:
                lines.append(_clip_line(index, brief.analysis.clips[index]))
                told.add(index)
            lines.append(_moment_line(tile))
        content.append({"type": "text", "text": "\n".join(lines)})
    content.append(
        {"type": "text", "text": _task_text(brief, sum(len(plan.tiles) for plan in plans))}
    )
    output: dict[str, Any] = {"format": {"type": "json_schema", "schema": answer_schema()}}
    if brief.options.effort is not None:
        output["effort"] = brief.options.effort
    body: dict[str, Any] = {
        "model": brief.model,
        "system": system_prompt(),
        "messages": [{"role": "user", "content": content}],
        "output_config": output,
    }
    if brief.options.thinking is not None:
        body["thinking"] = brief.options.thinking
    return body


def _clip_line(index: int, clip: AnalysedClip) -> str:
    sound = "with sound" if clip.facts.audio_codec else "silent"
    return f"Clip {index + 1}: {clip.facts.duration_s:.1f} s, {clip.facts.width}x{clip.facts.height}, {sound}."


def _moment_line(tile: Tile) -> str:
    moment = tile.moment
    times = " ".join(f"{time_s:.1f}" for time_s in tile.times_s)
    measured = " ".join(str(round(100 * getattr(moment.scores, name))) for name in _MEASURES)
    return f"{moment.id} | {moment.start_s:.1f}-{moment.end_s:.1f} | {times} | {measured}"


def _task_text(brief: Brief, moments: int) -> str:
    return (
        f"Judge these {moments} moments for a Reel of {brief.duration_s:g} s in the style {brief.style}: "
        f"{style_of(brief.style).brief}. It opens with the hook and has about {segments_in(brief.duration_s)} segments."
    )
