"""An ephemeral Dagster instance over the real database and object store, and runs in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg
import pytest
from pydantic import SecretStr

from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.composition import Services
from montage_pipeline.definitions import build_definitions
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.orchestration.partitions import montage_requests
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import ContentItem, CreatedRequest
from montage_pipeline.settings import Settings
from montage_pipeline.storage.keys import document_key
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.fakes import anthropic_server as claude
from montage_pipeline_tests.fakes import fal_server as fal


@pytest.fixture(scope="module", autouse=True)
def _bare_footage(bare_footage: None) -> None:
    """The clips of this room are FFmpeg's patterns."""


@pytest.fixture
def pipeline_settings(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with quick retries and local files allowed."""
    changes = {
        "home": tmp_path / "home",
        "retry_delay_s": 0.01,
        "local_files": True,
        "fetch_private_hosts": True,
        "fetch_timeout_s": 5.0,
    }
    return settings.model_copy(update=changes)


@pytest.fixture
def services(pipeline_settings: Settings, object_store: ObjectStore) -> Iterator[Services]:
    services = Services(pipeline_settings)
    yield services
    services.close()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Something small that moves."""
    path = tmp_path_factory.mktemp("clip") / "moving.mp4"
    make_clip(path, "testsrc2=size=192x144:rate=10", 5)
    return path


@pytest.fixture
def anthropic() -> Iterator[claude.AnthropicServer]:
    with claude.AnthropicServer() as server:
        yield server


@pytest.fixture
def queue() -> Iterator[fal.FalServer]:
    with fal.FalServer() as server:
        yield server


@pytest.fixture
def with_claude(
    pipeline_settings: Settings, object_store: ObjectStore, anthropic: claude.AnthropicServer
) -> Settings:
    """Claude analyses."""
    return pipeline_settings.model_copy(
        update={
            "analyst": "claude",
            "anthropic_base_url": anthropic.url,
            "anthropic_api_key": SecretStr("test-key"),
        }
    )


@pytest.fixture
def with_fal(
    pipeline_settings: Settings, object_store: ObjectStore, queue: fal.FalServer
) -> Settings:
    """fal composes; the local analyst analyses."""
    return pipeline_settings.model_copy(
        update={
            "composer": "fal",
            "fal_queue_url": queue.url,
            "fal_key": SecretStr("test-key"),
            "analyst": "local",
        }
    )


def make_clip(path: Path, source: str, duration_s: float) -> None:
    """A clip from one of FFmpeg's generators."""
    length = ["-t", str(duration_s), "-pix_fmt", "yuv420p"]
    run_ffmpeg(["-f", "lavfi", "-i", source, *length, str(path)])


def add_partition(instance: dg.DagsterInstance, created: CreatedRequest) -> str:
    """Make the request's partition, as the daemon does for the sensor."""
    assert montage_requests.name is not None
    instance.add_dynamic_partitions(montage_requests.name, [created.partition_key])
    return created.partition_key


def run_montage(
    services: Services,
    instance: dg.DagsterInstance,
    partition: str,
    *assets: str,
    tags: dict[str, str] | None = None,
    **resources: Any,
) -> dg.ExecuteInProcessResult:
    """Run these assets, or all, for one request; `resources` replaces those of the definitions."""
    job = build_definitions(services.settings, **resources).resolve_job_def("montage")
    return job.execute_in_process(
        instance=instance,
        partition_key=partition,
        raise_on_error=False,
        tags=tags,
        asset_selection=[dg.AssetKey(str(name)) for name in assets] or None,
    )


_ANALYSES: dict[str, bytes] = {}


def store_analysis(services: Services, created: CreatedRequest, clip: Path) -> None:
    """The document of the request's first step, for tests that are about a later one.

    The local analyst made it in the first test of this process that asked: of the same clips it
    always makes the same.
    """
    url = clip.as_uri()
    if url not in _ANALYSES:
        fetched = services.fetcher.fetch(url)
        analysis = LocalAnalyst(services.settings).analyse([fetched], "dynamic", 8.0)
        _ANALYSES[url] = analysis.model_dump_json().encode()
    key = document_key(created.request_id, Step.CLIP_ANALYSIS)
    services.store.put_bytes(key, _ANALYSES[url], content_type="application/json")


def retries_of(result: dg.ExecuteInProcessResult) -> int:
    """How often a step of the run was tried again."""
    return sum(event.event_type_value == "STEP_UP_FOR_RETRY" for event in result.all_events)


def item_of(library: ContentLibrary, user: UUID, created: CreatedRequest) -> ContentItem:
    """The item of a click."""
    item = library.get_item(user, created.content_item_id)
    assert item is not None
    return item


def error_of(library: ContentLibrary, user: UUID, created: CreatedRequest) -> dict[str, Any]:
    """Why the item of a click failed."""
    item = item_of(library, user, created)
    assert item.error is not None, item
    return item.error
