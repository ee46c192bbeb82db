"""Fixtures for every room: a real Postgres and a real S3 server, one pair for each pytest worker,
started only for tests that ask.

`database_url` and `object_store` are fresh for each test, so tests never see each other's rows or
objects. Imports are inside the fixtures: a room's tests load nothing that they do not use.
"""

from __future__ import annotations

import functools
import gc
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# A pytest worker has about one core to itself: the thread pools of NumPy, OpenBLAS and OpenCV would
# only wait for each other, busily. All read this once, when they are loaded.
for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
    os.environ.setdefault(_pool, "1")

from hypothesis import settings as hypothesis_settings  # noqa: E402

import montage_pipeline_tests.examples  # noqa: E402, F401
from montage_pipeline_tests.running.schedule import LongFilesFirst  # noqa: E402

hypothesis_settings.load_profile("quick")

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
    from montage_pipeline.local.embedded.seaweed import EmbeddedObjectStore
    from montage_pipeline.requests.library import ContentLibrary
    from montage_pipeline.requests.lifecycle import RequestLifecycle
    from montage_pipeline.settings import Settings
    from montage_pipeline.storage.object_store import ObjectStore

_TEMPLATE = "migrated"


def pytest_configure(config: pytest.Config) -> None:
    """One certificate authority is enough where nothing leaves this machine: each HTTP client, of
    which the tests and their servers make hundreds, would read a hundred and more (30 ms of CPU).
    """
    import certifi

    end = "-----END CERTIFICATE-----\n"
    folder = tempfile.TemporaryDirectory(prefix="montage-authority-")
    config.add_cleanup(folder.cleanup)
    authority = Path(folder.name) / "one.pem"
    authority.write_text(certifi.contents().partition(end)[0] + end)
    os.environ["SSL_CERT_FILE"] = str(authority)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is imported stays, so nothing in it is looked through for garbage: neither while it is
    loaded, which takes a fifth longer with that, nor ever after.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The order in which workers get the files."""
    return LongFilesFirst(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests neither need nor use the keys and addresses of the machine they run on."""
    from montage_pipeline.settings import Settings, get_settings

    monkeypatch.setitem(Settings.model_config, "env_file", None)
    ours = ("MONTAGE_", "R2_", "DATABASE_URL", "ANTHROPIC_", "CLAUDE_", "FAL_", "DAGSTER_")
    for name in list(os.environ):
        if name.startswith(ours):
            monkeypatch.delenv(name)
    get_settings.cache_clear()


