"""The question to Claude: as much as the budget allows, and once more after an unusable answer.

Belongs here: how rich a question is, and its fingerprint.
Does not belong here: the words (body, prompt), the images (sheets), the price (prediction), sending
(call), reading the answer (judgement).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from montage_pipeline.analysis.claude.body import Brief, body_of, canonical_json
from montage_pipeline.analysis.claude.candidates import (
    MAX_GLIMPSED,
    Glimpse,
    choose_candidates,
    choose_glimpses,
    details_in,
    segments_in,
    usable_clips,
    wanted_candidates,
)
from montage_pipeline.analysis.claude.judgement import Shown
from montage_pipeline.analysis.claude.models import NEWER_TEXT_FACTOR, options_of
from montage_pipeline.analysis.claude.prediction import (
    Budget,
    ExpectedTokens,
    Prediction,
    predict,
    too_expensive,
)
from montage_pipeline.analysis.claude.prompt import answer_schema, prompt_version
from montage_pipeline.analysis.claude.sheets import (
    GLANCES,
    SAMPLINGS,
    Sampling,
    SheetPlan,
    draw_sheets,
    plan_sheets,
)
from montage_pipeline.analysis.claude.tokens import REQUEST_TOKENS, text_tokens
from montage_pipeline.analysis.model import Moment
from montage_pipeline.costs.ledger import fingerprint_of
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.logs import get_logger

# Output tokens of the newer tokenizer, as the longest of five recorded answers had: a moment's
# scores, with its share of the rejections; what is said of one in detail, with a reason of twelve
# words and a place in each of five frames; what is said of the Reel as a whole; a clip's name among
# the glimpses, and the number of each frame.
_TOKENS_PER_MOMENT = 22
_TOKENS_PER_DETAIL = 95
_TOKENS_OVERALL = 65
_TOKENS_PER_GLIMPSE, _TOKENS_PER_NUMBER = 16, 3

_MAX_OUTPUT_FACTOR = 2  # times the expected output that an answer is allowed, if the budget has it

_log = get_logger(__name__)


@dataclass(frozen=True)
class Question:
    """A request body for POST /v1/messages with its prediction, what of each moment it shows, and
    the glimpses of other moments.

    The fingerprint is made from what the images are of, not from their bytes: another machine may
    encode them with other bytes, and that must not buy the same answer twice.
    """

    body: dict[str, Any]
    fingerprint: str
    prediction: Prediction
    shown: Mapping[str, Shown]
    glimpses: Sequence[Glimpse] = ()


def ask_about(brief: Brief, clips: Sequence[FetchedClip], budget: Budget) -> Question:
    """The question, with as many moments, as large and in as many frames, as the budget allows.

    Errors: PermanentError NO_USABLE_CLIPS; ANALYSIS_TOO_EXPENSIVE when even the smallest question
    that leaves a choice is above the budget.
    """
    wanted = wanted_candidates(brief.analysis, brief.duration_s)
    for candidates, sampling, glimpses in _from_rich_to_poor(brief, wanted):
        plans = plan_sheets(brief.analysis, candidates, sampling, glimpses)
        prediction = _prediction(brief, plans, budget)
        if prediction.within_budget and len(plans) <= brief.options.max_images:
            break
    else:
        raise too_expensive(brief.model, prediction, budget)

    all_of_them = choose_candidates(brief.analysis, wanted)
    if len(candidates) < len(all_of_them) or sampling != SAMPLINGS[0]:
        _log.info(
            "claude_question_made_to_fit",
            moments=len(candidates),
            frames=sampling.frames_per_moment,
            budget_usd=str(budget.limit_usd),
        )
    return _question(brief, plans, clips, prediction)


class _Choice(NamedTuple):
    """What a question would show."""

    candidates: list[Moment]
    sampling: Sampling
    glimpses: list[Glimpse]


def _from_rich_to_poor(brief: Brief, wanted: int) -> Iterator[_Choice]:
    """Fewer glimpses first, then fewer frames, then fewer moments down to one of each clip, or for
    each segment.

    Then these in fewer frames still and without glimpses of their clips, down to one look at each,
    and then clips of which there is only a glimpse; a clip is left out when even that is too much.
    """
    analysis = brief.analysis

    def choice(count: int, sampling: Sampling, glimpsed: int = 0) -> _Choice:
        candidates = choose_candidates(analysis, count)
        return _Choice(candidates, sampling, choose_glimpses(analysis, candidates, glimpsed))

    candidates = choose_candidates(analysis, wanted)
    if not candidates:
        raise PermanentError(
            ErrorCode.NO_USABLE_CLIPS, "No moment of the clips is technically usable."
        )
    yield choice(wanted, SAMPLINGS[0], MAX_GLIMPSED)
    for sampling in SAMPLINGS:
        yield choice(wanted, sampling)

    fewest = min(len(candidates), segments_in(brief.duration_s))
    one_each = max(fewest, min(len(candidates), usable_clips(brief.analysis)))
    for count in range(len(candidates) - 1, one_each - 1, -1):
        yield choice(count, SAMPLINGS[-1])
    for sampling in GLANCES:
        yield _unseen_only(choice(one_each, sampling))
    for count in range(one_each - 1, fewest - 1, -1):
        yield _unseen_only(choice(count, GLANCES[-1]))
    yield choice(fewest, GLANCES[-1])._replace(glimpses=[])


def _unseen_only(choice: _Choice) -> _Choice:
    """The choice with glimpses only of clips that have no candidate."""
    seen = {moment.clip for moment in choice.candidates}
    glimpses = [glimpse for glimpse in choice.glimpses if glimpse.clip not in seen]
    return choice._replace(glimpses=glimpses)


def _question(
    brief: Brief,
    plans: Sequence[SheetPlan],
    clips: Sequence[FetchedClip],
    prediction: Prediction,
) -> Question:
    sheets, shown = draw_sheets(plans, brief.analysis, clips, brief.crops)
    limit = {"max_tokens": prediction.max_output_tokens}
    named = body_of(brief, plans, [sheet.name() for sheet in sheets]) | limit
    return Question(
        body=body_of(brief, plans, [sheet.block() for sheet in sheets]) | limit,
        fingerprint=fingerprint_of(brief.model, prompt_version(), canonical_json(named)),
        prediction=prediction,
        shown=shown,
        glimpses=_glimpses(plans),
    )


def _glimpses(plans: Sequence[SheetPlan]) -> list[Glimpse]:
    tiles = [tile.shows for plan in plans for tile in plan.tiles]
    return [shows for shows in tiles if isinstance(shows, Glimpse)]


def _prediction(brief: Brief, plans: Sequence[SheetPlan], budget: Budget) -> Prediction:
    body, factor = body_of(brief, plans, []), brief.options.text_factor
    texts = [
        body["system"],
        canonical_json(answer_schema()),
        *(block["text"] for block in body["messages"][0]["content"]),
    ]
    image_tokens = sum(plan.tokens for plan in plans)
    moment_count = sum(len(plan.moments) for plan in plans)

    answer = (
        _TOKENS_OVERALL
        + _TOKENS_PER_MOMENT * moment_count
        + _TOKENS_PER_DETAIL * details_in(brief.duration_s, moment_count)
        + sum(
            _TOKENS_PER_GLIMPSE + _TOKENS_PER_NUMBER * len(glimpse.moments)
            for glimpse in _glimpses(plans)
        )
    )
    output = round(answer * factor / NEWER_TEXT_FACTOR) + brief.options.thinking_tokens
    expected = ExpectedTokens(
        input=text_tokens("\n".join(texts), factor) + image_tokens + REQUEST_TOKENS,
        output=output,
        max_output=_MAX_OUTPUT_FACTOR * output,
    )
    return predict(brief.model, expected, budget)


def ask_again(question: Question, answer: str, problem: str, budget: Budget) -> Question:
    """The same question with the unusable answer and what is wrong with it.

    Errors: PermanentError ANALYSIS_TOO_EXPENSIVE.
    """
    correction = (
        f"That answer cannot be used: {problem}. Answer again with the complete JSON object: "
        "every moment under its own id, nothing else."
    )
    turns: list[dict[str, Any]] = []
    if answer.strip():
        turns.append({"role": "assistant", "content": answer})
    turns.append({"role": "user", "content": correction})

    model, before = question.body["model"], question.prediction
    added = text_tokens(answer + correction, options_of(model).text_factor)
    expected = ExpectedTokens(
        input=before.input_tokens + added,
        output=before.output_tokens,
        max_output=_MAX_OUTPUT_FACTOR * before.max_output_tokens,
    )
    prediction = predict(model, expected, budget)
    if prediction.cost_usd > budget.limit_usd:
        raise too_expensive(model, prediction, budget)
    return Question(
        body={
            **question.body,
            "messages": [*question.body["messages"], *turns],
            "max_tokens": prediction.max_output_tokens,
        },
        fingerprint=fingerprint_of(question.fingerprint, canonical_json(turns)),
        prediction=prediction,
        shown=question.shown,
        glimpses=question.glimpses,
    )
