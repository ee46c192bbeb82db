"""Which moments Claude is asked about."""

from collections.abc import Sequence
from itertools import zip_longest
from math import ceil

from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.rules import HOOK_S

# A cut every 4 s after a hook of 1.7 s, and seven candidates for five places, so that there is
# something to choose from.
CUT_S = 4.0
CANDIDATES_PER_SEGMENT = 1.4
ALIKE_BITS = (
    6  # of the 64 of two fingerprints: at most so many differ when the pictures are nearly the same
)


def segments_in(duration_s: float) -> int:
    """About how many segments a Reel of that length has."""
    return 1 + ceil(max(0.0, duration_s - HOOK_S) / CUT_S)


def wanted_candidates(analysis: ClipAnalysis, duration_s: float) -> int:
    """How many candidates there should be: enough for a choice, and one of every clip with a usable
    moment.
    """
    usable_clips = sum(
        any(not moment.rejects for moment in clip.moments) for clip in analysis.clips
    )
    return max(ceil(CANDIDATES_PER_SEGMENT * segments_in(duration_s)), usable_clips)


def choose_candidates(analysis: ClipAnalysis, most: int) -> list[Moment]:
    """At most `most` moments, by clip and time: the most promising of each clip first, then the
    second of each, and so on.

    Moments with a technical reject are not shown. Every usable clip is represented as long as
    `most` allows it. What looks
    like a more promising moment of its clip comes after all that does not.
    """
    by_clip = [
        _ranked([moment for moment in clip.moments if not moment.rejects])
        for clip in analysis.clips
    ]
    by_clip = sorted(
        (ranked for ranked in by_clip if ranked), key=lambda ranked: -_promise(ranked[0])
    )
    in_turn = [moment for rank in zip_longest(*by_clip) for moment in rank if moment is not None]
    return sorted(in_turn[:most], key=lambda moment: (moment.clip, moment.start_s))


def _ranked(moments: Sequence[Moment]) -> list[Moment]:
    distinct: list[Moment] = []
    alike: list[Moment] = []
    for moment in sorted(moments, key=lambda moment: (-_promise(moment), moment.start_s)):
        (
            alike
            if any(_differing_bits(moment, other) <= ALIKE_BITS for other in distinct)
            else distinct
        ).append(moment)
    return distinct + alike


def _differing_bits(moment: Moment, other: Moment) -> int:
    return (int(moment.fingerprint, 16) ^ int(other.fingerprint, 16)).bit_count()


def _promise(moment: Moment) -> float:
    return moment.interest + 0.5 * moment.hook
