"""Messages are there exactly when what they tell of is, and are tried until they arrive."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, update
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.requests import lifecycle
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.model import RequestFailure
from montage_pipeline.requests.tables import WebhookDeliveryRow
from montage_pipeline.requests.webhooks import outbox, targets
from montage_pipeline.requests.webhooks.model import Answer, Delivery
from montage_pipeline.requests.webhooks.outbox import claim_due, forget_old, settle
from montage_pipeline.requests.webhooks.targets import Webhooks
from montage_pipeline.vocabulary import DeliveryState
from montage_pipeline_tests.clicks import click, finish, new_user

URL = "https://app.example.com/hook"
DAY_S = 86_400


@pytest.fixture
def webhooks(engine: Engine, user: UUID) -> Webhooks:
    """The user has a webhook."""
    webhooks = Webhooks(engine)
    webhooks.put(user, URL)
    return webhooks


def sent(webhooks: Webhooks, user: UUID) -> list[Delivery]:
    return webhooks.deliveries(user, limit=100)


def time_passes(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        session.execute(update(WebhookDeliveryRow).values(next_attempt_at=func.now()))


def test_each_end_of_a_request_is_told_once(
    webhooks: Webhooks, library: ContentLibrary, requests: RequestLifecycle, user: UUID
) -> None:
    done, failed, canceled = (click(library, user) for _ in range(3))
    finish(requests, done.request_id)
    failure = RequestFailure(
        code=ErrorCode.NO_USABLE_CLIPS,
        message="All are dark.",
        step=None,
        attempts=1,
        run_id="run",
        details={"clip": "private.mp4"},
    )
    requests.start(failed.request_id, "run")
    for _ in range(2):  # what comes too late changes nothing, and tells nothing
        requests.fail(failed.request_id, failure)
        requests.withdraw(canceled.request_id)
        assert not requests.succeed(
            done.request_id,
            "run",
            lifecycle.FinishedReel(media_url="m", music_url="u", poster_url="p"),
        )

    told = {delivery.event: delivery.payload for delivery in sent(webhooks, user)}
    assert len(sent(webhooks, user)) == 3
    assert told["content_item.done"]["data"] == {
        "id": str(done.content_item_id),
        "requestId": str(done.request_id),
        "status": "draft",
        "error": None,
    }
    assert told["content_item.failed"]["data"]["error"] == {
        "code": "no_usable_clips",
        "message": "All are dark.",
    }
    assert told["content_item.canceled"]["data"]["error"]["code"] == "canceled"
    for event, payload in told.items():
        assert payload["type"] == event
        assert datetime.fromisoformat(payload["timestamp"]).utcoffset() == timedelta(0)


def test_nothing_is_told_of_a_transaction_that_did_not_happen(
    webhooks: Webhooks,
    library: ContentLibrary,
    requests: RequestLifecycle,
    user: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    created = click(library, user)
    queue = outbox.queue_outcome

    def crash_after(*arguments: object) -> None:
        queue(*arguments)  # type: ignore[arg-type]
        raise ConnectionError("the process dies before it commits")

    monkeypatch.setattr(lifecycle, "queue_outcome", crash_after)
    with pytest.raises(ConnectionError):
        finish(requests, created.request_id)
    assert sent(webhooks, user) == []

    monkeypatch.setattr(lifecycle, "queue_outcome", queue)
    requests.withdraw(created.request_id)
    assert [delivery.event for delivery in sent(webhooks, user)] == ["content_item.canceled"]


def test_who_has_no_webhook_is_told_nothing(
    webhooks: Webhooks, engine: Engine, library: ContentLibrary, requests: RequestLifecycle
) -> None:
    other = new_user(library)
    requests.withdraw(click(library, other).request_id)
    assert sent(webhooks, other) == []
    assert claim_due(engine, 10) == []


def test_a_message_is_tried_for_a_day_with_growing_pauses_and_then_given_up(
    webhooks: Webhooks, engine: Engine, user: UUID
) -> None:
    webhooks.send_test(user)
    pauses_s = []
    for attempt in range(1, 20):
        claimed = claim_due(engine, 10)
        if not claimed:
            break
        [message] = claimed
        assert message.delivery.attempts == attempt
        assert claim_due(engine, 10) == []  # it is leased
        settle(engine, message, Answer(status=500, problem="HTTP 500"))
        [delivery] = sent(webhooks, user)
        if delivery.state is DeliveryState.FAILED:
            break
        with engine.connect() as connection:
            now = connection.scalar(func.now().select())
        assert now is not None
        pauses_s.append((delivery.next_attempt_at - now).total_seconds())
        time_passes(engine)

    [delivery] = sent(webhooks, user)
    assert (delivery.state, delivery.answer_status, delivery.problem) == (
        DeliveryState.FAILED,
        500,
        "HTTP 500",
    )
    assert 0.85 * DAY_S < sum(pauses_s) < 1.15 * DAY_S
    assert pauses_s[0] < 10
    assert all(after > 0.8 * before for before, after in pairwise(pauses_s))
    assert claim_due(engine, 10) == []

    again = webhooks.repeat(user, delivery.id)
    assert (again.id, again.state, again.attempts) == (delivery.id, DeliveryState.PENDING, 0)
    [message] = claim_due(engine, 10)
    settle(engine, message, Answer(status=204))
    assert sent(webhooks, user)[0].state is DeliveryState.DELIVERED


def test_who_dies_while_sending_leaves_the_message_to_others(
    webhooks: Webhooks, engine: Engine, user: UUID
) -> None:
    webhooks.send_test(user)
    [lost] = claim_due(engine, 10)
    time_passes(engine)  # the lease ends
    [taken] = claim_due(engine, 10)
    assert taken.delivery.id == lost.delivery.id
    settle(engine, lost, Answer(problem="late"))  # it was not dead, only slow
    assert sent(webhooks, user)[0].problem is None
    settle(engine, taken, Answer(status=200))
    assert sent(webhooks, user)[0].state is DeliveryState.DELIVERED


def test_senders_share_the_work_and_no_user_keeps_the_others_waiting(
    webhooks: Webhooks,
    engine: Engine,
    library: ContentLibrary,
    user: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(targets, "MAX_TESTS_PER_HOUR", 100)
    users = [user, *(new_user(library) for _ in range(5))]
    for each in users:
        webhooks.put(each, URL)
        webhooks.send_test(each)
    for _ in range(20):
        webhooks.send_test(user)
    with ThreadPoolExecutor(4) as senders:
        claimed = [
            message
            for batch in senders.map(lambda _: claim_due(engine, 3), range(4))
            for message in batch
        ]
    ids = [message.delivery.id for message in claimed]
    assert len(set(ids)) == len(ids)
    rest = claim_due(engine, 100)
    assert len(rest) <= len(users)
    assert {message.delivery.id for message in rest}.isdisjoint(ids)


def test_a_removed_webhook_gets_nothing_more_and_a_strangers_message_is_not_repeated(
    webhooks: Webhooks, engine: Engine, library: ContentLibrary, user: UUID
) -> None:
    queued = webhooks.send_test(user)
    stranger = new_user(library)
    webhooks.put(stranger, URL)
    for unknown in (queued.id, uuid4()):
        with pytest.raises(PermanentError, match="no delivery"):
            webhooks.repeat(stranger, unknown)

    webhooks.remove(user)
    assert claim_due(engine, 10) == []
    assert sent(webhooks, user)[0].state is DeliveryState.FAILED
    with pytest.raises(PermanentError, match="no webhook"):
        webhooks.repeat(user, queued.id)


def test_a_changed_secret_signs_beside_the_one_before_for_a_while(
    webhooks: Webhooks, user: UUID
) -> None:
    [first] = webhooks.get(user).secrets
    assert webhooks.put(user, f"{URL}/2").secrets == (first,)
    changed = webhooks.change_secret(user).secrets
    assert changed[1:] == (first,)
    assert changed[0] != first
    assert len(changed[0].removeprefix("whsec_")) == 44  # 32 bytes as base64


def test_old_messages_are_forgotten_unless_they_are_still_tried(
    webhooks: Webhooks, engine: Engine, user: UUID
) -> None:
    webhooks.send_test(user)
    [message] = claim_due(engine, 10)
    settle(engine, message, Answer(status=200))
    pending = webhooks.send_test(user)
    with Session(engine) as session, session.begin():
        old = func.now() - timedelta(days=31)
        session.execute(update(WebhookDeliveryRow).values(created_at=old))
    forget_old(engine)
    assert [delivery.id for delivery in sent(webhooks, user)] == [pending.id]
