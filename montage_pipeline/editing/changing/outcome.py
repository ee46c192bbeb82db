"""What a list of changes comes to: which segments of the changed edit have to be rendered."""

from collections.abc import Sequence
from itertools import accumulate

from montage_pipeline.editing.changing.carrying_out import carried_out
from montage_pipeline.editing.changing.parts import Part, Parts
from montage_pipeline.editing.changing.room import EditRoom, SegmentRoom
from montage_pipeline.editing.changing.trimming import ways_to_trim
from montage_pipeline.requests.segment_changes.model import SegmentChange, changed_music
from montage_pipeline.requests.segment_changes.outcome import ChangedSegment, ChangeOutcome


def outcome_of(room: EditRoom, changes: Sequence[SegmentChange]) -> ChangeOutcome:
    """What the changes come to. Raises what `carried_out` raises."""
    edit = carried_out(room, changes)
    ends = accumulate(part.frames for part in edit.parts)
    return ChangeOutcome(
        segments=tuple(
            _segment(edit, number, part, end)
            for number, (part, end) in enumerate(zip(edit.parts, ends, strict=True))
        ),
        on_beat_before=Parts.of(room).on_beat,
        on_beat_after=edit.on_beat,
        beats_known=changed_music(tuple(changes)) is None,
    )


def _segment(edit: Parts, number: int, part: Part, end: int) -> ChangedSegment:
    rate, before = edit.room.rate, edit.room.segments[part.was]
    span = part.footage.span(part.frames, rate)
    return ChangedSegment(
        number=number,
        was=part.was,
        clip=part.footage.clip,
        moment=part.footage.moment,
        start_s=span.start_s,
        end_s=span.end_s,
        reel_s=(end - part.frames) / rate,
        frames=part.frames,
        on_beat=end in edit.beats,
        locked=part.locked,
        muted=part.muted,
        is_new=not part.shows_the_same(before),
        trim=ways_to_trim(edit, number),
        why_rendered=why_rendered(part, before),
    )


def why_rendered(part: Part, before: SegmentRoom) -> str:
    """Why the frames of a segment are not there yet; empty when they are."""
    if part.alternative is not None and part.footage.start_s != before.footage.start_s:
        return "It shows other footage."
    longer = part.frames - before.frames
    if longer:
        frames = "1 frame" if abs(longer) == 1 else f"{abs(longer)} frames"
        return f"It is {frames} {'longer' if longer > 0 else 'shorter'}."
    if part.footage != before.footage:
        return "It shows another part of its clip."
    if part.shift != (0, 0):
        return "Its crop has moved."
    return "Its text has changed." if part.caption != before.caption else ""
