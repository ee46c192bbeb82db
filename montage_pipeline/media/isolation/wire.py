"""What goes through the pipe between us and a worker.

We trust nothing that comes back: a decoder that was taken over could send anything. Answers are
pickled, because they are arrays and records, and are read by a reader that makes nothing but these:
no name outside a short list is ever looked up.

Belongs here: framing, pickling, what an answer may hold.
"""

import dataclasses
import enum
import io
import pickle
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from montage_pipeline.errors import ErrorCode

_LENGTH = struct.Struct("!Q")
_MAX_BYTES = 1 << 30
"""Of an answer; what is measured of a clip takes tens of megabytes."""

_PLAIN_NAMES = {
    "builtins": {"set", "frozenset", "slice", "range", "complex", "bytearray"},
    "collections": {"OrderedDict", "deque"},
    "fractions": {"Fraction"},
    "decimal": {"Decimal"},
    # `pathlib` itself, or `pathlib._local` in Python 3.13.
    type(Path()).__module__: {"Path", "PosixPath", "PurePosixPath"},
    "numpy": {"ndarray", "dtype"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"},
    "numpy.core.numeric": {"_frombuffer"},
}
"""Of other packages: what arrays, numbers and paths are rebuilt by."""

_OURS = "montage_pipeline."


class ForbiddenAnswer(Exception):
    """A worker's answer holds what no answer holds."""


@dataclass(frozen=True)
class LogLine:
    """Something logged by a worker: its level, event and facts."""

    level: str
    event: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Returned:
    """The call returned."""

    value: Any
    log: tuple[LogLine, ...]


@dataclass(frozen=True)
class Raised:
    """The call raised.

    `kind` is the class (module and name). Errors with a code have `code`, `message`, `details`;
    those of the system an `errno`; `trace` is for whoever runs the product.
    """

    kind: tuple[str, str]
    message: str
    log: tuple[LogLine, ...]
    code: ErrorCode | None = None
    details: dict[str, Any] = dataclasses.field(default_factory=dict)
    errno: int | None = None
    trace: str = ""


Answer = Returned | Raised


def send(connection: socket.socket, value: Any) -> None:
    """Pickle and send."""
    data = packed(value)
    connection.sendall(_LENGTH.pack(len(data)))
    connection.sendall(data)


def receive(connection: socket.socket) -> bytearray:
    """The next message. Raises EOFError when the other side is gone."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    if length > _MAX_BYTES:
        raise ForbiddenAnswer(f"it is {length} bytes long")
    return _exactly(connection, length)


def packed(value: Any) -> bytes:
    """A value as `unpacked` reads it."""
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def unpacked(data: bytes | bytearray) -> Any:
    """Arrays, numbers, paths and records of ours. Raises ForbiddenAnswer for anything else."""
    try:
        return _AnswerReader(io.BytesIO(data)).load()
    except ForbiddenAnswer:
        raise
    except Exception as error:
        raise ForbiddenAnswer(f"it cannot be read: {error}") from error


def read_answer(data: bytearray) -> Answer:
    """A worker's answer. Raises ForbiddenAnswer for anything else."""
    answer = unpacked(data)
    if not isinstance(answer, Returned | Raised):
        raise ForbiddenAnswer("it is no answer")
    return answer


def _exactly(connection: socket.socket, count: int) -> bytearray:
    data = bytearray(count)
    left = memoryview(data)
    while left:
        received = connection.recv_into(left)
        if not received:
            raise EOFError
        left = left[received:]
    return data


class _AnswerReader(pickle.Unpickler):
    """Makes arrays, numbers, paths and our own records, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """See pickle.Unpickler."""
        if name in _PLAIN_NAMES.get(module, ()):
            return super().find_class(module, name)
        if module.startswith(_OURS) and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module and _is_record(found):
                return found
        raise ForbiddenAnswer(f"it names {module}.{name}")


def _is_record(kind: type) -> bool:
    """Whether making one of these does nothing but hold values."""
    named_tuple = issubclass(kind, tuple) and hasattr(kind, "_fields")
    return named_tuple or issubclass(kind, enum.Enum | BaseModel) or dataclasses.is_dataclass(kind)
