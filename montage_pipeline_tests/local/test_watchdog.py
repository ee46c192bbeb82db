"""Servers that live but do not work are found out by calling them, and are started again."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from montage_pipeline.local.embedded import watchdog
from montage_pipeline.local.embedded.process import free_port
from montage_pipeline.local.embedded.servers import ServerCommand
from montage_pipeline.local.embedded.watchdog import CodeServerWatch, main, runs_held, serves
from montage_pipeline.local.supervisor import Supervisor

RUN_ID = "0f0f0f0f-1111-4222-8333-444444444444"


class CodeServer(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers as Dagster's code server does, as bytes."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.hangs = threading.Event()
        self.port = free_port()
        self._server = grpc.server(ThreadPoolExecutor(4), handlers=[self])
        self._server.add_insecure_port(f"127.0.0.1:{self.port}")

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if self.hangs.is_set():
            time.sleep(2)
        answers = {
            "/api.DagsterApi/ListRepositories": b"\n\x02{}",
            "/api.DagsterApi/GetCurrentRuns": b"\n\x80\x01" + repr(self.runs).encode(),
        }
        answer = answers.get(details.method)
        if answer is None:
            return None
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)

    def __enter__(self) -> "CodeServer":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None)


@pytest.fixture
def code_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[CodeServer]:
    monkeypatch.setattr(watchdog, "_DEADLINE_S", 0.5)
    with CodeServer() as server:
        yield server


def test_the_health_check_calls_the_server(code_server: CodeServer) -> None:
    address = f"127.0.0.1:{code_server.port}"
    assert serves(address)
    assert main([address]) == 0
    code_server.hangs.set()
    assert not serves(address)
    assert main([address]) == 1
    assert main([f"127.0.0.1:{free_port()}"]) == 1
    assert main([]) == 2


def test_a_server_that_clears_no_run_away_does_not_work(
    code_server: CodeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: dict[str, str] = {}
    monkeypatch.setattr(watchdog, "_run_states", lambda _dsn, _runs: states)
    address = f"127.0.0.1:{code_server.port}"
    watch = CodeServerWatch(address, "")
    code_server.runs = [RUN_ID]
    assert runs_held(address) == [RUN_ID]
    for status in ("STARTED", "STARTED", "FAILURE"):
        states[RUN_ID] = status
        assert watch.works()
    assert not watch.works()

    # A run that lives is not killed for it: its heartbeat looks after it.
    other = RUN_ID.replace("0f", "ab")
    code_server.runs.append(other)
    states[other] = "STARTED"
    assert watch.works()
    code_server.runs.clear()
    assert watch.works()


def test_a_server_that_does_not_work_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("montage_pipeline.local.supervisor._CALL_INTERVAL_S", 0.1)
    (tmp_path / "dagster").mkdir()
    sign = tmp_path / "sign"
    died: list[str] = []
    # Touches its file for as long as it is not stopped.
    program = (
        f"import pathlib, time\nwhile True: pathlib.Path({str(sign)!r}).touch(); time.sleep(0.05)"
    )
    command = ServerCommand(
        "server",
        ("python3", "-c", program),
        sign.exists,
        works=lambda: time.time() - sign.stat().st_mtime < 1,
        silence_limit_s=1.5,
    )
    supervisor = Supervisor(tmp_path, after_death=died.append)
    supervisor.environment = dict(os.environ)
    supervisor.launch(command)
    try:
        supervisor.wait_for("server")
        supervisor.begin_calling()
        first = supervisor.pid_of("server")
        assert first is not None
        time.sleep(2)
        supervisor.look_after_everything()
        assert supervisor.pid_of("server") == first

        os.kill(first, signal.SIGSTOP)
        deadline = time.monotonic() + 30
        while supervisor.pid_of("server") in {first, None}:
            assert time.monotonic() < deadline
            supervisor.look_after_everything()
            time.sleep(0.05)
        assert died == ["server"]
    finally:
        supervisor.ask_to_stop(but="")
        supervisor.stop("server", timeout_s=1)
