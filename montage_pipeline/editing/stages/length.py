"""How long the Reel is: the asked length if any choice of footage makes it, else the longest
possible.

Belongs here: counting what fits, the ways to open with it, and refusing what cannot be a Reel. Does
not belong here: which of the fitting edits is best (`chosen_edit`).
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import cast

from montage_pipeline.analysis.model import ClipAnalysis, RejectedSpan
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.packing import CutRules, longest_total
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.short_footage.slowing import longest_shown_s
from montage_pipeline.editing.stages.hook import HookChoice, hook_choices
from montage_pipeline.editing.stages.wishes import Wishes, resolved_wishes, unusable
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.footage.names import clip_name
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.rules import HOOK_S, MAX_CUT_S, MAX_LONE_CUT_S, MIN_CUT_S, MIN_SHORT_CUT_S

_MIN_SHARE = 1 / 2
"""Share of the asked length from which a shorter Reel is still what was asked for; below, the
request is refused.
"""


@dataclass(frozen=True)
class LengthPlan:
    """The cut lengths of the Reel, the ways to open it, and what the user must be told of both.

    Every hook can be followed by the same number of frames.
    """

    rules: CutRules
    hooks: tuple[HookChoice, ...]
    notes: tuple[str, ...] = ()

    @property
    def total_frames(self) -> int:
        """Length of the Reel."""
        return self.rules.hook_frames + self.hooks[0].body_frames


def possible_length(context: PlanContext, wishes: Wishes) -> LengthPlan:
    """The length of the Reel.

    Raises PermanentError NOT_ENOUGH_FOOTAGE (details `usable_s`, `missing_s`, `asked_s`) when the
    usable footage does not reach half the asked length; HOOK_CLIP_UNUSABLE or MUST_USE_UNUSABLE
    when it would without the opening that was wished for.
    """
    return _with_a_lone_cut(context, wishes) or _longest(context, wishes)


def refuse_too_little(request: EditRequest, analysis: ClipAnalysis) -> None:
    """Raise, before there is any music, what planning would raise for want of footage."""
    # Neither wishes nor length depend on the music, which is still to be made, and paid for.
    context = PlanContext.of(request, analysis, cast(MusicTrack, None))
    possible_length(context, resolved_wishes(context))


def refuse_too_short(clips: Sequence[ClipFacts], asked_s: float) -> None:
    """Raise PermanentError(NOT_ENOUGH_FOOTAGE), before anything is decoded, when clips are too
    short all together for the shortest Reel that could be made.
    """
    have_s, needed_s = sum(clip.duration_s for clip in clips), _shortest_s(asked_s)
    if sum(map(longest_shown_s, clips)) >= needed_s:
        return
    lengths = ", ".join(f"{clip_name(clip.url)} {clip.duration_s:.1f} s" for clip in clips)
    raise PermanentError(
        ErrorCode.NOT_ENOUGH_FOOTAGE,
        f"The clips are {have_s:.1f} s long all together ({lengths}); a Reel of {asked_s:g} s "
        f"needs {needed_s:g} s at least. Add clips, or ask for a shorter Reel.",
        usable_s=round(have_s, 2),
        missing_s=round(asked_s - have_s, 2),
        asked_s=asked_s,
    )


def _shortest_s(asked_s: float) -> float:
    return max(asked_s * _MIN_SHARE, HOOK_S + MIN_CUT_S)


def _with_a_lone_cut(context: PlanContext, wishes: Wishes) -> LengthPlan | None:
    """The asked length as a hook and one longer cut, where no number of allowed cuts makes it."""
    rules = context.rules
    body = context.request.frames - rules.hook_frames
    counts = range(1, body // rules.min_frames + 1)
    if any(count * rules.min_frames <= body <= count * rules.max_frames for count in counts):
        return None
    if body > MAX_LONE_CUT_S * context.fps:
        return None

    lone = CutRules(rules.hook_frames, body, body)
    hooks = hook_choices(context, lone, body, _clips(context, wishes))
    if not hooks or hooks[0].body_frames != body:
        return None
    note = (
        f"{context.request.duration_s:g} s cannot be made of a {HOOK_S} s hook and cuts of "
        f"{MIN_CUT_S} to {MAX_CUT_S} s, so the last cut is {context.seconds(body):.1f} s long."
    )
    return LengthPlan(lone, tuple(hooks), (note,))


def _longest(context: PlanContext, wishes: Wishes) -> LengthPlan:
    """The asked length, or the longest that the footage makes with cuts of the usual lengths."""
    rules, asked = context.rules, context.request.frames
    hooks = hook_choices(context, rules, asked - rules.hook_frames, _clips(context, wishes))
    body = hooks[0].body_frames if hooks else 0
    got = rules.hook_frames + body if body else 0
    if not got or got < _MIN_SHARE * asked:
        if wishes.hook is not None:
            # Without the wish there may be enough: raises when there is not.
            possible_length(context, wishes.without_hook())
            raise _opening_too_short(context)
        raise _not_enough_footage(context, got)

    if wishes.hook is not None and context.request.hook_clip:
        # That clip's best moment opens, whatever else would suit the rest of the Reel.
        hooks = [hook for hook in hooks if hook.moment.id == hooks[0].moment.id]
    if got == asked:
        return LengthPlan(rules, tuple(hooks))
    short = f" (a third of them {MIN_SHORT_CUT_S} s at least)" if context.request.short_cuts else ""
    note = (
        f"Asked for {context.request.duration_s:g} s, got {context.seconds(got):.1f} s: that is "
        f"the longest that cuts of {MIN_CUT_S} to {MAX_CUT_S} s{short} of the usable footage make."
    )
    return LengthPlan(rules, tuple(hooks), (note,))


def _clips(context: PlanContext, wishes: Wishes) -> Container[int]:
    """The clips that may open."""
    return range(len(context.analysis.clips)) if wishes.hook is None else {wishes.hook}


def _opening_too_short(context: PlanContext) -> PermanentError:
    request = context.request
    why = (
        "with its footage as the opening, the rest of the clips is too short for "
        f"{request.duration_s:g} s"
    )
    if request.hook_clip:
        return unusable(ErrorCode.HOOK_CLIP_UNUSABLE, request.hook_clip, why)
    return unusable(ErrorCode.MUST_USE_UNUSABLE, request.must_use[0], why)


def _not_enough_footage(context: PlanContext, got_frames: int) -> PermanentError:
    """The refusal of a Reel of which `got_frames` could be made (0: not even a hook and a cut)."""
    asked_s = context.request.duration_s
    if not context.stretches:
        moments = sum(len(clip.moments) for clip in context.analysis.clips)
        return PermanentError(
            ErrorCode.NOT_ENOUGH_FOOTAGE,
            f"None of the clips has usable footage ({moments} moments were looked at and none was "
            f"accepted); {asked_s:g} s are missing.{_lost(context)} "
            "Add clips that are sharp, bright and steady.",
            usable_s=0.0,
            missing_s=asked_s,
            asked_s=asked_s,
        )

    usable_s = round(context.seconds(got_frames or _longest_part(context)), 2)
    missing_s = round(asked_s - usable_s, 2)
    shortest_s = _shortest_s(asked_s)
    return PermanentError(
        ErrorCode.NOT_ENOUGH_FOOTAGE,
        f"The clips give {usable_s:g} s of usable footage for a Reel of {asked_s:g} s: "
        f"{missing_s:g} s are missing.{_lost(context)} Add clips: a Reel shorter than "
        f"asked needs {shortest_s:g} s at least, an opening of {HOOK_S} s and cuts of "
        f"{MIN_CUT_S} s or longer without a break.",
        usable_s=usable_s,
        missing_s=missing_s,
        asked_s=asked_s,
    )


_LOST_TO = {
    "text": "writing across the picture",
    "watermark": "a logo or watermark",
    "borders": "burnt-in borders",
    "duplicate": "the same as in another clip",
    "too_short": "in pieces too short for a cut",
    "irrelevant": "not to the point",
    "other": "with next to nothing to see",
}
"""What a sentence says for a code; the other codes are words already."""


def span_reason(part: RejectedSpan) -> str:
    """Which part of a clip was left out, and why."""
    return (
        f"{clip_name(part.url)} was left out from {part.start_s:.1f} to {part.end_s:.1f} s: "
        f"{part.message}"
    )


def _lost(context: PlanContext) -> str:
    """What was lost to what: seconds of rejected moments, and clips, and parts of clips, that were
    left out.
    """
    analysis = context.analysis
    lost_s: dict[str, float] = {}
    for clip in analysis.clips:
        for moment in clip.moments:
            if moment.rejects:
                reason = _LOST_TO.get(moment.rejects[0].code, moment.rejects[0].code)
                lost_s[reason] = lost_s.get(reason, 0.0) + moment.duration_s
    most_first = sorted(lost_s.items(), key=lambda found: -found[1])
    lost = [f"{seconds:.1f} s {reason}" for reason, seconds in most_first]
    left_out = [f"{clip_name(clip.url)}: {clip.message}" for clip in analysis.rejected_clips]
    spans = [span_reason(part) for part in context.request.left_out]
    told = [
        f" Lost: {', '.join(lost)}." if lost else "",
        f" Left out: {'; '.join(left_out)}." if left_out else "",
        f" {'; '.join(spans)}." if spans else "",
    ]
    return "".join(told)


def _longest_part(context: PlanContext) -> int:
    """Frames of the longest part of a Reel where a whole one is impossible: a cut or a hook."""
    rules, stretches = context.rules, context.stretches
    cut = longest_total([stretch.room for stretch in stretches], rules, rules.max_frames)
    hook = max(stretch.frames for stretch in stretches) >= rules.hook_frames
    return cut or (rules.hook_frames if hook else 0)
