"""Costs: what a user's Reels cost in paid calls."""

from typing import Annotated

from fastapi import APIRouter, Query

from montage_pipeline.api.current_user import CurrentUser
from montage_pipeline.api.errors import documented_errors
from montage_pipeline.api.schemas.answers import CostsOut
from montage_pipeline.api.schemas.base import PathUuid, Timestamp
from montage_pipeline.api.services import ServicesNeeded
from montage_pipeline.costs.reports import get_user_costs

router = APIRouter(prefix="/api/costs", tags=["costs"])


@router.get(
    "", operation_id="getCosts", summary="What your Reels cost", responses=documented_errors(422)
)
def get_costs(
    user: CurrentUser,
    services: ServicesNeeded,
    since: Annotated[
        Timestamp | None,
        Query(
            description="Only calls from this moment on (ISO 8601 with a time zone).",
            examples=["2026-05-01T00:00:00Z"],
        ),
    ] = None,
    content_item_id: Annotated[
        PathUuid | None,
        Query(
            alias="contentItemId",
            description="Only calls for this content item; none for one that is not yours.",
        ),
    ] = None,
) -> CostsOut:
    """Every paid call made for you, with the sums by service."""
    costs = get_user_costs(services.engine, user.id, since, content_item_id=content_item_id)
    return CostsOut.of(costs)
