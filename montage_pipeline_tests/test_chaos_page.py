"""The page of the chaos suite grows by runs, and loses nothing that stands in it."""

from typing import Any

import pytest

from montage_pipeline_tests.chaos.publish import PAGE, added


def _run(name: str, *cases: tuple[str, str, float]) -> dict[str, Any]:
    rows = [
        {
            "case": case,
            "outcome": outcome,
            "seconds": seconds,
            "asserted": ["a draft", "1 files whole"],
            "requests": 2,
            "in_doubt": 1,
            "went_on_s": [4.0, 6.0],
            "windows": [{"service": "fal", "window_s": 0.5, "after_answer_s": 0.1}],
        }
        for case, outcome, seconds in cases
    ]
    return {"run": name, "load": "1", "cores": 2, "cases": rows}


def test_runs_are_added_once_to_what_the_page_has() -> None:
    page = PAGE.read_text()
    known = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    first, gone, *_ = known
    run = _run("2030-01-01, CHAOS_SEED=1", (first, "passed", 12.4), ("new[case]", "failed", 3.0))
    cases = [*(case for case in known if case != gone), "new[case]", "never_run"]
    grown = added(page, [run], cases)

    before = next(line for line in page.splitlines() if line.startswith(f"| `{first}`"))
    after = next(line for line in grown.splitlines() if line.startswith(f"| `{first}`"))
    was, now = before.split(" | "), after.split(" | ")
    assert now[2] == f"{was[2]}, 12"
    green, of, runs = was[1].split()
    assert now[1].split() == [str(int(green) + 1), of, str(int(runs) + 1)]
    assert "| `new[case]` | 0 of 1 | failed | a draft; 1 files whole |" in grown
    assert f"| `{gone}`" not in grown
    assert "no run came to them: `never_run`." in grown
    assert "- 2030-01-01, CHAOS_SEED=1: 2 cores at a load of 1 when it began; 1 of 2 green" in grown
    assert "- from a kill until another run goes on: median 5 s" in grown
    assert "- the window of fal: median 0.5 s" in grown
    # Every word that people wrote is still there.
    made = ("|", "-", "In the runs of", "Without a line")
    written = [line for line in page.splitlines() if line and not line.startswith(made)]
    assert len(written) > 20
    lines = iter(grown.splitlines())
    assert all(line in lines for line in written)
    assert added(grown, [run], cases) == grown


def test_a_page_without_its_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no table"):
        added("# Something else\n", [], [])
