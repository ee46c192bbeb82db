"""One paid call to Claude: bought at most once, on the ledger before it is sent, priced as soon as
it is answered.

The order is what makes it safe to die anywhere:

1. a pending ledger row, 2. the request, 3. the raw answer into the object store, 4. the row settled
from the answer's usage.

A later attempt that finds the answer in the store uses it and settles the row if that was left
undone; one that finds only
a pending row cannot know whether the call was charged, marks it estimated and asks again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import anthropic
import httpx2
import structlog

from montage_pipeline.analysis.claude.request import Question
from montage_pipeline.costs.ledger import CostLedger, PaidCall
from montage_pipeline.costs.price_table import TABLE_VERSION
from montage_pipeline.costs.prices import PricedCall, claude_cost
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Service, Step

ENDPOINT = "/v1/messages"
_SPEND_LIMITS = (anthropic.EnforcedSpendLimitReachedError, anthropic.ContractSpendLimitReachedError)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Answer:
    """The raw `message` JSON. `bought` is False when it was found in the store."""

    message: dict[str, Any]
    bought: bool

    @property
    def text(self) -> str:
        """The answer's text; thinking and other blocks left out."""
        return "".join(
            block.get("text", "")
            for block in self.message.get("content", [])
            if block.get("type") == "text"
        )

    @property
    def input_tokens(self) -> int:
        """The tokens of the question as they were billed, cached or not; 0 when the answer does not
        say.
        """
        usage = self.message.get("usage") or {}
        return sum(
            int(usage.get(name) or 0)
            for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        )


class PaidMessages:
    """Buys answers from POST /v1/messages for one user and one montage request."""

    def __init__(
        self,
        client: anthropic.Anthropic,
        ledger: CostLedger,
        store: ObjectStore,
        *,
        user_id: UUID,
        montage_request_id: UUID | None,
        run_id: str | None,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._store = store
        self._user_id = user_id
        self._montage_request_id = montage_request_id
        self._run_id = run_id

    def answer(self, question: Question, fingerprint: str) -> Answer:
        """The answer to the question, from the store when it was bought before.

        Errors: MontageError "analysis_rate_limited" (details: retry_after_s),
        "analysis_unavailable", "analysis_unreachable",
        "analysis_unreadable"; PermanentError "analysis_limit_reached", "analysis_rejected".
        """
        call = PaidCall(
            user_id=self._user_id,
            service=Service.CLAUDE,
            endpoint=ENDPOINT,
            montage_request_id=self._montage_request_id,
            run_id=self._run_id,
            asset=Step.CLIP_ANALYSIS.value,
            fingerprint=fingerprint,
        )
        key = f"work/{self._montage_request_id or self._user_id}/claude/{fingerprint}.json"
        stored = json.loads(self._store.get_bytes(key)) if self._store.head(key) else None
        pending = self._ledger.find_pending(call)
        if stored is not None:
            if pending is not None:
                self._settle(pending.id, stored, question)
            return Answer(stored["message"], bought=False)
        if pending is not None:
            self._estimate(
                pending.id,
                question,
                {"uncertain": True, "error": "the process ended before an answer was kept"},
            )
        return self._buy(call, key, question)

    def _buy(self, call: PaidCall, key: str, question: Question) -> Answer:
        entry_id = self._ledger.open(call)
        try:
            response = self._client.messages.with_raw_response.create(**question.body)
        except anthropic.APIStatusError as error:
            self._ledger.settle(
                entry_id,
                cost_usd=Decimal(
                    0
                ),  # Anthropic does not charge for requests it answers with an error
                usage={"error": error.type or type(error).__name__, "status": error.status_code},
                price_version=TABLE_VERSION,
                provider_request_id=error.request_id,
            )
            raise _refusal_of(error) from error
        except anthropic.APIConnectionError as error:
            if isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout):
                self._ledger.settle(
                    entry_id,
                    cost_usd=Decimal(0),
                    usage={"error": "not_sent"},
                    price_version=TABLE_VERSION,
                )
            else:
                self._estimate(
                    entry_id,
                    question,
                    {"uncertain": True, "error": type(error.__cause__ or error).__name__},
                )
            raise MontageError(
                ErrorCode.ANALYSIS_UNREACHABLE,
                f"No answer from Claude: {error.__cause__ or error}",
                model=question.body["model"],
            ) from error
        message = _message_of(response.text())
        if message is None:
            self._estimate(entry_id, question, {"uncertain": True, "error": "unreadable_response"})
            raise MontageError(
                ErrorCode.ANALYSIS_UNREADABLE,
                "Claude's answer is not the JSON of a message.",
                request_id=response.headers.get("request-id"),
            )
        kept = {
            "received_at": datetime.now(UTC).isoformat(),
            "provider_request_id": response.headers.get("request-id") or message.get("id"),
            "message": message,
        }
        try:
            self._store.put_bytes(key, json.dumps(kept).encode(), content_type="application/json")
        except MontageError as error:
            # The answer is in hand and paid for: losing the means to resume is better than losing
            # the answer.
            _log.warning("claude_answer_not_kept", key=key, code=error.code, error=error.message)
        finally:
            self._settle(entry_id, kept, question)
        return Answer(message, bought=True)

    def _settle(self, entry_id: UUID, kept: Mapping[str, Any], question: Question) -> None:
        usage: dict[str, Any] = kept["message"].get("usage") or {}
        priced = _price(
            kept["message"], usage, question, datetime.fromisoformat(kept["received_at"]).date()
        )
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

    def _estimate(self, entry_id: UUID, question: Question, usage: dict[str, Any]) -> None:
        self._ledger.estimate(
            entry_id,
            cost_usd=question.prediction.cost_usd,
            usage=usage,
            price_version=TABLE_VERSION,
        )


