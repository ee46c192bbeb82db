"""An ephemeral Dagster instance over the real database and object store."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from montage_pipeline.orchestration.partitions import montage_requests
from montage_pipeline.orchestration.services import Services
from montage_pipeline.requests.model import CreatedRequest
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore


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
    services.engine.dispose()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def add_partition(instance: dg.DagsterInstance, created: CreatedRequest) -> str:
    """Make the request's partition, as the daemon does for the sensor."""
    assert montage_requests.name is not None
    instance.add_dynamic_partitions(montage_requests.name, [str(created.request_id)])
    return str(created.request_id)
