"""The stretches that the planner chooses from: those of a clip too short for a cut as they can be
shown.

Belongs here: which stretches are replaced, and by what. Does not belong here: by how much one is
slowed (`slowing`).
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.packing import CutRules
from montage_pipeline.editing.short_footage.slowing import speed_for
from montage_pipeline.editing.stretches import Stretch, at_speed
from montage_pipeline.editing.timeline import MIN_HEARD_SPEED


def offered_stretches(
    stretches: Sequence[Stretch], analysis: ClipAnalysis, needed: int, fps: Fraction
) -> list[Stretch]:
    """The stretches, those slowed down whose clip has none of `needed` frames and that reach them
    so.

    One that would play in slow motion is offered twice: in slow motion, and at its own speed as an
    opening.
    """
    with_a_cut = {stretch.clip for stretch in stretches if stretch.frames >= needed}
    offered: list[Stretch] = []
    for stretch in stretches:
        speed = None if stretch.clip in with_a_cut else _speed(stretch, analysis, needed, fps)
        if speed is None or speed == 1:
            offered.append(stretch)
        elif speed >= MIN_HEARD_SPEED:
            offered.append(at_speed(stretch, analysis, speed, fps))
        else:
            offered += _opening_or_slowed(stretch, analysis, speed, fps, len(offered))
    return offered


def _speed(stretch: Stretch, analysis: ClipAnalysis, needed: int, fps: Fraction) -> float | None:
    facts = analysis.clips[stretch.clip].facts
    return speed_for(facts, stretch.span, needed, fps, _speech(stretch))


def _speech(stretch: Stretch) -> float:
    spoken = sum(found.moment.scores.speech * found.frames for found in stretch.moments)
    return spoken / sum(found.frames for found in stretch.moments)


def _opening_or_slowed(
    stretch: Stretch, analysis: ClipAnalysis, speed: float, fps: Fraction, number: int
) -> Iterable[Stretch]:
    """A stretch of which only one of two is used: it opens, or is shown in slow motion. The first
    gets `number`.
    """
    # No cut finds room in it, so that only an opening takes it.
    opening = at_speed(stretch, analysis, 1.0, fps, CutRules.at_rate(fps).min_frames - 1)
    slowed = at_speed(stretch, analysis, speed, fps)
    return opening._replace(other=number + 1), slowed._replace(other=number)
