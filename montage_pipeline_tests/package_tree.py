"""The package as a tree, one line per folder and module with the first sentence of its docstring.

    python -m montage_pipeline_tests.package_tree    # into docs/architecture.md: `make docs`

Belongs here: drawing the tree. Does not belong here: checking it (test_tree, test_documents).
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "montage_pipeline"
PAGE = ROOT / "docs" / "architecture.md"

_BEGIN, _END = "<!-- tree: begin -->\n", "<!-- tree: end -->\n"
_INDENT = 2
_SUMMARY_COLUMN = 32
_WIDTH = 110


def packages() -> list[Path]:
    """Every folder of the package that can be imported from, the package itself first."""
    return sorted(init.parent for init in PACKAGE.rglob("__init__.py"))


def modules(folder: Path) -> list[Path]:
    """The modules that lie in a folder, without its `__init__.py`."""
    return sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")


def package_tree() -> str:
    """The tree as a block of Markdown."""
    return "```text\n" + "\n".join(_folder_lines(PACKAGE, 0)) + "\n```\n"


def with_tree(page: str) -> str:
    """The page with the tree between its markers. ValueError when it has no markers."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{PAGE} has no markers {_BEGIN.strip()} … {_END.strip()}")
    return before + begin + package_tree() + end + after


def _folder_lines(folder: Path, depth: int) -> Iterator[str]:
    yield from _entry_lines(f"{folder.name}/", folder / "__init__.py", depth)

    entries = modules(folder) + [sub for sub in packages() if sub.parent == folder]
    for entry in sorted(entries, key=lambda path: (path.is_file(), path.name)):
        if entry.is_dir():
            yield from _folder_lines(entry, depth + 1)
        else:
            yield from _entry_lines(entry.name, entry, depth + 1)


def _entry_lines(name: str, source: Path, depth: int) -> Iterator[str]:
    label = " " * _INDENT * depth + name
    lines = textwrap.wrap(_first_sentence(source), _WIDTH - _SUMMARY_COLUMN) or [""]
    yield f"{label:<{_SUMMARY_COLUMN - 1}} {lines[0]}".rstrip()
    for line in lines[1:]:
        yield " " * _SUMMARY_COLUMN + line


def _first_sentence(source: Path) -> str:
    docstring = ast.get_docstring(ast.parse(source.read_text())) or ""
    summary = " ".join(docstring.split("\n\n")[0].split())
    return re.split(r"(?<=[a-z0-9)`])\. ", summary)[0].rstrip(".")


if __name__ == "__main__":
    PAGE.write_text(with_tree(PAGE.read_text()))
