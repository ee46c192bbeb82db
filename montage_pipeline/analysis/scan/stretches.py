"""The stretches of a clip that could be looked at closely, each with a score.

Belongs here: what keyframes, packet sizes and sound samples say of a stretch.
Does not belong here: choosing among stretches (attention), judging what was measured (faults,
scoring).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.analysis.scan.keyframes import KeyframeScan
from montage_pipeline.footage.decoding.packets import PacketTable
from montage_pipeline.footage.measuring.coarse import Glance
from montage_pipeline.footage.measuring.still import Exposure
from montage_pipeline.spans import Span

ROOM_FOR_A_CUT_S = 3.6  # a cut of 3 s, and what lies too near to the ends of what was looked at
_MIN_STRETCH_S = 2.0  # less leaves no room for an opening
_ROUNDING_S = 1e-6  # of sums and differences of times
_SPACING_S = 0.5  # between the starts of two stretches: nearer ones show the same
_MAX_STARTS = 4000  # of a clip; of more, most lie between two keyframes that are looked at

# What a stretch is scored by: what its keyframes show says more than packets and sound.
_SEEN_WEIGHT = 0.60
_MOVEMENT_WEIGHT = 0.30
_LOUD_WEIGHT = 0.10
_UNKNOWN = 0.5  # for what nothing is known of

# What a keyframe is scored by.
_SHARP_WEIGHT = 0.40
_EXPOSURE_WEIGHT = 0.30
_COLOUR_WEIGHT = 0.15
_FACES_WEIGHT = 0.15
_BLURRED_AT, _SHARP_RANGE = 0.25, 0.5  # sharpness counts from 0.25 on, and in full from 0.75

# A keyframe beyond these seems unusable. They are stricter on light and laxer on blur than the
# limits of `faults`: a lone keyframe is a weaker witness than all frames of a moment.
_BLACK_PEAK = 0.12
_DARK_HIGHLIGHTS = 0.15
_BLURRED_SHARPNESS = 0.30
_FLAT_CONTRAST = 0.03
_FAULTY_FACTOR = 0.15  # not 0: the frames around it may be better

_NO_ROOM_FACTOR = 0.5  # of the score of a stretch that its clip's end leaves no room for a cut

# Signs of a cut in the source, which leaves two halves that may both be too short.
_CUT_COST = 0.25  # a score is divided by 1 plus this for each probable cut
_EARLY_KEYFRAME = 0.7  # of the usual gap: sooner than that, the encoder saw a reason for one
_CUT_BYTES = 3.0  # times the bytes that four of five frames stay below


@dataclass(frozen=True)
class Stretch:
    """A span of a clip that could be looked at closely.

    `clip` is its index. `score` is 0..1, `work` what looking closely costs (megapixels).
    `fingerprint` is the nearest keyframe's, None when there is none.
    """

    clip: int
    span: Span
    score: float
    work: float
    fingerprint: int | None


def stretches_of(index: int, scan: KeyframeScan, stretch_s: float) -> list[Stretch]:
    """Stretches of `stretch_s` seconds, in order of time, one for each place to start.

    What the clip's end cuts short is worth that much less, and half of that where it has no room
    for a cut: the stretch that ends with the clip is there as well.
    """
    whole = scan.clip.whole
    starts_s = _starts_s(scan, stretch_s)
    movement = _movement(scan.clip.packets, starts_s, stretch_s)
    scorer = _Scorer(scan)

    stretches = []
    for start_s, moving in zip(starts_s, movement, strict=True):
        span = Span(start_s, min(start_s + stretch_s, whole.end_s))
        if span.duration_s < min(_MIN_STRETCH_S, whole.duration_s):
            continue
        nearest = scan.nearest(span.middle_s)
        stretches.append(
            Stretch(
                clip=index,
                span=span,
                score=scorer.score(span, float(moving)) * _worth_left(span, stretch_s, whole),
                work=scan.clip.work(span),
                fingerprint=nearest.fingerprint if nearest is not None else None,
            )
        )
    return stretches


def _worth_left(span: Span, stretch_s: float, whole: Span) -> float:
    """What the end of its clip leaves a stretch of its worth, 0..1; a short clip has no more."""
    full_s = min(stretch_s, whole.duration_s)
    if span.duration_s >= full_s - _ROUNDING_S:
        return 1.0
    has_room = span.duration_s >= ROOM_FOR_A_CUT_S - _ROUNDING_S
    return span.duration_s / full_s * (1.0 if has_room else _NO_ROOM_FACTOR)


def _starts_s(scan: KeyframeScan, stretch_s: float) -> list[float]:
    whole, packets = scan.clip.whole, scan.clip.packets
    spacing_s = max(_SPACING_S, whole.duration_s / _MAX_STARTS)
    starts_s: list[float] = []
    inside_gaps_s = _inside_long_gaps(packets, whole, stretch_s)
    to_the_end_s = max(whole.start_s, whole.end_s - stretch_s)
    for time_s in sorted([*packets.key_times_s, *inside_gaps_s, to_the_end_s]):
        if not starts_s or time_s >= starts_s[-1] + spacing_s:
            starts_s.append(float(max(time_s, whole.start_s)))
    return starts_s


def _inside_long_gaps(packets: PacketTable, whole: Span, stretch_s: float) -> list[float]:
    """Further starts where keyframes lie far apart; decoding begins at the keyframe before."""
    keyframes_s = [*packets.key_times_s, whole.end_s]
    return [
        float(time_s)
        for start_s, end_s in pairwise(keyframes_s)
        for time_s in np.arange(start_s + stretch_s, end_s - _MIN_STRETCH_S, stretch_s)
    ]


def _movement(
    packets: PacketTable, starts_s: Sequence[float], stretch_s: float
) -> NDArray[np.float64]:
    """How much goes on after each start: bytes of all but keyframes, by rank within the clip, 0..1.

    Bytes are ranked, not measured, because they depend on the encoder as much as on the scene.
    """
    if not packets.complete or packets.only_keys or len(starts_s) < 2:
        return np.full(len(starts_s), _UNKNOWN)

    total = np.concatenate([[0], np.cumsum(np.where(packets.keys, 0, packets.sizes))])
    first = np.searchsorted(packets.times_s, starts_s)
    last = np.searchsorted(packets.times_s, np.array(starts_s) + stretch_s)
    bytes_per_frame = (total[last] - total[first]) / np.maximum(last - first, 1)

    rank = bytes_per_frame.argsort(kind="stable").argsort(kind="stable")
    return np.asarray(rank / (len(starts_s) - 1), dtype=np.float64)


class _Scorer:
    """Scores the stretches of one clip."""

    def __init__(self, scan: KeyframeScan) -> None:
        self._scan = scan
        self._packets = scan.clip.packets

    def score(self, span: Span, movement: float) -> float:
        """How much a stretch promises, 0..1; `movement` is how much goes on in it."""
        glances = self._scan.inside(span)
        if not glances and (nearest := self._scan.nearest(span.middle_s)) is not None:
            glances = [nearest]
        scores = [_keyframe_score(glance) for glance in glances]
        seen = float(np.mean(scores)) if scores else _UNKNOWN
        loud = float(self._scan.sound.loud_share(np.array([span.middle_s]), span.duration_s)[0])

        value = _MOVEMENT_WEIGHT * movement + _LOUD_WEIGHT * loud + _SEEN_WEIGHT * seen
        return value / (1 + _CUT_COST * self._probable_cuts(span))

    def _probable_cuts(self, span: Span) -> int:
        """Keyframes out of turn, and other frames that take far more bytes than usual there.

        A hint for choosing only; whether there is a cut is seen by looking.
        """
        if self._packets.only_keys:
            return 0
        return self._early_keyframes(span) + self._outsized_frames(span)

    def _early_keyframes(self, span: Span) -> int:
        keyframes_s = self._packets.key_times_s
        first = int(np.searchsorted(keyframes_s, span.start_s + _SPACING_S, side="right"))
        last = int(np.searchsorted(keyframes_s, span.end_s))
        gaps_s = np.diff(keyframes_s[max(0, first - 1) : last])
        return int((gaps_s < _EARLY_KEYFRAME * self._usual_gap_s).sum())

    @cached_property
    def _usual_gap_s(self) -> float:
        """The usual time between keyframes; infinite where too few are known."""
        keyframes_s = self._packets.key_times_s
        return float(np.median(np.diff(keyframes_s))) if len(keyframes_s) > 2 else np.inf

    def _outsized_frames(self, span: Span) -> int:
        packets = self._packets
        first, last = np.searchsorted(packets.times_s, [span.start_s, span.end_s])
        sizes = packets.sizes[first:last][~packets.keys[first:last]]
        if not packets.complete or not len(sizes):
            return 0
        return int((sizes > _CUT_BYTES * np.percentile(sizes, 80)).sum())


def _keyframe_score(glance: Glance) -> float:
    """How good a keyframe is by itself, 0..1."""
    sharp = min(1.0, max(0.0, (glance.sharpness - _BLURRED_AT) / _SHARP_RANGE))
    value = (
        _SHARP_WEIGHT * sharp
        + _EXPOSURE_WEIGHT * glance.exposure.score
        + _COLOUR_WEIGHT * glance.colour
        + _FACES_WEIGHT * bool(glance.faces)
    )
    faulty = glance.sharpness < _BLURRED_SHARPNESS or _badly_exposed(glance.exposure)
    return value * (_FAULTY_FACTOR if faulty else 1.0)


def _badly_exposed(exposure: Exposure) -> bool:
    return (
        exposure.peak < _BLACK_PEAK
        or exposure.highlights < _DARK_HIGHLIGHTS
        or exposure.contrast < _FLAT_CONTRAST
    )
