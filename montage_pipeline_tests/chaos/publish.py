"""Adds runs of the suite to docs/chaos.md.

CHAOS_TABLE=runs.json make test-chaos      each run adds its table to the file
python -m montage_pipeline_tests.chaos.publish runs.json …

What the page has of other runs stays, and so does what people wrote into it. A run that is on the
page already is not added again. Figures are those of the runs that are given.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from montage_pipeline_tests.chaos.rows import figures

Run = Mapping[str, Any]

PAGE = Path(__file__).parents[2] / "docs" / "chaos.md"

_BEGIN, _END = "<!-- figures: begin -->", "<!-- figures: end -->"
_TAKEN = "The table was taken on:"
_HEAD = ("| case | green | seconds, by run | asserted |", "|---|---|---|---|")


@dataclass
class Line:
    """What the page says of one case."""

    ended: list[str] = field(default_factory=list)
    """By run: its seconds where it was green, else how it ended."""
    asserted: str = ""

    @classmethod
    def read(cls, row: str) -> tuple[str, Self]:
        """The case's name and the rest of its row."""
        name, _, ended, asserted = (cell.strip() for cell in row.strip("| \n").split(" | ", 3))
        return name.strip("`"), cls(ended.split(", "), asserted)

    def add(self, case: Mapping[str, Any]) -> None:
        """How the case ended in one more run; what a green one asserted is kept."""
        passed = case["outcome"] == "passed"
        self.ended.append(f"{case['seconds']:.0f}" if passed else str(case["outcome"]))
        if passed or not self.asserted:
            self.asserted = "; ".join(case["asserted"])

    def row(self, name: str) -> str:
        """As the page has it."""
        green = sum(end.isdigit() for end in self.ended)
        ended = ", ".join(self.ended)
        return f"| `{name}` | {green} of {len(self.ended)} | {ended} | {self.asserted} |"


def added(page: str, runs: Sequence[Run], cases: Iterable[str]) -> str:
    """The page with these runs; rows of cases that are not among `cases` any more are left out."""
    before, found, rows = page.partition("\n".join(_HEAD) + "\n")
    if not found:
        raise ValueError("the page has no table of cases")
    fresh = [run for run in runs if f"\n- {run['run']}:" not in before]
    lines = dict(Line.read(row) for row in rows.splitlines() if row.startswith("| `"))
    for run in fresh:
        for case in run["cases"]:
            lines.setdefault(case["case"], Line()).add(case)

    wanted = set(cases)
    table = [line.row(name) for name, line in sorted(lines.items()) if name in wanted]
    missing = ", ".join(f"`{name}`" for name in sorted(wanted - set(lines)))
    note = ["", f"Without a line, because no run came to them: {missing}."] if missing else []
    head = _with_figures(_with_runs(before, fresh), runs)
    return head + "\n".join([*_HEAD, *table, *note]) + "\n"


def _with_runs(text: str, runs: Sequence[Run]) -> str:
    """The text before the table, its list of runs grown."""
    head, found, rest = text.partition(f"{_TAKEN}\n\n")
    if not found:
        raise ValueError(f"the page has no line {_TAKEN!r}")
    listed, _, after = rest.partition("\n\n")
    every = [line for line in listed.splitlines() if line] + [f"- {_summary(run)}" for run in runs]
    return head + found + "\n".join(every) + "\n\n" + after


def _with_figures(text: str, runs: Sequence[Run]) -> str:
    before, found, rest = text.partition(_BEGIN)
    _, closed, after = rest.partition(_END)
    if not found or not closed:
        raise ValueError(f"the page has no {_BEGIN} … {_END}")
    names = "; ".join(str(run["run"]) for run in runs)
    lines = [f"In the runs of {names}:", "", *figures(runs)]
    return f"{before}{_BEGIN}\n" + "\n".join(lines) + f"\n{_END}{after}"


def _summary(run: Run) -> str:
    passed = sum(case["outcome"] == "passed" for case in run["cases"])
    machine = f"{run['cores']} cores at a load of {run['load']} when it began"
    return f"{run['run']}: {machine}; {passed} of {len(run['cases'])} green"


def _collected() -> list[str]:
    """The names of all cases of the suite."""
    here = Path(__file__).parent
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "chaos", str(here)],
        capture_output=True,
        text=True,
        check=True,
        cwd=here.parents[1],
    ).stdout
    return [line.partition("::test_")[2] for line in listed.splitlines() if "::test_" in line]


def main(arguments: Sequence[str]) -> int:
    """Add the runs of these files to the page."""
    if not arguments:
        sys.stderr.write("usage: python -m montage_pipeline_tests.chaos.publish RUN.json …\n")
        return 2
    runs = [run for path in arguments for run in json.loads(Path(path).read_text())]
    PAGE.write_text(added(PAGE.read_text(), runs, _collected()))
    sys.stdout.write(f"{PAGE}: {len(runs)} run{'' if len(runs) == 1 else 's'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
