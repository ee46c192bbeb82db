"""The base of every document, and the rule for reading one that an earlier version stored.

A document that outlives its process (the value of an asset in the object store, a file a command
reads) carries `schema_version`, a `Literal` of one number with that number as its default. It goes
up by one with every change that an earlier file does not fit: a field added without a default,
removed, renamed, or given another meaning.

`read_document` is the one way to read such a document. It accepts the current version, lifts an
earlier one step by step with the migrations its class declares, and refuses anything else by name
with `ErrorCode.DOCUMENT_SCHEMA`. A migration is worth writing where making the document again costs
money or hours; elsewhere raising the number is enough, since every asset can be materialised again.

Belongs here: the frozen base and how it is read. Does not belong here: any document itself; those
live in the room that makes them.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer, ValidationError

from montage_pipeline.errors import ErrorCode, PermanentError

Migration = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes the fields of one schema version, gives those of the next; `schema_version` is not its
concern.
"""


Usd = Annotated[
    Decimal, PlainSerializer(lambda usd: format(usd, "f"), return_type=str, when_used="json")
]
"""Money, in JSON as digits: by itself, nothing with twelve places would be written `0E-12`."""


class Record(BaseModel):
    """A frozen document that refuses unknown fields, so that a stale file fails loudly."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    migrations: ClassVar[Mapping[int, Migration]] = {}
    """By the version it starts from: how a stored document becomes the next version."""


R = TypeVar("R", bound=Record)


def read_document(kind: type[R], data: bytes, name: str) -> R:
    """The stored document `data`, which messages call `name` (its asset or its file).

    Raises PermanentError(DOCUMENT_SCHEMA) for a document of another schema that no migration lifts,
    and for one that is damaged.
    """
    wanted = _schema_version(kind)
    fields = _fields(kind, data, name)
    version = fields.get("schema_version")

    while isinstance(version, int) and version < wanted and version in kind.migrations:
        try:
            fields = kind.migrations[version](fields)
        except (KeyError, TypeError, AttributeError) as error:
            problem = f"does not fit schema version {version}"
            raise _refusal(kind, name, problem) from error
        version += 1
        fields["schema_version"] = version

    if version != wanted:
        stored = "no schema version" if version is None else f"schema version {version}"
        raise _refusal(kind, name, f"has {stored}, but this version of the product reads {wanted}")

    try:
        # As JSON, in which an array stands for a tuple and a string for a decimal.
        return kind.model_validate_json(json.dumps(fields))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise _refusal(
            kind, name, f"does not fit schema version {wanted} ({place}: {first['msg']})"
        ) from error


def _schema_version(kind: type[Record]) -> int:
    field = kind.model_fields.get("schema_version")
    if field is None:
        raise TypeError(f"{kind.__name__} is stored but has no schema_version")
    return int(field.default)


def _fields(kind: type[Record], data: bytes, name: str) -> dict[str, Any]:
    try:
        fields = json.loads(data)
    except ValueError as error:
        raise _refusal(kind, name, "is not JSON") from error
    if not isinstance(fields, dict):
        raise _refusal(kind, name, "is not a JSON object")
    return fields


def _refusal(kind: type[Record], name: str, problem: str) -> PermanentError:
    return PermanentError(
        ErrorCode.DOCUMENT_SCHEMA,
        f"{name} ({kind.__name__}) {problem}. Materialise {name} again.",
    )
