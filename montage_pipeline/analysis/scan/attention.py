"""Where to look closely: how the work is shared among clips and their stretches.

Belongs here: the limits of the work, and choosing stretches within them.
Does not belong here: what a stretch promises (stretches), looking (keyframes, measuring).

Work is counted in megapixels decoded and measured; footage.decoding.packets says how.
"""

import heapq
from bisect import bisect_right, insort
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from montage_pipeline.analysis.moments import MAX_MOMENT_S
from montage_pipeline.analysis.scan.keyframes import KeyframeScan
from montage_pipeline.analysis.scan.stretches import ROOM_FOR_A_CUT_S, Stretch, stretches_of
from montage_pipeline.rules import SAME_VIEW_BITS, differing_bits
from montage_pipeline.spans import Span, joined, overlap_s

WORK = 12_000.0
"""Megapixels for all clips of a request, unless the Reel needs more: some 90 s of 1080p30 at 8
Mbit/s. Half of it took three quarters of the time, and left most of three of eight clips unseen.
"""

KEYFRAME_SHARE = 0.1
"""Share of WORK for the keyframes of clips too costly to be measured whole."""


@dataclass(frozen=True)
class Thoroughness:
    """How much is looked at closely: seconds for each second of the Reel, the longest stretch (s),
    and the longest moment (s) that is judged as one.
    """

    needed: float
    max_stretch_s: float
    max_moment_s: float


BY_MEASURE = Thoroughness(needed=1.15, max_stretch_s=4.5, max_moment_s=MAX_MOMENT_S)
"""A cut from each stretch, and a little to choose from."""

WHEN_JUDGED = Thoroughness(needed=2.0, max_stretch_s=4.6, max_moment_s=6.4)
"""Two cuts to choose from for each place in the Reel: a judgement is worth as much as its choice.
A stretch holds a cut on the beat with some of what comes before and after it; five frames of a
moment are never so far apart that an instant is lost between them, and half of one still holds a
cut.
"""

MAX_WORK_FACTOR = 1.5
"""Times WORK: beyond this, what the Reel needs does not count either."""

CALM_COST = 0.5
"""Share of its cost that a stretch takes where calm parts are not decoded."""

AGAIN_SHARE = 0.5
"""Share of WORK for looking again, where too little of what was seen is good, or nothing in a clip
has room for a cut.
"""

_FAMILIAR_FACTOR = 0.6  # of the score of a stretch that looks like one already chosen
_ANOTHER_FACTOR = 0.9  # of the scores of a clip, for each stretch already chosen of it
_TOUCHING_S = 1e-6  # spans that share no more only touch


@dataclass(frozen=True)
class Allowance:
    """How much may be looked at closely.

    Every clip gets a stretch. More are chosen until they cover `min_s` seconds, and beyond that as
    long as `work` pays for them; `max_work` holds for these in any case. None is longer than
    `max_stretch_s`.
    """

    min_s: float
    work: float
    max_work: float
    max_stretch_s: float = BY_MEASURE.max_stretch_s


def affordable(works: Sequence[float], budget: float) -> list[int]:
    """Indices of the clips that are measured whole, ascending.

    The cheapest first, each as long as it costs at most an equal share of what is left.
    """
    cheapest_first = sorted(range(len(works)), key=lambda index: works[index])
    left = budget
    for place, index in enumerate(cheapest_first):
        equal_share = left / (len(works) - place)
        if works[index] > equal_share:
            return sorted(cheapest_first[:place])
        left -= works[index]
    return sorted(cheapest_first)


def choose(
    scans: Mapping[int, KeyframeScan],
    seen: Mapping[int, Sequence[Span]],
    allowance: Allowance,
    cramped: Container[int] = (),
) -> dict[int, list[Span]]:
    """Stretches to look at closely, in order of time, for each clip (by index) that gets any.

    None overlaps what was `seen` closely before. Clips in which that left no room for a cut are
    `cramped`: they get another one first, as far as `max_work` goes.
    """
    equal_s = allowance.min_s / max(1, len(scans))
    stretch_s = float(np.clip(equal_s, ROOM_FOR_A_CUT_S, allowance.max_stretch_s))
    stretches = [
        stretch for index, scan in scans.items() for stretch in stretches_of(index, scan, stretch_s)
    ]
    nearest = [
        scan.nearest(span.middle_s) for index, scan in scans.items() for span in seen.get(index, ())
    ]
    fingerprints = [glance.fingerprint for glance in nearest if glance is not None]
    return pick(stretches, Selection(seen, fingerprints, cramped), allowance)


