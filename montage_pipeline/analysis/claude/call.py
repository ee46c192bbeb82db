"""One paid call to Claude: bought at most once, on the ledger before it is sent, then priced.

The order is what makes it safe to die anywhere:

1. a pending ledger row,
2. the request,
3. the raw answer into the object store,
4. the row settled from the answer's usage.

A later attempt that finds the answer in the store uses it, and settles the row if that was left
undone; one that finds only a pending row cannot know whether the call was charged, marks it
estimated and asks again.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import anthropic
import httpx2

from montage_pipeline.analysis.claude.request import Question
from montage_pipeline.costs.ledger import CostLedger, PaidCall
from montage_pipeline.costs.price_table import TABLE_VERSION
from montage_pipeline.costs.prices import PricedCall, claude_cost
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
        self, client: anthropic.Anthropic, ledger: CostLedger, store: ObjectStore, payer: Payer
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._store = store
        self._payer = payer

    def answer(self, question: Question, fingerprint: str) -> Answer:
        """The answer to the question, from the store when it was bought before.

        Errors: MontageError ANALYSIS_RATE_LIMITED and ANALYSIS_UNAVAILABLE (details:
        retry_after_s), ANALYSIS_UNREACHABLE, ANALYSIS_UNREADABLE; PermanentError
        ANALYSIS_LIMIT_REACHED, ANALYSIS_REJECTED.
        """
        call = self._paid_call(fingerprint)
        key = claude_answer_key(self._payer.montage_request_id or self._payer.user_id, fingerprint)
        stored = json.loads(self._store.get_bytes(key)) if self._store.head(key) else None
        pending = self._ledger.find_pending(call)

        if stored is not None:
            if pending is not None:
                self._settle(pending.id, stored, question)
            return Answer(stored["message"], bought=False)
        if pending is not None:
            self._estimate(pending.id, question, "the process ended before an answer was kept")
        return self._buy(call, key, question)

    def _paid_call(self, fingerprint: str) -> PaidCall:
        return PaidCall(
            user_id=self._payer.user_id,
            service=Service.CLAUDE,
            endpoint=ENDPOINT,
            montage_request_id=self._payer.montage_request_id,
            run_id=self._payer.run_id,
            asset=Step.CLIP_ANALYSIS.value,
            fingerprint=fingerprint,
        )

    def _buy(self, call: PaidCall, key: str, question: Question) -> Answer:
        entry_id = self._ledger.open(call)
        body, request_id = self._send(entry_id, question)
        message = _message_of(body)
        if message is None:
            self._estimate(entry_id, question, "unreadable_response")
            raise MontageError(
                ErrorCode.ANALYSIS_UNREADABLE,
                "Claude's answer is not the JSON of a message.",
                request_id=request_id,
            )
        kept = {
            "received_at": datetime.now(UTC).isoformat(),
            "provider_request_id": request_id or message.get("id"),
            "message": message,
        }
        try:
            self._keep(key, kept)
        finally:
            self._settle(entry_id, kept, question)
        return Answer(message, bought=True)

    def _send(self, entry_id: UUID, question: Question) -> tuple[str, str | None]:
        """The body of the response, and the provider's id of the request.

        When there is no response, the ledger row is closed with what that costs.
        """
        try:
            response = self._client.messages.with_raw_response.create(**question.body)
        except anthropic.APIStatusError as error:
            self._close_free(
                entry_id,
                {"error": error.type or type(error).__name__, "status": error.status_code},
                error.request_id,
            )
            raise _error_for(error) from error
        except anthropic.APIConnectionError as error:
            cause = error.__cause__ or error
            if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout):
                self._close_free(entry_id, {"error": "not_sent"}, None)
            else:
                self._estimate(entry_id, question, type(cause).__name__)
            raise MontageError(
                ErrorCode.ANALYSIS_UNREACHABLE,
                f"No answer from Claude: {cause}",
                model=question.body["model"],
            ) from error
        return response.text(), response.headers.get("request-id")

    def _keep(self, key: str, kept: Mapping[str, Any]) -> None:
        """Put the answer into the store.

        It is in hand and paid for: losing the means to resume is better than losing the answer.
        """
        try:
            self._store.put_bytes(key, json.dumps(kept).encode(), content_type="application/json")
        except MontageError as error:
            _log.warning("claude_answer_not_kept", key=key, code=error.code, error=error.message)

    def _settle(self, entry_id: UUID, kept: Mapping[str, Any], question: Question) -> None:
        usage: dict[str, Any] = kept["message"].get("usage") or {}
        received_on = datetime.fromisoformat(kept["received_at"]).date()
        priced = _price(kept["message"], usage, question, received_on)
        if priced.estimated:
            if kept["provider_request_id"]:
                self._ledger.attach(entry_id, kept["provider_request_id"])
            self._ledger.estimate(
                entry_id, cost_usd=priced.cost_usd, usage=usage, price_version=priced.price_version
            )
        else:
            self._ledger.settle(
                entry_id,
                cost_usd=priced.cost_usd,
                usage=usage,
                price_version=priced.price_version,
                provider_request_id=kept["provider_request_id"],
            )

    def _close_free(
        self, entry_id: UUID, usage: dict[str, Any], provider_request_id: str | None
    ) -> None:
        """Settle the row of a call that is not charged: not sent, or answered with an error."""
        self._ledger.settle(
            entry_id,
            cost_usd=Decimal(0),
            usage=usage,
            price_version=TABLE_VERSION,
            provider_request_id=provider_request_id,
        )

    def _estimate(self, entry_id: UUID, question: Question, error: str) -> None:
        """Close the row of a call that may have been charged."""
        self._ledger.estimate(
            entry_id,
            cost_usd=question.prediction.cost_usd,
            usage={"uncertain": True, "error": error},
            price_version=TABLE_VERSION,
        )


def _message_of(body: str) -> dict[str, Any] | None:
    try:
        message = json.loads(body)
    except ValueError:
        return None
    is_message = isinstance(message, dict) and isinstance(message.get("content"), list)
    return message if is_message else None


def _price(
    message: Mapping[str, Any], usage: Mapping[str, Any], question: Question, on: date
) -> PricedCall:
    """The bill by the model that answered.

    Where that cannot be priced, an estimate: by the model that was asked, else the prediction.
    """
    with suppress(PermanentError):
        return claude_cost(str(message.get("model")), usage, on=on)
    with suppress(PermanentError):
        priced = claude_cost(question.body["model"], usage, on=on)
        return PricedCall(priced.cost_usd, priced.price_version, estimated=True)
    return PricedCall(question.prediction.cost_usd, TABLE_VERSION, estimated=True)


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
            retry_after_s=_retry_after_s(error),
            **details,
        )
    if status >= 500 or status in (408, 409):
        return MontageError(
            ErrorCode.ANALYSIS_UNAVAILABLE,
            f"Claude answered {status}: {reason}",
            retry_after_s=_retry_after_s(error),
            **details,
        )
    hint = _REJECTION_HINTS.get(status, "")
    return PermanentError(
        ErrorCode.ANALYSIS_REJECTED,
        f"Claude refused the request ({status}): {reason}{hint}",
        **details,
    )


def _retry_after_s(error: anthropic.APIStatusError) -> float | None:
    """How long to wait, as milliseconds, seconds or a date of the response; None without."""
    headers = error.response.headers
    with suppress(KeyError, ValueError):
        return float(headers["retry-after-ms"]) / 1000
    with suppress(KeyError, ValueError):
        return float(headers["retry-after"])
    with suppress(KeyError, ValueError, TypeError):
        at = parsedate_to_datetime(headers["retry-after"])
        return max(0.0, (at - datetime.now(UTC)).total_seconds())
    return None
