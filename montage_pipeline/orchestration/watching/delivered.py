"""The daily check that every Reel in somebody's library can still be played."""

from urllib.parse import unquote, urlsplit
from uuid import UUID

import dagster as dg
from dagster import MetadataValue, ResourceParam
from sqlalchemy import select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.composition import Services
from montage_pipeline.requests.tables import ContentItemRow

_PREFIX = "reels/"
_MAX_SHOWN = 100


@dg.asset_check(
    asset=dg.AssetKey("r2_object"),
    name="delivered_objects_exist",
    description="Every Reel in a library, with its music and its poster, is in the bucket.",
)
def delivered_objects(services: ResourceParam[Services]) -> dg.AssetCheckResult:
    """Fails, naming the items, when an object is gone. One listing, however many there are."""
    promised = _promised(services.engine)
    stored = set(services.reel_store.list_keys(_PREFIX))
    missing = {key: item for key, item in promised.items() if key not in stored}
    if missing:
        # What was deleted by its user, or replaced, while the bucket was listed is not missing.
        still = _promised(services.engine)
        missing = {key: item for key, item in missing.items() if key in still}
    lines = [f"- item {item}: {key}" for key, item in sorted(missing.items())[:_MAX_SHOWN]]
    return dg.AssetCheckResult(
        passed=not missing,
        metadata={
            "objects": len(promised),
            "missing": len(missing),
            "which": MetadataValue.md("\n".join(lines) or "none"),
        },
    )


delivered_objects_job = dg.define_asset_job(
    "delivered_objects",
    selection=dg.AssetSelection.checks(delivered_objects),
    description="Check that delivered Reels are still in the bucket.",
    tags={"dagster/max_runtime": "1800"},
)


def _promised(engine: Engine) -> dict[str, UUID]:
    """The objects that items name, by key."""
    row = ContentItemRow
    query = select(row.id, row.generated_media_url, row.music_url, row.poster_url).where(
        row.generated_media_url.is_not(None)
    )
    with Session(engine) as session:
        return {
            key: item_id
            for item_id, *urls in session.execute(query)
            for url in urls
            if url and (key := _key_in(url))
        }


def _key_in(url: str) -> str | None:
    """The object's key at the end of its URL's path; None for what is no delivered object."""
    path = unquote(urlsplit(url).path)
    begin = path.find(_PREFIX)
    return path[begin:] if begin >= 0 else None
