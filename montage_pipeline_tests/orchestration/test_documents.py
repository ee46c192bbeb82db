"""A step that cannot read its input or store its output fails as one whose body fails: bad input at
once, a fault after the retries, with the reason on the item. Every test runs the step.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import dagster as dg
import pytest
from pydantic import SecretStr

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.composition import Services
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.orchestration.documents import DocumentIOManager
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import CreatedRequest
from montage_pipeline.storage.keys import document_key
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import ContentStatus, RequestState, Step
from montage_pipeline_tests.clicks import click, finish
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    error_of,
    item_of,
    retries_of,
    run_montage,
)

NOWHERE = "http://127.0.0.1:9"
"""Nothing listens here."""


class DisturbedStore(ObjectStore):
    """The store, with something in the way of each read or each write of one document."""

    disturbed: tuple[Literal["read", "write"], Step]
    disturb: Callable[[], None]

    def head(self, key: str) -> Any:
        self._access("read", key)
        return super().head(key)

    def put_bytes(self, key: str, *args: Any, **kwargs: Any) -> Any:
        self._access("write", key)
        return super().put_bytes(key, *args, **kwargs)

    def _access(self, access: str, key: str) -> None:
        if access == self.disturbed[0] and key.endswith(f"/{self.disturbed[1]}.json"):
            self.disturb()


def documents_in_disturbed_store(
    services: Services,
    access: Literal["read", "write"],
    document: Step,
    disturb: Callable[[], None],
) -> DocumentIOManager:
    """Documents of a store in which `disturb` comes before each such access."""
    store = DisturbedStore.from_settings(services.settings)
    assert isinstance(store, DisturbedStore)
    store.disturbed, store.disturb = (access, document), disturb
    own_services = Services(services.settings)
    own_services.__dict__["store"] = store
    return DocumentIOManager(own_services)


def one_fault() -> Callable[[], None]:
    """Out of order the first time, well from then on."""
    faults = [MontageError(ErrorCode.STORE_UNAVAILABLE, "The store takes a nap.")]

    def disturb() -> None:
        if faults:
            raise faults.pop()

    return disturb


def store_analysis(services: Services, created: CreatedRequest, text: str) -> None:
    key = document_key(created.request_id, Step.CLIP_ANALYSIS)
    services.store.put_bytes(key, text.encode(), content_type="application/json")


def assert_failed_at_once(
    result: dg.ExecuteInProcessResult, error: dict[str, Any], code: ErrorCode, step: Step
) -> None:
    assert not result.success
    assert retries_of(result) == 0
    assert (error["code"], error["step"], error["attempts"]) == (code, step, 1)
    assert error["run_id"] == result.run_id


def test_a_missing_input_fails_at_once_and_is_named(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user)
    result = run_montage(services, instance, add_partition(instance, created), "music_track")
    error = error_of(library, user, created)
    assert_failed_at_once(result, error, ErrorCode.MISSING_INPUT, Step.MUSIC_TRACK)
    assert "Materialise clip_analysis for this partition first" in error["message"]
    request = services.requests.get_request(created.request_id)
    assert request is not None
    assert (request.state, request.run_id) == (RequestState.FAILED, result.run_id)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"schema_version": 0}),
        "not JSON",
        pytest.param("{}", marks=pytest.mark.slow),
        pytest.param('{"schema_version": 1}', marks=pytest.mark.slow),
    ],
)
def test_an_input_of_another_schema_fails_at_once(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID, text: str
) -> None:
    created = click(library, user)
    store_analysis(services, created, text)
    result = run_montage(services, instance, add_partition(instance, created), "music_track")
    error = error_of(library, user, created)
    assert_failed_at_once(result, error, ErrorCode.DOCUMENT_SCHEMA, Step.MUSIC_TRACK)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"r2_secret_access_key": SecretStr("wrong")}, ErrorCode.STORE_REFUSED),
        ({"r2_endpoint_url": ""}, ErrorCode.STORE_NOT_CONFIGURED),
    ],
)
def test_a_store_that_refuses_input_or_output_fails_the_step_at_once(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    change: dict[str, Any],
    code: ErrorCode,
) -> None:
    refused = DocumentIOManager(Services(services.settings.model_copy(update=change)))
    for step in (Step.CLIP_ANALYSIS, Step.MUSIC_TRACK):
        created = click(library, user, clip.as_uri())
        partition = add_partition(instance, created)
        result = run_montage(services, instance, partition, step, documents=refused)
        assert_failed_at_once(result, error_of(library, user, created), code, step)


@pytest.mark.parametrize("access", ["read", "write"])
def test_a_fault_of_the_store_is_retried(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    access: Literal["read", "write"],
) -> None:
    created = click(library, user, clip.as_uri())
    disturbed = documents_in_disturbed_store(services, access, Step.CLIP_ANALYSIS, one_fault())
    result = run_montage(
        services,
        instance,
        add_partition(instance, created),
        Step.CLIP_ANALYSIS,
        Step.MUSIC_TRACK,
        documents=disturbed,
    )
    assert (result.success, retries_of(result)) == (True, 1)
    assert item_of(library, user, created).status is ContentStatus.GENERATING


@pytest.mark.parametrize(
    "step",
    [
        # That an output is retried is seen above.
        pytest.param(Step.CLIP_ANALYSIS, id="output", marks=pytest.mark.slow),
        pytest.param(Step.MUSIC_TRACK, id="input"),
    ],
)
def test_a_store_that_stays_away_ends_the_retries(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    step: Step,
) -> None:
    created = click(library, user, clip.as_uri())
    away = services.settings.model_copy(update={"r2_endpoint_url": NOWHERE})
    result = run_montage(
        services,
        instance,
        add_partition(instance, created),
        step,
        documents=DocumentIOManager(Services(away)),
    )
    assert (result.success, retries_of(result)) == (False, 3)
    error = error_of(library, user, created)
    assert (error["code"], error["step"], error["attempts"]) == ("store_unavailable", step, 4)


def test_a_run_that_delivers_nothing_leaves_a_finished_item_alone(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user)
    finish(services.requests, created.request_id)
    result = run_montage(services, instance, add_partition(instance, created), "music_track")
    assert (result.success, retries_of(result)) == (False, 0)
    assert item_of(library, user, created).status is ContentStatus.DRAFT


@pytest.mark.slow
def test_a_delivered_reel_stays_delivered_when_its_document_cannot_be_stored(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
) -> None:
    def refuse() -> None:
        raise PermanentError(ErrorCode.STORE_REFUSED, "No.")

    created = click(library, user, clip.as_uri())
    refusing = documents_in_disturbed_store(services, "write", Step.R2_OBJECT, refuse)
    partition = add_partition(instance, created)
    result = run_montage(services, instance, partition, documents=refusing)
    assert (result.success, retries_of(result)) == (False, 0)
    assert item_of(library, user, created).status is ContentStatus.DRAFT


def test_a_shutdown_while_an_input_is_read_queues_the_request_again(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
) -> None:
    def shut_down() -> None:
        raise KeyboardInterrupt

    created = click(library, user)
    stopped = documents_in_disturbed_store(services, "read", Step.CLIP_ANALYSIS, shut_down)
    partition = add_partition(instance, created)
    result = run_montage(services, instance, partition, "music_track", documents=stopped)
    assert (result.success, retries_of(result)) == (False, 0)
    request = services.requests.get_request(created.request_id)
    assert request is not None
    # A deploy is nobody's fault: it does not count as a run that was lost.
    assert (request.state, request.attempt, request.lost_runs) == (RequestState.QUEUED, 2, 0)
    assert item_of(library, user, created).status is ContentStatus.GENERATING


def test_a_person_reads_a_value_outside_a_run(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
) -> None:
    created = click(library, user, clip.as_uri())
    partition = add_partition(instance, created)
    assert run_montage(services, instance, partition, Step.CLIP_ANALYSIS).success
    context = dg.build_input_context(
        asset_key=dg.AssetKey("clip_analysis"),
        partition_key=partition,
        dagster_type=dg.PythonObjectDagsterType(ClipAnalysis),
    )
    value = DocumentIOManager(services).load_input(context)
    assert isinstance(value, ClipAnalysis)
    assert value.clips[0].facts.url == clip.as_uri()
