"""From the pieces of the best edit to segments: where each begins in its source, its crop and its
sound.

Belongs here: everything a segment says but why it was chosen (`wording`). Does not belong here:
choosing footage.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

from montage_pipeline.analysis.model import Moment
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.framing.evidence import evidence_of
from montage_pipeline.editing.framing.reframe import framing_for
from montage_pipeline.editing.packing import Piece
from montage_pipeline.editing.stages.chosen_edit import ChosenEdit
from montage_pipeline.editing.stages.hook import HookChoice
from montage_pipeline.editing.stretches import Stretch, source_frame_s
from montage_pipeline.editing.timeline import Segment
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.spans import Span

_SPEECH_SHARE = 0.5
"""`scores.speech` from which a clip's own sound matters: someone speaks for half of it or more."""

_CONTAINER_ROUNDING_S = 0.001
"""Some containers round presentation times to milliseconds; a start this far into a frame is in it
in every one.
"""


class ShownMoment(NamedTuple):
    """A moment, and how many of its frames a piece shows."""

    moment: Moment
    frames: int


def cut_segments(context: PlanContext, chosen: ChosenEdit) -> tuple[Segment, ...]:
    """The segments of an edit, with `why` still empty."""
    pieces = chosen.pieces
    ends = accumulate(piece.frames for piece in pieces)
    return tuple(
        _segment(context, chosen, index, end_frame) for index, end_frame in enumerate(ends)
    )


def _segment(context: PlanContext, chosen: ChosenEdit, index: int, end_frame: int) -> Segment:
    piece, last = chosen.pieces[index], len(chosen.pieces) - 1
    stretch = context.stretches[piece.stretch]
    shown = moments_shown(stretch, piece)
    opens = index == 0
    moment = _hook_moment(chosen.hook, shown) if opens else max(shown, key=_frames).moment

    placed = _Placed.of(context, chosen.pieces, index)
    start_s = _source_start_s(context, placed)
    take = Take(stretch.clip, start_s, placed.speed, piece.frames)
    segment = segment_showing(context, take, shown)
    return segment.model_copy(
        update={
            "moment": moment.id,
            "on_beat": chosen.ruler.on_beat(end_frame),
            "role": role_at(index, last),
            "score": _score(moment, opens),
            "caption": context.request.caption if opens else "",
        }
    )


class Take(NamedTuple):
    """What a segment shows: frames of a clip, by its number, from a presentation time on."""

    clip: int
    start_s: float
    speed: float
    frames: int


def segment_showing(
    context: PlanContext, take: Take, shown: Sequence[ShownMoment], *, opens: bool = False
) -> Segment:
    """A segment with its crop and its sound; `why` is still empty, and it is in no place yet.

    `shown` are the moments it shows, with the frames of each.
    """
    facts = context.facts(take.clip)
    span = Span(take.start_s, take.start_s + context.seconds(take.frames) * take.speed)
    evidence = evidence_of([part.moment for part in shown])
    framing = framing_for(facts, context.request.format.frame_size, span, evidence)
    moment = max(shown, key=_frames).moment
    return Segment(
        clip_url=facts.url,
        clip=take.clip,
        moment=moment.id,
        source_in_s=take.start_s,
        speed=take.speed,
        frames=take.frames,
        crop=framing.crop,
        crop_end=framing.crop_end,
        on_beat=False,
        role="hook" if opens else "body",
        clip_gain_db=_clip_gain_db(context, facts, shown),
        score=_score(moment, opens),
        why="",
        miniatures=context.miniatures(take.clip, span),
    )


def role_at(index: int, last: int) -> Literal["hook", "body", "ending"]:
    """The role of a segment by its place."""
    return "hook" if index == 0 else "ending" if index == last else "body"


def _score(moment: Moment, opens: bool) -> float:
    return round(moment.hook if opens else (moment.interest + moment.quality) / 2, 4)


def _frames(shown: ShownMoment) -> int:
    return shown.frames


