"""Writes docs/chaos.md from the tables of one or more runs of the suite.

CHAOS_TABLE=runs.json make test-chaos      adds a run to the file
python -m montage_pipeline_tests.chaos.tables runs.json > docs/chaos.md
"""

import json
import sys
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

"""


def page(runs: list[dict[str, Any]]) -> str:
    """The page: a line for each case, with the seconds of each run that had it."""
    seconds: dict[str, list[str]] = {}
    asserted: dict[str, str] = {}
    for run in runs:
        for case in run["cases"]:
            shown = f"{case['seconds']:.0f}" if case["outcome"] == "passed" else case["outcome"]
            seconds.setdefault(case["case"], []).append(shown)
            asserted[case["case"]] = "; ".join(case["asserted"])
    lines = ["| case | seconds, by run | asserted |", "|---|---|---|"]
    lines += [
        f"| `{name}` | {', '.join(seconds[name])} | {asserted[name]} |" for name in sorted(seconds)
    ]
    return _HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page(json.loads(Path(sys.argv[1]).read_text())))
