"""What a failing step does to its request, its retries and its documents."""

from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest

from montage_pipeline.definitions import build_definitions
from montage_pipeline.errors import PermanentError
from montage_pipeline.orchestration.documents import DocumentIOManager, document_key
from montage_pipeline.orchestration.services import Services
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import ContentItem
from montage_pipeline.storage.model import StoredObject
from montage_pipeline.vocabulary import ContentStatus, RequestState
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.orchestration.conftest import add_partition


def run_montage(
    services: Services, instance: dg.DagsterInstance, partition: str
) -> dg.ExecuteInProcessResult:
    job = build_definitions(services.settings).resolve_job_def("montage")
    return job.execute_in_process(instance=instance, partition_key=partition, raise_on_error=False)


def item_of(library: ContentLibrary, user: UUID, item_id: UUID) -> ContentItem:
    item = library.get_item(user, item_id)
    assert item is not None
    return item


def test_a_fault_is_retried_three_times_then_the_item_says_why(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user, "http://127.0.0.1:9/never-answers.mp4")
    result = run_montage(services, instance, add_partition(instance, created))
    assert not result.success
    retries = [event for event in result.all_events if event.event_type_value == "STEP_RESTARTED"]
    assert len(retries) == 3
    item = item_of(library, user, created.content_item_id)
    assert item.status is ContentStatus.FAILED
    assert item.error is not None
    assert item.error["code"] == "clip_fetch_failed"
    assert item.error["step"] == "clip_analysis"
    assert item.error["attempts"] == 4
    assert item.error["run_id"] == result.run_id
    request = services.requests.get_request(created.request_id)
    assert request is not None
    assert request.state is RequestState.FAILED


def test_bad_input_fails_at_once(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    tmp_path: Path,
) -> None:
    (tmp_path / "notes.mp4").write_text("<html>not a video</html>" * 100)
    created = click(library, user, (tmp_path / "notes.mp4").as_uri())
    result = run_montage(services, instance, add_partition(instance, created))
    assert not result.success
    assert not [
        event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"
    ]
    error = item_of(library, user, created.content_item_id).error
    assert error is not None
    assert (error["code"], error["attempts"]) == ("no_usable_clips", 1)
    assert "notes.mp4" in error["message"]


def test_a_request_under_way_elsewhere_is_left_alone(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user)
    services.requests.start(created.request_id, "somebody-else")
    result = run_montage(services, instance, add_partition(instance, created))
    assert not result.success
    request = services.requests.get_request(created.request_id)
    assert request is not None
    assert (request.state, request.run_id) == (RequestState.RUNNING, "somebody-else")


@pytest.mark.parametrize("key", ["not-a-uuid", "00000000-0000-4000-8000-000000000000"])
def test_a_partition_without_a_request_fails_with_a_sentence(
    services: Services, instance: dg.DagsterInstance, key: str
) -> None:
    instance.add_dynamic_partitions("montage_requests", [key])
    result = run_montage(services, instance, key)
    assert not result.success
    assert not [
        event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"
    ]


def test_documents_survive_the_round_trip_and_miss_with_a_name(services: Services) -> None:
    manager = DocumentIOManager(services)
    value = StoredObject(bucket="b", key="k", etag="e", bytes=3, content_type="video/mp4")
    output = dg.build_output_context(asset_key=dg.AssetKey("r2_object"), partition_key="p1")
    manager.handle_output(output, value)
    assert services.store.head(document_key("p1", "r2_object")) is not None

    def read(partition: str) -> object:
        return manager.load_input(
            dg.build_input_context(
                asset_key=dg.AssetKey("r2_object"),
                partition_key=partition,
                dagster_type=dg.PythonObjectDagsterType(StoredObject),
            )
        )

    assert read("p1") == value
    with pytest.raises(PermanentError, match="Materialise r2_object for this partition first"):
        read("p2")
