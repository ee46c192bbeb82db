"""The registry of error codes, held against every place in the package that names one."""

import ast
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import pytest

import montage_pipeline
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError

_PACKAGE = Path(montage_pipeline.__file__).parent
_REGISTRY = _PACKAGE / "error_codes.py"

_OF_TRANSIENT_CODES = {"MontageError", "RenderError"}
_TAKE_A_CODE = _OF_TRANSIENT_CODES | {
    "PermanentError",
    "ApiError",
    "Contradiction",
    "RejectedClip",
    "RequestFailure",
    "error_response",
    "run_ffmpeg",
    "unauthenticated",
    "validation_error",
}
"""Whoever takes an error code, as its first argument or as `code`.

`RejectReason`, which says why a moment was turned down, has words of its own.
"""


class Place(NamedTuple):
    """Where in the package something stands."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file.relative_to(_PACKAGE.parent)}:{self.line}"


class Source(NamedTuple):
    """A module of the package."""

    file: Path
    tree: ast.Module

    def place(self, node: ast.expr) -> Place:
        return Place(self.file, node.lineno)

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Every call, with the last part of the called name."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                yield node, node.func.id if isinstance(node.func, ast.Name) else node.func.attr


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    files = sorted(file for file in _PACKAGE.rglob("*.py") if file != _REGISTRY)
    return [Source(file, ast.parse(file.read_text())) for file in files]


def _code_arguments(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args[:1]
    yield from (keyword.value for keyword in call.keywords if keyword.arg == "code")


def _named(node: ast.expr) -> str | None:
    """X of `ErrorCode.X`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr if node.value.id == "ErrorCode" else None
    return None


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) or _is_text(node.orelse)
    is_string = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return is_string or isinstance(node, ast.JoinedStr)


def test_every_named_code_is_registered_and_every_registered_code_is_named(
    sources: list[Source],
) -> None:
    named: dict[str, Place] = {}
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and (name := _named(node)):
                named.setdefault(name, source.place(node))

    unregistered = [
        f"{place}: ErrorCode.{name}"
        for name, place in named.items()
        if name not in ErrorCode.__members__
    ]
    assert not unregistered, f"add these to error_codes.py: {unregistered}"
    unused = sorted(ErrorCode.__members__.keys() - named.keys())
    assert not unused, f"nothing raises these; remove them from error_codes.py: {unused}"


def test_no_code_is_given_as_text(sources: list[Source]) -> None:
    """Text escapes the registry: nobody would notice before it is raised."""
    wrong = [
        f"{source.place(argument)}: {ast.unparse(argument)}"
        for source in sources
        for call, name in source.calls()
        if name in _TAKE_A_CODE
        for argument in _code_arguments(call)
        if _is_text(argument)
    ]
    wrong += [
        f"{source.place(value)}: a dictionary's code is {ast.unparse(value)}"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "code" and _is_text(value)
    ]
    assert not wrong, f"name a member of ErrorCode instead: {wrong}"


def test_no_code_is_looked_up_by_text(sources: list[Source]) -> None:
    looked_up = [
        f"{source.place(node)}: {ast.unparse(node)}"
        for source in sources
        for node in ast.walk(source.tree)
        if (isinstance(node, ast.Subscript) and ast.unparse(node.value) == "ErrorCode")
        or (isinstance(node, ast.Call) and ast.unparse(node.func) == "ErrorCode")
    ]
    assert not looked_up, f"name the members, in a table if need be: {looked_up}"


def test_the_exception_says_the_same_of_retrying_as_the_code(sources: list[Source]) -> None:
    wrong = []
    for source in sources:
        for call, name in source.calls():
            code = ErrorCode.__members__.get(_named(call.args[0]) or "") if call.args else None
            if code is None:
                continue
            if name == "PermanentError" and not code.permanent:
                wrong.append(f"{source.place(call)}: {code} is transient, raise MontageError")
            if name in _OF_TRANSIENT_CODES and code.permanent:
                wrong.append(f"{source.place(call)}: {code} is permanent, raise PermanentError")
    assert not wrong, wrong


@pytest.mark.parametrize("code", ErrorCode)
def test_a_row_is_complete(code: ErrorCode) -> None:
    assert code == code.name.lower()
    assert code.remedy[0].isupper()
    assert code.remedy.endswith(".")
    assert code.status is None or 400 <= code.status < 600
    if code.status is not None:
        passes = code.status >= 500 or code.status == HTTPStatus.TOO_MANY_REQUESTS
        assert code.permanent is not passes, "a caller's mistake does not pass by itself"


def test_an_error_is_retryable_unless_its_code_is_permanent() -> None:
    assert MontageError(ErrorCode.STORE_UNAVAILABLE, "no answer").retryable
    assert not PermanentError(ErrorCode.CLIP_TOO_LARGE, "too large").retryable


def test_a_permanent_error_takes_permanent_codes_only() -> None:
    with pytest.raises(ValueError, match="store_unavailable is transient"):
        PermanentError(ErrorCode.STORE_UNAVAILABLE, "no answer")
