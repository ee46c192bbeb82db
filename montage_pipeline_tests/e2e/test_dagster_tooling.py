"""Dagster's own tools work in a fresh clone with nothing set."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from montage_pipeline.local.embedded.process import free_port

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CLONED = ("pyproject.toml", "README.md", "dagster.yaml", "workspace.yaml")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git has of the tree, as far as the tools read it."""
    folder = tmp_path_factory.mktemp("clone")
    for name in CLONED:
        shutil.copy(ROOT / name, folder)
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "montage_pipeline", folder / "montage_pipeline", ignore=no_caches)
    return folder


def environment(clone: Path) -> dict[str, str]:
    """As a new shell has it, with the environment's programs and the clone's package."""
    home = clone.parent / "home"
    home.mkdir(exist_ok=True)
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {"PATH": path, "HOME": str(home), "PYTHONPATH": str(clone)}


def run(clone: Path, *command: str) -> str:
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=clone,
        env=environment(clone),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.slow
def test_dg_checks_the_definitions(clone: Path) -> None:
    shown = run(clone, "dg", "check", "defs")
    assert "All definitions loaded successfully" in shown
    assert "Traceback" not in shown


@pytest.mark.slow
def test_dg_lists_the_definitions(clone: Path) -> None:
    shown = run(clone, "dg", "list", "defs", "--json")
    for name in ("clip_analysis", "r2_object", "montage_requests", "chunk_retention"):
        assert f'"{name}"' in shown


@pytest.mark.slow
@pytest.mark.parametrize("command", [("dagster", "dev"), ("dg", "dev")], ids=" ".join)
def test_a_developer_gets_the_ui(clone: Path, command: tuple[str, str]) -> None:
    port = free_port()
    with running(clone, *command, "--port", str(port)) as log:
        entries = wait_for_locations(f"http://127.0.0.1:{port}/graphql", log)
        # Longer than the daemon takes to evaluate sensors, which have nothing to look at.
        time.sleep(12)
    assert [entry["locationOrLoadError"]["__typename"] for entry in entries] == [
        "RepositoryLocation"
    ]
    shown = log.read_text()
    assert "Traceback" not in shown, shown
    assert "Error" not in shown, shown


@contextmanager
def running(clone: Path, *command: str) -> Iterator[Path]:
    """The program, for as long as the block lasts; yields its log."""
    log = clone.parent / f"{command[0]}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [BIN / command[0], *command[1:]],
            cwd=clone,
            env=environment(clone),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield log
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def wait_for_locations(url: str, log: Path) -> list[dict[str, dict[str, str]]]:
    """The code locations, once the UI has loaded them."""
    query = (
        "{ workspaceOrError { ... on Workspace"
        " { locationEntries { locationOrLoadError { __typename } } } } }"
    )
    deadline_s = time.monotonic() + 90
    while time.monotonic() < deadline_s:
        try:
            answer = httpx.post(url, json={"query": query}, timeout=10).json()
        except httpx.TransportError:
            time.sleep(0.3)
            continue
        entries: list[dict[str, dict[str, str]]] = answer["data"]["workspaceOrError"][
            "locationEntries"
        ]
        if entries and all(entry["locationOrLoadError"] for entry in entries):
            return entries
        time.sleep(0.3)
    raise AssertionError(log.read_text())
