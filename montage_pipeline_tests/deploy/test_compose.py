"""What deploy/compose.yaml gives each service, read as Compose reads it."""

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import yaml
from pydantic import SecretStr

from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
from montage_pipeline.settings import Settings, variable_of
from montage_pipeline_tests.deploy.compose import ROOT, compose, rendered

_DEPLOY = ROOT / "deploy"
_COMPOSE: dict[str, Any] = yaml.safe_load((_DEPLOY / "compose.yaml").read_text())
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]

_PRODUCT, _DAGSTER = "DATABASE_URL", "DAGSTER_POSTGRES_URL"
_BROKER = "MONTAGE_CELERY_BROKER_URL"
_STORE = {"R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"}
_ALLOWED = {
    "postgres": {"POSTGRES_PASSWORD", "DAGSTER_POSTGRES_PASSWORD"},
    "redis": set(),
    "migrate": {_PRODUCT, *_STORE},
    "code": {
        *(_PRODUCT, _DAGSTER, "ANTHROPIC_API_KEY", "FAL_KEY", "MONTAGE_BUDGET_WEBHOOK_SECRET"),
        *(_BROKER, *_STORE),
    },
    # The daemon hears of new requests from the product's database.
    "daemon": {_PRODUCT, _DAGSTER, _BROKER},
    "webserver": {_DAGSTER, _BROKER},
    "api": {_PRODUCT, *_STORE, "MONTAGE_JWT_SECRET", "MONTAGE_METRICS_TOKEN"},
    "metrics": {_PRODUCT, "MONTAGE_METRICS_TOKEN"},
}
_ALLOWED["worker"] = _ALLOWED["code"]
_SECRETS = {
    variable_of(name)
    for name, info in Settings.model_fields.items()
    if info.annotation is SecretStr
} | {_PRODUCT, _DAGSTER, "R2_ACCESS_KEY_ID", "POSTGRES_PASSWORD", "DAGSTER_POSTGRES_PASSWORD"}

