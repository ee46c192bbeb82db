"""The examples for frontend developers, as docs/frontend.md shows them.

python -m montage_pipeline_tests.api.frontend_page    # into docs/frontend.md: `make docs`
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from montage_pipeline_tests.package_tree import ROOT
from montage_pipeline_tests.studio.build import WEB

PAGE = ROOT / "docs" / "frontend.md"
EXAMPLES = sorted((ROOT / "docs" / "frontend").glob("*.ts"))

_SHOWN = re.compile(r"(?<=<!-- example: )([a-z]+\.ts)( -->\n)(?:```ts\n.*?^```\n)?", re.S | re.M)


def with_examples(page: str) -> str:
    """The page with each example's text below the comment that names it."""

    def example(named: re.Match[str]) -> str:
        text = (PAGE.with_suffix("") / named[1]).read_text()
        return f"{named[1]}{named[2]}```ts\n{text}```\n"

    return _SHOWN.sub(example, page)


def shown(page: str) -> list[str]:
    """The names of the examples that the page shows, in its order."""
    return [named[1] for named in _SHOWN.finditer(page)]


def compiled_examples(folder: Path) -> Path:
    """A folder inside `folder` with the examples as JavaScript modules, type-checked against the
    API's own types. Skips the test where the tools for that are missing.
    """
    tsc = WEB / "node_modules" / "typescript" / "bin" / "tsc"
    if shutil.which("node") is None:
        pytest.skip("no Node: install Node 20 or newer")
    if not tsc.is_file():
        pytest.skip("no TypeScript: npm ci in montage_pipeline/api/studio/web, or make studio")
    (folder / "package.json").write_text('{"type": "module"}')
    types = WEB / "src" / "api" / "schema.d.ts"
    for source in (*EXAMPLES, EXAMPLES[0].with_name("tsconfig.json"), types):
        shutil.copy(source, folder)
    command = ["node", str(tsc), "--project", ".", "--outDir", "made"]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout
    return folder / "made"


if __name__ == "__main__":
    PAGE.write_text(with_examples(PAGE.read_text()))
