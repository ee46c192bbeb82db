"""Why a render failed."""

from montage_pipeline.errors import MontageError


class RenderError(MontageError):
    """The engine could not make the file; the message carries the engine's own reason."""
