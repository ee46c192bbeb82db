"""Tables in Markdown, and their places in docs/benchmarks.md."""

import platform
from collections.abc import Sequence
from pathlib import Path

from montage_pipeline.machine import usable_cores

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are numbers, aligned to the right."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(["| " + " | ".join(row) + " |" for row in (head, rule, *rows)]) + "\n"


def machine() -> str:
    """What the figures were measured on, for the head of a table."""
    return f"{usable_cores()} cores ({platform.machine()})"


def write(name: str, text: str) -> None:
    """Replace what stands between the markers of that name in docs/benchmarks.md.

    Raises ValueError when the page has no such markers.
    """
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    page = PAGE.read_text()
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{PAGE} has no markers {begin.strip()} … {end.strip()}")
    PAGE.write_text(before + begin + text + end + after)
