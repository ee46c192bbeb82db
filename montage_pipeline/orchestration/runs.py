"""Dagster's runs as the sensors see them: whose they are, whether they live, what they did."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import dagster as dg
from dagster import DagsterEventType

from montage_pipeline.orchestration.partitions import PARTITION_TAG, request_id_in
from montage_pipeline.requests.model import MontageRequest
from montage_pipeline.vocabulary import Step

_RUN_KEY_TAG = "dagster/run_key"
_OVER = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
)
LIVE = [status for status in dg.DagsterRunStatus if status not in _OVER]

_KEYS_PER_QUERY = 500
"""Databases limit the parameters of a query; Postgres takes 65,535."""


def run_key_of(request: MontageRequest) -> str:
    """The same for the same attempt, so that a repeated tick starts nothing twice."""
    return f"{request.id}:{request.attempt}"


def attempt_number_of(run: dg.DagsterRun) -> int | None:
    """Which attempt of its request the run was started for; None when a person launched it."""
    _, _, number = run.tags.get(_RUN_KEY_TAG, "").rpartition(":")
    return int(number) if number.isdecimal() else None


def is_live(run: dg.DagsterRun) -> bool:
    """Whether something may still come of the run, as Dagster believes."""
    return run.status in LIVE


def runs_of(instance: dg.DagsterInstance, partition_key: str) -> Sequence[dg.DagsterRun]:
    """The runs of one request, newest first."""
    return instance.get_runs(dg.RunsFilter(tags={PARTITION_TAG: partition_key}))


def newest_runs(
    instance: dg.DagsterInstance, requests: Iterable[MontageRequest]
) -> dict[UUID, list[dg.DagsterRun]]:
    """The runs of many requests, newest first; those without any are left out."""
    ids = {request.partition_key: request.id for request in requests}
    keys = list(ids)
    found: dict[UUID, list[dg.DagsterRun]] = {}
    for begin in range(0, len(keys), _KEYS_PER_QUERY):
        tags = {PARTITION_TAG: keys[begin : begin + _KEYS_PER_QUERY]}
        for run in instance.get_runs(dg.RunsFilter(tags=tags)):
            found.setdefault(ids[run.tags[PARTITION_TAG]], []).append(run)
    return found


def request_id_of(run: dg.DagsterRun) -> UUID | None:
    """The request that a run works for, as its tags say; see `request_id_in`."""
    return request_id_in(run.tags)


def steps_of(run: dg.DagsterRun) -> list[Step]:
    """The steps that the run was to make, in order."""
    assets = run.asset_selection
    return [step for step in Step if assets is None or dg.AssetKey(step.value) in assets]


def steps_left(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[Step]:
    """The steps of the run that it did not finish, in order: outputs of the others are stored."""
    events = instance.get_records_for_run(run.run_id, of_type=DagsterEventType.STEP_SUCCESS)
    done = {record.event_log_entry.step_key for record in events.records}
    return [step for step in steps_of(run) if step.value not in done]
