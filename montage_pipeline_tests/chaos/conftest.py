"""The stack that is broken on purpose, and the table of what was asserted.

make test-chaos                             every case
make test-chaos CASE=code_server_alone      one of them; CHAOS_SEED=n repeats its choices,
                                           CHAOS_PATIENCE=n stretches its time-outs

CHAOS_TABLE names a JSON file to which each run of the suite adds its table; `publish` writes them
into docs/chaos.md.
"""

import os
import random
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import create_engine

from montage_pipeline.local.embedded.seaweed import EmbeddedObjectStore
from montage_pipeline_tests.chaos import inside
from montage_pipeline_tests.chaos.crowd import Crowd, Member, Trouble, gathered
from montage_pipeline_tests.chaos.patience import PATIENCE
from montage_pipeline_tests.chaos.rows import (
    Row,
    add_row,
    figures,
    keep,
    name_of,
    outcome_of,
    printed,
    rows_of,
)
from montage_pipeline_tests.chaos.scene import Scene, World
from montage_pipeline_tests.chaos.store_proxy import StoreProxy
from montage_pipeline_tests.e2e.conftest import running_system, small_clip

__all__ = ["small_clip"]

SEED = int(os.environ.setdefault("CHAOS_SEED", str(secrets.randbelow(1_000_000))))
"""The same in every process of a run whose cases run side by side."""

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

_RUN = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}, CHAOS_SEED={SEED}"

_LOAD = f"{os.getloadavg()[0]:.0f}"
"""For the table: what else the machine had to do when the suite began."""

_table: list[Row] = []

_CROWD = ("test_commit_points", "test_providers")
"""The files of its members."""

_ORDER = ("processes", "stores", "machine", "people")
"""Of the files: what takes long begins early, so that no system is left with it in the end."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Side by side, each case is for whichever system is free; the crowd is one piece of work."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class Cases(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            in_crowd = any(f"/{file}.py::" in nodeid for file in _CROWD)
            return "crowd" if in_crowd else nodeid

    return Cases(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The cases are for `make test-chaos`: the start of their stack alone takes 20 s. The crowd is
    one piece of work, and comes first.
    """
    places = [number for number, item in enumerate(items) if _uses(item, "world")]
    ours = sorted((items[place] for place in places), key=_turn)
    for place, item in zip(places, ours, strict=True):
        items[place] = item
        assert _uses(item, "crowd") == (item.path.stem in _CROWD)
        item.add_marker(pytest.mark.chaos)
        item.add_marker(pytest.mark.e2e)
        item.add_marker(pytest.mark.slow)
        item.add_marker(pytest.mark.timeout(_MAX_CASE_S))


def _turn(item: pytest.Item) -> tuple[bool, int]:
    file = item.path.stem.removeprefix("test_")
    return not _uses(item, "crowd"), _ORDER.index(file) if file in _ORDER else len(_ORDER)


def _uses(item: pytest.Item, fixture: str) -> bool:
    here = item.path.is_relative_to(Path(__file__).parent)
    return here and isinstance(item, pytest.Function) and fixture in item.fixturenames


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
    name = name_of(request.node)
    began = time.monotonic()
    made = Scene(world, small_clip, name, SEED)
    yield made
    world.calm_down()
    if outcome_of(request.node) != "passed":
        made.withdraw()
    add_row(request.node, made, time.monotonic() - began)


@pytest.fixture(scope="session")
def crowd(request: pytest.FixtureRequest, world: World, small_clip: Path) -> Iterator[Crowd]:
    """All selected cases whose troubles concern their own requests alone."""
    troubles: list[tuple[str, Trouble]] = [
        (name_of(item), cast(Trouble, item.callspec.params["trouble"]))
        for item in request.session.items
        if isinstance(item, pytest.Function) and _uses(item, "crowd")
    ]
    random.Random(SEED).shuffle(troubles)
    made = gathered(world, troubles, lambda name: Scene(world, small_clip, name, SEED))
    yield made
    made.together.withdraw()


@pytest.fixture
def member(request: pytest.FixtureRequest, crowd: Crowd) -> Iterator[Member]:
    """A case of the crowd, which is over."""
    name = name_of(request.node)
    made = crowd.members[name]
    crowd.run()
    yield made
    if outcome_of(request.node) == "passed":
        crowd.all_is_well()
    add_row(request.node, made.scene, (made.over_s or time.time()) - made.asked_s)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.when == "call":
        item.report_of_call = report  # type: ignore[attr-defined]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect the table, and keep it after each case, so that a run that is broken off has left
    what it knew. Where cases run side by side, this process is told of all of them.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    rows = rows_of(report) if "/chaos/" in report.nodeid else []
    _table.extend(rows)
    path = os.environ.get("CHAOS_TABLE")
    if rows and path:
        keep(_table, Path(path), {"run": _RUN, "load": _LOAD})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Case, outcome, seconds, what was asserted."""
    if not _table:
        return
    terminalreporter.section(f"chaos, CHAOS_SEED={SEED}")
    for line in [*printed(_table), *figures([{"cases": _table}])]:
        terminalreporter.write_line(line)
