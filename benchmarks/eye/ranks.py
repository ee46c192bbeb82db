"""Does the product's score put clips in the editor's order?"""

from collections.abc import Iterable
from typing import NamedTuple

from scipy.stats import spearmanr


class RankedClip(NamedTuple):
    """A clip with the editor's rank (0 to 5), the score of its best moment in one style, and how
    sharp it can look in a Reel (0..1), which is the score to beat.
    """

    clip: str
    style: str
    rank: int
    score: float
    sharpness: float


def agreement(clips: Iterable[RankedClip]) -> str:
    """Spearman's correlations with the editor's ranks, in a sentence."""
    unique = sorted(set(clips))
    ranks = [clip.rank for clip in unique]
    by_score = spearmanr([clip.score for clip in unique], ranks).statistic
    by_sharpness = spearmanr([clip.sharpness for clip in unique], ranks).statistic
    return (
        f"Spearman's correlation with the editor's ranks over {len(unique)} clips: "
        f"{by_score:.2f} of the score of a clip's best moment, {by_sharpness:.2f} of the sharpness "
        "it can be delivered in."
    )
