"""Budget alerts reach the operator's webhook: signed, until taken, each under its own id."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pydantic import SecretStr

from montage_pipeline.composition import Services
from montage_pipeline.costs.ledger import PaidCall
from montage_pipeline.orchestration.spending.webhook import deliver_alerts
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Service
from montage_pipeline_tests.clicks import click, new_user

SECRET = "what only both sides know"


class Receiver:
    """Answers with the statuses given, in order, and keeps what came."""

    def __init__(self, *statuses: int) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver, left = self, list(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append((headers, body))
                self.send_response(left.pop(0))
                self.send_header("location", receiver.url)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/alerts"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver(500, 302, 204)
    yield running
    running.close()


def services_for(database_url: str, **changes: object) -> Services:
    values = {"database_url": database_url, "budget_user_day_usd": Decimal("0.01")}
    return Services(Settings(**(values | changes)))  # type: ignore[arg-type]


def spend(services: Services, library: ContentLibrary) -> PaidCall:
    """A call that fills its user's day to 90 %."""
    user = new_user(library)
    call = PaidCall(
        user_id=user,
        service=Service.FAL,
        endpoint="cassetteai/music-generator",
        montage_request_id=click(library, user).request_id,
        run_id=None,
        asset=None,
        fingerprint="f",
        predicted_usd=Decimal("0.009"),
    )
    services.ledger.open(call)
    return call


def test_an_alert_is_sent_until_it_is_taken(
    database_url: str, library: ContentLibrary, receiver: Receiver
) -> None:
    services = services_for(
        database_url,
        budget_webhook_url=receiver.url,
        budget_webhook_secret=SecretStr(SECRET),
    )
    call = spend(services, library)
    assert [deliver_alerts(services) for _ in range(4)] == [0, 0, 1, 0]
    services.close()

    assert len(receiver.got) == 3, "a redirect is no delivery, and is not followed"
    assert len({headers["x-montage-alert-id"] for headers, _body in receiver.got}) == 1
    headers, body = receiver.got[-1]
    told = json.loads(body)
    assert {name: told[name] for name in ("type", "budget", "subject", "percent")} == {
        "type": "budget_alert",
        "budget": "user_day",
        "subject": str(call.user_id),
        "percent": 80,
    }
    assert (Decimal(told["spent_usd"]), Decimal(told["limit_usd"])) == (
        Decimal("0.009"),
        Decimal("0.01"),
    )
    at, signed = (part.split("=")[1] for part in headers["x-montage-signature"].split(","))
    proof = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert signed == proof


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9/", "ftp://x/", "https://[::1", "nonsense"])
def test_a_webhook_that_cannot_be_reached_breaks_nothing(
    database_url: str, library: ContentLibrary, url: str
) -> None:
    services = services_for(database_url, budget_webhook_url=url)
    spend(services, library)
    assert deliver_alerts(services) == 0
    services.close()
