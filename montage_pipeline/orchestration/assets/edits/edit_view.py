"""The edit as a page shows it, made from what the planner decided and what it went by."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from montage_pipeline.analysis.model import AnalysedClip, ClipAnalysis, Moment
from montage_pipeline.editing.timeline import CropRect, Timeline
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.footage.names import clip_name, shown_url
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.requests.edit_view import (
    AlternativeView,
    ClipView,
    CropShare,
    EditView,
    LeftOutView,
    MomentView,
    MusicView,
    RejectView,
    SegmentView,
    SlipView,
)
from montage_pipeline.storage.keys import alternative_key, edit_view_key, thumbnail_key

if TYPE_CHECKING:
    from PIL import Image

    from montage_pipeline.editing.changing.room import Alternative, EditRoom


def store_edit_view(
    scope: StepScope, view: EditView, frames: "Mapping[int, Image.Image]", place: str
) -> None:
    """Upload a thumbnail of every segment, then the view that names them, to `place`
    (`storage.keys`).
    """
    from montage_pipeline.editing.storyboard.frames import thumbnail_of

    for segment in view.segments:
        thumbnail = thumbnail_of(frames[segment.number])
        scope.services.store.put_bytes(segment.thumbnail_key, thumbnail, content_type="image/jpeg")
    store_view(scope, view, place)


def store_view(scope: StepScope, view: EditView, place: str) -> None:
    """Upload the view, whose thumbnails are there."""
    scope.services.store.put_bytes(
        edit_view_key(place),
        view.model_dump_json().encode(),
        content_type="application/json",
    )


def edit_view(
    scope: StepScope, timeline: Timeline, analysis: ClipAnalysis, music: MusicTrack, place: str
) -> EditView:
    """What a page needs to know of this edit, whose files lie in `place` (`storage.keys`)."""
    shown = {segment.moment for segment in timeline.segments}
    starts = (0, *timeline.cut_frames)
    return EditView(
        request_id=scope.request.id,
        width=timeline.width,
        height=timeline.height,
        fps=float(timeline.fps.fraction),
        duration_s=float(timeline.duration),
        analyst=analysis.analyst.name,
        mood=analysis.mood,
        segments=tuple(
            _segment(timeline, number, start, place) for number, start in enumerate(starts)
        ),
        clips=tuple(_clip(clip, shown) for clip in analysis.clips),
        left_out=tuple(
            LeftOutView(
                url=shown_url(clip.url),
                name=clip_name(clip.url),
                code=clip.code,
                message=clip.message,
            )
            for clip in analysis.rejected_clips
        ),
        music=_music(timeline, music),
    )


def _segment(timeline: Timeline, number: int, start: int, place: str) -> SegmentView:
    segment, fps = timeline.segments[number], float(timeline.fps.fraction)
    facts = timeline.clips[segment.clip]
    return SegmentView(
        number=number,
        clip=segment.clip,
        moment=segment.moment,
        start_s=segment.source_in_s,
        end_s=segment.source_s(segment.frames, timeline.fps.fraction),
        reel_s=start / fps,
        frames=segment.frames,
        role=segment.role,
        on_beat=segment.on_beat,
        score=segment.score,
        why=segment.why,
        crop=_share(segment.crop, facts),
        crop_end=None if segment.crop_end is None else _share(segment.crop_end, facts),
        caption=segment.caption,
        clip_gain_db=segment.clip_gain_db,
        thumbnail_key=thumbnail_key(place, number),
    )


def with_choices(view: EditView, room: "EditRoom", drawn: Collection[str]) -> EditView:
    """The view with what may become of each segment; alternatives in `drawn` have a thumbnail."""
    from montage_pipeline.editing.changing.parts import Parts
    from montage_pipeline.editing.changing.trimming import ways_to_trim

    segments, edit = [], Parts.of(room)
    for shown, segment in zip(view.segments, room.segments, strict=True):
        choices = tuple(
            _alternative(view.request_id, found, segment.frames, room.rate, drawn)
            for found in segment.alternatives
        )
        footage = segment.footage
        step_s = footage.speed / room.rate
        spare_s = footage.room.end_s - footage.span(segment.frames, room.rate).end_s
        slip = SlipView(
            earlier=-int((footage.start_s - footage.room.start_s) / step_s),
            later=max(0, int(spare_s / step_s)),
        )
        changes = {
            "locked": segment.locked,
            "muted": segment.muted,
            "heard": footage.heard,
            "slip": slip,
            "trim": ways_to_trim(edit, shown.number),
            "alternatives": choices,
        }
        segments.append(shown.model_copy(update=changes))
    return view.model_copy(update={"segments": tuple(segments)})


def _alternative(
    request_id: UUID, found: "Alternative", frames: int, rate: float, drawn: Collection[str]
) -> AlternativeView:
    span = found.footage.span(frames, rate)
    return AlternativeView(
        id=found.id,
        clip=found.footage.clip,
        moment=found.footage.moment,
        start_s=span.start_s,
        end_s=span.end_s,
        points=found.points,
        what=found.what,
        why=found.why,
        thumbnail_key=alternative_key(request_id, found.id) if found.id in drawn else "",
    )


def _share(crop: CropRect, facts: ClipFacts) -> CropShare:
    return CropShare(
        x=crop.x / facts.width,
        y=crop.y / facts.height,
        width=crop.width / facts.width,
        height=crop.height / facts.height,
    )


def _clip(clip: AnalysedClip, shown: set[str]) -> ClipView:
    facts = clip.facts
    return ClipView(
        url=shown_url(facts.url),
        name=clip_name(facts.url),
        width=facts.width,
        height=facts.height,
        duration_s=facts.duration_s,
        fps=float(facts.fps.fraction),
        moments=tuple(_moment(moment, moment.id in shown) for moment in clip.moments),
    )


def _moment(moment: Moment, shown: bool) -> MomentView:
    return MomentView(
        id=moment.id,
        start_s=moment.start_s,
        end_s=moment.end_s,
        quality=moment.quality,
        interest=moment.interest,
        hook=moment.hook,
        scores=moment.scores.model_dump(),
        description=moment.description,
        role=moment.role,
        mood=moment.mood,
        shown=shown,
        rejects=tuple(
            RejectView(code=reject.code, message=reject.message) for reject in moment.rejects
        ),
    )


def _music(timeline: Timeline, music: MusicTrack) -> MusicView:
    begin_s, duration_s = timeline.music.source_in_s, float(timeline.duration)

    def in_reel(times_s: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(
            round(time_s - begin_s, 4) for time_s in times_s if 0 <= time_s - begin_s < duration_s
        )

    return MusicView(
        composer=music.composer,
        mood=music.mood,
        bpm=music.grid.bpm,
        beats_s=in_reel(music.grid.beats_s),
        downbeats_s=in_reel(music.grid.downbeats_s),
    )
