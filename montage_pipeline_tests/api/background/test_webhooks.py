"""What a receiver gets, over real sockets; and where nothing is ever sent."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import func, update
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from montage_pipeline.api.background.webhooks import WebhookSender
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.tables import WebhookDeliveryRow
from montage_pipeline.requests.webhooks.targets import Webhooks
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import DeliveryState
from montage_pipeline_tests.clicks import click, finish


class Post(NamedTuple):
    """What arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """A server that answers `statuses`, then 204, and remembers what it got."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts.append(Post(self.path, dict(self.headers.items()), body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?who=me"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    thread.join()
    receiver.server.server_close()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database of this test's own: no API's background takes its messages."""
    from montage_pipeline.requests.database import create_engine

    engine = create_engine(Settings(database_url=database_url))
    yield engine
    engine.dispose()


@pytest.fixture
def sender(engine: Engine) -> WebhookSender:
    return WebhookSender(Settings(fetch_private_hosts=True), engine)


def state(engine: Engine, user: UUID) -> tuple[DeliveryState, int | None, str | None]:
    [delivery] = Webhooks(engine).deliveries(user, limit=5)
    return delivery.state, delivery.answer_status, delivery.problem


def test_a_receiver_can_verify_what_it_gets_and_knows_a_repetition(
    engine: Engine,
    sender: WebhookSender,
    receiver: Receiver,
    library: ContentLibrary,
    requests: RequestLifecycle,
    user: UUID,
) -> None:
    webhooks = Webhooks(engine)
    [secret] = webhooks.put(user, receiver.url).secrets
    created = click(library, user, title="Größe 🌊")
    finish(requests, created.request_id)
    receiver.statuses = [503]
    assert sender.send_due()
    assert state(engine, user) == (DeliveryState.PENDING, 503, "The receiver answered HTTP 503.")
    assert not sender.send_due()  # not before its pause is over
    with Session(engine) as session, session.begin():
        session.execute(update(WebhookDeliveryRow).values(next_attempt_at=func.now()))
    new = webhooks.change_secret(user).secrets[0]
    assert sender.send_due()
    assert state(engine, user) == (DeliveryState.DELIVERED, 204, None)

    first, second = receiver.posts
    assert first.path == "/hook?who=me"
    assert first.headers["content-type"] == "application/json"
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    told = Webhook(secret).verify(first.body, first.headers)
    assert told["type"] == "content_item.done"
    assert told["data"]["id"] == str(created.content_item_id)
    for valid in (secret, new):
        assert Webhook(valid).verify(second.body, second.headers) == told
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(first.body, first.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(first.body.replace(b"draft", b"drafd"), first.headers)


def test_a_redirect_is_not_followed_and_gone_is_final(
    engine: Engine, sender: WebhookSender, receiver: Receiver, library: ContentLibrary, user: UUID
) -> None:
    webhooks = Webhooks(engine)
    webhooks.put(user, receiver.url)
    receiver.statuses = [307, 410]
    queued = webhooks.send_test(user)
    sender.send_due()
    assert [post.path for post in receiver.posts] == ["/hook?who=me"]
    assert state(engine, user)[:2] == (DeliveryState.PENDING, 307)
    webhooks.repeat(user, queued.id)
    sender.send_due()
    assert state(engine, user)[:2] == (DeliveryState.FAILED, 410)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "[::ffff:127.0.0.1]"]
)
def test_nothing_is_ever_sent_into_our_own_network(
    engine: Engine, receiver: Receiver, library: ContentLibrary, user: UUID, host: str
) -> None:
    webhooks = Webhooks(engine)
    port = receiver.server.server_port
    webhooks.put(user, f"http://{host}:{port}/hook")
    webhooks.send_test(user)
    assert WebhookSender(Settings(), engine).send_due()
    assert receiver.posts == []
    assert state(engine, user) == (
        DeliveryState.PENDING,
        None,
        "The host is not on the public internet.",
    )


def test_a_host_that_is_not_there_is_said_to_be(
    engine: Engine, sender: WebhookSender, library: ContentLibrary, user: UUID
) -> None:
    webhooks = Webhooks(engine)
    webhooks.put(user, "http://nowhere.invalid/hook")
    webhooks.send_test(user)
    sender.send_due()
    stands, status, problem = state(engine, user)
    assert (stands, status) == (DeliveryState.PENDING, None)
    assert problem is not None
    assert "nowhere.invalid" in problem
