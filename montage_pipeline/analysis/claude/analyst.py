"""`ClaudeAnalyst`: measured candidates, judged by Claude from contact sheets."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import anthropic
import httpx2
import structlog

from montage_pipeline.analysis.analyst import Analyst
from montage_pipeline.analysis.claude.call import Answer, PaidMessages
from montage_pipeline.analysis.claude.judgement import (
    Judgement,
    Shown,
    UnusableAnswerError,
    read_judgement,
)
from montage_pipeline.analysis.claude.merge import merge
from montage_pipeline.analysis.claude.prompt import prompt_version
from montage_pipeline.analysis.claude.request import Brief, Question, ask_about, ask_again
from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.analysis.model import AnalystFacts, ClipAnalysis
from montage_pipeline.costs.ledger import CostLedger, fingerprint_of
from montage_pipeline.costs.prices import require_price
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Service

_MOST_BOUGHT = (
    2  # answers bought by one attempt: the first, and one after telling Claude what was wrong
)
_CONNECT_TIMEOUT_S = 10.0

_log = structlog.get_logger(__name__)


def connect(settings: Settings) -> anthropic.Anthropic:
    """The SDK's client.

    It never retries: an attempt that nobody counts is a call that nobody prices.
    """
    return anthropic.Anthropic(
        api_key=settings.anthropic_api_key.get_secret_value(),
        base_url=settings.anthropic_base_url or "https://api.anthropic.com",
        timeout=httpx2.Timeout(
            settings.claude_timeout_s, connect=min(settings.claude_timeout_s, _CONNECT_TIMEOUT_S)
        ),
        max_retries=0,
    )


class ClaudeAnalyst:
    """Measures the clips locally, then asks Claude about the best candidates and merges its
    judgement in.

    Claude adds hook scores, interest, descriptions, subjects, rejects, mood and the music; what was
    measured stays.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: CostLedger,
        store: ObjectStore,
        *,
        user_id: UUID,
        montage_request_id: UUID | None,
        run_id: str | None,
        client_factory: Callable[[Settings], anthropic.Anthropic] | None = None,
        measured_by: Analyst | None = None,
    ) -> None:
        """`user_id`, `montage_request_id` and `run_id` name who pays, for what, in which run.

        `client_factory` replaces the SDK's client, `measured_by` the local analyst that finds the
        candidates.
        """
        self._settings = settings
        self._ledger = ledger
        self._store = store
        self._payer: dict[str, Any] = {
            "user_id": user_id,
            "montage_request_id": montage_request_id,
            "run_id": run_id,
        }
        self._connect = client_factory or connect
        self._measured_by = measured_by or LocalAnalyst(settings)

    def analyse(self, clips: Sequence[FetchedClip], style: str, duration_s: float) -> ClipAnalysis:
        """Judge the clips for a Reel of `duration_s` seconds, as `Analyst.analyse` says.

        Errors, besides those of the local analyst and of `PaidMessages.answer`: PermanentError
        "analysis_not_configured",
        "unknown_price", "analysis_too_expensive", "analysis_refused"; MontageError
        "analysis_unusable".
        """
        settings, today = self._settings, datetime.now(UTC).date()
        if not settings.anthropic_api_key.get_secret_value():
            raise PermanentError(
                ErrorCode.ANALYSIS_NOT_CONFIGURED,
                "Claude needs a key: set ANTHROPIC_API_KEY, or set MONTAGE_ANALYST=local.",
            )
        require_price(Service.CLAUDE, settings.claude_model, today)

        measured = self._measured_by.analyse(clips, style, duration_s)
        brief = Brief(measured, style, duration_s, settings.claude_model)
        question = ask_about(brief, clips, budget_usd=settings.claude_max_cost_usd, on=today)
        judgement, analyst = self._judgement(question)
        return merge(measured, judgement, question.shown, analyst, duration_s=duration_s)

    def _judgement(self, first: Question) -> tuple[Judgement, AnalystFacts]:
        """A usable judgement, and who made it from which prompt.

        Even rounds ask the question, odd rounds ask again with what was wrong. An unusable answer
        that an earlier attempt
        bought is passed over without being bought again, so a retry of the step gets two new
        answers.
        """
        with self._connect(self._settings) as client:
            messages = PaidMessages(client, self._ledger, self._store, **self._payer)
            question, bought = first, 0
            for round_ in count():
                answer = messages.answer(
                    question, fingerprint_of(question.fingerprint, str(round_))
                )
                bought += answer.bought
                try:
                    return _usable(answer, first.shown), self._facts(question, answer)
                except UnusableAnswerError as error:
                    _log.warning(
                        "claude_answer_unusable",
                        round=round_,
                        bought=answer.bought,
                        problem=str(error),
                    )
                    if bought >= _MOST_BOUGHT:
                        raise MontageError(
                            ErrorCode.ANALYSIS_UNUSABLE,
                            f"Claude's answer could not be used, also after it was told why: {error}",
                            stop_reason=answer.message.get("stop_reason"),
                            message_id=answer.message.get("id"),
                        ) from error
                    question = first if round_ % 2 else self._corrected(first, answer, str(error))
        raise AssertionError("unreachable: the loop above ends by return or raise")

    def _facts(self, question: Question, answer: Answer) -> AnalystFacts:
        """Also logs the forecast beside the bill: the estimate of text cannot be proved here, so
        its drift must be seen.
        """
        predicted, billed = question.prediction.input_tokens, answer.input_tokens
        _log.info(
            "claude_answered",
            predicted_tokens=predicted,
            billed_tokens=billed,
            prompt_version=prompt_version(),
        )
        return AnalystFacts(
            name="claude",
            model=str(answer.message.get("model") or self._settings.claude_model),
            prompt_version=prompt_version(),
            predicted_tokens=predicted,
            billed_tokens=billed,
        )

    def _corrected(self, question: Question, answer: Answer, problem: str) -> Question:
        return ask_again(
            question,
            answer.text,
            problem,
            budget_usd=self._settings.claude_max_cost_usd,
            on=datetime.now(UTC).date(),
        )


def _usable(answer: Answer, shown: Mapping[str, Shown]) -> Judgement:
    stop_reason = answer.message.get("stop_reason")
    if stop_reason == "refusal":
        stop = answer.message.get("stop_details") or {}
        said = stop.get("explanation") or "no explanation was given"
        raise PermanentError(
            ErrorCode.ANALYSIS_REFUSED,
            f"Claude declined to judge this footage ({stop.get('category') or 'no category'}): {said}",
            category=stop.get("category"),
            explanation=stop.get("explanation"),
            message_id=answer.message.get("id"),
        )
    if stop_reason != "end_turn":
        raise UnusableAnswerError(f"it is incomplete (stop_reason {stop_reason}); be brief")
    return read_judgement(answer.text, shown)