@pytest.fixture
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """What the test's own thread logs. Servers that outlive the test that started them go on in
    threads of their own, and log when they please.
    """
    import structlog

    own = threading.get_ident()

    def ours(
        _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        if threading.get_ident() != own:
            raise structlog.DropEvent
        return event

    with structlog.testing.capture_logs(processors=[ours]) as entries:
        yield entries


@pytest.fixture(scope="module")
def bare_footage() -> Iterator[None]:
    """For tests of generated footage that are not about who is in a frame or what is written over
    it: nobody and nothing is. Networks look for both, which is more than half of an analysis; here
    they find nothing at once, as do those in workers of their own, which stay for the next module.
    """
    from montage_pipeline.footage.measuring.objects import FrameObjects
    from montage_pipeline_tests.footage.unseeing import UNSEEING

    measuring = "montage_pipeline.footage.measuring"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(f"{measuring}.measure.objects_in", lambda _: FrameObjects((), ()))
        patched.setattr(f"{measuring}.overlays.marks.words_in", lambda _: [])
        patched.setattr("montage_pipeline.media.isolation.calls.WORKERS", UNSEEING)
        yield


@pytest.fixture(scope="session")
def servers_home() -> Iterator[Path]:
    """A folder for servers that the unprivileged account of Postgres may search; pytest's own
    folders are private.
    """
    home = Path(tempfile.mkdtemp(prefix="montage-tests-"))
    home.chmod(0o755)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(servers_home: Path) -> Iterator[EmbeddedPostgres]:
    """A running Postgres, not safe against power cuts."""
    from montage_pipeline.local.embedded.postgres import EmbeddedPostgres

    server = EmbeddedPostgres(servers_home, durable=False)
    server.start()
    yield server
    server.destroy()


@pytest.fixture(scope="session")
def embedded_object_store(servers_home: Path) -> Iterator[EmbeddedObjectStore]:
    """A running S3 server."""
    import botocore.session

    from montage_pipeline.local.embedded.seaweed import EmbeddedObjectStore

    server = EmbeddedObjectStore(servers_home)
    with pytest.MonkeyPatch.context() as patched:
        # Every client reads megabytes of JSON that describe S3. A process has one client, the tests
        # make hundreds.
        patched.setattr(
            botocore.session, "create_loader", functools.cache(botocore.session.create_loader)
        )
        server.start()
        yield server
        server.destroy()


@pytest.fixture(scope="session")
def _migrated_template(postgres: EmbeddedPostgres) -> str:
    """A database with every migration, made once; each test gets a copy of it."""
    from montage_pipeline.requests.migrate import upgrade
    from montage_pipeline.settings import Settings

    postgres.create_database(_TEMPLATE)
    upgrade(Settings(database_url=postgres.dsn(_TEMPLATE)).sqlalchemy_url)
    postgres.disconnect(_TEMPLATE)
    return _TEMPLATE


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, _migrated_template: str) -> Iterator[str]:
    """The DATABASE_URL (postgresql://…) of a fresh, migrated database; gone after the test,
    whatever is still connected.
    """
    name = f"test_{uuid.uuid4().hex}"
    postgres.create_database(name, template=_migrated_template)
    yield postgres.dsn(name)
    postgres.drop_database(name)


@pytest.fixture
def empty_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The DATABASE_URL of a fresh database without tables."""
    name = f"empty_{uuid.uuid4().hex}"
    postgres.create_database(name)
    yield postgres.dsn(name)
    postgres.drop_database(name)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Connections to this test's database."""
    from montage_pipeline.requests.database import create_engine
    from montage_pipeline.settings import Settings

    engine = create_engine(Settings(database_url=database_url))
    yield engine
    engine.dispose()


@pytest.fixture
def library(engine: Engine) -> ContentLibrary:
    """Users and their content items."""
    from montage_pipeline.requests.library import ContentLibrary

    return ContentLibrary(engine)


@pytest.fixture
def requests(engine: Engine) -> RequestLifecycle:
    """Requests in the pipeline."""
    from montage_pipeline.requests.lifecycle import RequestLifecycle

    return RequestLifecycle(engine)


@pytest.fixture
def user(library: ContentLibrary) -> uuid.UUID:
    """A user with no items yet."""
    from montage_pipeline_tests.clicks import new_user

    return new_user(library)


@pytest.fixture
def settings(
    database_url: str,
    object_store: ObjectStore,
    embedded_object_store: EmbeddedObjectStore,
    tmp_path: Path,
) -> Settings:
    """Settings that lead to this test's database and bucket, with a home of its own and no keys."""
    from pydantic import SecretStr

    from montage_pipeline.settings import Settings

    found = embedded_object_store.settings()
    return Settings(
        home=tmp_path / "home",
        database_url=database_url,
        r2_endpoint_url=found["R2_ENDPOINT_URL"],
        r2_access_key_id=found["R2_ACCESS_KEY_ID"],
        r2_secret_access_key=SecretStr(found["R2_SECRET_ACCESS_KEY"]),
        r2_bucket=object_store.bucket,
    )


@pytest.fixture
def object_store(embedded_object_store: EmbeddedObjectStore) -> ObjectStore:
    """An `ObjectStore` on a fresh, empty bucket."""
    from montage_pipeline.storage.object_store import ObjectStore

    found = embedded_object_store.settings()
    store = ObjectStore(
        endpoint_url=found["R2_ENDPOINT_URL"],
        access_key_id=found["R2_ACCESS_KEY_ID"],
        secret_access_key=found["R2_SECRET_ACCESS_KEY"],
        bucket=f"test-{uuid.uuid4().hex}",
    )
    store.ensure_bucket()
    return store