def moments_shown(stretch: Stretch, piece: Piece) -> list[ShownMoment]:
    """The moments of a stretch that a piece shows, with the frames of each."""
    shown = [
        ShownMoment(found.moment, min(found.end, piece.end) - max(found.start, piece.start))
        for found in stretch.moments
    ]
    return [part for part in shown if part.frames > 0] or [
        ShownMoment(stretch.moments[0].moment, 1)
    ]


def _hook_moment(hook: HookChoice, shown: Sequence[ShownMoment]) -> Moment:
    """The moment the hook was chosen for; where moments were joined for it, the best of those it
    shows.
    """
    moments = [part.moment for part in shown]
    return hook.moment if hook.moment in moments else max(moments, key=lambda moment: moment.hook)


class _Placed(NamedTuple):
    """A piece in its source: the time it lies at, its speed and length there, and the time it may
    lie in without touching its neighbours in the stretch.
    """

    facts: ClipFacts
    start_s: float
    speed: float
    duration_s: float
    room: Span

    @classmethod
    def of(cls, context: PlanContext, pieces: Sequence[Piece], index: int) -> "_Placed":
        """Where a piece lies; alone in a stretch that was slowed for a cut, an opening plays at its
        clip's own speed.
        """
        piece = pieces[index]
        stretch = context.stretches[piece.stretch]
        alone = sum(other.stretch == piece.stretch for other in pieces) == 1
        speed = 1.0 if index == 0 and alone else stretch.speed
        start_s, length_s = (
            stretch.source_s(piece.start, context.fps),
            context.seconds(piece.frames),
        )
        room = _room_to_move(context, pieces, index)
        if speed > stretch.speed:
            start_s = max(room.start_s, min(start_s, room.end_s - length_s))
        return cls(context.facts(stretch.clip), start_s, speed, length_s * speed, room)


def _source_start_s(context: PlanContext, placed: _Placed) -> float:
    """Presentation time of a piece's first frame, moved onto the source's own frames where there is
    room to move.

    A start between two source frames would show the earlier one a little longer; on the frame,
    footage of the Reel's own rate is shown frame for frame. Frames that come unevenly have no grid
    to move onto.
    """
    facts, exact_s, room = placed.facts, placed.start_s, placed.room
    if facts.variable_frame_rate:
        return exact_s

    frame_s = source_frame_s(facts)
    on_frame_s = facts.start_s + round((exact_s - facts.start_s) / frame_s) * frame_s
    for start_s in (on_frame_s + _CONTAINER_ROUNDING_S, on_frame_s):
        if room.start_s <= start_s and start_s + placed.duration_s <= room.end_s:
            return start_s
    return exact_s


def _room_to_move(context: PlanContext, pieces: Sequence[Piece], index: int) -> Span:
    """The source time a piece may lie in without touching its neighbours in the stretch."""
    piece = pieces[index]
    stretch = context.stretches[piece.stretch]
    # A source frame apart, and neighbours may move by half of one too.
    apart_s = 1.5 * source_frame_s(context.facts(stretch.clip))
    start_s, end_s = stretch.span
    for number, neighbour in enumerate(pieces):
        if number == index or neighbour.stretch != piece.stretch:
            continue
        if neighbour.start < piece.start:
            ends_s = stretch.source_s(neighbour.end, context.fps)
            start_s = max(start_s, ends_s + apart_s)
        else:
            begins_s = stretch.source_s(neighbour.start, context.fps)
            end_s = min(end_s, begins_s - apart_s)
    return Span(start_s, end_s)


def _clip_gain_db(context: PlanContext, facts: ClipFacts, shown: Sequence[ShownMoment]) -> float:
    """Speech is kept, other sound lies low under the music."""
    speaking = sum(part.moment.scores.speech * part.frames for part in shown)
    speech = speaking / sum(part.frames for part in shown)
    if speech >= _SPEECH_SHARE and facts.audio_codec is not None:
        return context.taste.speech_gain_db
    return context.taste.ambient_gain_db
