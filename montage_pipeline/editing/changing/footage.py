"""Footage of a clip as a document: what a piece or a segment shows, and the room about it."""

from collections.abc import Sequence

from montage_pipeline.analysis.model import Moment
from montage_pipeline.editing.changing.room import CropReach, Footage
from montage_pipeline.editing.changing.standing import piece_of
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.framing.crops import picture_of
from montage_pipeline.editing.framing.evidence import evidence_of
from montage_pipeline.editing.framing.reframe import framing_for
from montage_pipeline.editing.packing import Piece
from montage_pipeline.editing.stages.segments import moments_shown
from montage_pipeline.editing.stretches import source_frame_s
from montage_pipeline.editing.timeline import MIN_HEARD_SPEED, CropRect, Segment, crop_corner
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.spans import Span


def footage_of(context: PlanContext, piece: Piece) -> Footage:
    """What a piece shows."""
    stretch = context.stretches[piece.stretch]
    shown = moments_shown(stretch, piece)
    facts = context.facts(stretch.clip)
    start_s = stretch.source_s(piece.start, context.fps)
    span = Span(start_s, stretch.source_s(piece.end, context.fps))
    evidence = evidence_of([part.moment for part in shown])
    framing = framing_for(facts, context.request.format.frame_size, span, evidence)
    corners = [(crop.x, crop.y) for crop in (framing.crop, framing.crop_end or framing.crop)]
    return Footage(
        clip=stretch.clip,
        file=_file(facts, stretch.clip),
        moment=max(shown, key=lambda part: part.frames).moment.id,
        start_s=start_s,
        speed=stretch.speed,
        room=stretch.span,
        apart_s=source_frame_s(facts),
        crop_reach=_reach(facts, framing.crop, corners),
        heard=facts.audio_stream is not None and stretch.speed >= MIN_HEARD_SPEED,
    )


def footage_shown(context: PlanContext, segment: Segment) -> Footage:
    """What a segment shows; where the analysis knows of no room about it, it has none."""
    piece = piece_of(context, segment)
    facts = context.facts(segment.clip)
    own = segment.source_span(context.fps)
    room = own if piece is None else context.stretches[piece.stretch].span
    corners = [crop_corner(segment, frame) for frame in range(segment.frames)]
    return Footage(
        clip=segment.clip,
        file=_file(facts, segment.clip),
        moment=segment.moment,
        start_s=segment.source_in_s,
        speed=segment.speed,
        room=Span(min(room.start_s, own.start_s), max(room.end_s, own.end_s)),
        apart_s=source_frame_s(facts),
        crop_reach=_reach(facts, segment.crop, corners),
        heard=facts.audio_stream is not None and segment.speed >= MIN_HEARD_SPEED,
    )


def moments_in(context: PlanContext, clip: int, span: Span) -> list[tuple[Moment, int]]:
    """The usable moments of a clip that a span shows, with the frames of each."""
    rate = float(context.fps)
    found = []
    for moment in context.analysis.clips[clip].moments:
        shared_s = min(moment.end_s, span.end_s) - max(moment.start_s, span.start_s)
        if not moment.rejects and shared_s * rate >= 1:
            found.append((moment, round(shared_s * rate)))
    return found


def _file(facts: ClipFacts, clip: int) -> str:
    """What copies of one file have in common."""
    return facts.sha256 or f"clip {clip}"


def _reach(facts: ClipFacts, crop: CropRect, corners: Sequence[tuple[float, float]]) -> CropReach:
    across, down = [x for x, _ in corners], [y for _, y in corners]
    picture = picture_of(facts)
    return CropReach(
        left=max(0, int(min(across) - picture.x)),
        right=max(0, int(picture.x + picture.width - crop.width - max(across))),
        up=max(0, int(min(down) - picture.y)),
        down=max(0, int(picture.y + picture.height - crop.height - max(down))),
    )
