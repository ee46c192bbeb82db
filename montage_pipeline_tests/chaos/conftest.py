"""The stack that is broken on purpose, and the table of what was asserted.

make test-chaos                             every case
make test-chaos CASE=code_server_alone      one of them; CHAOS_SEED=n repeats its choices,
                                           CHAOS_PATIENCE=n stretches its time-outs

CHAOS_TABLE names a JSON file to which each run of the suite adds its table; `tables.py` writes
docs/chaos.md from it.
"""

import json
import os
import random
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import create_engine

from montage_pipeline.local.embedded.seaweed import EmbeddedObjectStore
from montage_pipeline_tests.chaos import inside
from montage_pipeline_tests.chaos.crowd import Crowd, Member, Trouble, gathered
from montage_pipeline_tests.chaos.patience import PATIENCE
from montage_pipeline_tests.chaos.scene import Scene, World
from montage_pipeline_tests.chaos.store_proxy import StoreProxy
from montage_pipeline_tests.e2e.conftest import running_system, small_clip

__all__ = ["small_clip"]

_SEED = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(1_000_000))

_FAST = {"a_little_of_everything"}
"""What runs with every `make test`: a stack of its own, and one scene on it."""

CLAUDE_TIMEOUT_S = 10.0 * min(PATIENCE, 3.0)
"""Of one call. The fake judges real frames, which takes seconds on a busy machine."""

FAL_TIMEOUT_S = 6.0 * min(PATIENCE, 2.0)
"""Of one wait for a job, of which there are four; it holds a slot meanwhile."""

_MAX_CASE_S = 1200 * PATIENCE
"""For one case, or for the whole crowd, which the first case of it waits for."""

SLOTS = 3
"""One more than the cores of a small machine, because runs wait for providers and stores, too."""

RETRY_AFTER_MAX_S = 12.0
"""More than what is slept in a slot, and short enough to be waited for."""

_RUN = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}, CHAOS_SEED={_SEED}"

_LOAD = f"{os.getloadavg()[0]:.0f}"
"""For the table: what else the machine had to do when the suite began."""

_table: list[dict[str, object]] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All but a few cases are for `make test-chaos`."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.chaos)
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(_MAX_CASE_S))
            if item.name.removeprefix("test_") not in _FAST:
                item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def world(servers_home: Path) -> Iterator[World]:
    """The running system, with ways to reach into its processes and between it and its store."""
    orders, folder = servers_home / "orders", servers_home / "inside"
    orders.mkdir()
    folder.mkdir()
    assert inside.__file__ is not None
    (folder / "sitecustomize.py").write_text(Path(inside.__file__).read_text())
    real_settings = EmbeddedObjectStore.settings

    with pytest.MonkeyPatch.context() as patched, StoreProxy() as proxy:

        def through_the_proxy(store: EmbeddedObjectStore) -> dict[str, str]:
            proxy.target = lambda: real_settings(store)["R2_ENDPOINT_URL"]
            return real_settings(store) | {"R2_ENDPOINT_URL": proxy.url}

        patched.setattr(EmbeddedObjectStore, "settings", through_the_proxy)
        paths = [str(folder), os.environ.get("PYTHONPATH", "")]
        patched.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        patched.setenv("CHAOS_ORDERS", str(orders))
        changes = {
            "max_running": SLOTS,
            "claude_timeout_s": CLAUDE_TIMEOUT_S,
            "fal_timeout_s": FAL_TIMEOUT_S,
            "retry_after_max_s": RETRY_AFTER_MAX_S,
        }
        with running_system(servers_home / "chaos", **changes) as system:
            dagster = create_engine(system.address.env["DAGSTER_POSTGRES_URL"], pool_pre_ping=True)
            yield World(system, proxy, orders, dagster)
            dagster.dispose()


@pytest.fixture
def scene(request: pytest.FixtureRequest, world: World, small_clip: Path) -> Iterator[Scene]:
    """A case that has not begun."""
    name = _name_of(request.node)
    began = time.monotonic()
    made = Scene(world, small_clip, name, _SEED)
    yield made
    outcome = _outcome_of(request.node)
    world.calm_down()
    if outcome != "passed":
        made.withdraw()
    _note(request.node, time.monotonic() - began, made.asserted)


@pytest.fixture(scope="session")
def crowd(request: pytest.FixtureRequest, world: World, small_clip: Path) -> Iterator[Crowd]:
    """All selected cases whose troubles concern their own requests alone."""
    troubles: list[tuple[str, Trouble]] = [
        (_name_of(item), cast(Trouble, item.callspec.params["trouble"]))
        for item in request.session.items
        if isinstance(item, pytest.Function) and "crowd" in item.fixturenames
    ]
    random.Random(_SEED).shuffle(troubles)
    made = gathered(world, troubles, lambda name: Scene(world, small_clip, name, _SEED))
    yield made
    made.together.withdraw()


@pytest.fixture
def member(request: pytest.FixtureRequest, crowd: Crowd) -> Iterator[Member]:
    """A case of the crowd, which is over."""
    name = _name_of(request.node)
    made = crowd.members[name]
    crowd.run()
    yield made
    if _outcome_of(request.node) == "passed":
        crowd.all_is_well()
    _note(request.node, (made.over_s or time.time()) - made.asked_s, made.scene.asserted)


def _name_of(item: pytest.Item) -> str:
    return item.name.removeprefix("test_")


def _outcome_of(item: pytest.Item) -> str:
    report = getattr(item, "report_of_call", None)
    return str(report.outcome) if report is not None else "error"


def _note(item: pytest.Item, seconds: float, asserted: list[str]) -> None:
    """A line of the table."""
    outcome = _outcome_of(item)
    report = getattr(item, "report_of_call", None)
    _table.append(
        {
            "case": _name_of(item),
            "outcome": outcome,
            "seconds": round(seconds, 1),
            "asserted": asserted,
            "failure": report.longreprtext if report is not None and outcome != "passed" else "",
        }
    )
    _keep_table()


def _keep_table() -> None:
    """After each case, so that a run that is broken off has left what it knew."""
    if path := os.environ.get("CHAOS_TABLE"):
        kept = Path(path)
        runs = json.loads(kept.read_text()) if kept.exists() else []
        others = [run for run in runs if run["run"] != _RUN]
        this = {"run": _RUN, "load": _LOAD, "cores": os.cpu_count(), "cases": _table}
        kept.write_text(json.dumps([*others, this], indent=1))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.when == "call":
        item.report_of_call = report  # type: ignore[attr-defined]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Case, outcome, seconds, what was asserted."""
    if not _table:
        return
    terminalreporter.section(f"chaos, CHAOS_SEED={_SEED}")
    width = max(len(str(row["case"])) for row in _table)
    for row in _table:
        asserted = "; ".join(row["asserted"])  # type: ignore[arg-type]
        terminalreporter.write_line(
            f"{row['case']:{width}}  {row['outcome']:6}  {row['seconds']:6.1f} s  {asserted}"
        )
