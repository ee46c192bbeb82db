"""The timeline of a changed edit: what stays is taken over as it is, the rest is framed anew.

Belongs here: crops, sound and words of changed segments, and the music under them. Does not belong
here: what is shown where (`carrying_out`), colours (`grading`).
"""

from collections.abc import Sequence
from itertools import accumulate

from montage_pipeline.editing.beats import rulers
from montage_pipeline.editing.changing.footage import moments_in
from montage_pipeline.editing.changing.parts import Part, Parts
from montage_pipeline.editing.changing.rooms import nudged
from montage_pipeline.editing.changing.standing import ruler_of, rules_of, standing_edit
from montage_pipeline.editing.context import PlanContext, moments_by_id
from montage_pipeline.editing.framing.crops import picture_of
from montage_pipeline.editing.originality import originality_report
from montage_pipeline.editing.stages.music_placement import music_warnings, placed_music
from montage_pipeline.editing.stages.segments import (
    ShownMoment,
    Take,
    role_at,
    segment_showing,
)
from montage_pipeline.editing.stages.wording import Words
from montage_pipeline.editing.timeline import CropRect, MusicPlacement, Segment, Timeline
from montage_pipeline.footage.model import ClipFacts


def changed_timeline(
    context: PlanContext, base: Timeline, changed: Parts, *, new_music: bool
) -> Timeline:
    """The timeline of an edit that was changed from `base`.

    Segments that show what they showed keep their crop, grade and steadying; others have neither
    grade nor steadying yet. `new_music` says that the context's music is another than the base's.
    """
    placement = _placed(context, base, changed, new_music=new_music)
    draft = base.model_copy(
        update={
            "request_id": context.request.request_id,
            "segments": _segments(context, base, changed),
            "music": placement,
            "proof": None,
            "cover_candidates": (),
        }
    )
    segments = _worded(context, _on_beats(context, draft), base, changed)
    old_notes = music_warnings(context, base.segments, base.music)
    notes = [
        *(note for note in base.warnings if note not in old_notes),
        *music_warnings(context, segments, placement),
    ]
    report = originality_report(
        segments, context.analysis, context.music, context.fps, context.request.seen
    )
    fields = draft.model_dump() | {
        "segments": [segment.model_dump() for segment in segments],
        "originality": report.model_dump(),
        "warnings": tuple(dict.fromkeys(notes)),
    }
    # Validated as any other: its segments fit their clips, and their frames add up.
    return Timeline.model_validate(fields)


def is_taken_over(changed: Parts, number: int) -> bool:
    """Whether a segment of the changed edit shows the frames that it showed before."""
    part = changed.parts[number]
    return part.shows_the_same(changed.room.segments[part.was])


def _segments(context: PlanContext, base: Timeline, changed: Parts) -> tuple[Segment, ...]:
    last = len(changed.parts) - 1
    return tuple(
        _segment(context, base, changed, number).model_copy(
            update={
                "role": role_at(number, last),
                "caption": part.caption,
                "muted": part.muted,
            }
        )
        for number, part in enumerate(changed.parts)
    )


def _segment(context: PlanContext, base: Timeline, changed: Parts, number: int) -> Segment:
    part = changed.parts[number]
    if is_taken_over(changed, number):
        segment = base.segments[part.was]
        return _shifted(segment, context.facts(segment.clip), part.shift)

    footage = part.footage
    span = footage.span(part.frames, float(context.fps))
    shown = [ShownMoment(*found) for found in moments_in(context, footage.clip, span)]
    named = moments_by_id(context.analysis)[footage.moment]
    take = Take(footage.clip, footage.start_s, footage.speed, part.frames)
    new = segment_showing(context, take, shown or [ShownMoment(named, 1)], opens=number == 0)
    return _shifted(new, context.facts(footage.clip), nudged(changed, number))


def _shifted(segment: Segment, facts: ClipFacts, shift: tuple[int, int]) -> Segment:
    """The segment with its crop moved, as far as the picture goes."""
    if shift == (0, 0):
        return segment
    picture = picture_of(facts)
    right, bottom = picture.x + picture.width, picture.y + picture.height

    def moved(crop: CropRect) -> CropRect:
        x = min(max(picture.x, crop.x + shift[0]), right - crop.width)
        y = min(max(picture.y, crop.y + shift[1]), bottom - crop.height)
        return crop.model_copy(update={"x": x, "y": y})

    end = segment.crop_end
    return segment.model_copy(
        update={"crop": moved(segment.crop), "crop_end": moved(end) if end else None}
    )


def _placed(
    context: PlanContext, base: Timeline, changed: Parts, *, new_music: bool
) -> MusicPlacement:
    """The music where it was; other music from where most of the cuts fall on its beats."""
    if not new_music:
        return base.music.model_copy(update={"key": context.music.key})
    starts = rulers(context.music, base.total_frames, rules_of(base), context.fps)
    best = max(starts, key=lambda ruler: sum(map(ruler.on_beat, changed.cuts)))
    return placed_music(context, best)


def _on_beats(context: PlanContext, timeline: Timeline) -> Timeline:
    """The timeline with what each segment ends on."""
    ruler = ruler_of(context, timeline, rules_of(timeline))
    ends = accumulate(segment.frames for segment in timeline.segments)
    segments = tuple(
        segment.model_copy(update={"on_beat": ruler.on_beat(end)})
        for segment, end in zip(timeline.segments, ends, strict=True)
    )
    return timeline.model_copy(update={"segments": segments})


def _worded(
    context: PlanContext, timeline: Timeline, base: Timeline, changed: Parts
) -> tuple[Segment, ...]:
    """The segments with the reason for each: the user's own where it was theirs."""
    chosen = standing_edit(context, timeline)
    words = None if chosen is None else Words(context, chosen, timeline.segments)
    return tuple(
        segment.model_copy(update={"why": _why(part, number, base, words)})
        for number, (segment, part) in enumerate(zip(timeline.segments, changed.parts, strict=True))
    )


def _why(part: Part, number: int, base: Timeline, words: Words | None) -> str:
    asked = _asked(part, number)
    if words is None:
        return " ".join([*asked, base.segments[part.was].why])
    if not asked:
        return words.why(number)
    what = [part.alternative.what] if part.alternative else words.what(number)
    return " ".join([*asked, *what, words.cut(number)])


def _asked(part: Part, number: int) -> Sequence[str]:
    """What the user did to a segment, in words."""
    if number == 0 and part.was != 0:
        place = ["Opens the Reel, as you asked."] if part.moved else ["Opens the Reel now."]
    else:
        place = ["You moved it here."] if part.moved else []
    return [*place, *(["Shown in place of another, as you asked."] if part.alternative else [])]
