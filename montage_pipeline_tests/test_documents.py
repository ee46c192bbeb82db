"""The README, the pages of `docs/`, `.env.example` and the deploy files say what the code says."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from montage_pipeline.cli.reference.error_table import markdown_page
from montage_pipeline.cli.reference.settings_table import env_file, markdown_table
from montage_pipeline.error_codes import ErrorCode
from montage_pipeline_tests.package_tree import PACKAGE, PAGE, ROOT, with_tree

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]

LIVING_PAGES = [page for page in PAGES if page.name != "CHANGELOG.md"]
"""A changelog may name what is gone; every other page speaks of the tree as it is."""

_TOP_FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir()}
_ROOMS = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+/?|[\w.-]+/")
_FILE_SUFFIXES = (".py", ".md", ".toml", ".yaml", ".yml", ".sql", ".txt", ".json", ".onnx")


def _page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _quoted(page: Path) -> list[str]:
    """What stands in single backticks, outside blocks of code."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"`([^`\n]+)`", prose)


def _found(path: str) -> Path | None:
    """The file or folder of that name, from the repository's root or from the package's."""
    return next((base / path for base in (ROOT, PACKAGE) if (base / path).exists()), None)


def _is_repository_path(text: str) -> bool:
    """Whether it is meant as a path of this repository; keys of the object store are not."""
    if not _PATH.fullmatch(text):
        return False
    return text.endswith(_FILE_SUFFIXES) or text.split("/")[0] in _TOP_FOLDERS | _ROOMS


def _defined_names(source: Path) -> set[str]:
    """The names a module defines: `function`, `Class`, `Class.method`, `CONSTANT`."""
    names: set[str] = set()
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{member}" for member in _members(node)}
        if isinstance(node, ast.Assign | ast.AnnAssign):
            names |= _targets(node)
    return names


def _members(node: ast.ClassDef) -> set[str]:
    members = {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
    for member in node.body:
        if isinstance(member, ast.Assign | ast.AnnAssign):
            members |= _targets(member)
    return members


def _targets(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def test_the_settings_table_is_the_settings() -> None:
    """When this fails: `montage settings --markdown`, into the README."""
    assert markdown_table() in (ROOT / "README.md").read_text()


def test_the_env_example_is_the_settings() -> None:
    """When this fails: `montage settings --env > .env.example`."""
    assert (ROOT / ".env.example").read_text() == env_file()


def test_the_error_page_is_the_registry() -> None:
    """When this fails: `montage errors --markdown > docs/errors.md`, or `make docs`."""
    assert (ROOT / "docs" / "errors.md").read_text() == markdown_page()


def test_the_tree_of_the_tour_is_the_tree() -> None:
    """When this fails: `make docs`."""
    page = PAGE.read_text()
    assert page == with_tree(page)


@pytest.mark.parametrize("page", PAGES, ids=_page_name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"a link leads to {target}"


@pytest.mark.parametrize("page", LIVING_PAGES, ids=_page_name)
def test_paths_that_are_named_exist(page: Path) -> None:
    """When this fails: name the file or folder where it lies now."""
    paths = [text for text in _quoted(page) if _is_repository_path(text)]
    assert [path for path in paths if _found(path) is None] == []


@pytest.mark.parametrize("page", LIVING_PAGES, ids=_page_name)
def test_definitions_that_are_named_exist(page: Path) -> None:
    """`path/module.py::name` in backticks; when this fails, name what the module defines now."""
    missing = []
    for text in _quoted(page):
        path, separator, name = text.partition("::")
        if not separator or not path.endswith(".py"):
            continue
        source = _found(path)
        if source is None or name not in _defined_names(source):
            missing.append(text)
    assert missing == []


def test_what_the_drills_go_by_is_there() -> None:
    """Events of the logs, codes, alerts, and checks of `/readyz` that an operator is told to watch
    for. When this fails: name in docs/operations.md what the code says now.
    """
    page = (ROOT / "docs" / "operations.md").read_text()
    drills = page.partition("## Drills")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in drills.splitlines() if line.startswith("| ")][1:]
    watched = {name for row in rows for name in re.findall(r"`([a-zA-Z_]+)`", row)}
    said = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    known = {code.value for code in ErrorCode}
    known |= set(re.findall(r"alert: (\w+)", (ROOT / "deploy/monitoring/alerts.yaml").read_text()))
    assert {name for name in watched - known if f'"{name}"' not in said} == set()
    assert len(watched) >= 40


def test_every_decision_is_listed_and_numbered_once() -> None:
    """When this fails: add the decision to docs/decisions/README.md."""
    folder = ROOT / "docs" / "decisions"
    decisions = sorted(path.name for path in folder.glob("[0-9]*.md"))
    numbers = [name.split("-")[0] for name in decisions]
    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]
    listed = (folder / "README.md").read_text()
    assert [name for name in decisions if f"({name})" not in listed] == []


def test_constraints_pin_every_requirement_without_naming_a_host() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert "://" not in text
    pinned = {line.split("==")[0] for line in text.splitlines() if "==" in line}
    wanted = re.findall(
        r'^\s+"([A-Za-z0-9._-]+)',
        (ROOT / "pyproject.toml").read_text().split("[project.scripts]")[0],
        re.MULTILINE,
    )
    assert {re.sub(r"[-_.]+", "-", name.lower()) for name in wanted} <= {
        re.sub(r"[-_.]+", "-", name) for name in pinned
    }


def test_yaml_files_parse() -> None:
    for name in (
        "dagster.yaml",
        "workspace.yaml",
        "deploy/compose.yaml",
        "deploy/dagster-storage.yaml",
        "deploy/dagster-celery.yaml",
        "deploy/workspace.yaml",
        ".pre-commit-config.yaml",
    ):
        assert yaml.safe_load((ROOT / name).read_text())


def test_each_fault_of_the_log_has_its_drill() -> None:
    """What is logged as an error is for somebody to do something about."""
    logged = re.compile(r"\blog\.(?:error|exception)\(\s*\"(\w+)\"")
    events = {event for path in PACKAGE.rglob("*.py") for event in logged.findall(path.read_text())}
    assert "run_hangs" in events
    drills = _quoted(ROOT / "docs" / "operations.md")
    missing = sorted(events - {*drills})
    assert missing == [], "docs/operations.md has no drill for these events"
