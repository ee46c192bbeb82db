"""Clips in a log profile, in an edit: shown through the normalising curve, and told; or as shot.

Does not belong here: recognising them (footage.probing), the curve itself (footage.decoding.tone).
"""

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.footage.model import LogProfile
from montage_pipeline.footage.names import clip_name


def as_shot(timeline: Timeline) -> Timeline:
    """The timeline with flat clips as flat as they were shot."""
    clips = tuple(facts.model_copy(update={"log": None}) for facts in timeline.clips)
    return timeline.model_copy(update={"clips": clips})


def with_flat_clips_told(timeline: Timeline) -> Timeline:
    """The timeline with a sentence on each flat clip that it shows."""
    shown = {segment.clip: None for segment in timeline.segments}
    facts = [timeline.clips[clip] for clip in sorted(shown)]
    told = tuple(
        f"{clip_name(clip.url)} {_described(clip.log)}; its contrast and colours were brought to "
        "normal (look: asShot leaves them as they are)."
        for clip in facts
        if clip.log is not None
    )
    return timeline.model_copy(update={"warnings": (*timeline.warnings, *told)})


def flat_clips_retold(timeline: Timeline, base: Timeline) -> Timeline:
    """A timeline that was changed from `base`, whose warnings it still has, with a sentence on each
    flat clip that it shows itself.
    """
    of_base = with_flat_clips_told(base.model_copy(update={"warnings": ()})).warnings
    told_before = set(of_base) & set(timeline.warnings)
    kept = tuple(warning for warning in timeline.warnings if warning not in told_before)
    return with_flat_clips_told(timeline.model_copy(update={"warnings": kept}))


def _described(log: LogProfile) -> str:
    if log.name in ("", "log"):
        return "is flat, as footage in a log profile is"
    return f"was filmed in {log.name}"
