"""A finished edit as the planner sees it: its segments as pieces of the footage line.

Belongs here: finding the pieces. Does not belong here: judging them (`optimizer`).
"""

from montage_pipeline.editing.beats import BeatRuler, ruler_from
from montage_pipeline.editing.context import PlanContext, moments_by_id
from montage_pipeline.editing.footage_line import footage_line
from montage_pipeline.editing.optimizer.objective import Objective
from montage_pipeline.editing.optimizer.optimum import Optimum
from montage_pipeline.editing.optimizer.space import Edit, HookPlace
from montage_pipeline.editing.packing import CutRules, Piece
from montage_pipeline.editing.stages.chosen_edit import ChosenEdit
from montage_pipeline.editing.stages.hook import opening_with
from montage_pipeline.editing.timeline import Segment, Timeline

_SLACK_FRAMES = 1.0
"""Segments begin on frames of their source, up to one from where their piece does."""


def standing_edit(context: PlanContext, timeline: Timeline) -> ChosenEdit | None:
    """The edit with the objective that judges it; None when some of it lies outside of what the
    analysis calls usable.
    """
    pieces = [piece_of(context, segment) for segment in timeline.segments]
    found = [piece for piece in pieces if piece is not None]
    if len(found) < len(pieces):
        return None

    rules = rules_of(timeline)
    objective = Objective(
        footage_line(context), ruler_of(context, timeline, rules), rules, _must_use(context)
    )
    moment = moments_by_id(context.analysis)[timeline.segments[0].moment]
    hook = opening_with(context, found[0], moment, timeline.total_frames - found[0].frames)
    edit = Edit(units=0, pieces=tuple(found), hook=0, arcs=(), places=())
    return ChosenEdit(hook, objective, Optimum(edit, 0, HookPlace(found[0], 0)))


def rules_of(timeline: Timeline) -> CutRules:
    """The lengths that its cuts keep to: the usual ones, unless it is a hook and one longer cut."""
    rules = CutRules.at_rate(timeline.fps.fraction)
    longest = max(segment.frames for segment in timeline.segments)
    return rules if longest <= rules.max_frames else CutRules(rules.hook_frames, longest, longest)


def ruler_of(context: PlanContext, timeline: Timeline, rules: CutRules) -> BeatRuler:
    """The beats under it."""
    start_s = timeline.music.source_in_s
    return ruler_from(context.music, start_s, timeline.total_frames, rules, context.fps)


def piece_of(context: PlanContext, segment: Segment) -> Piece | None:
    """The piece of the footage line that a segment shows; of footage that is there at two speeds,
    the one at its own.
    """
    rate = float(context.fps)
    nearest_speed = sorted(
        (abs(stretch.speed - segment.speed), number)
        for number, stretch in enumerate(context.stretches)
        if stretch.clip == segment.clip
    )
    for _, number in nearest_speed:
        stretch = context.stretches[number]
        start = (segment.source_in_s - stretch.span.start_s) * rate / stretch.speed
        room = stretch.frames - segment.frames
        if room >= 0 and -_SLACK_FRAMES <= start <= room + _SLACK_FRAMES:
            return Piece(number, min(max(0, round(start)), room), segment.frames)
    return None


def _must_use(context: PlanContext) -> frozenset[int]:
    wanted = set(context.request.must_use)
    clips = enumerate(context.analysis.clips)
    return frozenset(number for number, clip in clips if clip.facts.url in wanted)
