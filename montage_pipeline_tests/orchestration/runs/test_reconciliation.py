"""What is under way is judged by heartbeats: dead runs end and their requests go on, live ones are
left alone, whatever Dagster believes and however long nobody could look.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from montage_pipeline.composition import Services
from montage_pipeline.orchestration.lease import LEASE
from montage_pipeline.orchestration.outcomes import MAX_LOST_RUNS, run_failed_sensor
from montage_pipeline.orchestration.partitions import PARTITION_TAG, REQUEST_TAG
from montage_pipeline.orchestration.reconciliation import START_LIMIT_S, Watch, reconcile
from montage_pipeline.requests.attempts.heartbeats import Beats
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import CreatedRequest, MontageRequest
from montage_pipeline.vocabulary import ContentStatus, RequestState
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.orchestration.conftest import error_of, item_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


class TestWatch:
    """Which runs are dead, from looks alone."""

    def test_a_run_that_beats_lives_and_one_that_stops_dies_after_a_lease(self) -> None:
        watch = Watch(None, {})
        for at_s in range(0, 300, 10):
            now = NOON + seconds(at_s)
            stopped = NOON + seconds(min(at_s, 100))
            dead = watch.dead(Beats(now, {"lives": now, "stops": stopped}), ["lives", "stops"])
            watch = Watch.from_cursor(watch.cursor())
            assert dead == ({"stops"} if at_s >= 100 + LEASE.total_seconds() else set())

    def test_a_run_that_never_beat_gets_the_time_to_start(self) -> None:
        watch = Watch(None, {})
        died_at_s = next(
            at_s
            for at_s in range(0, 600, 10)
            if watch.dead(Beats(NOON + seconds(at_s), {}), ["starting"])
        )
        assert died_at_s == START_LIMIT_S

    @given(
        outage_s=st.integers(1, 100_000),
        before_s=st.integers(0, 20),
        clock_jump_s=st.integers(-100_000, 100_000),
    )
    def test_time_in_which_nobody_could_look_counts_against_nobody(
        self, outage_s: int, before_s: int, clock_jump_s: int
    ) -> None:
        """The database was away, and the run has not yet had the chance to beat again."""
        beat = NOON
        watch = Watch(None, {})
        watch.dead(Beats(NOON, {"run": beat}), ["run"])
        watch.dead(Beats(NOON + seconds(before_s), {"run": beat}), ["run"])
        back = NOON + seconds(before_s + outage_s + clock_jump_s)
        if before_s < 15:
            assert watch.dead(Beats(back, {"run": beat}), ["run"]) == set()
        # Two beats later it is known to live.
        for _ in range(10):
            back += seconds(10)
            assert watch.dead(Beats(back, {"run": back}), ["run"]) == set()

    @pytest.mark.parametrize("cursor", [None, "", "{}", "[1]", '{"seen_at": 1, "still": {}}'])
    def test_a_cursor_of_another_release_is_a_fresh_start(self, cursor: str | None) -> None:
        assert Watch.from_cursor(cursor) == Watch(None, {})


def looked_at_until_dead(instance: dg.DagsterInstance, services: Services) -> int:
    """Look as often as it takes for every run that does not beat meanwhile to be dead."""
    return reconcile(instance, services, _watched_long(services))


def _watched_long(services: Services) -> Watch:
    """What the sensor knows that has watched for long."""
    with services.engine.connect() as connection:
        beats = connection.execute(text("SELECT run_id, beat_at FROM run_heartbeats")).all()
        runs = connection.scalars(text("SELECT run_id FROM montage_requests")).all()
    known = {run_id: beat.isoformat() for run_id, beat in beats}
    still = {run_id: (known.get(run_id, ""), 10 * START_LIMIT_S) for run_id in [*runs, *known]}
    return Watch(NOON, still)


def run_of(
    instance: dg.DagsterInstance,
    created: CreatedRequest,
    status: dg.DagsterRunStatus,
    tags: dict[str, str] | None = None,
) -> dg.DagsterRun:
    """A run of the request's first attempt, as Dagster has it."""
    own = {
        PARTITION_TAG: created.partition_key,
        REQUEST_TAG: str(created.request_id),
        "dagster/run_key": f"{created.request_id}:1",
    }
    run: dg.DagsterRun = create_run_for_test(
        instance, job_name="montage", run_id=str(uuid4()), status=status, tags=own | (tags or {})
    )
    return run


def now_of(services: Services, created: CreatedRequest) -> MontageRequest:
    request = services.requests.get_request(created.request_id)
    assert request is not None
    return request


