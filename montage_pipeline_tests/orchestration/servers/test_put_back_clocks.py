"""A clock that jumps costs nobody their Reel, and stops nothing."""

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
)
from dagster._daemon.monitoring import run_monitoring
from dagster._daemon.sensor import get_elapsed

from montage_pipeline.orchestration.jobs import montage
from montage_pipeline.orchestration.servers import put_back_clocks
from montage_pipeline.orchestration.servers.daemon import Bell, nudged_daemons
from montage_pipeline.orchestration.servers.liveness import Turns
from montage_pipeline.orchestration.servers.put_back_clocks import end_when_put_back
from montage_pipeline.settings import Settings

JUMP_S = 7200.0


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def _ticked(instance: dg.DagsterInstance, sensor: str, at_s: float) -> InstigatorState:
    location = GrpcServerCodeLocationOrigin(host="localhost", port=4000, location_name="here")
    origin = RemoteInstigatorOrigin(
        repository_origin=RemoteRepositoryOrigin(location, "__repository__"), instigator_name=sensor
    )
    data = SensorInstigatorData(
        last_tick_timestamp=at_s, last_tick_start_timestamp=at_s, cursor="kept"
    )
    return instance.add_instigator_state(
        InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)
    )


def test_the_daemon_begins_with_no_sensor_asleep_until_a_clock_catches_up(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    ahead = _ticked(instance, "ahead", time.time() + JUMP_S)
    usual = _ticked(instance, "usual", time.time() - 1.0)
    settings, turns = Settings(_env_file=None), Turns(tmp_path / "turned")
    nudged_daemons(instance, bells=(Bell(), Bell()), settings=settings, turns=turns)
    states = {state.selector_id: state for state in instance.all_instigator_state()}
    # Without a last tick, Dagster takes a sensor to be due.
    assert get_elapsed(states[ahead.selector_id]) is None
    elapsed_s = get_elapsed(states[usual.selector_id])
    assert elapsed_s is not None
    assert 1.0 <= elapsed_s < JUMP_S
    # Where a sensor has got to is not forgotten with when that was.
    data = states[ahead.selector_id].instigator_data
    assert isinstance(data, SensorInstigatorData)
    assert data.cursor == "kept"


@pytest.mark.parametrize(("off_s", "ends"), [(-JUMP_S, True), (JUMP_S, False), (-1.0, False)])
def test_a_daemon_whose_clock_is_put_back_begins_again(
    off_s: float, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, looked = threading.Event(), threading.Semaphore(0)
    right = time.time

    def put_back_s(watch: put_back_clocks.ClockWatch) -> float:
        found = look(watch)
        looked.release()
        return found

    look = put_back_clocks.ClockWatch.put_back_s
    monkeypatch.setattr(put_back_clocks.ClockWatch, "put_back_s", put_back_s)
    monkeypatch.setattr(put_back_clocks, "_POLL_S", 0.01)

    def end(status: int) -> None:
        assert status == 1
        ended.set()

    end_when_put_back(end)
    assert looked.acquire(timeout=30)
    assert not ended.is_set()
    monkeypatch.setattr(time, "time", lambda: right() + off_s)
    if ends:
        assert ended.wait(30)
        return
    for _ in range(3):
        assert looked.acquire(timeout=30)
    assert not ended.is_set()
    # Whoever is put right again has been put back by then: this ends the thread.
    monkeypatch.setattr(time, "time", lambda: right() + off_s - JUMP_S)
    assert ended.wait(30)


def test_a_daemon_that_is_starved_between_two_clocks_takes_neither_for_put_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch, right = put_back_clocks.ClockWatch(), time.monotonic
    # The reading after the time of day comes thirteen seconds late, once; so does all after it.
    late_s = iter([0.0, 13.0])
    paused = [0.0]

    def monotonic() -> float:
        paused[0] = next(late_s, paused[0])
        return right() + paused[0]

    at_s = time.time()
    monkeypatch.setattr(time, "time", lambda: at_s + paused[0])
    monkeypatch.setattr(time, "monotonic", monotonic)
    assert abs(watch.put_back_s()) < put_back_clocks.MIN_JUMP_S


def test_a_clock_that_is_put_forward_cancels_no_reel(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster's own limit of a run's time cancels, which reads as if a person had."""

    @dg.op
    def works() -> None: ...

    @dg.job
    def reel() -> None:
        works()

    run = instance.create_run_for_job(reel, tags=dict(montage.tags or {}))
    instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.PIPELINE_START.value, run.job_name), run.run_id
    )
    record = instance.get_run_record_by_id(run.run_id)
    assert record is not None
    assert record.start_time is not None
    later = record.start_time + JUMP_S
    monkeypatch.setattr(run_monitoring, "get_current_timestamp", lambda: later)
    run_monitoring.check_run_timeout(instance, record, logging.getLogger(), 1800.0)
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.STARTED
