"""Users and their clicks in the database, for tests that need a request but are about something
else.

Belongs here: what a test of any room needs to get from nobody to a request, or to a delivered Reel.
Does not belong here: clicks over the wire (`api`, `e2e`).
"""

from uuid import UUID, uuid4

from sqlalchemy import Engine

from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import FinishedReel, RequestLifecycle
from montage_pipeline.requests.model import CreatedRequest, MontageRequest, NewContentItem
from montage_pipeline.requests.queue.turns import Limits, Turns
from montage_pipeline.vocabulary import Format

REEL = FinishedReel(media_url="m", music_url="u", poster_url="p")
"""A delivered Reel that nobody watches."""


def new_user(library: ContentLibrary) -> UUID:
    """A user with no items yet."""
    user_id = uuid4()
    library.ensure_user(user_id, "somebody@example.org")
    return user_id


def asked(*clip_urls: str, **changes: object) -> NewContentItem:
    """What one click asks for: a short, small Reel of these clips, or of one that is not there."""
    values: dict[str, object] = {
        "clip_urls": clip_urls or ("https://x/a.mp4",),
        "style": "dynamic",
        "format": Format.SQUARE,
        "duration_s": 8,
    }
    return NewContentItem.model_validate(values | changes)


def click(
    library: ContentLibrary, user: UUID, *clip_urls: str, **changes: object
) -> CreatedRequest:
    """A new item of this user with its first request, queued."""
    return library.create_item(user, asked(*clip_urls, **changes))


def finish(
    requests: RequestLifecycle, request_id: UUID, run_id: str = "run", reel: FinishedReel = REEL
) -> None:
    """What a run that goes well does to its request."""
    assert requests.start(request_id, run_id)
    assert requests.succeed(request_id, run_id, reel)


def next_requests(engine: Engine) -> list[MontageRequest]:
    """What the daemon would start now if every place were free, in order."""
    ids = Turns(engine, Limits(running=0, running_per_user=0)).next((), at_once=100)
    return RequestLifecycle(engine).get_requests(ids)
