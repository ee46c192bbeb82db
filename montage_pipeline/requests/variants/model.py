"""The documents: the variants of a plan, which of them a request renders, and the renditions."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from montage_pipeline.records import Record
from montage_pipeline.vocabulary import Format

MAX_VARIANTS = 3
"""Edits that a person compares at a glance; each takes footage from the next."""


class ChosenPlan(Record):
    """One variant of the plan that another request of the same item made."""

    request_id: UUID
    variant: int = Field(ge=1, le=MAX_VARIANTS)


class VariantFacts(Record):
    """One edit of a plan; 1 is the planner's first.

    `shared` is the largest share of its seconds that one of the edits before it shows too, 0..1.
    """

    variant: int = Field(ge=1, le=MAX_VARIANTS)
    segments: int
    clips: int
    duration_s: float
    shared: float = Field(ge=0, le=1)
    originality: float = Field(ge=0, le=1)


class PlanVariants(Record):
    """The edits of one request's plan; `notes` say why there are fewer than were asked for."""

    schema_version: Literal[1] = 1
    request_id: UUID
    variants: tuple[VariantFacts, ...] = Field(min_length=1)
    notes: tuple[str, ...] = ()


class Rendition(Record):
    """A delivered file of an item: the Reel in one format, or a preview of it.

    `url` and `poster_url` are as stored; links are made when they are asked for.
    """

    request_id: UUID
    format: Format
    preview: bool = False
    width: int
    height: int
    bytes: int
    url: str
    poster_url: str
