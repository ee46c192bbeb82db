"""Where to look closely: the stretches of long or costly clips that promise most, within what
looking may cost.

Belongs here: weighing what a first look over all of a clip showed, and sharing the work among
clips.
Does not belong here: looking (footage.coarse, footage.measure), and judging what was seen closely
(moments, faults, scoring).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.decoding.packets import PacketTable, span_work
from montage_pipeline.footage.measuring.coarse import Glance
from montage_pipeline.footage.measuring.sound import Sound
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.spans import Span

# megapixels decoded and measured in all, unless the Reel needs more; see footage.packets
WORK = 6000.0
COARSE_SHARE = 0.2  # of that, for the first look
# seconds looked at closely for each second of the Reel, whatever it costs: a cut from each leaves a
# little to choose
NEED = 1.15
HARD_WORK = 3.0  # times WORK: beyond this the Reel's need does not count either
THIN_SHARE = 0.5  # of its cost, where calm parts are not decoded
AGAIN_SHARE = 0.5  # of WORK, for looking again where too little was good
_STRETCHES_S = (
    3.6,
    4.5,
)  # looked at in one go: a cut of 3 to 4 s, and what lies too near to its ends
_LEAST_STRETCH_S = 2.0
_SPACING_S = 0.5
_BLACK_PEAK, _DARK, _BLUR = 0.12, 0.15, 0.30
_FAULTY = 0.15  # what is left of the promise of a picture that seems unusable
_ALIKE_BITS = 10
_FAMILIAR = 0.6  # what is left of the promise of a stretch that looks like one already chosen
_ANOTHER = 0.9  # and, for each stretch chosen, of the others of its clip
_EARLY = (
    0.7  # of the usual time between key frames: sooner than that, the encoder saw a reason for one
)
_BREAK_COST = (
    0.25  # by which each probable change of shot divides the promise of a stretch, on top of 1
)
_BREAK_RATIO = 3.0  # times the usual bytes of a picture: probably a change of shot


@dataclass(frozen=True)
class FirstLook:
    """What is known of a clip before looking closely."""

    facts: ClipFacts
    table: PacketTable
    glances: tuple[Glance, ...]
    sound: Sound

    @property
    def whole(self) -> Span:
        """All of the clip."""
        return Span(self.facts.start_s, self.facts.start_s + self.facts.duration_s)

    @property
    def work(self) -> float:
        """What looking closely at all of it costs."""
        return span_work(self.facts, self.table, self.whole)


def affordable(works: Sequence[float], most: float) -> list[bool]:
    """Which clips can be looked at as a whole: the cheapest first, each up to an equal share of
    what is left.
    """
    fits = [False] * len(works)
    rest = most
    for place, index in enumerate(sorted(range(len(works)), key=lambda index: works[index])):
        if works[index] > rest / (len(works) - place):
            break
        fits[index] = True
        rest -= works[index]
    return fits


def choose(
    looks: Sequence[FirstLook],
    taken: Sequence[Sequence[Span]],
    least_s: float,
    most_work: float,
    most_ever: float,
) -> list[list[Span]]:
    """Stretches worth looking at closely, for each clip, in order of time; none overlaps what was
    `taken` before.

    At least `least_s` seconds in all, as far as there is footage; beyond that, what
    `most_work` pays for, and never more than `most_ever` pays for. Every clip gets
    one before any gets a second.
    """
    stretch_s = float(np.clip(least_s / max(1, len(looks)), *_STRETCHES_S))
    options = [_options(look, stretch_s) for look in looks]
    chosen: list[list[Span]] = [[] for _ in looks]
    before = [_near(look, span) for look, row in zip(looks, taken, strict=True) for span in row]
    seen_prints = [one.fingerprint for one in before if one is not None]
    spent = seconds = 0.0
    while True:
        best: tuple[tuple[bool, float], int, int] | None = None
        for clip, rows in enumerate(options):
            first = not chosen[clip] and not taken[clip]
            for place, option in enumerate(rows):
                if any(_overlap(option.span, other) for other in (*chosen[clip], *taken[clip])):
                    continue
                promise = option.promise * _ANOTHER ** len(chosen[clip])
                if option.fingerprint is not None and any(
                    (option.fingerprint ^ seen).bit_count() <= _ALIKE_BITS for seen in seen_prints
                ):
                    promise *= _FAMILIAR
                key = (first, promise)
                if best is None or key > best[0]:
                    best = (key, clip, place)
        if best is None:
            break
        _, clip, place = best
        option = options[clip].pop(place)
        work = span_work(looks[clip].facts, looks[clip].table, option.span)
        if seconds >= least_s and spent + work > most_work:
            break
        if spent + work > most_ever:
            if not any(options):
                break
            continue
        chosen[clip].append(option.span)
        spent += work
        seconds += option.span.duration_s
        if option.fingerprint is not None:
            seen_prints.append(option.fingerprint)
    return [_joined(sorted(row)) for row in chosen]


@dataclass(frozen=True)
class _Option:
    span: Span
    promise: float
    fingerprint: int | None


def _options(look: FirstLook, stretch_s: float) -> list[_Option]:
    """Every stretch that begins where the clip can be entered, with what it promises (0..1)."""
    whole, table = look.whole, look.table
    starts: list[float] = []
    for key_s in sorted([*table.key_times_s, *_long_gaps(table, whole, stretch_s)]):
        if not starts or key_s >= starts[-1] + _SPACING_S:
            starts.append(float(max(key_s, whole.start_s)))
    energy = _energy(table, starts, stretch_s)
    options = []
    for start_s, moving in zip(starts, energy, strict=True):
        span = Span(start_s, min(start_s + stretch_s, whole.end_s))
        if span.duration_s < min(_LEAST_STRETCH_S, whole.duration_s):
            continue
        middle_s = (span.start_s + span.end_s) / 2
        near = _near(look, span)
        inside = [one for one in look.glances if span.start_s <= one.time_s < span.end_s] or (
            [near] if near is not None else []
        )
        shown = float(np.mean([_looks(one) for one in inside])) if inside else 0.5
        heard = float(look.sound.loud_share(np.array([middle_s]), span.duration_s)[0])
        promise = (0.30 * float(moving) + 0.10 * heard + 0.60 * shown) / (
            1 + _BREAK_COST * _breaks(table, span)
        )
        options.append(_Option(span, promise, near.fingerprint if near is not None else None))
    return options


def _near(look: FirstLook, span: Span) -> Glance | None:
    """What was seen nearest to the middle of a stretch."""
    return min(
        look.glances,
        key=lambda one: abs(one.time_s - (span.start_s + span.end_s) / 2),
        default=None,
    )


def _long_gaps(table: PacketTable, whole: Span, stretch_s: float) -> list[float]:
    """Further beginnings where key frames lie far apart; to get there, decoding starts at the key
    frame before.
    """
    keys = [*table.key_times_s, whole.end_s]
    return [
        float(time_s)
        for start_s, end_s in pairwise(keys)
        for time_s in np.arange(start_s + stretch_s, end_s - _LEAST_STRETCH_S, stretch_s)
    ]


def _looks(glance: Glance) -> float:
    """How good a picture is by itself, 0..1."""
    sharp = min(1.0, max(0.0, (glance.sharpness - 0.25) / 0.5))
    value = (
        0.40 * sharp
        + 0.30 * glance.exposure.score
        + 0.15 * glance.colour
        + 0.15 * bool(glance.faces)
    )
    exposure = glance.exposure
    faulty = (
        exposure.peak < _BLACK_PEAK
        or exposure.highlights < _DARK
        or glance.sharpness < _BLUR
        or exposure.contrast < 0.03
    )
    return value * (_FAULTY if faulty else 1.0)


def _energy(table: PacketTable, starts: Sequence[float], stretch_s: float) -> NDArray[np.float64]:
    """How much goes on after each start, 0..1 within the clip: bytes that are not key frames', by
    rank.
    """
    if not table.complete or table.keys.all() or len(starts) < 2:
        return np.full(len(starts), 0.5)
    total = np.concatenate([[0], np.cumsum(np.where(table.keys, 0, table.sizes))])
    first = np.searchsorted(table.times_s, starts)
    last = np.searchsorted(table.times_s, np.array(starts) + stretch_s)
    rate = (total[last] - total[first]) / np.maximum(last - first, 1)
    return np.asarray(
        rate.argsort(kind="stable").argsort(kind="stable") / (len(starts) - 1), dtype=np.float64
    )


def _breaks(table: PacketTable, span: Span) -> int:
    """Probable changes of shot inside a stretch: key frames out of turn, and other pictures that
    take far more bytes than usual there.

    A hint for choosing only; whether there is one is seen by looking.
    """
    if table.keys.all():
        return 0
    keys = table.key_times_s
    turn_s = float(np.median(np.diff(keys))) if len(keys) > 2 else np.inf
    inside = np.flatnonzero((keys > span.start_s + _SPACING_S) & (keys < span.end_s))
    out_of_turn = int(
        sum(keys[place] - keys[place - 1] < _EARLY * turn_s for place in inside if place > 0)
    )
    first, last = np.searchsorted(table.times_s, [span.start_s, span.end_s])
    sizes = table.sizes[first:last][~table.keys[first:last]]
    large = (
        int((sizes > _BREAK_RATIO * np.percentile(sizes, 80)).sum())
        if table.complete and len(sizes)
        else 0
    )
    return out_of_turn + large


def _overlap(one: Span, other: Span) -> bool:
    return one.start_s < other.end_s - 1e-6 and other.start_s < one.end_s - 1e-6


def _joined(spans: list[Span]) -> list[Span]:
    """Spans that touch made one."""
    joined: list[Span] = []
    for span in spans:
        if joined and span.start_s <= joined[-1].end_s + 1e-6:
            joined[-1] = Span(joined[-1].start_s, max(joined[-1].end_s, span.end_s))
        else:
            joined.append(span)
    return joined
