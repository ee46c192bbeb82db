"""Forgiving lesser faults where a person has nothing better.

Belongs here: what is let through, and telling the user.
Does not belong here: what a fault is, and which are forgivable (faults).
"""

from collections.abc import Collection, Sequence

from montage_pipeline.analysis.faults import FORGIVABLE_CODES
from montage_pipeline.analysis.model import AnalysedClip, Moment
from montage_pipeline.footage.names import clip_name


def forgive(clips: Sequence[AnalysedClip], needed_s: float) -> tuple[list[AnalysedClip], list[str]]:
    """Let the best of what has only lesser faults through until `needed_s` seconds are usable.

    Gives the clips, and a warning for each moment that was let through.
    """
    moments = [moment for clip in clips for moment in clip.moments]
    usable_s = sum(moment.duration_s for moment in moments if not moment.rejects)

    forgiven: list[Moment] = []
    for moment in sorted(filter(_is_forgivable, moments), key=_order):
        if usable_s >= needed_s:
            break
        forgiven.append(moment)
        usable_s += moment.duration_s
    return let_through(clips, forgiven, "too little footage is better")


def let_through(
    clips: Sequence[AnalysedClip], forgiven: Sequence[Moment], why: str
) -> tuple[list[AnalysedClip], list[str]]:
    """The clips without the faults of some moments, and a warning for each of these."""
    warnings = [_warning(clips[moment.clip], moment, why) for moment in forgiven]
    ids = {moment.id for moment in forgiven}
    return [_cleared(clip, ids) for clip in clips], warnings


def _is_forgivable(moment: Moment) -> bool:
    codes = {reason.code for reason in moment.rejects}
    return bool(codes) and codes <= FORGIVABLE_CODES


def _order(moment: Moment) -> tuple[int, float, int, float]:
    """The fewest faults first, then the best quality."""
    return len(moment.rejects), -moment.quality, moment.clip, moment.start_s


def _warning(clip: AnalysedClip, moment: Moment, why: str) -> str:
    where = f"{clip_name(clip.facts.url)} {moment.start_s:.1f}–{moment.end_s:.1f} s"
    faults = "; ".join(reason.message for reason in moment.rejects)
    return f"{where} is used as a fallback because {why}: {faults}"


def _cleared(clip: AnalysedClip, forgiven: Collection[str]) -> AnalysedClip:
    moments = tuple(
        moment.model_copy(update={"rejects": ()}) if moment.id in forgiven else moment
        for moment in clip.moments
    )
    return clip.model_copy(update={"moments": moments})
