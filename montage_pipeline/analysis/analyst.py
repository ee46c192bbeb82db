"""What every analyst can do, and what it tells while it does it."""

from collections.abc import Sequence
from typing import Protocol

from montage_pipeline.analysis.model import ClipAnalysis, RejectedClip
from montage_pipeline.footage.model import ClipFacts, FetchedClip


class Onlooker:
    """Who watches an analysis: this one keeps still. Called from several threads at once.

    What `probed` and `measured` raise ends the analysis.
    """

    def probed(self, clips: Sequence[ClipFacts], left_out: Sequence[RejectedClip]) -> None:
        """Every clip was probed; no frame is decoded yet."""

    def begun(self, url: str) -> None:
        """A clip is looked at closely from now on."""

    def done(self, url: str) -> None:
        """A clip was looked at closely."""

    def measured(self, analysis: ClipAnalysis) -> None:
        """All that can be measured is known; nothing was paid for yet."""


class Analyst(Protocol):
    """Decides which moments of a person's clips are worth showing."""

    def analyse(self, clips: Sequence[FetchedClip], style: str, duration_s: float) -> ClipAnalysis:
        """Judge the clips for a Reel of `duration_s` seconds.

        A clip that cannot be used is listed in `rejected_clips`; PermanentError (NO_USABLE_CLIPS)
        is raised only when none is left.
        """
        ...
