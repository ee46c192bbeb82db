"""`LocalStack`: everything comes up, comes back when killed, goes away however its owner ends."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from pydantic import SecretStr

from montage_pipeline.errors import MontageError, PermanentError
from montage_pipeline.local import stack as stack_module
from montage_pipeline.local.embedded.process import free_port
from montage_pipeline.local.environment import HOME_MARK
from montage_pipeline.local.stack import LocalStack, StackAddress, running_stack
from montage_pipeline.settings import Settings
from montage_pipeline_tests.local.embedded.test_process import runs, wait_until_gone

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="montage-stack-"))
    folder.chmod(0o755)
    yield folder / "home"
    shutil.rmtree(folder)


def _settings(home: Path) -> Settings:
    return Settings(home=home, ui_port=0, api_port=0, jwt_secret=SecretStr("s" * 40))


def _processes_of(home: Path) -> list[int]:
    """Every live process that belongs to this home, except Postgres's, which overwrite their
    environment.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(HOME_MARK) == str(home.resolve()) or str(
                home.resolve()
            ) in " ".join(process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return [pid for pid in found if pid != os.getpid() and runs(pid)]


def _wait_for(condition: Callable[[], object], limit_s: float, what: str) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {limit_s:g} s"
        time.sleep(0.2)


def _kill_and_wait(stack: LocalStack, name: str) -> None:
    killed = stack.pid_of(name)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    _wait_for(lambda: stack.pid_of(name) not in {killed, None}, 20, f"restart of {name}")


def _sensor_ticks_since(address: StackAddress, moment: float) -> int:
    """How many sensor evaluations went well since then."""
    dsn = address.env["DAGSTER_POSTGRES_URL"].replace("+psycopg2", "")
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT count(*) FROM job_ticks WHERE status IN ('SKIPPED', 'SUCCESS')"
            " AND timestamp > to_timestamp(%s) AT TIME ZONE 'UTC'",
            (moment,),
        ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def taken_ports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody else takes the ports chosen first, before the servers can listen on them."""
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        taken = somebody.getsockname()[1]
        # For the code server and then, launched together, for the UI and the API.
        chosen = iter([taken, free_port(), taken, taken])
        monkeypatch.setattr(stack_module, "free_port", lambda: next(chosen, 0) or free_port())
        yield
        assert next(chosen, None) is None


@pytest.mark.usefixtures("taken_ports")
def test_everything_comes_up_comes_back_and_goes_away(home: Path) -> None:
    stack = LocalStack(_settings(home), with_ui=True, with_api=True)
    try:
        address = stack.start()
        began = time.time()
        assert _is_ready(address)
        assert "dagster_webserver_version" in httpx.get(f"{address.ui_url}/server_info").json()
        assert stat.S_IMODE((home / "stack.json").stat().st_mode) == 0o600
        _wait_for(lambda: _sensor_ticks_since(address, began), 30, "a sensor's tick")

        with pytest.raises(MontageError, match="another montage runs on"):
            LocalStack(_settings(home), with_ui=False, with_api=False).start()
        assert running_stack(home) == address

        for name in ("code-server", "daemon", "api"):
            _kill_and_wait(stack, name)
        os.kill(_pid_of_postgres(home), signal.SIGKILL)
        _wait_for(lambda: _is_ready(address), 60, "readiness after the kills")
        since = time.time()
        _wait_for(
            lambda: _sensor_ticks_since(address, since), 90, "a sensor's tick after the kills"
        )
    finally:
        began = time.monotonic()
        stack.stop()
        took_s = time.monotonic() - began
    stack.stop()
    assert took_s < 12
    assert _processes_of(home) == []
    assert running_stack(home) is None
    assert list((home / "tmp").iterdir()) == []


def test_a_killed_owner_leaves_nothing_and_its_interrupted_runs_are_settled(home: Path) -> None:
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                f"""
                import pathlib, time
                from montage_pipeline.local.stack import LocalStack
                from montage_pipeline.settings import Settings
                settings = Settings(home=pathlib.Path({str(home)!r}))
                stack = LocalStack(settings, with_ui=False, with_api=False)
                print(stack.start().model_dump_json(), flush=True)
                time.sleep(600)
                """
            ),
        ],
        stdout=subprocess.PIPE,
    )
    assert owner.stdout is not None
    address = StackAddress.model_validate(json.loads(owner.stdout.readline()))
    assert running_stack(home) == address
    left = _processes_of(home)
    assert len(left) >= 3
    # A run that was under way when everything ended.
    dsn = address.env["DAGSTER_POSTGRES_URL"].replace("+psycopg2", "")
    create = textwrap.dedent(
        """
        import dagster as dg
        from montage_pipeline.definitions import defs
        job, started = defs.resolve_job_def("cost_reports"), dg.DagsterRunStatus.STARTED
        print(dg.DagsterInstance.get().create_run_for_job(job, status=started).run_id)
        """
    )
    run_id = subprocess.run(
        [sys.executable, "-c", create],
        env=os.environ | address.env,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    owner.kill()
    owner.wait()
    assert wait_until_gone(*left, limit_s=10) == []
    assert running_stack(home) is None

    stack = LocalStack(_settings(home), with_ui=False, with_api=False)
    try:
        stack.start()
        with psycopg.connect(dsn) as connection:
            assert connection.execute(
                "SELECT status FROM runs WHERE run_id = %s", (run_id,)
            ).fetchone() == ("FAILURE",)
    finally:
        stack.stop()
    assert _processes_of(home) == []


def test_what_cannot_start_is_named_and_nothing_stays(home: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            PermanentError, match=f"TCP port {port} of this machine is taken: set MONTAGE_API_PORT"
        ):
            LocalStack(
                _settings(home).model_copy(update={"api_port": port}), with_ui=False, with_api=True
            ).start()
    with pytest.raises(PermanentError, match="R2_ENDPOINT_URL"):
        LocalStack(
            _settings(home).model_copy(update={"r2_access_key_id": "a"}),
            with_ui=False,
            with_api=False,
        ).start()
    nowhere = _settings(home).model_copy(
        update={"database_url": "postgresql://u:p@127.0.0.1:9/montage"}
    )
    with pytest.raises(MontageError, match="cannot reach the Postgres of DATABASE_URL"):
        LocalStack(nowhere, with_ui=False, with_api=False).start()
    assert _processes_of(home) == []
    assert running_stack(home) is None


def _is_ready(address: StackAddress) -> bool:
    try:
        return httpx.get(f"{address.api_url}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def _pid_of_postgres(home: Path) -> int:
    return int((home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
