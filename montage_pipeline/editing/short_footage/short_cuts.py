"""The wish for short cuts: what is too short for a cut is shown as briefly as it is.

Belongs here: which stretches may be shown so, how briefly, how many of them, and how much longer
they make a Reel. Does not belong here: which of them are shown (`optimizer`).
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil

from montage_pipeline.editing.packing import CutRules, ShortRoom, longest_total, sums_of_short
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


def short_rooms(stretches: Iterable[Stretch], rules: CutRules) -> dict[int, ShortRoom]:
    """By clip: the short cut that it gives, whichever of its stretches shows it."""
    found: dict[int, ShortRoom] = {}
    # A Reel of a hook and one cut has no cuts of other lengths.
    if rules.min_frames == rules.max_frames:
        return found
    for stretch in stretches:
        if stretch.min_frames is None:
            continue
        least, frames = found.get(stretch.clip, (stretch.min_frames, stretch.frames))
        found[stretch.clip] = ShortRoom(max(least, stretch.min_frames), min(frames, stretch.frames))
    return {clip: room for clip, room in found.items() if room.least <= room.frames}


def longest_body(
    rooms: Sequence[tuple[int, int]],
    short: Mapping[int, ShortRoom],
    rules: CutRules,
    limit: int,
) -> int:
    """The most frames up to `limit` that can follow the hook, cut from rooms `(frames, gap)` and,
    as far as a Reel of that length may have them, from `short` (by clip).
    """
    while True:
        allowed = min(len(short), short_cuts_allowed(rules.hook_frames + limit, rules))
        sums = sums_of_short(tuple(short.values()), allowed)
        longest = longest_total(rooms, rules, limit, sums)
        # A shorter Reel may have fewer of them.
        if short_cuts_allowed(rules.hook_frames + longest, rules) >= allowed:
            return longest
        limit = longest
