"""The application against real Postgres and a real object store."""

from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy.engine import Engine

from montage_pipeline import logs
from montage_pipeline.api.app import create_app
from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
from montage_pipeline.local.embedded.seaweed import EmbeddedObjectStore
from montage_pipeline.requests.database import create_engine
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline_tests.api.contract import ApiClient

SECRET = (
    "a-secret-of-the-tests-that-is-long-enough-for-hs512-too-so-that-only-the-algorithm-differs"
)

ClientFor = Callable[[UUID | None], ApiClient]


@pytest.fixture(scope="session")
def object_store(embedded_object_store: EmbeddedObjectStore) -> ObjectStore:
    """One bucket for all tests of this room: each test is another user, and users do not see each
    other's things.
    """
    store = ObjectStore.from_settings(_store_settings(embedded_object_store))
    store.ensure_bucket()
    return store


@pytest.fixture(scope="session")
def api_settings(
    postgres: EmbeddedPostgres,
    _migrated_template: str,
    embedded_object_store: EmbeddedObjectStore,
    object_store: ObjectStore,
) -> Settings:
    """One migrated database and one bucket for all tests of this room, small limits, and a secret
    for tokens.
    """
    postgres.create_database("api", template=_migrated_template)
    return _store_settings(embedded_object_store).model_copy(
        update={
            "database_url": postgres.dsn("api"),
            "jwt_secret": SecretStr(SECRET),
            "max_clips": 5,
            "max_clip_bytes": 1_000_000,
            "log_level": "INFO",
            # All tests come from one address, and one of them watches more than a user may.
            "api_address_requests_per_minute": 0,
            "api_user_event_streams": 50,
        }
    )


def _store_settings(server: EmbeddedObjectStore) -> Settings:
    found = server.settings() | {"R2_BUCKET": "api"}
    return Settings.model_validate({name.lower(): value for name, value in found.items()})


@pytest.fixture(autouse=True)
def _own_log(api_settings: Settings) -> None:
    """The application outlives the test that started it, and with it the stream it logged to."""
    logs.configure(api_settings)


@pytest.fixture(scope="session")
def http(api_settings: Settings) -> Iterator[TestClient]:
    """The running application."""
    with TestClient(create_app(api_settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def app(http: TestClient) -> FastAPI:
    assert isinstance(http.app, FastAPI)
    return http.app


@pytest.fixture
def client_for(app: FastAPI, http: TestClient, api_settings: Settings) -> ClientFor:
    """A client for a user; for nobody with None."""
    return lambda user_id: ApiClient(app, http, api_settings, user_id)


@pytest.fixture
def client(client_for: ClientFor) -> ApiClient:
    """A client for a user nobody has seen before."""
    return client_for(uuid4())


@pytest.fixture(scope="session")
def engine(api_settings: Settings) -> Iterator[Engine]:
    engine = create_engine(api_settings)
    yield engine
    engine.dispose()
