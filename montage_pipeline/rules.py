"""The product's own numbers, once: what every Reel holds to, whoever looks at it.

Belongs here: a number that more than one room goes by, with its reason. Does not belong here: a
style's taste (styles), the weights of the planner's objective, the limits of a single measurement;
those stand where they are used.
"""

from dataclasses import dataclass
from fractions import Fraction

from montage_pipeline.vocabulary import Format

MIN_DURATION_S = 7
MAX_CLIPS = 1000
"""Of a request on any installation; MONTAGE_MAX_CLIPS allows fewer. Each is probed and looked at:
more would take hours.
"""

MAX_DURATION_S = 90
"""Length of a Reel: at least a hook and one segment, at most what the app plays in its feed."""

HOOK_S = 1.7
"""Length of the hook: viewers decide within two seconds whether to stay; editors keep to 1.7."""

MIN_CUT_S = 3
MAX_CUT_S = 5
"""Every segment but the hook: shorter ones are too quick to take in, longer ones lose viewers."""

MIN_UNSEEN_SLOWING = 0.97
"""Speed down to which footage that lacks only frames is slowed: nobody sees it, and a voice keeps
its pitch.
"""

MIN_SHORT_CUT_S = 1.2
"""With the wish for short cuts, of clips that have no more: less is over before it is seen."""

MAX_SHORT_SHARE = Fraction(1, 3)
"""Share of a Reel's segments that may be so short: with more, all of it seems hurried."""

MAX_LONE_CUT_S = 6
"""The one exception: a Reel whose length no hook with cuts of 3 to 5 s can make (6.7 to 7.7 s) ends
on a longer cut.
"""

ALIKE_BITS = 10
"""Two 64-bit fingerprints that differ in fewer bits look alike.

Encodes and neighbouring frames of one shot differ in up to 8 bits, unrelated shots rarely in fewer
than 16.
"""

SAME_FRAME_BITS = 7
"""Fewer: so nearly the same frame that judging one of them judges the other."""

SAME_VIEW_BITS = 11
"""Fewer: keyframes that probably show the same view.

One bit more than for frames that look alike: a keyframe stands for the seconds around it.
"""

UNRELATED_BITS = 24
"""As many or more: frames that have nothing in common. Independent ones differ in 32 on average."""


def differing_bits(first: int, second: int) -> int:
    """How many bits of two 64-bit fingerprints differ."""
    return (first ^ second).bit_count()


def looks_alike(first: int, second: int) -> bool:
    """Whether two 64-bit fingerprints are of frames that look alike."""
    return differing_bits(first, second) < ALIKE_BITS


@dataclass(frozen=True)
class Margins:
    """What stays free of text, as shares of the frame's height (top, bottom) and width (sides)."""

    top: float
    bottom: float
    sides: float


SAFE_MARGINS = {
    # Instagram lays its own text and buttons over these parts of a Reel.
    Format.REEL: Margins(top=0.14, bottom=0.35, sides=0.06),
    # The profile grid shows the middle in 3:4.
    Format.FEED: Margins(top=0.06, bottom=0.08, sides=0.06),
    Format.SQUARE: Margins(top=0.06, bottom=0.08, sides=0.13),
    # Players show their controls at the lower edge.
    Format.LANDSCAPE: Margins(top=0.08, bottom=0.14, sides=0.08),
}
