"""State changes hold their guards, whatever order and however many processes call them."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.model import RequestFailure
from montage_pipeline.vocabulary import ContentStatus, RequestState, Step
from montage_pipeline_tests.clicks import REEL, click, finish, next_requests
from montage_pipeline_tests.examples import examples


def test_a_request_goes_from_queued_to_draft(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID, engine: Engine
) -> None:
    created = click(library, user)
    assert [request.id for request in next_requests(engine)] == [created.request_id]
    assert requests.start(created.request_id, "run-1")
    assert next_requests(engine) == []
    assert requests.progress(created.request_id, "run-1", Step.MUSIC_TRACK, 30)
    assert not requests.progress(created.request_id, "run-of-somebody-else", Step.MUSIC_TRACK, 99)
    requests.note_step(created.request_id, Step.CLIP_ANALYSIS, 1.5)
    requests.note_step(created.request_id, Step.MUSIC_TRACK, 2.5)
    assert not requests.succeed(created.request_id, "run-2", REEL)
    shorter = REEL.model_copy(update={"warnings": ("shorter",)})
    assert requests.succeed(created.request_id, "run-1", shorter)
    item = library.get_item(user, created.content_item_id)
    assert item is not None
    assert (item.status, item.generated_media_url, item.progress_percent, item.warnings) == (
        ContentStatus.DRAFT,
        "m",
        100,
        ("shorter",),
    )
    request = requests.get_request(created.request_id)
    assert request is not None
    assert request.state is RequestState.SUCCEEDED
    assert request.step_seconds == {"clip_analysis": 1.5, "music_track": 2.5}
    assert request.finished_at is not None


def test_only_the_run_of_a_request_may_fail_it(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID
) -> None:
    created = click(library, user)
    requests.start(created.request_id, "run-1")

    def failure(run_id: str) -> RequestFailure:
        return RequestFailure(
            code=ErrorCode.STEP_FAILED,
            message="m",
            step=Step.MUSIC_TRACK,
            attempts=4,
            run_id=run_id,
        )

    assert not requests.fail(created.request_id, failure("an-older-run"))
    assert requests.fail(created.request_id, failure("run-1"))
    item = library.get_item(user, created.content_item_id)
    assert item is not None
    assert item.status is ContentStatus.FAILED
    assert item.error == {
        "code": "step_failed",
        "message": "m",
        "step": "music_track",
        "attempts": 4,
        "run_id": "run-1",
        "details": {},
    }


def test_a_retried_run_takes_over_from_the_crashed_one_only(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID
) -> None:
    created = click(library, user)
    assert requests.start(created.request_id, "crashed")
    assert not requests.start(created.request_id, "stranger")
    assert requests.start(created.request_id, "retry", earlier_runs=["crashed"])
    assert not requests.start(created.request_id, "crashed")


def test_requeue_happens_once_per_lost_run(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID, engine: Engine
) -> None:
    created = click(library, user)
    requests.start(created.request_id, "lost")
    assert requests.requeue(created.request_id, attempt=1, run_id="lost")
    assert not requests.requeue(created.request_id, attempt=1, run_id="lost")
    assert [(request.attempt, request.lost_runs) for request in next_requests(engine)] == [(2, 1)]


def test_a_request_that_is_to_wait_is_not_picked_up_before(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID, engine: Engine
) -> None:
    created = click(library, user)
    requests.start(created.request_id, "run")
    pause = timedelta(minutes=1)
    assert requests.requeue(created.request_id, attempt=1, run_id="run", lost=False, pause=pause)
    assert next_requests(engine) == []
    assert [request.id for request in requests.under_way()] == [created.request_id]
    with engine.begin() as connection:
        connection.execute(text("UPDATE montage_requests SET not_before = now()"))
    assert [(request.id, request.lost_runs) for request in next_requests(engine)] == [
        (created.request_id, 0)
    ]


def test_events_of_an_earlier_attempt_do_not_end_the_next(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID
) -> None:
    created = click(library, user)
    requests.start(created.request_id, "lost")
    requests.requeue(created.request_id, attempt=1, run_id="lost")
    assert not requests.cancel(created.request_id, "lost", attempt=1)
    late = RequestFailure(
        code=ErrorCode.RUN_CRASHED, message="m", step=None, attempts=1, run_id="lost"
    )
    assert not requests.fail(created.request_id, late, attempt=1)
    assert requests.fail(created.request_id, late, attempt=2)


def test_a_reel_stays_while_it_is_made_again_by_hand(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID
) -> None:
    created = click(library, user)
    finish(requests, created.request_id)
    assert requests.reopen(created.request_id, "by hand")
    item = library.get_item(user, created.content_item_id)
    assert item is not None
    assert (item.status, item.progress_percent) == (ContentStatus.DRAFT, 100)
    failure = RequestFailure(
        code=ErrorCode.STEP_FAILED, message="m", step=None, attempts=1, run_id="by hand"
    )
    assert requests.fail(created.request_id, failure)
    assert library.get_item(user, created.content_item_id) == item

    assert requests.reopen(created.request_id, "by hand again")
    better = REEL.model_copy(update={"media_url": "better"})
    assert requests.succeed(created.request_id, "by hand again", better)
    item = library.get_item(user, created.content_item_id)
    assert item is not None
    assert (item.status, item.generated_media_url) == (ContentStatus.DRAFT, "better")


def test_what_is_made_again_by_hand_gives_way_to_what_its_owner_asks_for(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID, engine: Engine
) -> None:
    created = click(library, user)
    finish(requests, created.request_id)
    assert requests.reopen(created.request_id, "by hand")
    with engine.connect() as connection:
        told = connection.scalar(text("SELECT count(*) FROM webhook_deliveries"))

    again = library.request_again(user, created.content_item_id)
    assert again.status is ContentStatus.GENERATING
    assert requests.is_canceled(created.request_id)
    assert not requests.succeed(created.request_id, "by hand", REEL)
    assert [request.id for request in next_requests(engine)] == [again.request_id]
    with pytest.raises(PermanentError, match="being generated"):
        library.request_again(user, created.content_item_id)

    finish(requests, again.request_id)
    item = library.get_item(user, created.content_item_id)
    assert item is not None
    assert item.status is ContentStatus.DRAFT
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM webhook_deliveries")) == told


def test_retirement_names_only_what_ended_long_ago(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID, engine: Engine
) -> None:
    clicks = [click(library, user) for _ in range(3)]
    old, fresh, running = (created.request_id for created in clicks)
    for request_id in (old, fresh):
        finish(requests, request_id)
    requests.start(running, "run")
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE montage_requests SET finished_at = now() - interval '31 days'"
                " WHERE id = :id"
            ),
            {"id": old},
        )
    keys = [created.partition_key for created in clicks]
    assert requests.unfinished_since(timedelta(days=30), keys) == set(keys[1:])
    assert requests.unfinished_since(timedelta(days=30), keys[:2]) == {keys[1]}
    assert requests.unfinished_since(timedelta(0), [*keys, "nobody's"]) == {keys[2]}


@hypothesis_settings(
    max_examples=examples(0.4),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["start", "progress", "succeed", "fail", "cancel", "requeue", "reopen", "again"]
            ),
            st.integers(0, 2),
        ),
        max_size=14,
    )
)
def test_whatever_happens_item_and_request_agree(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID, events: list[tuple[str, int]]
) -> None:
    created = click(library, user)
    request_id = created.request_id
    kept = False
    """Whether the item has its Reel and keeps it, while somebody makes it again by hand."""
    for event, number in events:
        run = f"run-{number}"
        match event:
            case "start":
                requests.start(request_id, run)
            case "progress":
                requests.progress(request_id, run, Step.EDIT_TIMELINE, 40)
            case "succeed":
                requests.succeed(request_id, run, REEL)
            case "fail":
                requests.fail(
                    request_id,
                    RequestFailure(
                        code=ErrorCode.STEP_FAILED, message="m", step=None, attempts=1, run_id=run
                    ),
                )
            case "cancel":
                requests.cancel(request_id, run)
            case "requeue":
                requests.requeue(request_id, attempt=number + 1, run_id=run)
            case "reopen":
                before = library.get_item(user, created.content_item_id)
                assert before is not None
                has_reel = before.status is ContentStatus.DRAFT
                kept = (requests.reopen(request_id, run) and has_reel) or kept
            case "again":
                try:
                    request_id = library.request_again(user, created.content_item_id).request_id
                    kept = False
                except PermanentError as error:
                    assert error.code == "already_generating"  # noqa: PT017
        request, item = (
            requests.get_request(request_id),
            library.get_item(user, created.content_item_id),
        )
        assert request is not None
        assert item is not None
        if kept:
            assert item.status is ContentStatus.DRAFT
            continue
        assert (item.status is ContentStatus.GENERATING) == (not request.state.is_terminal)
        assert (item.status is ContentStatus.FAILED) == (
            request.state in (RequestState.FAILED, RequestState.CANCELED)
        )
        assert (item.error is None) == (item.status is not ContentStatus.FAILED)
        assert (request.finished_at is None) == (not request.state.is_terminal)
