"""The examples for frontend developers, as docs/frontend.md shows them.

python -m montage_pipeline_tests.api.frontend_page    # into docs/frontend.md: `make docs`
"""

import re

from montage_pipeline_tests.package_tree import ROOT

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


if __name__ == "__main__":
    PAGE.write_text(with_examples(PAGE.read_text()))
