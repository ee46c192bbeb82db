"""`ClaudeAnalyst`: measured moments, judged by Claude from contact sheets."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import count

import anthropic
import httpx2

from montage_pipeline.analysis.analyst import Analyst, Onlooker
from montage_pipeline.analysis.claude.body import NO_WISH, Brief, Wish
from montage_pipeline.analysis.claude.call import Answer, PaidMessages, Payer
from montage_pipeline.analysis.claude.judgement import (
    Judgement,
    UnusableAnswerError,
    read_judgement,
)
from montage_pipeline.analysis.claude.merge import merge
from montage_pipeline.analysis.claude.prediction import Budget
from montage_pipeline.analysis.claude.prompt import prompt_version
from montage_pipeline.analysis.claude.request import Question, ask_about, ask_again
from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.analysis.model import AnalystFacts, ClipAnalysis
from montage_pipeline.analysis.scan.attention import WHEN_JUDGED
from montage_pipeline.analysis.scan.kept import KeptMeasures
from montage_pipeline.costs.ledger import CostLedger, fingerprint_of
from montage_pipeline.costs.prices import require_price
from montage_pipeline.costs.sending import watch
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.logs import get_logger
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Service

_MAX_BOUGHT = 2  # answers per attempt: the first, and one after telling Claude what was wrong
_CONNECT_TIMEOUT_S = 10.0  # a server that does not even accept by then will not answer

_log = get_logger(__name__)


def connect(settings: Settings) -> anthropic.Anthropic:
    """The SDK's client.

    It never retries: an attempt that nobody counts is a call that nobody prices. Its requests tell
    when their bodies go out.
    """
    timeout = httpx2.Timeout(
        settings.claude_timeout_s, connect=min(settings.claude_timeout_s, _CONNECT_TIMEOUT_S)
    )
    return anthropic.Anthropic(
        api_key=settings.anthropic_api_key.get_secret_value(),
        base_url=settings.anthropic_base_url or "https://api.anthropic.com",
        timeout=timeout,
        max_retries=0,
        http_client=anthropic.DefaultHttpxClient(
            timeout=timeout, event_hooks={"request": [_watch]}
        ),
    )


def _watch(request: httpx2.Request) -> None:
    watch(request.extensions)


class ClaudeAnalyst:
    """Measures the clips, asks Claude about the best moments and merges its judgement in.

    Claude adds hook scores, interest, descriptions, subjects, rejects, mood and the music; what was
    measured stays.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: CostLedger,
        store: ObjectStore,
        payer: Payer,
        *,
        wish: Wish = NO_WISH,
        client_factory: Callable[[Settings], anthropic.Anthropic] = connect,
        measured_by: Analyst | None = None,
        onlooker: Onlooker = Onlooker(),
        reuse: bool = False,
        kept: KeptMeasures | None = None,
    ) -> None:
        """`wish` is the user's; `onlooker` is told how far the measuring is. `client_factory`
        replaces the SDK's client, `measured_by` the local analyst. With `reuse`, answers that were
        bought for other requests of the payer's serve too; `kept` has what was measured before.
        """
        self._settings = settings
        self._ledger = ledger
        self._store = store
        self._payer = payer
        self._reuse = reuse
        self._wish = wish
        self._connect = client_factory
        self._measured_by = measured_by or LocalAnalyst(
            settings, onlooker=onlooker, thoroughness=WHEN_JUDGED, kept=kept
        )

    def analyse(self, clips: Sequence[FetchedClip], style: str, duration_s: float) -> ClipAnalysis:
        """Judge the clips for a Reel of `duration_s` seconds, as `Analyst.analyse` says.

        Errors, besides those of the local analyst and of `PaidMessages.answer`: PermanentError
        ANALYSIS_NOT_CONFIGURED, UNKNOWN_PRICE, ANALYSIS_TOO_EXPENSIVE, ANALYSIS_REFUSED;
        MontageError ANALYSIS_UNUSABLE.
        """
        model = self._settings.claude_model
        if not self._settings.anthropic_api_key.get_secret_value():
            raise PermanentError(
                ErrorCode.ANALYSIS_NOT_CONFIGURED,
                "Claude needs a key: set ANTHROPIC_API_KEY, or set MONTAGE_ANALYST=local.",
            )
        require_price(Service.CLAUDE, model, self._budget().on)

        measured = self._measured_by.analyse(clips, style, duration_s)
        brief = Brief(measured, style, duration_s, model, self._wish)
        question = ask_about(brief, clips, self._budget())
        judgement, analyst = self._judgement(question)
        return merge(
            measured,
            judgement,
            question.shown,
            analyst,
            duration_s=duration_s,
            glimpses=question.glimpses,
        )

    def _budget(self) -> Budget:
        return Budget(self._settings.claude_max_cost_usd, datetime.now(UTC).date())

    def _judgement(self, first: Question) -> tuple[Judgement, AnalystFacts]:
        """A usable judgement, and who made it from which prompt.

        Even rounds ask the question, odd rounds ask again with what was wrong. An unusable answer
        that an earlier attempt bought is passed over without being bought again, so a retry of the
        step gets two new answers.
        """
        with self._connect(self._settings) as client:
            messages = PaidMessages(
                client, self._ledger, self._store, self._payer, reuse=self._reuse
            )
            question, bought = first, 0
            for round_number in count():
                fingerprint = fingerprint_of(question.fingerprint, str(round_number))
                answer = messages.answer(question, fingerprint)
                bought += answer.bought
                try:
                    return _usable(answer, first), self._facts(question, answer)
                except UnusableAnswerError as error:
                    _log.warning(
                        "claude_answer_unusable",
                        round=round_number,
                        bought=answer.bought,
                        problem=str(error),
                    )
                    if answer.bought:
                        _require_another(messages, question, error)
                    if bought >= _MAX_BOUGHT:
                        raise _given_up(answer, error) from error
                    asked_plainly = round_number % 2 == 0
                    question = (
                        ask_again(question, answer.text, str(error), self._budget())
                        if asked_plainly
                        else first
                    )
        raise AssertionError("unreachable: the loop above ends by return or raise")

    def _facts(self, question: Question, answer: Answer) -> AnalystFacts:
        """Who judged; logs the prediction beside the bill, so that a drift is seen."""
        facts = AnalystFacts(
            name="claude",
            model=str(answer.message.get("model") or self._settings.claude_model),
            prompt_version=prompt_version(),
            predicted_tokens=question.prediction.input_tokens,
            billed_tokens=answer.input_tokens,
        )
        _log.info(
            "claude_answered",
            predicted_tokens=facts.predicted_tokens,
            billed_tokens=facts.billed_tokens,
            prompt_version=facts.prompt_version,
        )
        return facts


