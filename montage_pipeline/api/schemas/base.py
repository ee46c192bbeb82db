"""What every body is made of: the base model, timestamps, money."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel


class ApiModel(BaseModel):
    """Base of every body: camelCase outside, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )


_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_CANONICAL_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_DECIMAL_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def _rfc_3339(value: object) -> object:
    """Only what the format `date-time` allows; pydantic takes seconds since 1970, too."""
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        return value
    raise ValueError(
        "must be a date and time with a time zone, as in 2026-05-01T00:00:00Z; in a URL, write the "
        "plus sign of one as %2B"
    )


def _canonical_uuid(value: object) -> object:
    """Only the documented format `uuid`; pydantic takes braces, URNs and bare digits, too."""
    if isinstance(value, UUID) or (isinstance(value, str) and _CANONICAL_UUID.fullmatch(value)):
        return value
    raise ValueError("must be a UUID, as in 0b9f7a52-3d0c-4e2e-8f0e-9a4f1f0b7c21")


def _whole(value: object) -> object:
    """In JSON Schema 1.0 is an integer, while true and "1" are none."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _decimal_text(value: object) -> object:
    """A query parameter's digits; pydantic takes spaces and underscores among them, too."""
    if isinstance(value, str) and not _DECIMAL_INTEGER.fullmatch(value):
        raise ValueError("must be a whole number")
    return value


def _number_text(value: object) -> object:
    """The same for a number; pydantic takes "inf" and "1." as well."""
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError("must be a number, as in 2.5")
    return value


def _in_utc(timestamp: datetime) -> datetime:
    try:
        return timestamp.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999 in UTC") from None


Whole = BeforeValidator(_whole)
"""For a whole number in a JSON body, behind its limits: pydantic documents no limits behind it."""

DecimalText = BeforeValidator(_decimal_text)
"""For a whole number in a URL, behind its limits likewise."""

NumberText = BeforeValidator(_number_text)
"""For a number in a URL, the same."""

PathUuid = Annotated[UUID, BeforeValidator(_canonical_uuid)]
"""An id in a URL, or in a body."""

Timestamp = Annotated[AwareDatetime, BeforeValidator(_rfc_3339), AfterValidator(_in_utc)]
"""A time with a time zone, kept in UTC."""

Usd = Annotated[
    Decimal,
    PlainSerializer(lambda amount: format(amount, "f"), return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^-?\d+(\.\d+)?$",
            "description": "USD as an exact decimal.",
            "examples": ["0.012345"],
        }
    ),
]
"""Money, as text: most readers would take a JSON number through a float."""
