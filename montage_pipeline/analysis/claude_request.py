"""The question to Claude: which moments it is asked about, in what words, and what the call will cost.

Does not belong here: the pictures (`claude_frames`), sending (`claude_call`), reading the answer (`claude_judgement`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import zip_longest
from math import ceil
from typing import Any

from montage_pipeline.analysis.claude_frames import SAMPLINGS, Sampling, frame_times_s, frame_tokens, key_frames
from montage_pipeline.analysis.claude_models import ModelOptions
from montage_pipeline.analysis.model import AnalysedClip, ClipAnalysis, Moment
from montage_pipeline.costs.ledger import fingerprint_of
from montage_pipeline.costs.prices import predict_claude_cost
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.records import PermanentError
from montage_pipeline.requests.vocabulary import Style

# The tokenizer of the 4.7 and later models makes about 30 % more tokens than the older rule of 4 characters per token.
CHARACTERS_PER_TOKEN = 3
OVERHEAD_TOKENS = 100  # around the messages; 77 were measured for one image and a line of text
OUTPUT_TOKENS_PER_MOMENT = 70
OUTPUT_TOKENS_OVERALL = 200
# A cut every 4 s after a hook of 1.7 s, and two candidates for each place, so that there is something to choose from.
HOOK_S = 1.7
CUT_S = 4.0
CANDIDATES_PER_SEGMENT = 2
ALIKE_BITS = 6  # of the 64 of two fingerprints: at most so many differ when the pictures are nearly the same

_STYLE_DIRECTIONS = {
    Style.DYNAMIC: "fast and energetic; movement and surprise first",
    Style.CINEMATIC: "composed, atmospheric pictures with depth and light; calm before loud",
    Style.TRAVEL: "places, wide views, people discovering them; variety of scenes",
    Style.FITNESS: "effort, power and form; bodies in motion, close and clear",
    Style.FOOD: "texture, steam, hands at work, the finished plate; close views",
    Style.MINIMAL: "few things in the picture, clean lines, quiet",
}


@dataclass(frozen=True)
class Brief:
    """What Claude is asked: these candidates, for a Reel of that style and length (seconds), by that model."""

    analysis: ClipAnalysis
    candidates: Sequence[Moment]
    style: Style
    duration_s: float
    model: str
    options: ModelOptions


@dataclass(frozen=True)
class Prediction:
    """What a call is expected to use and cost, and the most output it may use (tokens) within the budget."""

    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    max_output_tokens: int


@dataclass(frozen=True)
class Question:
    """A request body for POST /v1/messages, with its fingerprint and prediction.

    The fingerprint is made from what the pictures are of, not from their bytes: another machine may encode them with
    other bytes, and that must not buy the same answer twice.
    """

    body: dict[str, Any]
    fingerprint: str
    prediction: Prediction


@cache
def system_prompt() -> str:
    """The instructions, as packaged."""
    return files(__package__).joinpath("claude_prompt.md").read_text(encoding="utf-8")


@cache
def answer_schema() -> dict[str, Any]:
    """The JSON schema of the answer, as packaged."""
    schema: dict[str, Any] = json.loads(files(__package__).joinpath("claude_schema.json").read_text(encoding="utf-8"))
    return schema


@cache
def prompt_version() -> str:
    """Changes with every change of the instructions or the schema."""
    return sha256((system_prompt() + json.dumps(answer_schema(), sort_keys=True)).encode()).hexdigest()[:12]


def choose_candidates(analysis: ClipAnalysis, duration_s: float, *, max_moments: int) -> list[Moment]:
    """The moments Claude looks at, by clip and time: the most promising of each clip first, then the second of each, and so on.

    Moments with a technical reject are not shown. Every usable clip is represented as long as `max_moments` allows it. What looks
    like a more promising moment of its clip comes after all that does not.
    """
    by_clip = [_ranked([moment for moment in clip.moments if not moment.rejects]) for clip in analysis.clips]
    by_clip = sorted((ranked for ranked in by_clip if ranked), key=lambda ranked: -_promise(ranked[0]))
    wanted = min(max_moments, max(CANDIDATES_PER_SEGMENT * _segments(duration_s), len(by_clip)))
    in_turn = [moment for rank in zip_longest(*by_clip) for moment in rank if moment is not None]
    return sorted(in_turn[:wanted], key=lambda moment: (moment.clip, moment.start_s))


def _ranked(moments: Sequence[Moment]) -> list[Moment]:
    distinct: list[Moment] = []
    alike: list[Moment] = []
    for moment in sorted(moments, key=lambda moment: (-_promise(moment), moment.start_s)):
        (alike if any(_differing_bits(moment, other) <= ALIKE_BITS for other in distinct) else distinct).append(moment)
    return distinct + alike


def _differing_bits(moment: Moment, other: Moment) -> int:
    return (int(moment.fingerprint, 16) ^ int(other.fingerprint, 16)).bit_count()


def _promise(moment: Moment) -> float:
    return moment.interest + 0.5 * moment.hook


def ask_about(brief: Brief, clips: Sequence[FetchedClip], *, budget_usd: Decimal, on: date) -> Question:
    """The question, with as many and as large key frames as the budget allows.

    Errors: PermanentError "analysis_too_expensive" when even the smallest sampling is above `budget_usd`.
    """
    for sampling in SAMPLINGS:
        if sampling.frames_per_moment * len(brief.candidates) > brief.options.max_images:
            continue
        picture_tokens = sum(frame_tokens(brief.analysis.clips[moment.clip].facts, sampling) for moment in brief.candidates)
        prediction = _predict(brief, sampling, picture_tokens, budget_usd, on)
        if prediction.cost_usd <= budget_usd:
            break
    else:
        raise too_expensive(prediction, budget_usd, brief.model)
    frames = key_frames(brief.analysis, clips, brief.candidates, sampling)
    blocks = {name: [frame.block() for frame in shown] for name, shown in frames.items()}
    names = {name: [frame.name() for frame in shown] for name, shown in frames.items()}
    limit = {"max_tokens": prediction.max_output_tokens}
    fingerprint = fingerprint_of(brief.model, prompt_version(), canonical_json(_body(brief, sampling, names) | limit))
    return Question(_body(brief, sampling, blocks) | limit, fingerprint, prediction)


def too_expensive(prediction: Prediction, budget_usd: Decimal, model: str) -> PermanentError:
    """The error for a call that is not made because of its price."""
    return PermanentError(
        "analysis_too_expensive",
        f"Asking {model} is predicted to cost ${prediction.cost_usd:.4f} ({prediction.input_tokens} input and {prediction.output_tokens} "
        f"output tokens), above the limit of ${budget_usd}. Raise CLAUDE_MAX_COST_USD, choose a cheaper CLAUDE_MODEL, or give fewer clips.",
        predicted_cost_usd=str(prediction.cost_usd),
        max_cost_usd=str(budget_usd),
    )


def ask_again(question: Question, answer: str, problem: str, *, budget_usd: Decimal, on: date) -> Question:
    """The same question with the unusable answer and what is wrong with it. Errors: PermanentError "analysis_too_expensive"."""
    correction = (
        f"That answer cannot be used: {problem}. Answer again with the complete JSON object: "
        "every moment once, under its own id, nothing else."
    )
    turns: list[dict[str, Any]] = [{"role": "assistant", "content": answer}] if answer.strip() else []
    turns.append({"role": "user", "content": correction})
    old, model = question.prediction, question.body["model"]
    input_tokens = old.input_tokens + _text_tokens(answer) + _text_tokens(correction)
    prediction = _priced(input_tokens, old.output_tokens, 2 * old.max_output_tokens, model, budget_usd, on)
    if prediction.cost_usd > budget_usd:
        raise too_expensive(prediction, budget_usd, model)
    body = {**question.body, "messages": [*question.body["messages"], *turns], "max_tokens": prediction.max_output_tokens}
    return Question(body, fingerprint_of(question.fingerprint, canonical_json(turns)), prediction)


def _predict(brief: Brief, sampling: Sampling, picture_tokens: int, budget_usd: Decimal, on: date) -> Prediction:
    input_tokens = _text_tokens(canonical_json(_body(brief, sampling, {}))) + picture_tokens + OVERHEAD_TOKENS
    output_tokens = OUTPUT_TOKENS_OVERALL + OUTPUT_TOKENS_PER_MOMENT * len(brief.candidates) + brief.options.thinking_tokens
    return _priced(input_tokens, output_tokens, 2 * output_tokens, brief.model, budget_usd, on)


def _priced(input_tokens: int, output_tokens: int, wanted_output_tokens: int, model: str, budget_usd: Decimal, on: date) -> Prediction:
    asked_usd = predict_claude_cost(model, input_tokens=input_tokens, output_tokens=0, on=on)
    token_usd = predict_claude_cost(model, input_tokens=input_tokens, output_tokens=1, on=on) - asked_usd
    cost_usd = asked_usd + output_tokens * token_usd
    # max_tokens makes the budget a limit that the call cannot pass, not only a forecast
    affordable = int((budget_usd - asked_usd) / token_usd)
    return Prediction(input_tokens, output_tokens, cost_usd, max(output_tokens, min(wanted_output_tokens, affordable)))


def canonical_json(value: object) -> str:
    """JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _text_tokens(text: str) -> int:
    return ceil(len(text) / CHARACTERS_PER_TOKEN)


