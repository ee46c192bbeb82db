"""The tree stays one that a newcomer can read: small files, small folders, every room described."""

import ast
from pathlib import Path

import pytest

from montage_pipeline_tests.package_tree import PACKAGE, ROOT, modules, packages

MAX_LINES = 400
"""A few screens: what a reader takes in at one sitting, with one reason to change."""

MAX_MODULES = 15
"""What a reader takes in at a glance; beyond that a folder holds more than one concern."""

SOURCES = [
    path
    for top in ("montage_pipeline", "montage_pipeline_tests", "benchmarks")
    for path in sorted((ROOT / top).rglob("*.py"))
]
FOLDERS = sorted({path.parent for path in SOURCES})


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_longer_than_a_few_screens() -> None:
    """When this fails: split the file by concern, with a name for each."""
    lengths = {_name(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_no_folder_has_more_modules_than_one_can_overlook() -> None:
    """When this fails: give some of the modules a sub-package of their own."""
    counts = {_name(folder): len(modules(folder)) for folder in FOLDERS}
    assert {name: count for name, count in counts.items() if count > MAX_MODULES} == {}


@pytest.mark.parametrize("package", packages(), ids=_name)
def test_every_package_says_what_belongs_in_it(package: Path) -> None:
    """When this fails: give its `__init__.py` a docstring; it is the room's README."""
    assert ast.get_docstring(ast.parse((package / "__init__.py").read_text()))


def test_every_folder_with_modules_is_a_package() -> None:
    loose = [
        _name(folder)
        for folder in FOLDERS
        if folder.is_relative_to(PACKAGE) and not (folder / "__init__.py").is_file()
    ]
    assert loose == []


def test_no_module_is_named_after_nothing() -> None:
    """When this fails: name the module after what it does, in the field's words."""
    nameless = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [_name(path) for path in SOURCES if path.stem in nameless] == []
