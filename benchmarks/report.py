"""Tables in Markdown, and their places in docs/benchmarks.md."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; every column but the first is of figures."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(["| " + " | ".join(row) + " |" for row in (head, rule, *rows)]) + "\n"


def machine() -> str:
    """What the figures were measured on."""
    return f"{os.cpu_count()} cores ({platform.machine()})"


def write(name: str, text: str) -> None:
    """Replace what stands between the markers of that name in docs/benchmarks.md.

    ValueError when the page has no such markers.
    """
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    page = PAGE.read_text()
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{PAGE} has no markers {begin.strip()} … {end.strip()}")
    PAGE.write_text(before + begin + text + end + after)
