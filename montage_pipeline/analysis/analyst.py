"""What every analyst can do."""

from collections.abc import Sequence
from typing import Protocol

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.footage.model import FetchedClip


class Analyst(Protocol):
    """Decides which moments of a person's clips are worth showing."""

    def analyse(self, clips: Sequence[FetchedClip], style: str, duration_s: float) -> ClipAnalysis:
        """Judge the clips for a Reel of `duration_s` seconds.

        A clip that cannot be used is listed in `rejected_clips`; PermanentError (NO_USABLE_CLIPS)
        is raised only when none is left.
        """
        ...