def _body(brief: Brief, sampling: Sampling, pictures: Mapping[str, Sequence[dict[str, Any]]]) -> dict[str, Any]:
    """The request without `max_tokens`; `pictures` are the blocks that follow each moment's text, by its id."""
    content: list[dict[str, Any]] = []
    for index, clip in enumerate(brief.analysis.clips):
        moments = [moment for moment in brief.candidates if moment.clip == index]
        if moments:
            content.append({"type": "text", "text": _clip_text(index, clip)})
        for moment in moments:
            content.append({"type": "text", "text": _moment_text(moment, sampling)})
            content.extend(pictures.get(moment.id, ()))
    content.append({"type": "text", "text": _task_text(brief)})
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


def _clip_text(index: int, clip: AnalysedClip) -> str:
    sound = "with sound" if clip.facts.audio_codec else "silent"
    return f"Clip {index + 1}: {clip.facts.duration_s:.1f} s, {clip.facts.width}x{clip.facts.height}, {sound}."


def _moment_text(moment: Moment, sampling: Sampling) -> str:
    measured = moment.scores.model_dump(include={"sharpness", "exposure", "stability", "motion", "faces", "speech"})
    scores = ", ".join(f"{name} {score:.1f}" for name, score in measured.items())
    times = " and ".join(f"{time_s:.1f}" for time_s in frame_times_s(moment, sampling))
    return f"Moment {moment.id}: {moment.start_s:.1f}-{moment.end_s:.1f} s; {scores}; frames at {times} s:"


def _task_text(brief: Brief) -> str:
    return (
        f"Judge these {len(brief.candidates)} moments for a Reel of {brief.duration_s:g} s in the style {brief.style.value}: "
        f"{_STYLE_DIRECTIONS[brief.style]}. It opens with the hook and has about {_segments(brief.duration_s)} segments."
    )


def _segments(duration_s: float) -> int:
    return 1 + ceil(max(0.0, duration_s - HOOK_S) / CUT_S)
