"""One paid call to Claude: bought at most once, on the ledger before it is sent, then priced.

The order is what makes it safe to die anywhere:

1. a pending ledger row with the predicted cost,
2. the row marked as sent, right before the request's body goes out,
3. the raw answer into the object store,
4. the row settled from the answer's usage.

A later attempt that finds the answer in the store uses it, and settles the row if that was left
undone. A row that was never sent costs nothing. One that was sent and has no answer was in flight
when the process died: nobody can know whether it was charged, so it is estimated, and asked again.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import anthropic
import httpx2

from montage_pipeline import tracing
from montage_pipeline.analysis.claude.request import Question
from montage_pipeline.costs.ledger import CostLedger, LeftEntry, PaidCall
from montage_pipeline.costs.prices import PricedCall, claude_cost
from montage_pipeline.costs.retry_after import retry_after_s
from montage_pipeline.costs.reuse import note_reuse, requests_that_bought
from montage_pipeline.costs.sending import Outgoing, sending
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.logs import get_logger
from montage_pipeline.storage.keys import claude_answer_key
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Service, Step

ENDPOINT = "/v1/messages"

_SPEND_LIMITS = (anthropic.EnforcedSpendLimitReachedError, anthropic.ContractSpendLimitReachedError)
_REJECTION_HINTS = {
    401: " Check ANTHROPIC_API_KEY.",
    402: " Check the billing of the Anthropic account.",
    403: " Check what ANTHROPIC_API_KEY may use.",
    404: " Check CLAUDE_MODEL.",
    413: " Give fewer clips.",
}

ENDED_IN_FLIGHT = "the process ended before an answer was kept"
ENDED_BEFORE_SENDING = "the process ended before the request was sent"

_log = get_logger(__name__)


@dataclass(frozen=True)
class Payer:
    """Who pays for a call, for which request, in which run."""

    user_id: UUID
    montage_request_id: UUID | None
    run_id: str | None


@dataclass(frozen=True)
class Answer:
    """The raw `message` JSON. `bought` is False when it was found in the store."""

    message: dict[str, Any]
    bought: bool

    @property
    def text(self) -> str:
        """The answer's text; thinking and other blocks left out."""
        blocks = self.message.get("content", [])
        return "".join(block.get("text", "") for block in blocks if block.get("type") == "text")

    @property
    def input_tokens(self) -> int:
        """The billed tokens of the question, cached or not; 0 when the answer does not say."""
        usage = self.message.get("usage") or {}
        return sum(
            int(usage.get(name) or 0)
            for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        )


