"""How a request ends that was not to make a Reel: with a plan, or with a preview of one."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import cast, func, literal
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH

from montage_pipeline.records import Record
from montage_pipeline.requests.endings import Ending
from montage_pipeline.requests.footage import ClipReport
from montage_pipeline.requests.tables import ContentItemRow
from montage_pipeline.requests.variants.model import Rendition
from montage_pipeline.requests.webhooks.model import PLANNED, PREVIEWED
from montage_pipeline.vocabulary import ContentStatus, RequestState, Step


class UnfinishedReel(Record):
    """What a plan or a preview leaves with the item, which keeps its media.

    `previews` take the place of earlier previews; empty for a plan.
    """

    step: Step
    previews: tuple[Rendition, ...] = ()
    warnings: tuple[str, ...] = ()
    clips: tuple[ClipReport, ...] = ()

    def ending(self, request_id: UUID) -> Ending:
        """The end of its request, whose plan the item then has."""
        values: dict[str, Any] = {
            "status": ContentStatus.DRAFT,
            "progress_step": self.step,
            "progress_percent": 100,
            "progress_detail": None,
            "planned_request_id": request_id,
            "clips": [clip.model_dump(mode="json") for clip in self.clips],
            "error": None,
            "warnings": list(self.warnings),
        }
        if self.previews:
            values["renditions"] = _beside_reels(self.previews)
        event = PREVIEWED if self.previews else PLANNED
        return Ending(RequestState.SUCCEEDED, values, event=event)


def _beside_reels(previews: Sequence[Rendition]) -> Any:
    """The item's renditions without earlier previews, and these."""
    stored = [preview.model_dump(mode="json") for preview in previews]
    reels = func.jsonb_path_query_array(
        ContentItemRow.renditions, cast("$[*] ? (@.preview == false)", JSONPATH)
    )
    return reels.op("||")(literal(stored, JSONB))
