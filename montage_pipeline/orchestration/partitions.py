"""One dynamic partition per montage request, and the tags by which people find its runs.

The key is what the request's row calls it (`20261125-2316-travel-3938602d`): in time's order, and
readable. Programs go by the request's id, which every run of a request has as a tag; requests from
before they had such keys have their id for a key.
"""

from collections.abc import Mapping
from uuid import UUID

import dagster as dg

from montage_pipeline.requests.model import MontageRequest

PARTITION_TAG = "dagster/partition"
REQUEST_TAG = "montage/request_id"
ITEM_TAG = "montage/content_item_id"
USER_TAG = "montage/user_id"
STYLE_TAG = "montage/style"
TITLE_TAG = "montage/title"

_MAX_TITLE_CHARS = 60
"""What a list of runs shows of it without widening."""

montage_requests = dg.DynamicPartitionsDefinition(name="montage_requests")


def tags_of(request: MontageRequest, title: str | None = None) -> dict[str, str]:
    """What the list of runs says of a run of this request."""
    tags = {
        REQUEST_TAG: str(request.id),
        ITEM_TAG: str(request.content_item_id),
        USER_TAG: str(request.user_id),
        STYLE_TAG: f"{request.style}, {request.format.value}, {request.duration_s} s",
    }
    shown = " ".join((title or "").split())[:_MAX_TITLE_CHARS]
    return tags | ({TITLE_TAG: shown} if shown else {})


def request_id_in(tags: Mapping[str, str]) -> UUID | None:
    """The request that a run with these tags works for; None for runs of other jobs, and for those
    that a person launched until their first step begins.
    """
    for name in (REQUEST_TAG, PARTITION_TAG):
        try:
            return UUID(tags[name])
        except (KeyError, ValueError):
            continue
    return None
