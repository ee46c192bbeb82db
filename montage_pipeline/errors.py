"""The exceptions of the product, each with a code of the registry.

    MontageError              a failure with a code; trying again may help, unless it is permanent
     ├─ PermanentError        bad input or configuration: the request fails at once
     │   └─ ForbiddenAddress  a host that clips are not fetched from (footage.fetching.address)
     ├─ RenderError           an engine could not make the file (rendering.errors)
     └─ BadRender             the finished file breaks rules (rendering.check)

Belongs here: what every failure carries. Does not belong here: the codes themselves (error_codes).
"""

from typing import Any
from uuid import uuid4

from montage_pipeline.error_codes import ErrorCode

__all__ = ["ErrorCode", "MontageError", "PermanentError", "new_reference", "our_fault"]

_REFERENCE_CHARS = 12
"""48 random bits: short enough to be read out, and never given twice."""


class MontageError(Exception):
    """A failure with a stable code, a sentence for the user, and facts for the log."""

    def __init__(self, code: ErrorCode, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details: dict[str, Any] = details

    @property
    def retryable(self) -> bool:
        """Whether trying the same thing again may help: a network fault may pass, footage that is
        too short will not get longer.
        """
        return not self.code.permanent


class PermanentError(MontageError):
    """Bad input or configuration: retrying cannot help. Takes codes that are permanent only."""

    def __init__(self, code: ErrorCode, message: str, **details: Any) -> None:
        if not code.permanent:
            raise ValueError(f"{code} is transient; raise MontageError")
        super().__init__(code, message, **details)


def new_reference() -> str:
    """What finds an unexpected exception in the log. Its text is for whoever may read that, and not
    for users: it names files, addresses and values that are none of theirs.
    """
    return uuid4().hex[:_REFERENCE_CHARS]


def our_fault(reference: str) -> str:
    """What users are told instead."""
    return f"Something went wrong on our side; the reference {reference} finds it in our logs."
