"""Sending what is due to users' webhooks, signed as Standard Webhooks asks
(https://www.standardwebhooks.com).

The target is a stranger's: the connection goes only to public addresses, by the guard that clips
are fetched behind; redirects are not followed, and nothing of the answer but its status is read.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import httpcore
import httpx
from sqlalchemy.engine import Engine
from standardwebhooks.webhooks import Webhook as Signer

from montage_pipeline.footage.fetching.address import ForbiddenAddress, GuardedTransport
from montage_pipeline.logs import get_logger
from montage_pipeline.requests.webhooks.model import Answer, DueMessage
from montage_pipeline.requests.webhooks.outbox import claim_due, forget_old, settle
from montage_pipeline.settings import Settings

log = get_logger(__name__)

TIMEOUT_S = 10.0
"""For one attempt as a whole: a receiver answers first and works later."""

_AT_ONCE = 8
"""Attempts side by side; they wait for the network, not for a core."""

_FORGET_EVERY_S = 3600.0

_GONE = 410
"""The receiver's way of saying that it wants no more."""

_USER_AGENT = "montage-pipeline"


class WebhookSender:
    """Sends due messages, a round at a time."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._allow_private = settings.fetch_private_hosts
        self._engine = engine
        self._forgot_s = -_FORGET_EVERY_S

    def send_due(self) -> bool:
        """Send what is due; True when there may be more."""
        if time.monotonic() - self._forgot_s >= _FORGET_EVERY_S:
            self._forgot_s = time.monotonic()
            forget_old(self._engine)
        due = claim_due(self._engine, _AT_ONCE)
        if due:
            with ThreadPoolExecutor(len(due), "webhook") as senders:
                for _ in senders.map(self._send, due):
                    pass
        return bool(due)

    def _send(self, message: DueMessage) -> None:
        answer = self._answer(message)
        settle(self._engine, message, answer)
        log.info(
            "webhook_sent" if answer.problem is None else "webhook_not_sent",
            delivery_id=str(message.delivery.id),
            attempt=message.delivery.attempts,
            status=answer.status,
            problem=answer.problem,
        )

    def _answer(self, message: DueMessage) -> Answer:
        body = json.dumps(message.delivery.payload, ensure_ascii=False)
        headers = dict(signed_headers(message, body, datetime.now(UTC)))
        transport = GuardedTransport(
            allow_private=self._allow_private, deadline_s=time.monotonic() + TIMEOUT_S
        )
        timeout = httpx.Timeout(TIMEOUT_S).as_dict()
        try:
            request = httpx.Request(
                "POST",
                message.webhook.url,
                headers=headers,
                content=body.encode(),
                extensions={"timeout": timeout},
            )
            with transport, closing(transport.handle_request(request)) as response:
                return _meaning(response.status_code)
        except ForbiddenAddress:
            return Answer(problem="The host is not on the public internet.")
        except (httpcore.TimeoutException, httpx.TimeoutException):
            return Answer(problem=f"No answer within {TIMEOUT_S:g} s.")
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
            httpx.HTTPError,
            httpx.InvalidURL,
        ) as error:
            return Answer(problem=f"The host cannot be reached: {error}")


def signed_headers(message: DueMessage, body: str, now: datetime) -> Iterator[tuple[str, str]]:
    """The headers of one attempt; its signatures are of every secret that is valid."""
    # The same for every attempt, by which a receiver knows what it has seen.
    message_id = f"msg_{message.delivery.id}"
    signatures = [Signer(secret).sign(message_id, now, body) for secret in message.webhook.secrets]
    yield "content-type", "application/json"
    yield "user-agent", _USER_AGENT
    yield "webhook-id", message_id
    yield "webhook-timestamp", str(int(now.timestamp()))
    yield "webhook-signature", " ".join(signatures)


def _meaning(status: int) -> Answer:
    if 200 <= status < 300:
        return Answer(status=status)
    if status == _GONE:
        return Answer(status=status, problem="The receiver wants no more of it.", final=True)
    if 300 <= status < 400:
        return Answer(status=status, problem="It redirects; set the final address.")
    return Answer(status=status, problem=f"The receiver answered HTTP {status}.")