def _message_of(body: str) -> dict[str, Any] | None:
    try:
        message = json.loads(body)
    except ValueError:
        return None
    return (
        message if isinstance(message, dict) and isinstance(message.get("content"), list) else None
    )


def _price(
    message: Mapping[str, Any], usage: Mapping[str, Any], question: Question, on: date
) -> PricedCall:
    """The bill by the model that answered; by the model that was asked, or the prediction, when
    that cannot be priced.
    """
    try:
        return claude_cost(str(message.get("model")), usage, on=on)
    except PermanentError:
        pass
    try:
        priced = claude_cost(question.body["model"], usage, on=on)
    except PermanentError:
        return PricedCall(question.prediction.cost_usd, TABLE_VERSION, estimated=True)
    return PricedCall(priced.cost_usd, priced.price_version, estimated=True)


def _refusal_of(error: anthropic.APIStatusError) -> MontageError:
    status, said = error.status_code, error.api_message or str(error)
    facts: dict[str, Any] = {
        "status": status,
        "type": error.type,
        "error_code": error.error_code,
        "request_id": error.request_id,
    }
    if isinstance(error, _SPEND_LIMITS):
        return PermanentError(
            ErrorCode.ANALYSIS_LIMIT_REACHED,
            f"Anthropic's spend limit of this organisation is reached: {said}",
            **facts,
        )
    if status == 429:
        return MontageError(
            ErrorCode.ANALYSIS_RATE_LIMITED,
            f"Claude is rate limited: {said}",
            retry_after_s=_retry_after_s(error),
            **facts,
        )
    if status >= 500 or status in (408, 409):
        return MontageError(
            ErrorCode.ANALYSIS_UNAVAILABLE,
            f"Claude answered {status}: {said}",
            retry_after_s=_retry_after_s(error),
            **facts,
        )
    hint = {
        401: " Check ANTHROPIC_API_KEY.",
        402: " Check the billing of the Anthropic account.",
        403: " Check what ANTHROPIC_API_KEY may use.",
        404: " Check CLAUDE_MODEL.",
        413: " Give fewer clips.",
    }.get(status, "")
    return PermanentError(
        ErrorCode.ANALYSIS_REJECTED, f"Claude refused the request ({status}): {said}{hint}", **facts
    )


def _retry_after_s(error: anthropic.APIStatusError) -> float | None:
    headers = error.response.headers
    try:
        if "retry-after-ms" in headers:
            return float(headers["retry-after-ms"]) / 1000
        return float(headers["retry-after"])
    except KeyError:
        return None
    except ValueError:
        pass
    try:
        return max(
            0.0, (parsedate_to_datetime(headers["retry-after"]) - datetime.now(UTC)).total_seconds()
        )
    except (KeyError, ValueError, TypeError):
        return None