class Selection:
    """The stretches picked so far, and how they rank the others.

    As it grows, no stretch ever ranks higher than before: `pick` relies on that.
    """

    def __init__(
        self,
        seen: Mapping[int, Sequence[Span]],
        fingerprints: Iterable[int],
        cramped: Container[int] = (),
    ) -> None:
        """`seen` are spans looked at before, by clip; `fingerprints` those of their keyframes.

        What was seen of `cramped` clips has no room for a cut.
        """
        self._cramped = cramped
        self._taken = {clip: sorted(spans) for clip, spans in seen.items()}
        self._fingerprints = list(fingerprints)
        self._compared: dict[int, tuple[int, bool]] = {}
        self._picked: dict[int, list[Span]] = {}
        self.seconds = 0.0
        self.work = 0.0

    def add(self, stretch: Stretch) -> None:
        """Pick a stretch."""
        insort(self._taken.setdefault(stretch.clip, []), stretch.span)
        self._picked.setdefault(stretch.clip, []).append(stretch.span)
        self.seconds += stretch.span.duration_s
        self.work += stretch.work
        if stretch.fingerprint is not None:
            self._fingerprints.append(stretch.fingerprint)

    def has_one(self, clip: int) -> bool:
        """Whether a stretch of the clip is picked, or was seen before with room for a cut."""
        return clip in self._picked or (self.was_seen(clip) and clip not in self._cramped)

    def was_seen(self, clip: int) -> bool:
        """Whether some of the clip is picked, or was seen before."""
        return bool(self._taken.get(clip))

    def overlaps(self, stretch: Stretch) -> bool:
        """Whether some of the stretch is picked already, or was seen before."""
        taken = self._taken.get(stretch.clip, ())
        # None of them overlap each other: only the neighbours can overlap it.
        place = bisect_right(taken, stretch.span)
        return any(
            overlap_s(stretch.span, span) > _TOUCHING_S
            for span in taken[max(0, place - 1) : place + 1]
        )

    def own_score(self, stretch: Stretch) -> float:
        """The score of the stretch, whatever else is picked of its clip."""
        return stretch.score * (_FAMILIAR_FACTOR if self._is_familiar(stretch) else 1.0)

    def rank(self, stretch: Stretch) -> "Rank":
        """Where the stretch stands among all, the lowest first."""
        others = len(self._picked.get(stretch.clip, ()))
        score = self.own_score(stretch) * _ANOTHER_FACTOR**others
        return self.has_one(stretch.clip), -score, stretch.clip, stretch.span.start_s

    def _is_familiar(self, stretch: Stretch) -> bool:
        """Whether it looks like one already chosen; each pair is compared once."""
        own = stretch.fingerprint
        if own is None:
            return False
        compared, familiar = self._compared.get(own, (0, False))
        if not familiar:
            familiar = any(
                differing_bits(own, other) < SAME_VIEW_BITS
                for other in self._fingerprints[compared:]
            )
        self._compared[own] = (len(self._fingerprints), familiar)
        return familiar

    def spans(self) -> dict[int, list[Span]]:
        """What was picked, by clip, in order of time; spans that touch are one."""
        return {
            clip: joined(self._picked[clip], gap_s=_TOUCHING_S) for clip in sorted(self._picked)
        }


Rank = tuple[bool, float, int, float]
"""Whether the clip has a stretch already (every clip gets one before any gets a second), the
negative score, and the clip and start, which decide between equals.
"""


def pick(
    stretches: Iterable[Stretch], selection: Selection, allowance: Allowance
) -> dict[int, list[Span]]:
    """Pick the best-ranked stretches, one after the other, as far as the allowance goes.

    Every clip gets one, whatever that costs: cost decides how much of a clip is looked at, never
    whether.
    """
    queue = _Queue(stretches, selection)
    while (stretch := queue.next_best()) is not None:
        work = selection.work + stretch.work
        if not selection.was_seen(stretch.clip):
            selection.add(stretch)
            continue
        if not selection.has_one(stretch.clip):
            if work <= allowance.max_work:
                selection.add(stretch)
            continue
        if selection.seconds >= allowance.min_s and work > allowance.work:
            break
        if work <= allowance.max_work:
            selection.add(stretch)
    return selection.spans()


class _Queue:
    """Stretches, the best-ranked first.

    A queue for each clip, since a pick lowers all others of its clip alike, and one of the clips by
    their best. Ranks in both may be out of date, but only too good: what comes to the front and
    still holds is the best of all. Of a day of footage with thousands of stretches, each is looked
    at a few times.
    """

    def __init__(self, stretches: Iterable[Stretch], selection: Selection) -> None:
        self._selection = selection
        self._of_clip: dict[int, list[tuple[float, float, Stretch]]] = {}
        for stretch in stretches:
            entry = (-selection.own_score(stretch), stretch.span.start_s, stretch)
            self._of_clip.setdefault(stretch.clip, []).append(entry)

        self._clips: list[tuple[Rank, int]] = []
        for clip, queue in self._of_clip.items():
            heapq.heapify(queue)
            self._enter(clip)
        heapq.heapify(self._clips)

    def next_best(self) -> Stretch | None:
        """Take the best-ranked stretch off; None when no stretch is left."""
        while self._clips:
            rank, clip = heapq.heappop(self._clips)
            best = self._best_of(clip)
            if best is None:
                continue
            if self._selection.rank(best) == rank:
                heapq.heappop(self._of_clip[clip])
                self._enter(clip)
                return best
            self._enter(clip)
        return None

    def _enter(self, clip: int) -> None:
        """Put a clip where its best stretch stands now."""
        best = self._best_of(clip)
        if best is not None:
            heapq.heappush(self._clips, (self._selection.rank(best), clip))

    def _best_of(self, clip: int) -> Stretch | None:
        """The best stretch of a clip that overlaps nothing taken; it stays in the queue."""
        queue, selection = self._of_clip[clip], self._selection
        while queue:
            score, start_s, stretch = queue[0]
            if selection.overlaps(stretch):
                heapq.heappop(queue)
                continue
            own = -selection.own_score(stretch)
            if own == score:
                return stretch
            heapq.heapreplace(queue, (own, start_s, stretch))
        return None
