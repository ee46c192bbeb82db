"""Making the document that says what may become of an edit."""

from montage_pipeline.editing.changing.alternatives import alternatives
from montage_pipeline.editing.changing.footage import footage_shown
from montage_pipeline.editing.changing.parts import Parts
from montage_pipeline.editing.changing.room import Alternative, EditRoom, SegmentRoom
from montage_pipeline.editing.changing.standing import ruler_of, rules_of, standing_edit
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.timeline import Timeline

Offers = tuple[tuple[Alternative, ...], ...]
"""What could be shown instead of each segment, in their order; the best first."""


def offers_for(context: PlanContext, timeline: Timeline, changed: Parts | None = None) -> Offers:
    """What could be shown instead, whatever becomes of the segments' crops and colours; nothing
    for an edit some of which lies outside of what the analysis calls usable.
    """
    chosen = standing_edit(context, timeline)
    banned = changed.banned if changed is not None else ()
    return tuple(
        alternatives(context, chosen, number, banned) if chosen else ()
        for number in range(len(timeline.segments))
    )


def edit_room(
    context: PlanContext, timeline: Timeline, offers: Offers, changed: Parts | None = None
) -> EditRoom:
    """What may become of an edit. What was locked, banned and moved by hand in the edit that it was
    `changed` from stays so.
    """
    rules = rules_of(timeline)
    ruler = ruler_of(context, timeline, rules)
    banned = changed.banned if changed is not None else ()
    segments = []
    for number, segment in enumerate(timeline.segments):
        part = changed.parts[number] if changed is not None else None
        segments.append(
            SegmentRoom(
                footage=footage_shown(context, segment),
                frames=segment.frames,
                alternatives=offers[number],
                locked=part is not None and part.locked,
                muted=segment.muted,
                caption=segment.caption,
                nudged=nudged(changed, number) if changed is not None else (0, 0),
            )
        )
    return EditRoom(
        request_id=timeline.request_id,
        fps=timeline.fps,
        hook_frames=rules.hook_frames,
        min_frames=rules.min_frames,
        max_frames=rules.max_frames,
        beats=tuple(int(frame) for frame in ruler.on_beats.nonzero()[0]),
        segments=tuple(segments),
        banned=banned,
    )


def nudged(changed: Parts, number: int) -> tuple[int, int]:
    """How far the user has moved the crop of a segment in all; not that of other footage."""
    part = changed.parts[number]
    before = (0, 0) if part.alternative else changed.room.segments[part.was].nudged
    return before[0] + part.shift[0], before[1] + part.shift[1]
