"""The words that requests, rows and documents are made of: formats, states, steps, services."""

from enum import StrEnum
from math import ceil, gcd
from typing import NamedTuple


class FrameSize(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


class Format(StrEnum):
    """Shape of the Reel's frames."""

    REEL = "reel"
    FEED = "feed"
    SQUARE = "square"
    LANDSCAPE = "landscape"

    @property
    def frame_size(self) -> FrameSize:
        """Width and height of the Reel's frames."""
        return _FRAME_SIZES[self]

    @property
    def preview_size(self) -> FrameSize:
        """Half of that, in even numbers of pixels (H.264 halves them for colour) and in exactly
        the same shape, and so a few pixels more where need be.
        """
        width, height = self.frame_size
        unit = gcd(width, height)
        even = 2 * ceil(unit / 4)
        return FrameSize(width // unit * even, height // unit * even)


_FRAME_SIZES = {
    Format.REEL: FrameSize(1080, 1920),
    Format.FEED: FrameSize(1080, 1350),
    Format.SQUARE: FrameSize(1080, 1080),
    Format.LANDSCAPE: FrameSize(1920, 1080),
}


class Look(StrEnum):
    """What becomes of the colours of the clips."""

    MATCHED = "matched"
    """Exposure and white balance of every segment are brought towards the Reel's own."""

    AS_SHOT = "asShot"
    """Every segment keeps its colours."""


class ContentType(StrEnum):
    """What a content item is."""

    REEL = "reel"


class ContentStatus(StrEnum):
    """Where a content item stands; `draft` is both the start and the finished state."""

    DRAFT = "draft"
    GENERATING = "generating"
    FAILED = "failed"


class RequestState(StrEnum):
    """Where a request stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        """Whether the request has ended; only a person can start it again."""
        return self in (RequestState.SUCCEEDED, RequestState.FAILED, RequestState.CANCELED)


class Step(StrEnum):
    """The five assets of a request, in order."""

    CLIP_ANALYSIS = "clip_analysis"
    MUSIC_TRACK = "music_track"
    EDIT_TIMELINE = "edit_timeline"
    RENDERED_VIDEO = "rendered_video"
    R2_OBJECT = "r2_object"


class Service(StrEnum):
    """Whom a paid call is made to."""

    FAL = "fal"
    AYRSHARE = "ayrshare"
    STRIPE = "stripe"
    CLAUDE = "claude"
    INSTAGRAM = "instagram"


class CostState(StrEnum):
    """How sure the price of a paid call is.

    `pending`: the call was sent, its price is not known yet. `settled`: computed from the usage
    that the provider reported. `estimated`: the call may have been charged, but no usage came back.
    """

    PENDING = "pending"
    SETTLED = "settled"
    ESTIMATED = "estimated"


class DeliveryState(StrEnum):
    """Where a message for a webhook stands; `failed`: every attempt was spent."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
