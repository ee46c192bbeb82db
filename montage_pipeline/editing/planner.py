"""The planner: from what is known about clips and music to a frame-exact timeline.

A pure function: the same request, analysis and music give the same timeline on any machine. The
rules that every timeline keeps to: a hook of 1.7 s, all other cuts of 3 to 5 s, exactly the asked
number of frames, no source frame twice, nothing rejected, cuts on beats wherever footage allows.

Belongs here: the order of the stages. Does not belong here: any of them (`stages`).
"""

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.footage_line import footage_line
from montage_pipeline.editing.optimizer.objective import POINT
from montage_pipeline.editing.originality import originality_report
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.stages.chosen_edit import ChosenEdit, chosen_edit
from montage_pipeline.editing.stages.length import possible_length, span_reason
from montage_pipeline.editing.stages.music_placement import music_warnings, placed_music
from montage_pipeline.editing.stages.segments import cut_segments
from montage_pipeline.editing.stages.wishes import resolved_wishes
from montage_pipeline.editing.stages.wording import explained
from montage_pipeline.editing.timeline import MusicPlacement, PlanProof, Segment, Timeline
from montage_pipeline.music.model import MusicTrack


def plan_timeline(request: EditRequest, analysis: ClipAnalysis, music: MusicTrack) -> Timeline:
    """The timeline for a request.

    Raises PermanentError NOT_ENOUGH_FOOTAGE (details `usable_s`, `missing_s`, `asked_s`) when the
    usable footage does not reach half the asked length; HOOK_CLIP_UNUSABLE, MUST_USE_UNUSABLE
    (details `clip_url`, `reason`) when a wish cannot be met.
    """
    context = PlanContext.of(request, analysis, music)
    wishes = resolved_wishes(context)
    length = possible_length(context, wishes)
    footage = footage_line(context)
    chosen = chosen_edit(context, footage, wishes, length)
    segments = explained(context, chosen, cut_segments(context, chosen))
    placement = placed_music(context, chosen.ruler)
    notes = [
        *(f"{span_reason(part)}." for part in request.left_out),
        *length.notes,
        *music_warnings(context, segments, placement),
    ]
    return _timeline(context, chosen, segments, placement, notes)


def _timeline(
    context: PlanContext,
    chosen: ChosenEdit,
    segments: tuple[Segment, ...],
    placement: MusicPlacement,
    notes: list[str],
) -> Timeline:
    request, size = context.request, context.request.format.frame_size
    return Timeline(
        request_id=request.request_id,
        seed=request.seed,
        style=request.style,
        format=request.format,
        width=size.width,
        height=size.height,
        fps=request.fps,
        total_frames=chosen.ruler.total_frames,
        asked_duration_s=request.duration_s,
        clips=tuple(clip.facts for clip in context.analysis.clips),
        segments=segments,
        music=placement,
        originality=originality_report(
            segments, context.analysis, context.music, context.fps, request.seen
        ),
        proof=_proof(chosen),
        left_out=request.left_out,
        warnings=tuple(notes),
    )


def _proof(chosen: ChosenEdit) -> PlanProof:
    edit, bound = chosen.optimum.edit, chosen.optimum.bound
    return PlanProof(
        objective=edit.units / POINT, bound=bound / POINT, gap=round(edit.gap(bound), 6)
    )
