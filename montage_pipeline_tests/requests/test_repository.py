"""State changes hold their guards, whatever order and however many processes call them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from montage_pipeline.records import PermanentError
from montage_pipeline.requests.migrate import is_current, upgrade
from montage_pipeline.requests.model import RequestFailure
from montage_pipeline.requests.repository import RequestRepository
from montage_pipeline.requests.tables import Base
from montage_pipeline.requests.vocabulary import ContentStatus, RequestState, Step
from montage_pipeline_tests.clicks import MEDIA, asked, click, finish


def test_migrations_make_exactly_the_tables_the_code_uses(engine: Engine, database_url: str) -> None:
    upgrade(database_url)  # a second time changes nothing
    assert is_current(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_request_goes_from_queued_to_draft(repository: RequestRepository, user: UUID) -> None:
    created = click(repository, user)
    assert [request.id for request in repository.queued(10)] == [created.request_id]
    assert repository.start(created.request_id, "run-1")
    assert repository.queued(10) == []
    assert repository.progress(created.request_id, "run-1", Step.MUSIC_TRACK, 30)
    assert not repository.progress(created.request_id, "run-of-somebody-else", Step.MUSIC_TRACK, 99)
    repository.note_step(created.request_id, Step.CLIP_ANALYSIS, 1.5)
    repository.note_step(created.request_id, Step.MUSIC_TRACK, 2.5)
    assert not repository.succeed(created.request_id, "run-2", **MEDIA)
    assert repository.succeed(created.request_id, "run-1", **MEDIA, warnings=["shorter"])
    item = repository.get_item(user, created.content_item_id)
    assert item is not None
    assert (item.status, item.generated_media_url, item.progress_percent, item.warnings) == (ContentStatus.DRAFT, "m", 100, ("shorter",))
    request = repository.get_request(created.request_id)
    assert request is not None
    assert request.state is RequestState.SUCCEEDED
    assert request.step_seconds == {"clip_analysis": 1.5, "music_track": 2.5}
    assert request.finished_at is not None


def test_only_the_run_of_a_request_may_fail_it(repository: RequestRepository, user: UUID) -> None:
    created = click(repository, user)
    repository.start(created.request_id, "run-1")

    def failure(run_id: str) -> RequestFailure:
        return RequestFailure(code="c", message="m", step=Step.MUSIC_TRACK, attempts=4, run_id=run_id)

    assert not repository.fail(created.request_id, failure("an-older-run"))
    assert repository.fail(created.request_id, failure("run-1"))
    item = repository.get_item(user, created.content_item_id)
    assert item is not None
    assert item.status is ContentStatus.FAILED
    assert item.error == {"code": "c", "message": "m", "step": "music_track", "attempts": 4, "run_id": "run-1", "details": {}}


def test_a_retried_run_takes_over_from_the_crashed_one_only(repository: RequestRepository, user: UUID) -> None:
    created = click(repository, user)
    assert repository.start(created.request_id, "crashed")
    assert not repository.start(created.request_id, "stranger")
    assert repository.start(created.request_id, "retry", earlier_runs=["crashed"])
    assert not repository.start(created.request_id, "crashed")


def test_requeue_happens_once_per_lost_run(repository: RequestRepository, user: UUID) -> None:
    created = click(repository, user)
    repository.start(created.request_id, "lost")
    assert repository.requeue(created.request_id, attempt=1, run_id="lost")
    assert not repository.requeue(created.request_id, attempt=1, run_id="lost")
    assert [request.attempt for request in repository.queued(10)] == [2]


def test_one_key_makes_one_item_even_in_a_race(repository: RequestRepository, user: UUID) -> None:
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda _: repository.create_item(user, asked(), idempotency_key="click"), range(16)))
    assert len({one.request_id for one in created}) == 1
    assert sum(not one.replayed for one in created) == 1
    with pytest.raises(PermanentError, match="another request") as caught:
        repository.create_item(user, asked(duration_s=15), idempotency_key="click")
    assert caught.value.code == "idempotency_conflict"


def test_an_item_has_one_request_under_way_even_in_a_race(repository: RequestRepository, user: UUID, engine: Engine) -> None:
    created = click(repository, user)
    finish(repository, created.request_id)

    def again(_: int) -> str:
        try:
            return str(repository.request_again(user, created.content_item_id).request_id)
        except PermanentError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(again, range(12)))
    assert answers.count("already_generating") == 11
    # A finished request cannot be reopened while another one of its item is under way.
    assert not repository.reopen(created.request_id, "by hand")
    with pytest.raises(PermanentError, match="no content item"):
        repository.request_again(uuid4(), created.content_item_id)


def test_retirement_names_only_what_ended_long_ago(repository: RequestRepository, user: UUID, engine: Engine) -> None:
    old, fresh, running = (click(repository, user).request_id for _ in range(3))
    unknown = uuid4()
    for request_id in (old, fresh):
        finish(repository, request_id)
    repository.start(running, "run")
    with engine.begin() as connection:
        connection.execute(text("UPDATE montage_requests SET finished_at = now() - interval '31 days' WHERE id = :id"), {"id": old})
    assert repository.finished_before([old, fresh, running, unknown], timedelta(days=30)) == {old, unknown}


@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["start", "progress", "succeed", "fail", "cancel", "requeue", "reopen", "again"]), st.integers(0, 2)),
        max_size=14,
    )
)
def test_whatever_happens_item_and_request_agree(repository: RequestRepository, user: UUID, events: list[tuple[str, int]]) -> None:
    created = click(repository, user)
    request_id = created.request_id
    for event, number in events:
        run = f"run-{number}"
        match event:
            case "start":
                repository.start(request_id, run)
            case "progress":
                repository.progress(request_id, run, Step.EDIT_TIMELINE, 40)
            case "succeed":
                repository.succeed(request_id, run, **MEDIA)
            case "fail":
                repository.fail(request_id, RequestFailure(code="c", message="m", step=None, attempts=1, run_id=run))
            case "cancel":
                repository.cancel(request_id, run)
            case "requeue":
                repository.requeue(request_id, attempt=number + 1, run_id=run)
            case "reopen":
                repository.reopen(request_id, run)
            case "again":
                try:
                    request_id = repository.request_again(user, created.content_item_id).request_id
                except PermanentError as error:
                    assert error.code == "already_generating"  # noqa: PT017
        request, item = repository.get_request(request_id), repository.get_item(user, created.content_item_id)
        assert request is not None
        assert item is not None
        assert (item.status is ContentStatus.GENERATING) == (not request.state.is_terminal)
        assert (item.status is ContentStatus.FAILED) == (request.state in (RequestState.FAILED, RequestState.CANCELED))
        assert (item.error is None) == (item.status is not ContentStatus.FAILED)
        assert (request.finished_at is None) == (not request.state.is_terminal)
