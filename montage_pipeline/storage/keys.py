"""Where things lie in the object store: every key the product writes or reads is spelt here.

work/<request id>/…                 what a request's steps make, for the steps after them
reels/<user>/<item>/<hash>…         finished Reels with their music and posters
uploads/<user>/<upload>/<file>      what users put there themselves
cache/…                             what later requests may use again
analytics/…                         tables for analysts
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from uuid import UUID

from montage_pipeline.vocabulary import Format, Step

WORK_PREFIX = "work/"
CHUNKS_PREFIX = "cache/chunks/"
MEASURES_PREFIX = "cache/measures/"
UPLOADS_PREFIX = "uploads/"

UPLOAD_KEPT = timedelta(days=3)
"""How long an upload in parts waits for the rest of them: a weekend without a network."""

ABSENT_KEY = "readyz/absent"
"""Nothing ever lies here: a probe that reads it learns whether the store answers."""

PROBE_KEY = "work/.probe"
"""Written and deleted to learn whether the store takes what it is given."""

_REEL_HASH_DIGITS = 16
"""64 bits tell a user's Reels of one item apart for good."""


def work_key(request_id: UUID | str, name: str) -> str:
    """The key of a file of one request."""
    return f"{WORK_PREFIX}{request_id}/{name}"


def document_key(request_id: UUID | str, asset: Step | str) -> str:
    """The key of an asset's value."""
    return work_key(request_id, f"{asset}.json")


def variant_place(request_id: UUID | str, variant: int) -> str:
    """Where the files of one variant of a request's plan lie: what stands for the request's id in
    the keys below. The first is the request's own edit.
    """
    return str(request_id) if variant == 1 else f"{request_id}/variants/{variant}"


def format_place(request_id: UUID | str, shape: Format) -> str:
    """Where the files of a request's edit in another shape lie, likewise."""
    return f"{request_id}/formats/{shape}"


def variants_key(request_id: UUID | str) -> str:
    """The key of what is known of the variants of a request's plan."""
    return work_key(request_id, "variants.json")


def storyboard_key(request_id: UUID | str) -> str:
    """The key of the storyboard."""
    return work_key(request_id, "storyboard.png")


def edit_key(request_id: UUID | str, suffix: str = "otio") -> str:
    """The key of the edit for other editing programs: OpenTimelineIO, or another format of
    `editing.export` by its suffix.
    """
    return work_key(request_id, f"timeline.{suffix}")


def edit_view_key(request_id: UUID | str) -> str:
    """The key of the edit as a page shows it."""
    return work_key(request_id, "edit_view.json")


def edit_room_key(request_id: UUID | str) -> str:
    """The key of what may become of the edit's segments."""
    return work_key(request_id, "edit_room.json")


def alternative_key(request_id: UUID | str, alternative: str) -> str:
    """The key of a source frame of what could be shown in a segment's place, small."""
    return work_key(request_id, f"alternatives/{alternative}.jpg")


def thumbnail_key(request_id: UUID | str, segment: int) -> str:
    """The key of the source frame that a segment begins with, small."""
    return work_key(request_id, f"segments/{segment:03d}.jpg")


def cover_key(request_id: UUID | str, rank: int) -> str:
    """The key of a still frame that could be the poster; the poster itself has rank 1."""
    return poster_key(request_id) if rank == 1 else work_key(request_id, f"cover-{rank}.jpg")


def video_key(request_id: UUID | str) -> str:
    """The key of the rendered file."""
    return work_key(request_id, "video.mp4")


def poster_key(request_id: UUID | str) -> str:
    """The key of the still frame that stands for the Reel."""
    return work_key(request_id, "poster.jpg")


def reels_of(user_id: UUID | str, content_item_id: UUID | str) -> str:
    """What the keys of an item's delivered Reels begin with."""
    return f"reels/{user_id}/{content_item_id}/"


def reel_key(user_id: UUID | str, content_item_id: UUID | str, video_sha256: str) -> str:
    """What the keys of a delivered Reel and of the files beside it begin with."""
    return reels_of(user_id, content_item_id) + video_sha256[:_REEL_HASH_DIGITS]


def uploads_of(user_id: UUID | str) -> str:
    """What the keys of a user's uploads begin with."""
    return f"{UPLOADS_PREFIX}{user_id}/"


def upload_key(user_id: UUID | str, upload_id: UUID | str, file_name: str) -> str:
    """The key of one uploaded file."""
    return f"{uploads_of(user_id)}{upload_id}/{file_name}"


def claude_answer_key(owner_id: UUID | str, fingerprint: str) -> str:
    """The key of a bought answer; `owner_id` is the request, or the user where there is none."""
    return work_key(owner_id, f"claude/{fingerprint}.json")


def measures_of(user_id: UUID | str) -> str:
    """What the keys of all that was measured in a user's clips begin with."""
    return f"{MEASURES_PREFIX}{user_id}/"


def measures_key(user_id: UUID | str, digest: str) -> str:
    """The key of what was measured in a clip; `digest` is of the clip and of what was asked."""
    return measures_of(user_id) + digest


def mart_key(name: str, day: date | None = None) -> str:
    """The key of a day's rows of a table for analysts; without a day, what all its keys begin with.

    The day is not spelt `day=…`: the files have that column, and pandas takes it twice amiss.
    """
    prefix = f"analytics/{name}/"
    return prefix if day is None else f"{prefix}{day.isoformat()}.parquet"


def mart_days_of(name: str, keys: Iterable[str]) -> Iterator[date]:
    """The days that these keys of a table are for; keys of anything else are passed over."""
    pattern = re.compile(re.escape(mart_key(name)) + r"(\d{4}-\d{2}-\d{2})\.parquet")
    for key in keys:
        if found := pattern.fullmatch(key):
            yield date.fromisoformat(found[1])