class PaidMessages:
    """Buys answers from POST /v1/messages."""

    def __init__(
        self,
        client: anthropic.Anthropic,
        ledger: CostLedger,
        store: ObjectStore,
        payer: Payer,
        *,
        reuse: bool = False,
    ) -> None:
        """With `reuse` an answer that was bought for another request of the payer's serves too."""
        self._reuse = reuse
        self._client = client
        self._ledger = ledger
        self._store = store
        self._payer = payer

    def answer(self, question: Question, fingerprint: str) -> Answer:
        """The answer to the question, from the store when it was bought before: for this request,
        or for another one of the same user.

        Errors: MontageError ANALYSIS_RATE_LIMITED and ANALYSIS_UNAVAILABLE (details:
        retry_after_s), ANALYSIS_UNREACHABLE, ANALYSIS_UNREADABLE; PermanentError
        ANALYSIS_LIMIT_REACHED, ANALYSIS_REJECTED, and whatever `CostLedger.open` refuses.
        """
        call = self._paid_call(question, fingerprint)
        kept = _kept_answer(self._store, self._key(fingerprint))
        while (pending := self._ledger.find_pending(call)) is not None:
            if kept is not None:
                _settle(self._ledger, pending.id, kept)
            elif pending.sent:
                self._ledger.close_in_doubt(pending.id, ENDED_IN_FLIGHT)
            else:
                self._ledger.close_free(pending.id, {"error": ENDED_BEFORE_SENDING})
        if kept is None and self._reuse:
            kept = self._answer_of_another_request(call)
        if kept is not None:
            return Answer(kept["message"], bought=False)
        return self._buy(call, question)

    def _answer_of_another_request(self, call: PaidCall) -> dict[str, Any] | None:
        """What the user bought for another request by asking exactly this, kept for this one too;
        the ledger says that nothing was bought.
        """
        for request_id in requests_that_bought(self._ledger, call):
            kept = _kept_answer(self._store, claude_answer_key(request_id, call.fingerprint))
            if kept is not None:
                self._keep(self._key(call.fingerprint), kept)
                note_reuse(self._ledger, call, request_id)
                return kept
        return None

    def require_another(self, question: Question) -> None:
        """Raise PermanentError(PAID_CALLS_SPENT) when the request may not buy one more answer."""
        self._ledger.require_another(self._paid_call(question, question.fingerprint))

    def _key(self, fingerprint: str) -> str:
        return claude_answer_key(self._payer.montage_request_id or self._payer.user_id, fingerprint)

    def _paid_call(self, question: Question, fingerprint: str) -> PaidCall:
        prediction = question.prediction
        usage = {
            "input_tokens": prediction.input_tokens,
            "output_tokens": prediction.output_tokens,
        }
        priced = claude_cost(question.body["model"], usage, on=datetime.now(UTC).date())
        return PaidCall(
            user_id=self._payer.user_id,
            service=Service.CLAUDE,
            endpoint=ENDPOINT,
            montage_request_id=self._payer.montage_request_id,
            run_id=self._payer.run_id,
            asset=Step.CLIP_ANALYSIS.value,
            fingerprint=fingerprint,
            predicted_usd=priced.cost_usd,
            predicted_usage=usage,
            most_usd=prediction.most_usd,
            price_version=priced.price_version,
        )

    def _buy(self, call: PaidCall, question: Question) -> Answer:
        entry_id = self._ledger.open(call)
        body, request_id = self._send(entry_id, question)
        message = _message_of(body)
        if message is None:
            self._ledger.close_in_doubt(entry_id, "unreadable_response")
            raise MontageError(
                ErrorCode.ANALYSIS_UNREADABLE,
                "Claude's answer is not the JSON of a message.",
                request_id=request_id,
            )
        kept = {
            "received_at": datetime.now(UTC).isoformat(),
            "provider_request_id": request_id or message.get("id"),
            "asked_model": question.body["model"],
            "message": message,
        }
        try:
            self._keep(self._key(call.fingerprint), kept)
        finally:
            _settle(self._ledger, entry_id, kept)
        return Answer(message, bought=True)

    def _send(self, entry_id: UUID, question: Question) -> tuple[str, str | None]:
        """The body of the response, and the provider's id of the request.

        When there is no response, the ledger row is closed with what that costs.
        """
        with (
            tracing.span(
                f"claude {ENDPOINT}", model=str(question.body["model"]), cost_id=str(entry_id)
            ),
            sending(lambda: self._ledger.mark_sent(entry_id)) as outgoing,
        ):
            try:
                response = self._client.messages.with_raw_response.create(**question.body)
                return response.text(), response.headers.get("request-id")
            except anthropic.APIStatusError as error:
                self._ledger.close_free(
                    entry_id,
                    {"error": error.type or type(error).__name__, "status": error.status_code},
                    provider_request_id=error.request_id,
                )
                raise _error_for(error) from error
            except anthropic.APIConnectionError as error:
                cause = error.__cause__ or error
                if _never_sent(outgoing, cause):
                    self._ledger.close_free(entry_id, {"error": "not_sent"})
                else:
                    self._ledger.close_in_doubt(entry_id, type(cause).__name__)
                raise MontageError(
                    ErrorCode.ANALYSIS_UNREACHABLE,
                    f"No answer from Claude: {cause}",
                    model=question.body["model"],
                ) from error
            except BaseException:
                # Canceled, above all: whoever ends a call still says what is known of it.
                with suppress(Exception):
                    self._close_interrupted(entry_id, outgoing)
                raise

    def _close_interrupted(self, entry_id: UUID, outgoing: Outgoing) -> None:
        if outgoing.sent:
            self._ledger.close_in_doubt(entry_id, "interrupted")
        elif outgoing.watched:
            self._ledger.close_free(entry_id, {"error": "not_sent"})

    def _keep(self, key: str, kept: Mapping[str, Any]) -> None:
        """Put the answer into the store.

        It is in hand and paid for: losing the means to resume is better than losing the answer.
        """
        try:
            self._store.put_bytes(key, json.dumps(kept).encode(), content_type="application/json")
        except MontageError as error:
            _log.warning("claude_answer_not_kept", key=key, code=error.code, error=error.message)


