"""`ClipReport`: what became of each clip that a request was given.

Belongs here: the document, as it is stored with an item. Does not belong here: finding out what
became of a clip (orchestration), footage itself (the room `footage`).
"""

from pydantic import Field

from montage_pipeline.records import Record


class ShownSpan(Record):
    """A span of a clip in seconds of the clip, and where in the Reel it begins."""

    start_s: float
    end_s: float
    reel_s: float


class ClipReport(Record):
    """A clip is shown, with its segments in the order of the Reel, or it is not, with one reason.

    `url` is the clip's address without its query, `name` the file's name as its owner knows it.
    """

    url: str
    name: str
    segments: tuple[ShownSpan, ...] = ()
    reason: str | None = Field(None, description="Null for a clip that is shown.")
