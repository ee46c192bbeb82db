"""The stack that is broken on purpose, and the table of what was asserted.

make test-chaos                             every case
make test-chaos CASE=code_server_alone      one of them; CHAOS_SEED=n repeats its choices
"""

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from montage_pipeline_tests.chaos.scene import Scene
from montage_pipeline_tests.e2e.conftest import System, small_clip, system

__all__ = ["small_clip", "system"]

_SEED = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(1_000_000))
_table: list[tuple[str, str, float, str]] = []


@pytest.fixture
def scene(request: pytest.FixtureRequest, system: System, small_clip: Path) -> Iterator[Scene]:
    """A case that has not begun."""
    name = request.node.name.removeprefix("test_")
    began = time.monotonic()
    made = Scene(system, small_clip, name, _SEED)
    yield made
    report = getattr(request.node, "report_of_call", None)
    outcome = report.outcome if report is not None else "error"
    if outcome != "passed":
        made.withdraw()
    _table.append((name, outcome, time.monotonic() - began, "; ".join(made.asserted)))


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
    width = max(len(name) for name, *_ in _table)
    for name, outcome, seconds, asserted in _table:
        terminalreporter.write_line(f"{name:{width}}  {outcome:6}  {seconds:6.1f} s  {asserted}")
