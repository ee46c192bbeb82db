"""Which moments Claude is asked about."""

from collections.abc import Sequence
from itertools import zip_longest
from math import ceil

from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.rules import HOOK_S, MAX_CUT_S, MIN_CUT_S, SAME_FRAME_BITS, differing_bits

_USUAL_CUT_S = (MIN_CUT_S + MAX_CUT_S) / 2
_CANDIDATES_PER_SEGMENT = 2.0  # two for each place, so that there is something to choose from
_SPARE_DETAILS = 1  # moments described beyond one for each segment: some will not fit
_MAX_DETAILS = 16  # the rest of a longer Reel is filled by scores, which cost a quarter as much
_HOOK_WEIGHT = 0.5  # one moment opens the Reel, but all must be interesting


def segments_in(duration_s: float) -> int:
    """About how many segments a Reel of that length has."""
    return 1 + ceil(max(0.0, duration_s - HOOK_S) / _USUAL_CUT_S)


def details_in(duration_s: float, candidates: int) -> int:
    """How many moments Claude is to describe in detail."""
    return min(candidates, _MAX_DETAILS, segments_in(duration_s) + _SPARE_DETAILS)


def usable_clips(analysis: ClipAnalysis) -> int:
    """How many clips have a usable moment."""
    return sum(any(not moment.rejects for moment in clip.moments) for clip in analysis.clips)


def wanted_candidates(analysis: ClipAnalysis, duration_s: float) -> int:
    """How many candidates there should be.

    Enough for a choice, and one of every clip with a usable moment.
    """
    wanted = ceil(_CANDIDATES_PER_SEGMENT * segments_in(duration_s))
    return max(wanted, usable_clips(analysis))


def choose_candidates(analysis: ClipAnalysis, maximum: int) -> list[Moment]:
    """At most `maximum` moments, by clip and time.

    The best of each clip are chosen first, then the second of each, and so on, so that every usable
    clip is there as long as the maximum allows it. Rejected moments are not shown. What looks like
    a better moment of its clip comes after all that does not.
    """
    by_clip = [
        _ranked([moment for moment in clip.moments if not moment.rejects])
        for clip in analysis.clips
    ]
    best_first = sorted(filter(None, by_clip), key=lambda ranked: -_score(ranked[0]))
    in_turn = [moment for row in zip_longest(*best_first) for moment in row if moment is not None]
    return sorted(in_turn[:maximum], key=lambda moment: (moment.clip, moment.start_s))


def _ranked(moments: Sequence[Moment]) -> list[Moment]:
    """The best first; those that look like a better one at the end."""
    distinct: list[Moment] = []
    repeated: list[Moment] = []
    for moment in sorted(moments, key=lambda moment: (-_score(moment), moment.start_s)):
        is_repeated = any(_nearly_the_same(moment, better) for better in distinct)
        (repeated if is_repeated else distinct).append(moment)
    return distinct + repeated


def _nearly_the_same(moment: Moment, other: Moment) -> bool:
    bits = differing_bits(int(moment.fingerprint, 16), int(other.fingerprint, 16))
    return bits < SAME_FRAME_BITS


def _score(moment: Moment) -> float:
    return moment.interest + _HOOK_WEIGHT * moment.hook
