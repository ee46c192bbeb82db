"""The wish for short cuts: what is too short for a cut is shown as briefly as it is.

Belongs here: which stretches may be shown so, how briefly, and how many of them. Does not belong
here: which of them are (`optimizer`).
"""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

from montage_pipeline.editing.packing import CutRules
from montage_pipeline.editing.stretches import Stretch
from montage_pipeline.rules import MAX_SHORT_SHARE, MIN_SHORT_CUT_S


def with_short_cuts(stretches: Sequence[Stretch], min_frames: int, fps: Fraction) -> list[Stretch]:
    """The stretches, those of clips without a cut of `min_frames` to be shown as briefly as half of
    them: so long that only one cut finds room in each.
    """
    with_a_cut = {stretch.clip for stretch in stretches if stretch.frames >= min_frames}
    shortest = ceil(MIN_SHORT_CUT_S * fps)
    return [
        stretch._replace(min_frames=max(shortest, stretch.frames // 2 + 1))
        if stretch.clip not in with_a_cut and stretch.frames >= shortest
        else stretch
        for stretch in stretches
    ]


def short_cuts_allowed(total_frames: int, rules: CutRules) -> int:
    """How many short cuts a Reel may have, whatever the lengths of its other cuts."""
    segments = 1 + ceil((total_frames - rules.hook_frames) / rules.max_frames)
    return int(segments * MAX_SHORT_SHARE)
