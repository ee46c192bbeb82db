"""The exceptions of the product, each with a code of the registry.

    MontageError              a failure with a code; trying again may help, unless it is permanent
     ├─ PermanentError        bad input or configuration: the request fails at once
     │   └─ ForbiddenAddress  a host that clips are not fetched from (footage.fetching.address)
     ├─ RenderError           an engine could not make the file (rendering.errors)
     └─ BadRender             the finished file breaks rules (rendering.check)

Belongs here: what every failure carries. Does not belong here: the codes themselves (error_codes).
"""

from typing import Any

from montage_pipeline.error_codes import ErrorCode

__all__ = ["ErrorCode", "MontageError", "PermanentError"]


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
