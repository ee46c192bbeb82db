"""The words a request is made of: formats, states."""

from enum import StrEnum
from typing import NamedTuple


class FrameSize(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


class Format(StrEnum):
    """Shape of the finished picture."""

    REEL = "reel"
    FEED = "feed"
    SQUARE = "square"
    LANDSCAPE = "landscape"

    @property
    def frame_size(self) -> FrameSize:
        """Pixels of the finished picture."""
        return _FRAME_SIZES[self]


_FRAME_SIZES = {
    Format.REEL: FrameSize(1080, 1920),
    Format.FEED: FrameSize(1080, 1350),
    Format.SQUARE: FrameSize(1080, 1080),
    Format.LANDSCAPE: FrameSize(1920, 1080),
}


class ContentType(StrEnum):
    """What a content item is."""

    REEL = "reel"


class ContentStatus(StrEnum):
    """Where a content item stands; `draft` is both the start and the finished state."""

    DRAFT = "draft"
    GENERATING = "generating"
    FAILED = "failed"


class RequestState(StrEnum):
    """Where one click stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in (RequestState.SUCCEEDED, RequestState.FAILED, RequestState.CANCELED)


class Step(StrEnum):
    """The five assets, in order."""

    CLIP_ANALYSIS = "clip_analysis"
    MUSIC_TRACK = "music_track"
    EDIT_TIMELINE = "edit_timeline"
    RENDERED_VIDEO = "rendered_video"
    R2_OBJECT = "r2_object"


class Service(StrEnum):
    """Who is paid."""

    FAL = "fal"
    AYRSHARE = "ayrshare"
    STRIPE = "stripe"
    CLAUDE = "claude"
    INSTAGRAM = "instagram"


class CostState(StrEnum):
    """How sure a cost row is.

    `pending`: the call was sent, its price is not known yet. `settled`: computed from the usage
    the provider reported. `estimated`: the call may have been charged but no usage came back.
    """

    PENDING = "pending"
    SETTLED = "settled"
    ESTIMATED = "estimated"
