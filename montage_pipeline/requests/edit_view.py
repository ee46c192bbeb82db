"""`EditView`: an edit as a page shows it, with what the analysis knew of the footage; and
`CoverImage`: a frame that may stand for a Reel.

They are made when the edit is planned, and served as they are: whoever answers a page needs to know
nothing of how a Reel is made, nor read the analysis, which has megabytes.

Belongs here: the documents. Does not belong here: making them (orchestration), links to files (the
API makes them when it is asked).
"""

from typing import Literal
from uuid import UUID

from pydantic import Field

from montage_pipeline.records import Record


class CoverImage(Record):
    """A still frame of a delivered Reel: its key in the object store, its time, and why."""

    key: str
    time_s: float
    score: float
    why: str


class CropShare(Record):
    """A rectangle in shares of the displayed source frame: 0..1, origin top left."""

    x: float
    y: float
    width: float
    height: float


class AlternativeView(Record):
    """What could be shown in a segment's place: where it lies in its clip, `what` it is, and `why`
    it ranks as it does. `points` is what the Reel gains by it. The key is empty without a
    thumbnail.
    """

    id: str
    clip: int
    moment: str
    start_s: float
    end_s: float
    points: float
    what: str
    why: str
    thumbnail_key: str


class SlipView(Record):
    """By how many frames of the Reel a segment may show its clip earlier (0 or less) or later."""

    earlier: int
    later: int


class TrimView(Record):
    """By how many frames of the Reel a segment may begin, and end, earlier (below 0) or later, so
    that the cut falls on a beat; in order.
    """

    begin: tuple[int, ...] = ()
    end: tuple[int, ...] = ()


class SegmentView(Record):
    """One segment: where it lies in its clip and in the Reel (seconds), and why it is there.

    `clip` and `moment` lead into `EditView.clips`. With `crop_end` the crop moves there.
    `thumbnail_key` is the whole source frame at `start_s`. `heard` says that its clip has sound
    which plays unless it is `muted`. `alternatives` could be shown instead, the best first; without
    `slip` and `trim` nothing is known of what may become of it.
    """

    number: int
    clip: int
    moment: str
    start_s: float
    end_s: float
    reel_s: float
    frames: int
    role: Literal["hook", "body", "ending"]
    on_beat: bool
    score: float
    why: str
    crop: CropShare
    crop_end: CropShare | None
    caption: str
    clip_gain_db: float
    thumbnail_key: str
    locked: bool = False
    muted: bool = False
    heard: bool = False
    slip: SlipView | None = None
    trim: TrimView | None = None
    alternatives: tuple[AlternativeView, ...] = ()


class RejectView(Record):
    """Why a moment, or a whole clip, must not be used."""

    code: str
    message: str


class MomentView(Record):
    """A judged span of a clip (seconds); `shown` says whether the Reel shows some of it.

    `scores` are its measures by name, each 0 (worst) to 1 (best).
    """

    id: str
    start_s: float
    end_s: float
    quality: float
    interest: float
    hook: float
    scores: dict[str, float]
    description: str
    role: str | None
    mood: str | None
    shown: bool
    rejects: tuple[RejectView, ...]


class ClipView(Record):
    """A clip that was analysed; `url` is without its query, `name` as its owner knows it."""

    url: str
    name: str
    width: int
    height: int
    duration_s: float
    fps: float
    moments: tuple[MomentView, ...]


class LeftOutView(RejectView):
    """A clip that was left out as a whole."""

    url: str
    name: str


class MusicView(Record):
    """The music, with its beats in seconds of the Reel."""

    composer: str
    mood: str
    bpm: float
    beats_s: tuple[float, ...]
    downbeats_s: tuple[float, ...]


class EditView(Record):
    """The edit of one request. Stored beside its timeline, with the thumbnails it names."""

    schema_version: Literal[1] = 1
    request_id: UUID
    width: int
    height: int
    fps: float = Field(gt=0)
    duration_s: float
    analyst: str
    mood: str
    segments: tuple[SegmentView, ...]
    clips: tuple[ClipView, ...]
    left_out: tuple[LeftOutView, ...]
    music: MusicView
