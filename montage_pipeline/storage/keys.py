"""Where things lie in the object store: every key the pipeline writes or reads is spelt here.

work/<request id>/…    what a request's steps make, for the steps after them
cache/…                what later requests may use again
analytics/…            tables for analysts
"""

from uuid import UUID

from montage_pipeline.vocabulary import Step

CHUNKS_PREFIX = "cache/chunks/"


def work_key(request_id: UUID | str, name: str) -> str:
    """The key of a file of one request."""
    return f"work/{request_id}/{name}"


def document_key(request_id: UUID | str, asset: Step | str) -> str:
    """The key of an asset's value."""
    return work_key(request_id, f"{asset}.json")


def storyboard_key(request_id: UUID | str) -> str:
    """The key of the storyboard."""
    return work_key(request_id, "storyboard.png")


def edit_key(request_id: UUID | str) -> str:
    """The key of the edit for other editing programs, as OpenTimelineIO."""
    return work_key(request_id, "timeline.otio")


def video_key(request_id: UUID | str) -> str:
    """The key of the rendered file."""
    return work_key(request_id, "video.mp4")


def poster_key(request_id: UUID | str) -> str:
    """The key of the still frame that stands for the Reel."""
    return work_key(request_id, "poster.jpg")


def table_key(name: str) -> str:
    """The key of a table for analysts."""
    return f"analytics/{name}.csv"
