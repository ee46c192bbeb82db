"""What `clip_analysis` watches for while its clips are looked at: how far it is, and whether there
is footage enough to go on, before anything is paid for.
"""

import threading
from collections.abc import Sequence

from montage_pipeline.analysis.analyst import Onlooker
from montage_pipeline.analysis.model import ClipAnalysis, RejectedClip
from montage_pipeline.errors import PermanentError
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.footage.names import clip_name
from montage_pipeline.orchestration.assets.clip_reports import (
    clip_reports,
    reasons_of,
    reports,
    telling,
)
from montage_pipeline.orchestration.assets.edit_timeline import edit_request
from montage_pipeline.orchestration.steps import StepScope

_LOOKED_AT = 0.8
"""Share of the analysis after which every clip was looked at; judging them is the rest."""


class AnalysisWatcher(Onlooker):
    """Shows on the item which clips are looked at, and refuses what cannot become a Reel.

    `share` is how much of the step the analysis is; `unfetched` are clips that it does not see.
    """

    def __init__(
        self, scope: StepScope, unfetched: Sequence[RejectedClip], *, clips: int, share: float
    ) -> None:
        self._scope = scope
        self._unfetched = tuple(unfetched)
        self._clips = clips
        self._share = share
        self._begun: dict[str, None] = {}
        self._done: set[str] = set()
        self._lock = threading.Lock()

    def probed(self, clips: Sequence[ClipFacts], left_out: Sequence[RejectedClip]) -> None:
        """Refuse clips that are too short all together. Where none can be read, the analyst says
        so itself.
        """
        from montage_pipeline.editing.stages.length import refuse_too_short

        self._clips = len(clips)
        if not clips:
            return
        request = self._scope.request
        try:
            refuse_too_short(clips, float(request.duration_s))
        except PermanentError as error:
            reasons = {clip.url: f"it is {clip.duration_s:.1f} s long" for clip in clips}
            reasons |= reasons_of([*self._unfetched, *left_out])
            raise telling(error, reports(request, reasons)) from None

    def begun(self, url: str) -> None:
        """Say which clip it is at."""
        with self._lock:
            self._begun[url] = None
            self._show()

    def done(self, url: str) -> None:
        """Move on."""
        with self._lock:
            self._done.add(url)
            self._show()

    def measured(self, analysis: ClipAnalysis) -> None:
        """Refuse what is too little, before anybody is asked and paid."""
        self.refuse_too_little(self.complete(analysis))

    def complete(self, analysis: ClipAnalysis) -> ClipAnalysis:
        """The analysis, with the clips that could not be fetched."""
        return analysis.model_copy(
            update={"rejected_clips": (*self._unfetched, *analysis.rejected_clips)}
        )

    def refuse_too_little(self, analysis: ClipAnalysis) -> None:
        """Raise what planning would raise for want of footage."""
        from montage_pipeline.editing.stages.length import refuse_too_little

        try:
            refuse_too_little(edit_request(self._scope, analysis), analysis)
        except PermanentError as error:
            raise telling(error, clip_reports(self._scope.request, analysis)) from None

    def _show(self) -> None:
        under_way = [clip_name(url) for url in self._begun if url not in self._done]
        detail = f"{len(self._done)} of {self._clips} clips done"
        if under_way:
            detail += f"; now {', '.join(under_way)}"
        looked_at = _LOOKED_AT * len(self._done) / max(1, self._clips)
        self._scope.progress(1 - self._share + self._share * looked_at, detail)
