"""Why a render failed."""

from montage_pipeline.errors import ErrorCode, MontageError

CLIP_FAULTS = frozenset(
    {
        ErrorCode.CLIP_TOO_SHORT,
        ErrorCode.CLIP_CRASHED,
        ErrorCode.CLIP_FAILED,
        ErrorCode.CLIP_TOO_DEMANDING,
        ErrorCode.CLIP_UNREADABLE,
    }
)
"""Codes of a segment that cannot be shown for its clip's sake: entered elsewhere it may be, and
another choice of footage can do without it.
"""


class RenderError(MontageError):
    """The engine could not make the file; the message carries the engine's own reason."""