def settle_left(ledger: CostLedger, store: ObjectStore, left: LeftEntry) -> None:
    """Close the row of a call that nobody waits for any more, as exactly as can be known."""
    owner = left.montage_request_id or left.user_id
    kept = None
    if left.fingerprint is not None:
        kept = _kept_answer(store, claude_answer_key(owner, left.fingerprint))
    if kept is not None:
        _settle(ledger, left.id, kept)
    elif left.sent:
        ledger.close_in_doubt(left.id, ENDED_IN_FLIGHT)
    else:
        ledger.close_free(left.id, {"error": ENDED_BEFORE_SENDING})


def _kept_answer(store: ObjectStore, key: str) -> dict[str, Any] | None:
    kept: dict[str, Any] | None = json.loads(store.get_bytes(key)) if store.head(key) else None
    return kept


def _settle(ledger: CostLedger, entry_id: UUID, kept: Mapping[str, Any]) -> None:
    """Price a row from the answer that was kept."""
    message = kept["message"]
    usage: dict[str, Any] = message.get("usage") or {}
    received_on = datetime.fromisoformat(kept["received_at"]).date()
    priced = _price(message, usage, kept.get("asked_model"), received_on)
    provider_request_id = kept["provider_request_id"]
    if priced is not None and not priced.estimated:
        ledger.settle(
            entry_id,
            cost_usd=priced.cost_usd,
            usage=usage,
            price_version=priced.price_version,
            provider_request_id=provider_request_id,
        )
        return
    if provider_request_id:
        ledger.attach(entry_id, provider_request_id)
    if priced is None:
        ledger.close_in_doubt(entry_id, "unreadable_usage", reported=usage)
    else:
        ledger.estimate(
            entry_id, cost_usd=priced.cost_usd, usage=usage, price_version=priced.price_version
        )


def _never_sent(outgoing: Outgoing, cause: BaseException) -> bool:
    """Whether a call that failed cannot have been charged: its body never went out."""
    if outgoing.watched:
        return not outgoing.sent
    return isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout)


def _message_of(body: str) -> dict[str, Any] | None:
    try:
        message = json.loads(body)
    except ValueError:
        return None
    is_message = isinstance(message, dict) and isinstance(message.get("content"), list)
    return message if is_message else None


def _price(
    message: Mapping[str, Any], usage: Mapping[str, Any], asked_model: str | None, on: date
) -> PricedCall | None:
    """The bill by the model that answered.

    Where that cannot be priced, an estimate by the model that was asked; None without a usage that
    can be read.
    """
    with suppress(PermanentError):
        return claude_cost(str(message.get("model")), usage, on=on)
    with suppress(PermanentError):
        priced = claude_cost(str(asked_model), usage, on=on)
        return PricedCall(priced.cost_usd, priced.price_version, estimated=True)
    return None


def _error_for(error: anthropic.APIStatusError) -> MontageError:
    """The error of ours for an answer with an HTTP error status."""
    status, reason = error.status_code, error.api_message or str(error)
    details: dict[str, Any] = {
        "status": status,
        "type": error.type,
        "error_code": error.error_code,
        "request_id": error.request_id,
    }
    if isinstance(error, _SPEND_LIMITS):
        return PermanentError(
            ErrorCode.ANALYSIS_LIMIT_REACHED,
            f"Anthropic's spend limit of this organisation is reached: {reason}",
            **details,
        )
    if status == 429:
        return MontageError(
            ErrorCode.ANALYSIS_RATE_LIMITED,
            f"Claude is rate limited: {reason}",
            retry_after_s=retry_after_s(error.response.headers),
            **details,
        )
    if status >= 500 or status in (408, 409):
        return MontageError(
            ErrorCode.ANALYSIS_UNAVAILABLE,
            f"Claude answered {status}: {reason}",
            retry_after_s=retry_after_s(error.response.headers),
            **details,
        )
    hint = _REJECTION_HINTS.get(status, "")
    return PermanentError(
        ErrorCode.ANALYSIS_REJECTED,
        f"Claude refused the request ({status}): {reason}{hint}",
        **details,
    )