def _require_another(
    messages: PaidMessages, question: Question, error: UnusableAnswerError
) -> None:
    """Raise when the request may buy no more answers, saying what was wrong with the last."""
    try:
        messages.require_another(question)
    except PermanentError as refusal:
        refusal.details["problem"] = str(error)
        raise refusal from error


def _usable(answer: Answer, question: Question) -> Judgement:
    stop_reason = answer.message.get("stop_reason")
    if stop_reason == "refusal":
        raise _refused(answer)
    if stop_reason != "end_turn":
        raise UnusableAnswerError(f"it is incomplete (stop_reason {stop_reason}); be brief")
    return read_judgement(answer.text, question.shown, question.glimpses)


def _refused(answer: Answer) -> PermanentError:
    details = answer.message.get("stop_details") or {}
    category, explanation = details.get("category"), details.get("explanation")
    return PermanentError(
        ErrorCode.ANALYSIS_REFUSED,
        f"Claude declined to judge this footage ({category or 'no category'}): "
        f"{explanation or 'no explanation was given'}",
        category=category,
        explanation=explanation,
        message_id=answer.message.get("id"),
    )


def _given_up(answer: Answer, error: UnusableAnswerError) -> MontageError:
    return MontageError(
        ErrorCode.ANALYSIS_UNUSABLE,
        f"Claude's answer could not be used, even after Claude was told why: {error}",
        stop_reason=answer.message.get("stop_reason"),
        message_id=answer.message.get("id"),
    )
