"""The base of every document the pipeline stores or hands from asset to asset.

Belongs here: the frozen pydantic base and the errors every room shares.
Does not belong here: any document itself; those live in the room that makes them.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen document that refuses unknown fields, so that a stale file fails loudly."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MontageError(Exception):
    """A failure with a stable code, a sentence for the user, and facts for the log.

    `retryable` says whether trying the same thing again may help: a network fault may,
    footage that is too short will not.
    """

    retryable = True

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details: dict[str, Any] = details


class PermanentError(MontageError):
    """Bad input or configuration: retrying cannot help, so the request fails at once."""

    retryable = False