_OF_ONE_MACHINE = {
    "MONTAGE_HOME",
    "MONTAGE_LOCAL_FILES",
    "MONTAGE_API_HOST",
    "MONTAGE_API_PORT",
    "MONTAGE_UI_PORT",
}
"""Settings of `montage up` and `montage make`; the image sets MONTAGE_HOME."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clone as `docker compose` needs it, after `cp .env.example .env`."""
    shutil.copytree(_DEPLOY, tmp_path / "deploy")
    for name in ("Dockerfile", ".env.example"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    return tmp_path


def _fill_in(checkout: Path, **values: str) -> None:
    """What an operator does in an editor: the line's value, without its `# `."""
    env = checkout / ".env"
    text = env.read_text()
    for name, value in values.items():
        text, found = re.subn(rf"(?m)^# {name}=.*$", f"{name}={value}", text)
        assert found == 1, name
    env.write_text(text)


def test_an_empty_env_file_is_refused_by_the_name_of_what_is_missing(checkout: Path) -> None:
    _fill_in(checkout, DAGSTER_POSTGRES_PASSWORD="two")
    refused = compose(checkout, "config", "--quiet")
    assert refused.returncode != 0
    assert "POSTGRES_PASSWORD is missing a value: set it in .env" in refused.stderr


def test_it_starts_as_documented(checkout: Path) -> None:
    _fill_in(
        checkout,
        POSTGRES_PASSWORD="one",
        DAGSTER_POSTGRES_PASSWORD="two",
        R2_ACCOUNT_ID="account",
        R2_SECRET_ACCESS_KEY="secret",
        FAL_KEY="key",
    )
    document = rendered(checkout)
    assert document["name"] == "montage", "not the folder's, which other projects have too"
    services = document["services"]
    assert set(services) == {"postgres", "migrate", "code", "daemon", "webserver", "api"}

    code, api = services["code"]["environment"], services["api"]["environment"]
    assert code["DATABASE_URL"] == "postgresql://montage:one@postgres/montage"
    assert code["DAGSTER_POSTGRES_URL"] == "postgresql+psycopg2://dagster:two@postgres/dagster"
    assert (code["R2_ACCOUNT_ID"], code["FAL_KEY"]) == ("account", "key")
    assert "FAL_KEY" not in api
    # What is not set must not become an empty string, which would be a value.
    assert api["MONTAGE_JWT_SECRET"] is None

    build = services["code"]["build"]
    assert (Path(build["context"]) / build["dockerfile"]).is_file()
    for volume in services["postgres"]["volumes"]:
        assert volume["type"] == "volume" or Path(volume["source"]).is_file()


def test_the_profile_of_celery_has_two_workers_with_files_of_their_own(checkout: Path) -> None:
    _fill_in(
        checkout,
        POSTGRES_PASSWORD="one",
        DAGSTER_POSTGRES_PASSWORD="two",
        COMPOSE_PROFILES="celery",
        MONTAGE_DAGSTER_HOME="/home/montage/dagster-celery",
        MONTAGE_CELERY_BROKER_URL="redis://redis:6379/0",
    )
    services = rendered(checkout)["services"]
    worker = services["worker"]
    assert worker["scale"] == 2
    state, logs = worker["volumes"]
    assert (state["target"], state.get("source")) == ("/home/montage/state", None)
    assert logs["source"] == "dagster"
    for name in ("code", "daemon", "webserver", "worker"):
        environment = services[name]["environment"]
        assert environment["DAGSTER_HOME"] == "/home/montage/dagster-celery"
        assert environment[_BROKER] == "redis://redis:6379/0"
    assert worker["environment"] == services["code"]["environment"]


def test_every_lasting_service_is_asked_whether_it_works(checkout: Path) -> None:
    _fill_in(checkout, POSTGRES_PASSWORD="one", DAGSTER_POSTGRES_PASSWORD="two")
    for name, service in rendered(checkout, "*")["services"].items():
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
        assert ("healthcheck" in service) is (name != "migrate"), name
        if name != "postgres":  # which becomes its own account after it took over the volume
            assert service["user"].split(":")[0] not in ("", "0", "root")
        # Nothing moves under an operator's feet: a tag of a release, or theirs.
        assert re.search(r":(local|[0-9]+\.[0-9]+)$", service["image"]), service["image"]


@pytest.mark.parametrize("name", sorted(_SERVICES))
def test_a_service_gets_its_own_secrets_and_no_privileges(name: str) -> None:
    service = _SERVICES[name]
    assert "env_file" not in service
    assert set(service["environment"]) & _SECRETS == _ALLOWED[name]
    runs_are_made_by = {"code", "daemon", "webserver", "worker"}
    assert (_BROKER in service["environment"]) is (name in runs_are_made_by)
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["logging"]["options"] == {"max-size": "20m", "max-file": "5"}
    assert service["mem_limit"]
    assert service["pids_limit"]
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_the_image_has_what_its_variables_ask_for() -> None:
    """A collector's address, say, without what sends traces there: nothing would start."""
    [extras] = re.findall(r"^ARG EXTRAS=(.*)$", (ROOT / "Dockerfile").read_text(), re.M)
    offered = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    # It has a Postgres and a store beside it, instead of `local`.
    not_run = {"local", "dev", "bench"}
    assert set(extras.split(",")) == set(offered["optional-dependencies"]) - not_run


def test_every_setting_reaches_some_service() -> None:
    known = {variable_of(name) for name in Settings.model_fields}
    given = {name for service in _SERVICES.values() for name in service["environment"]}
    assert known - given == _OF_ONE_MACHINE
    others = {
        *("FORWARDED_ALLOW_IPS", "POSTGRES_USER", "POSTGRES_DB"),
        *("DAGSTER_DAEMON_HEARTBEAT_TOLERANCE", "DAGSTER_HOME", _BROKER),
    }
    assert given - known - others == {"POSTGRES_PASSWORD", "DAGSTER_POSTGRES_PASSWORD"}


def test_dagsters_role_reaches_its_own_database_only(postgres: EmbeddedPostgres) -> None:
    product, dagster = f"montage_{uuid4().hex}", f"dagster_{uuid4().hex}"
    postgres.create_database(product)
    script = (_DEPLOY / "create-dagster-database.sql").read_text()
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        for line in script.splitlines():
            if line and not line.startswith(("--", "\\")):
                statement = line.replace(":'password'", "'secret'").replace("montage", product)
                connection.execute(statement.replace("dagster", dagster))

    def connect(database: str) -> None:
        dsn = psycopg.conninfo.make_conninfo(
            postgres.dsn(database), user=dagster, password="secret"
        )
        with psycopg.connect(dsn) as connection:
            connection.execute("CREATE TABLE made (id int)")

    connect(dagster)
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        connect(product)
