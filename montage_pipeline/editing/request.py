"""`EditRequest`: what is asked of the planner."""

from pydantic import Field

from montage_pipeline.analysis.model import RejectedSpan
from montage_pipeline.footage.model import FrameRate
from montage_pipeline.records import Record
from montage_pipeline.requests.seen import SeenSegment
from montage_pipeline.rules import MAX_DURATION_S, MIN_DURATION_S
from montage_pipeline.styles import StyleName
from montage_pipeline.vocabulary import Format


class EditRequest(Record):
    """What is asked of the planner.

    `seed` chooses among good edits: another seed gives another edit. `hook_clip` and `must_use` are
    clip URLs: the clip that opens the Reel, and clips that must appear in it. `caption` is text
    over the hook. `short_cuts` lets clips that are too short for a cut be shown for less than 3 s.
    `seen` is the footage of the user's earlier Reels, which this one avoids. `left_out` are spans
    that the analysis found usable and that must not be shown all the same.

    Of other edits of the same plan, `beside` is avoided as what was seen is, and `avoid` not shown
    at all; neither is anything that the user is told of.
    """

    request_id: str
    style: StyleName
    format: Format
    duration_s: float = Field(ge=MIN_DURATION_S, le=MAX_DURATION_S)
    seed: int
    fps: FrameRate = FrameRate(num=30, den=1)
    hook_clip: str = ""
    must_use: tuple[str, ...] = ()
    caption: str = ""
    short_cuts: bool = False
    seen: tuple[SeenSegment, ...] = ()
    left_out: tuple[RejectedSpan, ...] = ()
    beside: tuple[SeenSegment, ...] = ()
    avoid: tuple[RejectedSpan, ...] = ()

    @property
    def frames(self) -> int:
        """The asked length in frames."""
        return round(self.duration_s * self.fps.num / self.fps.den)
