"""What changes come to, before anything is made."""

from decimal import Decimal

from montage_pipeline.records import Record
from montage_pipeline.requests.edit_view import TrimView


class ChangedSegment(Record):
    """A segment of the changed edit, at its new place.

    `was` is its number in the edit that is changed. `is_new` says that it shows other frames than
    before. `why_rendered` says for people why it is rendered; empty when its frames are there
    already. `trim` is where its cuts may go from there.
    """

    number: int
    was: int
    clip: int
    moment: str
    start_s: float
    end_s: float
    reel_s: float
    frames: int
    on_beat: bool
    locked: bool
    muted: bool
    is_new: bool
    trim: TrimView
    why_rendered: str = ""


class ChangeOutcome(Record):
    """The changed edit, and how many of its cuts fall on beats, before and after.

    `beats_known` is False when other music is asked for: its beats are found when it is there.
    `cost_usd` is what will be bought, at list price: newly composed music, or nothing.
    """

    segments: tuple[ChangedSegment, ...]
    on_beat_before: int
    on_beat_after: int
    beats_known: bool = True
    cost_usd: Decimal = Decimal("0.00")

    @property
    def rendered(self) -> int:
        """How many segments have to be rendered."""
        return sum(bool(segment.why_rendered) for segment in self.segments)
