"""Which moments Claude is asked about, and of which it gets a glimpse."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import ceil

from montage_pipeline.analysis.faults import FORGIVABLE_CODES
from montage_pipeline.analysis.model import AnalysedClip, ClipAnalysis, Moment
from montage_pipeline.rules import HOOK_S, MAX_CUT_S, MIN_CUT_S, SAME_FRAME_BITS, differing_bits

_USUAL_CUT_S = (MIN_CUT_S + MAX_CUT_S) / 2
_CANDIDATES_PER_SEGMENT = 1.85
"""Nearly two for each place, so that there is something to choose from; with the glimpses of the
rest, asking for 30 s stays within 0.03 USD.
"""

_SPARE_DETAILS = 1  # moments described beyond one for each segment: some will not fit
_MAX_DETAILS = 16  # the rest of a longer Reel is filled by scores, which cost a quarter as much
_HOOK_WEIGHT = 0.5  # one moment opens the Reel, but all must be interesting

MAX_GLIMPSED = 12
"""Single frames for all clips, where these have so much that is not asked about; every clip has one
whatever the number of clips. Four a clip show three long clips from end to end.
"""

_OUTWEIGHED = FORGIVABLE_CODES - {"watermark", "text"}
"""Faults that what is to be seen can outweigh; a small frame does not show that there is no mark.
"""


@dataclass(frozen=True)
class Glimpse:
    """What Claude sees of a clip beside its candidates: a single frame of each of some moments, in
    order of time.
    """

    clip: int
    moments: tuple[Moment, ...]

    @property
    def id(self) -> str:
        """Its name on the sheets and in the answer."""
        return f"clip{self.clip + 1}"

    @property
    def times_s(self) -> tuple[float, ...]:
        """Presentation times (s) of its frames."""
        return tuple(_most_telling_s(moment) for moment in self.moments)


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


def choose_glimpses(
    analysis: ClipAnalysis, candidates: Sequence[Moment], maximum: int
) -> list[Glimpse]:
    """A glimpse of every clip of which something is not among the candidates, by clip.

    Each has one frame, and more in turn until there are `maximum`. A clip with faults in all of its
    moments is glimpsed where what is to be seen may outweigh these.
    """
    asked = {moment.id for moment in candidates}
    spread = {}
    for index, clip in enumerate(analysis.clips):
        if rest := [moment for moment in _showable(clip) if moment.id not in asked]:
            spread[index] = _spread(rest)

    counts = dict.fromkeys(spread, 1)
    left = maximum - len(counts)
    while left > 0 and (growing := [c for c in spread if counts[c] < len(spread[c])]):
        for clip_index in growing[:left]:
            counts[clip_index] += 1
        left -= len(growing)
    return [
        Glimpse(index, tuple(sorted(row[: counts[index]], key=lambda moment: moment.start_s)))
        for index, row in spread.items()
    ]


def _showable(clip: AnalysedClip) -> list[Moment]:
    """What the Reel could show of a clip: without fault, else with what may be outweighed."""
    usable = [moment for moment in clip.moments if not moment.rejects]
    return usable or [
        moment
        for moment in clip.moments
        if moment.duration_s >= MIN_CUT_S
        and {reject.code for reject in moment.rejects} <= _OUTWEIGHED
    ]


def _spread(moments: Sequence[Moment]) -> list[Moment]:
    """The best first, then each time the one that lies farthest from those before."""
    left = list(moments)
    first = max(left, key=_score)
    spread = [first]
    left.remove(first)
    while left:
        farthest = max(
            left, key=lambda moment: min(abs(moment.start_s - other.start_s) for other in spread)
        )
        spread.append(farthest)
        left.remove(farthest)
    return spread


def _most_telling_s(moment: Moment) -> float:
    """The middle of where it would open a Reel best, else of all of it."""
    best = max(moment.hook_windows, key=lambda window: window.score, default=None)
    if best is None:
        return round((moment.start_s + moment.end_s) / 2, 3)
    return round(min(best.start_s + HOOK_S / 2, moment.end_s), 3)


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
