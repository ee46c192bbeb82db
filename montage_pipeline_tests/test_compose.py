"""What deploy/compose.yaml gives each service, read as Compose reads it."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import yaml
from pydantic import SecretStr

from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
from montage_pipeline.settings import Settings, variable_of

_DEPLOY = Path(__file__).parent.parent / "deploy"
_COMPOSE: dict[str, Any] = yaml.safe_load((_DEPLOY / "compose.yaml").read_text())
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]

_PRODUCT, _DAGSTER = "DATABASE_URL", "DAGSTER_POSTGRES_URL"
_STORE = {"R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"}
_ALLOWED = {
    "postgres": {"POSTGRES_PASSWORD", "DAGSTER_POSTGRES_PASSWORD"},
    "migrate": {_PRODUCT},
    "code": {
        *(_PRODUCT, _DAGSTER, "ANTHROPIC_API_KEY", "FAL_KEY", "MONTAGE_BUDGET_WEBHOOK_SECRET"),
        *_STORE,
    },
    "daemon": {_DAGSTER},
    "webserver": {_DAGSTER},
    "api": {_PRODUCT, *_STORE, "MONTAGE_JWT_SECRET", "MONTAGE_METRICS_TOKEN"},
    "metrics": {_PRODUCT, "MONTAGE_METRICS_TOKEN"},
}
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


@pytest.mark.parametrize("name", sorted(_SERVICES))
def test_a_service_gets_its_own_secrets_and_no_privileges(name: str) -> None:
    service = _SERVICES[name]
    assert "env_file" not in service
    assert set(service["environment"]) & _SECRETS == _ALLOWED[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["mem_limit"]
    assert service["pids_limit"]
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_every_setting_reaches_some_service() -> None:
    known = {variable_of(name) for name in Settings.model_fields}
    given = {name for service in _SERVICES.values() for name in service["environment"]}
    assert known - given == _OF_ONE_MACHINE
    others = {
        *("FORWARDED_ALLOW_IPS", "POSTGRES_USER", "POSTGRES_DB"),
        "DAGSTER_DAEMON_HEARTBEAT_TOLERANCE",
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
