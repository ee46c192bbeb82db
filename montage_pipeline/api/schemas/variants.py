"""The edits of a plan, choosing one, and the files that an item was delivered as."""

from uuid import UUID

from pydantic import Field

from montage_pipeline.api.schemas.base import ApiModel
from montage_pipeline.requests.variants.choosing import Choice
from montage_pipeline.requests.variants.model import ChosenPlan
from montage_pipeline.vocabulary import Format


class VariantOut(ApiModel):
    """One edit of a plan, with links to what shows it."""

    variant: int = Field(description="From 1, the planner's first.")
    segments: int
    clips: int = Field(description="How many of the clips it shows.")
    duration_sec: float
    originality: float = Field(description="0 to 1.")
    shared: float = Field(
        description="The largest share of its footage that an edit before it shows too, 0 to 1."
    )
    storyboard_url: str | None = Field(description="The edit in one image, PNG.")
    timeline_url: str | None = Field(description="The edit, frame by frame, JSON.")
    otio_url: str | None = Field(description="The edit for other editing programs, OpenTimelineIO.")


class VariantsOut(ApiModel):
    """The edits of a plan. Links are made for this answer and end after a while."""

    request_id: UUID = Field(description="The request that planned them.")
    chosen: int | None = Field(
        description="The variant that was chosen last; null where none was, or its render failed."
    )
    variants: list[VariantOut]
    notes: list[str] = Field(
        description="Why there are fewer than were asked for, or what they have in common."
    )


class RenderBody(ApiModel):
    """What to render a variant as."""

    preview: bool = Field(
        False, description="A draft of half the size, in a fraction of the time; not the Reel."
    )
    formats: list[Format] = Field(
        default_factory=list,
        max_length=len(Format),
        description="Shapes to deliver besides the item's own: the same edit, framed for each.",
    )

    def of(self, plan_request_id: UUID, variant: int) -> Choice:
        """The choice as the rooms below take it."""
        return Choice(
            ChosenPlan(request_id=plan_request_id, variant=variant),
            preview=self.preview,
            formats=tuple(dict.fromkeys(self.formats)),
        )