@pytest.mark.parametrize(
    ("status", "tags", "state", "ends_as"),
    [
        (dg.DagsterRunStatus.STARTED, {}, RequestState.QUEUED, dg.DagsterRunStatus.FAILURE),
        (dg.DagsterRunStatus.STARTING, {}, RequestState.QUEUED, dg.DagsterRunStatus.FAILURE),
        (dg.DagsterRunStatus.CANCELING, {}, RequestState.CANCELED, dg.DagsterRunStatus.CANCELED),
        (dg.DagsterRunStatus.CANCELED, {}, RequestState.CANCELED, dg.DagsterRunStatus.CANCELED),
        (
            dg.DagsterRunStatus.FAILURE,
            {"dagster/will_retry": "true"},
            RequestState.QUEUED,
            dg.DagsterRunStatus.FAILURE,
        ),
        (dg.DagsterRunStatus.FAILURE, {}, RequestState.QUEUED, dg.DagsterRunStatus.FAILURE),
        (dg.DagsterRunStatus.SUCCESS, {}, RequestState.QUEUED, dg.DagsterRunStatus.SUCCESS),
    ],
)
def test_whatever_dagster_says_a_dead_run_is_settled(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    status: dg.DagsterRunStatus,
    tags: dict[str, str],
    state: RequestState,
    ends_as: dg.DagsterRunStatus,
) -> None:
    created = click(library, user)
    run = run_of(instance, created, status, tags)
    services.requests.start(created.request_id, run.run_id)
    services.heartbeats.beat(run.run_id, created.request_id)

    assert reconcile(instance, services, Watch(None, {})) == 0
    assert now_of(services, created).state is RequestState.RUNNING

    assert looked_at_until_dead(instance, services) == 1
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is ends_as
    request = now_of(services, created)
    assert request.state is state
    if state is RequestState.QUEUED:
        assert (request.attempt, request.lost_runs) == (2, 1)
        assert item_of(library, user, created).status is ContentStatus.GENERATING
    else:
        assert error_of(library, user, created)["code"] == "canceled"


def test_a_request_whose_run_dagster_never_heard_of_is_settled(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user)
    services.requests.start(created.request_id, "deleted")
    assert looked_at_until_dead(instance, services) == 1
    assert now_of(services, created).state is RequestState.QUEUED


def test_none_hides_behind_a_thousand_others(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    waiting = click(library, user)
    with services.engine.begin() as connection:
        # Rows that wait for a slot for good reason, all of them older.
        for table, column in (("content_items", "id"), ("montage_requests", "content_item_id")):
            columns = "user_id, style, format, duration_sec, clip_urls"
            kind = ("type,", "type,") if table == "content_items" else ("", "")
            identity = f"md5(n::text || '{waiting.request_id}')::uuid"
            connection.execute(
                text(
                    f"INSERT INTO {table} ({column}, {kind[0]} {columns}, created_at)"
                    f" SELECT {identity}, {kind[1]} {columns}, now() - interval '1 day'"
                    f" FROM content_items, generate_series(1, 1000) n WHERE id = :item"
                ),
                {"item": waiting.content_item_id},
            )
    lost = click(library, user)
    services.requests.start(lost.request_id, "gone")
    assert looked_at_until_dead(instance, services) == 1
    assert now_of(services, lost).attempt == 2


@pytest.mark.parametrize(
    ("status", "settled", "state"),
    [
        (dg.DagsterRunStatus.NOT_STARTED, 0, RequestState.QUEUED),
        (dg.DagsterRunStatus.STARTED, 0, RequestState.QUEUED),
        (dg.DagsterRunStatus.FAILURE, 1, RequestState.QUEUED),
        (dg.DagsterRunStatus.CANCELED, 1, RequestState.CANCELED),
    ],
)
def test_a_run_that_ends_before_its_first_step(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    status: dg.DagsterRunStatus,
    settled: int,
    state: RequestState,
) -> None:
    """Its key is used up: without another attempt, nothing would ever start the request."""
    created = click(library, user)
    run_of(instance, created, status)
    assert reconcile(instance, services, Watch(None, {})) == settled
    request = now_of(services, created)
    assert (request.state, request.attempt) == (state, 2 if status.value == "FAILURE" else 1)


def test_a_run_that_outlived_its_request_frees_its_slot(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user)
    run = run_of(instance, created, dg.DagsterRunStatus.STARTED)
    services.requests.start(created.request_id, run.run_id)
    services.heartbeats.beat(run.run_id, created.request_id)
    services.requests.withdraw(created.request_id)
    assert looked_at_until_dead(instance, services) == 0
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.CANCELED


def test_a_request_that_kills_its_runs_ends_as_failed(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user)
    for number in range(MAX_LOST_RUNS):
        assert now_of(services, created).state is RequestState.QUEUED
        services.requests.start(created.request_id, f"lost-{number}")
        assert looked_at_until_dead(instance, services) == 1
    error = error_of(library, user, created)
    assert (error["code"], error["attempts"]) == ("run_crashed", MAX_LOST_RUNS)
    assert f"lost {MAX_LOST_RUNS} times" in error["message"]


def test_a_failed_run_that_said_nothing_gives_its_request_to_another(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    """The event is enough: nobody has to wait for a lease to run out."""
    created = click(library, user)
    run = run_of(instance, created, dg.DagsterRunStatus.STARTED)
    services.requests.start(created.request_id, run.run_id)
    event = instance.report_run_failed(run, "exited with code -9")
    for _ in range(2):
        context = dg.build_run_status_sensor_context(
            sensor_name="montage_run_failed",
            dagster_event=event,
            dagster_instance=instance,
            dagster_run=run,
            resources={"services": services},
        ).for_run_failure()
        run_failed_sensor(services.settings)(context)
    request = now_of(services, created)
    assert (request.state, request.attempt, request.lost_runs) == (RequestState.QUEUED, 2, 1)
