"""`LocalStack`: the whole system on one machine, started, watched and stopped as one.

Belongs here: order, supervision and clean ends. Does not belong here: how each server is run
(`embedded`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from signal import SIGTERM

import psutil

from montage_pipeline import logs
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.local.address import (
    StackAddress,
    in_use,
    publish,
    running_stack,
    stack_lock,
    withdraw,
)
from montage_pipeline.local.attended import any_attended, cancel_abandoned
from montage_pipeline.local.embedded import servers
from montage_pipeline.local.embedded.process import (
    end_strays,
    free_port,
    lost_its_port,
    port_is_free,
)
from montage_pipeline.local.embedded.servers import ServerCommand
from montage_pipeline.local.embedded.stores import Stores
from montage_pipeline.local.environment import (
    HOME_MARK,
    child_environment,
    code_server_address,
    empty_temporary_folder,
    make_dagster_home,
)
from montage_pipeline.local.supervisor import Supervisor
from montage_pipeline.settings import Settings

__all__ = ["LocalStack", "StackAddress", "running_stack"]

_POLL_INTERVAL_S = 0.5
"""Between two looks whether everything still runs."""

_MAX_STOP_S = 3.0
"""Daemon and code server take 2 to 3 s to end in order."""

_MAX_PORTS_TRIED = 4
"""Losing a race for a free port once is rare; more often, something else is wrong."""

_PROGRAM_LIMIT_S = 90.0
"""For a program that imports Dagster and reads its database once."""

log = logs.get_logger(__name__)


class LocalStack:
    """Database, object store, code server and daemon on one home; Dagster's UI and the API on
    request.

    One live process owns a home. When that process dies, even by kill -9, a keeper ends everything
    it started; the next start clears what is left and hands interrupted runs back to Dagster.
    """

    def __init__(self, settings: Settings, *, with_ui: bool, with_api: bool) -> None:
        self._settings = settings.model_copy(update={"home": settings.home.resolve()})
        self._home = self._settings.home
        self._with_ui = with_ui
        self._with_api = with_api
        self._lock = stack_lock(self._home)
        self._stores: Stores | None = None
        self._servers = Supervisor(self._home, after_death=self._clean_up_after)
        self._ports: dict[str, int] = {}
        self._watcher: threading.Thread | None = None
        self._stopping = threading.Event()

    def start(self, say: Callable[[str], object] = lambda line: None) -> StackAddress:
        """Start everything and wait until it works; `say` gets a line for people now and then.

        Raises MontageError naming what did not start and quoting its log; then nothing is left
        running.
        """
        if not self._lock.acquire():
            raise MontageError(
                ErrorCode.STACK_RUNNING,
                f"another montage runs on {self._home} already: stop it, "
                "or set MONTAGE_HOME to another folder",
            )
        try:
            return self._start(say)
        except BaseException:
            self.stop()
            raise

    def stop(self, *, at_once: bool = False) -> None:
        """Stop everything in order, within seconds. Safe to call again.

        `at_once` is for somebody who waits and wants nothing finished: runs, their FFmpeg and the
        servers are killed before anything is waited for.

        The daemon first, then the code server with its runs, the UI and the API, the stores last.
        """
        self._stopping.set()
        if not self._lock.held:
            return
        if at_once:
            self._servers.kill_all()
        withdraw(self._home)
        if self._watcher is not None and self._watcher is not threading.current_thread():
            self._watcher.join()
        # The code server is asked last: while the daemon lives, it must not launch anything new
        # without it.
        self._servers.ask_to_stop(but="code-server")
        for name in ("daemon", "code-server", "dagster-ui", "api"):
            self._servers.stop(name, timeout_s=0 if at_once else _MAX_STOP_S)
        if self._stores is not None:
            self._stores.stop(at_once=at_once)
        empty_temporary_folder(self._home)
        self._lock.release()

    def wait_until_unused(self, say: Callable[[str], object] = lambda line: None) -> None:
        """Wait for other commands that found this system and still use it.

        Call before `stop` when nobody is in a hurry.
        """
        if in_use(self._home):
            say("Another montage command still uses this system: it stops when that is done.")
            while in_use(self._home):
                time.sleep(_POLL_INTERVAL_S)

    def pid_of(self, name: str) -> int | None:
        """The process id of a running server: code-server, daemon, dagster-ui or api."""
        return self._servers.pid_of(name)

    def _start(self, say: Callable[[str], object]) -> StackAddress:
        self._clear()
        dagster_home = make_dagster_home(self._home)
        self._stores = stores = Stores(self._settings)
        say(f"Starting the database and the object store in {self._home}.")
        stores.begin()
        found = stores.variables() | {
            "DAGSTER_HOME": str(dagster_home),
            "MONTAGE_HOME": str(self._home),
        }
        self._servers.environment = child_environment(self._settings, found)
        self._cancel_abandoned(stores)
        self._settle_lost_runs(stores)

        say("Starting Dagster.")
        # The code server loads its definitions while the object store gets ready; the others need
        # the code server.
        code_server = partial(servers.code_server, stores.dagster_dsn())
        self._launch_at(code_server, 0)
        stores.finish()
        self._wait_at(code_server, 0)
        self._servers.environment |= code_server_address(self._ports["code-server"])
        self._start_around_code_server(dagster_home / "workspace.yaml", stores)

        address = self._address(found)
        publish(address)
        self._watcher = threading.Thread(target=self._watch, name="stack-watcher", daemon=True)
        self._watcher.start()
        self._servers.begin_calling()
        return address

    def _clear(self) -> None:
        """Make room: nothing of an earlier owner runs, and the ports asked for are free."""
        if self._with_ui:
            self._refuse_taken("MONTAGE_UI_PORT", self._settings.ui_port)
        if self._with_api:
            self._refuse_taken("MONTAGE_API_PORT", self._settings.api_port)
        withdraw(self._home)
        self._end_strays()
        empty_temporary_folder(self._home)

    def _start_around_code_server(self, workspace: Path, stores: Stores) -> None:
        """Start daemon, UI and API side by side, and wait for each."""
        settings = self._settings
        listening: list[tuple[Callable[[int], ServerCommand], int]] = []
        if self._with_ui:
            listening.append((partial(servers.webserver, workspace), settings.ui_port))
        if self._with_api:
            listening.append((partial(servers.api, settings.api_host), settings.api_port))

        self._servers.launch(servers.daemon(workspace, stores.dagster_dsn()))
        for command_at, port in listening:
            self._launch_at(command_at, port)
        self._servers.wait_for("daemon")
        for command_at, port in listening:
            self._wait_at(command_at, port)

    def _address(self, found: dict[str, str]) -> StackAddress:
        ports, host = self._ports, self._settings.api_host
        return StackAddress(
            home=str(self._home),
            pid=os.getpid(),
            env=found,
            ui_url=servers.base_url("127.0.0.1", ports["dagster-ui"]) if self._with_ui else "",
            api_url=servers.base_url(host, ports["api"]) if self._with_api else "",
        )

    def _refuse_taken(self, variable: str, port: int) -> None:
        if port and not port_is_free(port):
            raise PermanentError(
                ErrorCode.PORT_TAKEN,
                f"TCP port {port} of this machine is taken: set {variable} to another, "
                "or to 0 for any",
            )

    def _launch_at(self, command_at: Callable[[int], ServerCommand], port: int) -> None:
        """Launch a server at a port, or at any free one for 0."""
        chosen = port or free_port()
        command = command_at(chosen)
        self._ports[command.name] = chosen
        self._servers.launch(command)

    def _wait_at(self, command_at: Callable[[int], ServerCommand], port: int) -> None:
        """Wait for a server that was launched so.

        One that may listen anywhere moves when somebody took its port before it could.
        """
        name = command_at(port).name
        for tries_left in reversed(range(_MAX_PORTS_TRIED)):
            try:
                self._servers.wait_for(name)
                return
            except MontageError as error:
                may_move = port == 0 and tries_left > 0
                if not (may_move and lost_its_port(error)):
                    raise
            log.warning("port_taken_meanwhile", server=name, port=self._ports[name])
            self._launch_at(command_at, port)

    def _watch(self) -> None:
        while not self._stopping.wait(_POLL_INTERVAL_S):
            try:
                self._look_after_everything()
            except Exception:
                log.exception("restart_failed")

    def _look_after_everything(self) -> None:
        if self._stores is not None and (revived := self._stores.revive()):
            log.warning("servers_restarted", servers=", ".join(revived))
        self._servers.look_after_everything()

    def _clean_up_after(self, server: str) -> None:
        """A server died, and all its processes with it."""
        if server == "code-server" and self._stores is not None:
            self._settle_lost_runs(self._stores)

    def _cancel_abandoned(self, stores: Stores) -> None:
        """Before anything could go on with them: requests of commands that were killed."""
        if not any_attended(self._home):
            return
        from montage_pipeline.composition import Services

        stores.migrate()
        services = Services(stores.reached_by())
        try:
            cancel_abandoned(self._home, services.requests)
        finally:
            services.close()

    def _settle_lost_runs(self, stores: Stores) -> None:
        """Tell Dagster that runs it believes to be under way are gone: no process of ours can have
        survived to here.
        """
        if not stores.owns_dagster_storage or not servers.runs_under_way(stores.dagster_dsn()):
            return
        done = _run_module("montage_pipeline.orchestration.lost_runs", self._servers.environment)
        if done.returncode:
            raise MontageError(
                ErrorCode.LOST_RUNS_NOT_SETTLED,
                f"could not tell Dagster about interrupted runs: {done.stdout.strip()[-2000:]}",
            )

    def _end_strays(self) -> None:
        """End processes of an earlier owner of this home that its keeper did not reach."""
        home = str(self._home)
        own_family = {process.pid for process in (psutil.Process(), *psutil.Process().parents())}

        def is_ours(process: psutil.Process) -> bool:
            return process.pid not in own_family and process.environ().get(HOME_MARK) == home

        with suppress(psutil.Error):
            end_strays(is_ours, first=SIGTERM)


def _run_module(module: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module],
        env=dict(environment),
        cwd=environment["DAGSTER_HOME"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=_PROGRAM_LIMIT_S,
    )
