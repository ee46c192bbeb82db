"""What leads to the stores: other processes get exactly these settings, own servers are used where
they are named.
"""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from montage_pipeline.errors import MontageError, PermanentError
from montage_pipeline.local.address import (
    StackAddress,
    in_use,
    publish,
    running_stack,
    stack_lock,
    withdraw,
)
from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
from montage_pipeline.local.embedded.stores import Stores
from montage_pipeline.local.environment import (
    child_environment,
    make_dagster_home,
    setting_variables,
)
from montage_pipeline.settings import Settings


def test_a_child_reads_the_settings_that_were_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Settings(
        home=tmp_path,
        local_files=True,
        fal_key=SecretStr("k"),
        claude_max_cost_usd=Decimal("0.25"),
        sensor_interval_s=3,
    )
    monkeypatch.setenv("R2_BUCKET", "from-the-shell")
    environment = child_environment(given, {"DATABASE_URL": "postgresql://u@h/d"})
    assert "R2_BUCKET" not in environment, (
        "what the given settings leave at its default stays there"
    )
    assert environment["MONTAGE_LOCAL_FILES"] == "true"

    monkeypatch.delenv("R2_BUCKET")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Settings() == given.model_copy(update={"database_url": "postgresql://u@h/d"})
    assert "MONTAGE_RETRY_MAX" not in setting_variables(given)


def test_dagster_finds_its_configuration(tmp_path: Path) -> None:
    folder = make_dagster_home(tmp_path)
    assert "DAGSTER_POSTGRES_URL" in (folder / "dagster.yaml").read_text()
    assert "max_concurrent_runs" in (folder / "dagster.yaml").read_text()
    workspace = (folder / "workspace.yaml").read_text()
    assert "MONTAGE_CODE_SERVER_HOST" in workspace
    assert "MONTAGE_CODE_SERVER_PORT" in workspace


def test_a_server_of_ones_own_gets_a_database_for_dagster(
    postgres: EmbeddedPostgres, settings: Settings
) -> None:
    postgres.drop_database("dagster")
    stores = Stores(settings)
    for _ in range(2):
        stores.begin()
    stores.finish()
    with psycopg.connect(stores.dagster_dsn()) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("dagster",)
    found = stores.variables()
    assert found["DAGSTER_POSTGRES_URL"].startswith("postgresql+psycopg2://")
    assert (found["DATABASE_URL"], found["R2_BUCKET"]) == (
        settings.database_url,
        settings.r2_bucket,
    )
    assert not stores.owns_dagster_storage
    assert stores.revive() == []
    stores.stop()
    assert not settings.home.exists(), "nothing embedded was started"

    elsewhere = Stores(
        settings.model_copy(update={"dagster_postgres_url": "postgresql+psycopg2://u@h/x"})
    )
    assert elsewhere.variables()["DAGSTER_POSTGRES_URL"] == "postgresql+psycopg2://u@h/x"


def test_a_user_who_may_make_no_database_is_told_what_to_do(
    postgres: EmbeddedPostgres, settings: Settings
) -> None:
    postgres.drop_database("dagster")
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS plain")
        connection.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
    address = settings.database_url.partition("@")[2]
    with pytest.raises(PermanentError, match="set DAGSTER_POSTGRES_URL"):
        Stores(
            settings.model_copy(update={"database_url": f"postgresql://plain:plain@{address}"})
        ).begin()
    postgres.create_database("dagster")
    with pytest.raises(MontageError, match="cannot reach the Postgres of DATABASE_URL"):
        Stores(
            settings.model_copy(update={"database_url": "postgresql://u:p@127.0.0.1:9/d"})
        ).begin()


def test_a_system_is_found_while_its_owner_lives_and_knows_who_uses_it(tmp_path: Path) -> None:
    address = StackAddress(home=str(tmp_path), pid=1, env={"DATABASE_URL": "x"})
    lock = stack_lock(tmp_path)
    assert running_stack(tmp_path) is None
    assert lock.acquire()
    publish(address)
    assert not in_use(tmp_path)

    code = (
        "import pathlib, sys, time; from montage_pipeline.local.stack import running_stack;"
        f"address = running_stack(pathlib.Path({str(tmp_path)!r}));"
        "print(address.env['DATABASE_URL'], flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == b"x\n"
        assert in_use(tmp_path)
        user.kill()
    assert not in_use(tmp_path)

    lock.release()
    assert running_stack(tmp_path) is None, "a file that a killed owner left leads nowhere"
    withdraw(tmp_path)
    withdraw(tmp_path)
