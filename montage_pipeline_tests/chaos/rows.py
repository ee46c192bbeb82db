"""A line of the table for each case: how it ended, what was asserted, and figures.

A row goes from the process that ran the case to the one that prints the table with the report of
the case, so that cases may run side by side.
"""

import json
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from montage_pipeline_tests.chaos.inside import WINDOWS
from montage_pipeline_tests.chaos.scene import Scene

_ROW = "chaos"

Row = dict[str, Any]


def add_row(item: pytest.Item, scene: Scene, seconds: float) -> None:
    """Give the item's report its row."""
    report = getattr(item, "report_of_call", None)
    outcome = outcome_of(item)
    row = {
        "case": name_of(item),
        "outcome": outcome,
        "seconds": round(seconds, 1),
        "asserted": scene.asserted,
        "failure": report.longreprtext if report is not None and outcome != "passed" else "",
        "requests": len(scene.items),
        "in_doubt": scene.in_doubt,
        "went_on_s": [round(each, 1) for each in scene.went_on_s],
        "windows": [*_new_windows(scene)],
    }
    item.user_properties.append((_ROW, row))


def rows_of(report: pytest.TestReport) -> list[Row]:
    """The row of a case that is over, or that never began."""
    if report.when == "setup" and report.failed:
        name = report.nodeid.rpartition("::test_")[2].partition("@")[0]
        return [{"case": name, "outcome": "error", "seconds": 0.0, "asserted": []}]
    if report.when != "teardown":
        return []
    return [row for name, row in report.user_properties if name == _ROW and isinstance(row, dict)]


def name_of(item: pytest.Item) -> str:
    """What `make test-chaos CASE=…` calls it."""
    return item.name.removeprefix("test_")


def outcome_of(item: pytest.Item) -> str:
    """Passed, failed, skipped, or error for what never began."""
    report = getattr(item, "report_of_call", None)
    return str(report.outcome) if report is not None else "error"


def _new_windows(scene: Scene) -> Iterable[dict[str, Any]]:
    """For each call that was paid for since the last case: how long a kill could have had it bought
    twice, and how much of that was after the provider had answered.
    """
    log = scene.world.orders.parent / WINDOWS
    lines = log.read_text().splitlines() if log.exists() else []
    fresh = lines[len(_windows_seen) :]
    _windows_seen.extend(fresh)
    answered_s = {
        service: server.answered_s
        for service, server in (("claude", scene.system.anthropic), ("fal", scene.system.fal))
    }
    for line in map(json.loads, fresh):
        for service, times_s in answered_s.items():
            if line["id"] in times_s:
                yield {
                    "service": service,
                    "window_s": round(line["stored_s"] - line["sent_s"], 4),
                    "after_answer_s": round(line["stored_s"] - times_s[line["id"]], 4),
                }


_windows_seen: list[str] = []


def printed(rows: Sequence[Row]) -> list[str]:
    """The table as lines of text."""
    width = max(len(row["case"]) for row in rows)
    return [
        f"{row['case']:{width}}  {row['outcome']:6}  {row['seconds']:6.1f} s  "
        f"{'; '.join(row['asserted'])}"
        for row in rows
    ]


def keep(rows: Sequence[Row], path: Path, facts: Mapping[str, str]) -> None:
    """Put this run's table into the file, beside those of others."""
    runs = json.loads(path.read_text()) if path.exists() else []
    others = [run for run in runs if run["run"] != facts["run"]]
    path.write_text(json.dumps([*others, {**facts, "cores": os.cpu_count(), "cases": rows}]))


def figures(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """What all these runs come to, as lines of Markdown."""
    rows = [row for run in runs for row in run["cases"]]
    green = sum(row["outcome"] == "passed" for row in rows)
    lines = [
        f"- cases run: {len(rows)}, green: {green}",
        f"- requests made: {sum(row.get('requests', 0) for row in rows)}; lost, in cases that are "
        "green: 0",
        "- calls charged twice outside of the window, in cases that are green: 0; calls in flight "
        f"at a kill, a cut or a hang, whose rows say so: "
        f"{sum(row.get('in_doubt', 0) for row in rows)}",
    ]
    went_on_s = [each for row in rows for each in row.get("went_on_s", [])]
    if went_on_s:
        lines.append(f"- from a kill until another run goes on: {_spread(went_on_s)}")
    windows = [window for row in rows for window in row.get("windows", [])]
    for service in sorted({window["service"] for window in windows}):
        of = [window for window in windows if window["service"] == service]
        whole = _spread([window["window_s"] for window in of])
        ours = _spread([window["after_answer_s"] for window in of])
        lines.append(f"- the window of {service}: {whole}; of that after its answer: {ours}")
    return lines


def _spread(values: Sequence[float]) -> str:
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return (
        f"median {statistics.median(ordered):.3g} s, 95 % within {high:.3g} s, longest "
        f"{ordered[-1]:.3g} s ({len(ordered)} times)"
    )
