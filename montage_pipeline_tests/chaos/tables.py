"""Writes docs/chaos.md from the tables of one or more runs of the suite.

CHAOS_TABLE=runs.json make test-chaos      adds a run to the file
pytest --collect-only -q montage_pipeline_tests/chaos > cases.txt
python -m montage_pipeline_tests.chaos.tables runs.json cases.txt > docs/chaos.md
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_HEAD = """\
# What was broken, and what held

`make test-chaos` breaks a running system on purpose: embedded stores, code server, daemon, UI and
API as `montage up` runs them, with Claude and fal faked at the wire, and several requests in
flight. One case runs with `make test-chaos CASE=name`; `CHAOS_SEED=n` repeats its choices.

After each case this holds, or it fails: every request is a draft, or failed with the code that
belongs to it; no item is stuck in `generating`; the ledger equals the bill of the fake providers,
call by call, but for calls that were in flight at a kill, which have their rows; every delivered
file decodes to its last frame; no process, run slot, scratch file or connection is left.

Cases whose trouble concerns one request alone (`killed_at`, `claude`, `claude_429`, `fal`…) are in
flight together, one request each, and are timed from the click to the end of their request, the
wait for a slot included; the others come one after the other, and are timed from their first click
to their last check. All time-outs of the suite grow with the load of the machine, up to six times.
"""


def page(runs: list[dict[str, Any]], cases: Iterable[str]) -> str:
    """The page: a line for each case, with the seconds of each run that had it, and those of all
    `cases` that none had.
    """
    seconds: dict[str, list[str]] = {}
    asserted: dict[str, str] = {}
    green: dict[str, int] = {}
    for run in runs:
        for case in run["cases"]:
            name, passed = case["case"], case["outcome"] == "passed"
            shown = f"{case['seconds']:.0f}" if passed else str(case["outcome"])
            seconds.setdefault(name, []).append(shown)
            green[name] = green.get(name, 0) + passed
            asserted[name] = "; ".join(case["asserted"])
    lines = ["| case | green | seconds, by run | asserted |", "|---|---|---|---|"]
    lines += [
        f"| `{name}` | {green[name]} of {len(seconds[name])} | {', '.join(seconds[name])} "
        f"| {asserted[name]} |"
        for name in sorted(seconds)
    ]
    taken = ["", "The table was taken on:", ""]
    taken += [f"- {_taken(run)}" for run in runs]
    missing = sorted(set(cases) - set(seconds))
    if missing:
        named = ", ".join(f"`{name}`" for name in missing)
        lines += ["", f"Without a line, because none of these runs came to them: {named}."]
    return _HEAD + "\n".join([*taken, "", *lines]) + "\n"


def _taken(run: dict[str, Any]) -> str:
    passed = sum(case["outcome"] == "passed" for case in run["cases"])
    machine = f"{run['cores']} cores at a load of {run['load']} when it began"
    return f"{run['run']}: {machine}; {passed} of {len(run['cases'])} green"


if __name__ == "__main__":
    collected = Path(sys.argv[2]).read_text().splitlines()
    names = [line.partition("::test_")[2] for line in collected if "::test_" in line]
    sys.stdout.write(page(json.loads(Path(sys.argv[1]).read_text()), names))
