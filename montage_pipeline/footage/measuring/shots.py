"""Where one shot ends and the next begins: hard cuts exactly, dissolves and fades as spans, flashes
not at all.

Belongs here: telling a shot change from movement, flashes and changes of light. Does not belong
here: comparing two frames (thumbs), how good a shot is.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.measuring.thumbs import (
    CUT_CHANGE,
    Thumb,
    change,
    contrast_of_mix,
    distance_from_mix,
    likeness,
    moved,
    share_of_last,
    thumb,
)
from montage_pipeline.spans import Span, joined, overlaps, without

MIN_SHOT_S = 0.25
"""Less is no shot: a flash frame, or what a dissolve left over."""

# A cut changes a frame far more than the frames around it change.
_CUT_RATIO = 3.0  # of its change to the usual change of the frames around it
_MIN_USUAL_CHANGE = 1.5  # levels; still footage changes less, and noise must not look like a cut
_NEIGHBOURS = 4  # frames to each side that tell the usual change
_SAME_SHOT_ALIKE = 0.86  # frames that correlate more than this are one shot in another light
_FLASH_FRAMES = 4  # a flash is over after so many frames
_FLASH_CHANGE = 0.5  # of the change into it: less is left once it is over

# A dissolve or a fade mixes two frames over a while.
_MIXES_S = (0.4, 0.7, 1.0)  # spans over which they are looked for
_MIX_CHANGE = 12.0  # between both ends, at least
_MIX_ALIKE = 0.75  # ends that are more alike show the same
_MIN_MIX_FRAMES = 5
_MIN_MIX_SHARE = 0.9  # of the span that recent frames must cover
_MIX_PLACES = (0.25, 0.5, 0.75)  # of the span, at which frames must be mixes of both ends
_MIX_BEGUN = 0.05  # of the other frame, from which a mix has begun

# How far a frame may be from a mix, as a share of both ends' distance. Where both shots move, a mix
# of them is not exact; the less the ends have in common, the less else it can be.
_MIX_DISTANCE = 0.16
_MIX_DISTANCE_UNLIKE = 0.25  # more of it for each unit of correlation that both ends lack
_MAX_MIX_DISTANCE = 0.36

# And how much more contrast than a mix it may have, as a share, on the mean of these places, at the
# time that fits best: movement, too, can lie between both ends, but loses no contrast. Of 73
# dissolves that were made it is 0.06 at most; of a camera that moves, or of something that fills
# the frame for a while, 0.11 to 1.2.
_MIX_EXCESS = 0.09
_FADED = 0.02  # of the other end's contrast: an end with less is black or white, and nothing moves

# Where both shots move much, what tells a mix of them is its contrast. Chosen on forty dissolves
# between clips of people, animals and travels, and on those clips as they are.
_DIP_PLACES = (0.3, 0.5, 0.7)  # of the span, at which the contrast must be that of a mix
_DIP_CHANGE, _DIP_ALIKE = 20.0, 0.6  # as _MIX_CHANGE and _MIX_ALIKE: pictures with little in common
_DIP_SHARES = (0.1, 0.9)  # of the other frame at these places, and rising
_DIP_MIDDLE = 0.75  # of the contrast between both ends': half way a mix has no more
_DIP_TOLERANCE = 0.15  # of the same
_DIP_DISTANCE = 0.75  # as _MIX_DISTANCE
_DIP_TIMES = 3  # one after another: movement has the contrast of a mix for a frame

# Of so many, the one that fits best is this near to the contrast of a mix, and goes this evenly
# from one shot to the other; a whip of the camera, which lessens contrast too, does not.
_DIP_BEST, _DIP_UNEVEN = 0.07, 0.25

_NEAR_CUT_S = 0.1  # a mix this near to a cut is what the cut looks like over a while


class _Transition(NamedTuple):
    """From one frame to the next: how much changed, and when."""

    change: float
    before: Thumb
    after_s: float


class _Mix(NamedTuple):
    """When frames lie between two others as mixes of them do, and how much more contrast than a mix
    they have, as a share.
    """

    span: Span
    excess: float


class _Ends(NamedTuple):
    """How the first and the last frame of a span compare: their change, and how alike they are."""

    changed: float
    alike: float


class _ContrastDip(NamedTuple):
    """When contrast falls and rises again as in a dissolve, and how far it is from what a dissolve
    would have, and from an even pace, as shares.
    """

    span: Span
    misfit: float
    uneven: float


class ShotDetector:
    """Takes the frames of one continuous span in order; `shots` gives the spans between changes.

    Memory does not grow with the clip, save for the shot changes found.
    """

    def __init__(self, frame_s: float) -> None:
        """`frame_s`: duration of one frame, in seconds."""
        self._frame_s = frame_s
        self._recent: deque[Thumb] = deque(maxlen=max(16, round(1.2 * max(_MIXES_S) / frame_s)))
        self._transitions: deque[_Transition] = deque(maxlen=2 * _NEIGHBOURS + 1)
        self._cuts: list[Span] = []
        self._mixes: list[_Mix] = []
        self._contrast_dips: dict[float, list[_ContrastDip]] = {span_s: [] for span_s in _MIXES_S}
        self._first_s: float | None = None
        self._judged_first = False

    def add(self, time_s: float, luma: Plane, chroma: tuple[Plane, Plane]) -> None:
        """Look at the next frame: small upright planes, always of one size."""
        now = thumb(time_s, luma, chroma)
        if self._first_s is None:
            self._first_s = time_s
            self._recent.append(now)
            return

        before = self._recent[-1]
        self._transitions.append(_Transition(change(before, now), before, time_s))
        self._recent.append(now)
        if len(self._transitions) == self._transitions.maxlen:
            self._judge_middle()
        for span_s in _MIXES_S:
            self._find_mix(span_s)

    def shots(self, end_s: float) -> tuple[Span, ...]:
        """The shots, in order, up to `end_s`; the frames of fades and dissolves belong to none."""
        if self._first_s is None:
            return ()
        self._judge_rest()
        for span_s in _MIXES_S:
            self._end_contrast_dips(span_s)

        mixes = [mix for mix in self._certain_mixes() if not self._is_cut_nearby(mix)]
        shots = without(Span(self._first_s, end_s), [*self._cuts, *mixes])
        return tuple(shot for shot in shots if shot.duration_s >= MIN_SHOT_S)

    def _certain_mixes(self) -> list[Span]:
        """Those of which one that is found at the same time has no more contrast than a mix."""
        # Joined: a film full of dissolves has thousands of them.
        certain = joined(mix.span for mix in self._mixes if mix.excess <= _MIX_EXCESS)
        spans = [mix.span for mix in self._mixes]
        return [span for span in spans if any(overlaps(span, other) for other in certain)]

    def _is_cut_nearby(self, mix: Span) -> bool:
        first_s, last_s = mix.start_s - _NEAR_CUT_S, mix.end_s + _NEAR_CUT_S
        return any(first_s <= cut.end_s <= last_s for cut in self._cuts)

    def _judge_middle(self) -> None:
        """Judge the transition whose neighbours are all known.

        The first ones never have all of them: they are judged as soon as one has.
        """
        for place in (_NEIGHBOURS,) if self._judged_first else range(_NEIGHBOURS + 1):
            self._judge(place)
        self._judged_first = True

    def _judge_rest(self) -> None:
        """Judge the last transitions, which have no frames after them, with what there is."""
        all_known = len(self._transitions) == self._transitions.maxlen
        for place in range(_NEIGHBOURS + 1 if all_known else 0, len(self._transitions)):
            self._judge(place)
        self._transitions.clear()

    def _judge(self, place: int) -> None:
        """Note a cut where a transition is one."""
        transition = self._transitions[place]
        if transition.change < CUT_CHANGE:
            return
        if transition.change < _CUT_RATIO * self._usual_change(place):
            return
        after = self._thumb_at(transition.after_s, 0)
        if likeness(transition.before, after) > _SAME_SHOT_ALIKE:
            return
        if self._is_flash(transition, after):
            return
        before_s, after_s = transition.before.time_s, transition.after_s
        self._cuts.append(Span(min(before_s + self._frame_s, after_s), after_s))

    def _usual_change(self, place: int) -> float:
        """The usual change around a transition, in levels.

        The median of the neighbours stands a second cut close by; the mean of their quieter half
        would miss busy footage.
        """
        around = [
            transition.change
            for other, transition in enumerate(self._transitions)
            if other != place and abs(other - place) <= _NEIGHBOURS
        ]
        return max(float(np.median(around)) if around else 0.0, _MIN_USUAL_CHANGE)

    def _is_flash(self, transition: _Transition, after: Thumb) -> bool:
        """Whether it goes into a flash or out of it.

        Then a little later, or a little earlier, the frame is the one on this side.
        """
        before = transition.before
        later = self._thumb_at(transition.after_s, _FLASH_FRAMES)
        earlier = self._thumb_at(before.time_s, -_FLASH_FRAMES)
        return any(
            change(first, second) < _FLASH_CHANGE * transition.change
            and likeness(first, second) > _SAME_SHOT_ALIKE
            for first, second in ((before, later), (earlier, after))
        )

    def _thumb_at(self, time_s: float, offset: int) -> Thumb:
        """The recent frame `offset` frames from the one at a time, as far as there is one."""
        place = next(index for index, seen in enumerate(self._recent) if seen.time_s >= time_s)
        return self._recent[max(0, min(place + offset, len(self._recent) - 1))]

    def _find_mix(self, span_s: float) -> None:
        """Note a dissolve or a fade within the last `span_s` seconds, where there is one."""
        newest = self._recent[-1]
        since_s = newest.time_s - span_s - self._frame_s / 2
        inside = [seen for seen in self._recent if seen.time_s >= since_s]
        long_enough = newest.time_s - inside[0].time_s >= _MIN_MIX_SHARE * span_s
        if len(inside) < _MIN_MIX_FRAMES or not long_enough:
            return
        ends = _Ends(change(inside[0], newest), likeness(inside[0], newest))
        if _is_mix(inside, ends):
            self._mixes.append(_Mix(_mixed_part(inside), _excess_contrast(inside)))
        dip = _contrast_dip(inside, ends)
        if dip is not None:
            self._contrast_dips[span_s].append(dip)
        else:
            self._end_contrast_dips(span_s)

    def _end_contrast_dips(self, span_s: float) -> None:
        """Note the dissolve of as many dips one after another, as the one has it that fits best."""
        dips = self._contrast_dips[span_s]
        if len(dips) >= _DIP_TIMES:
            best = min(dips, key=lambda dip: dip.misfit)
            if best.misfit <= _DIP_BEST and best.uneven <= _DIP_UNEVEN:
                self._mixes.append(_Mix(best.span, excess=0.0))
        dips.clear()


def _is_mix(frames: Sequence[Thumb], ends: _Ends) -> bool:
    """Whether the frames go from the first to the last by mixing these two."""
    if ends.changed < _MIX_CHANGE or ends.alike > _MIX_ALIKE:
        return False

    first, last = frames[0], frames[-1]
    allowed = _MIX_DISTANCE + _MIX_DISTANCE_UNLIKE * (_MIX_ALIKE - ends.alike)
    max_distance = min(_MAX_MIX_DISTANCE, allowed)
    middles = [frames[round(place * (len(frames) - 1))] for place in _MIX_PLACES]
    mixed = all(distance_from_mix(first, middle, last) < max_distance for middle in middles)
    return mixed and not moved(first, last)


def _excess_contrast(frames: Sequence[Thumb]) -> float:
    """How much more contrast frames have than mixes of the first and the last would, as a share of
    what lies between both ends', on the mean; 0 for a fade.
    """
    first, last = frames[0], frames[-1]
    if min(first.contrast, last.contrast) < _FADED * max(first.contrast, last.contrast):
        return 0.0
    excesses = []
    for place in _MIX_PLACES:
        middle = frames[round(place * (len(frames) - 1))]
        share = share_of_last(first, middle, last)
        between = first.contrast + share * (last.contrast - first.contrast)
        excess = max(0.0, middle.contrast - contrast_of_mix(first, last, share))
        excesses.append(excess / max(between, 1.0))
    return float(np.mean(excesses))


def _contrast_dip(frames: Sequence[Thumb], ends: _Ends) -> _ContrastDip | None:
    """When contrast falls and rises again as it does where the first frame's shot gives way to the
    last one's, however much both of them move; None where it does not.
    """
    if ends.changed < _DIP_CHANGE or ends.alike > _DIP_ALIKE:
        return None

    first, last = frames[0], frames[-1]
    middles = [frames[round(place * (len(frames) - 1))] for place in _DIP_PLACES]
    shares = [share_of_last(first, middle, last) for middle in middles]
    least, most = _DIP_SHARES
    if not least < shares[0] < shares[1] < shares[2] < most:
        return None

    between = [first.contrast + share * (last.contrast - first.contrast) for share in shares]
    mixed = [contrast_of_mix(first, last, share) for share in shares]
    misfit = max(
        abs(middle.contrast - expected) / max(level, 1.0)
        for middle, expected, level in zip(middles, mixed, between, strict=True)
    )
    if misfit > _DIP_TOLERANCE or mixed[1] > _DIP_MIDDLE * between[1]:
        return None
    if any(distance_from_mix(first, middle, last) > _DIP_DISTANCE for middle in middles):
        return None
    if moved(first, last):
        return None

    # It goes evenly from one shot to the other; frames beyond, which move, would not tell its ends.
    share_s = (middles[2].time_s - middles[0].time_s) / (shares[2] - shares[0])
    begin_s = middles[1].time_s - shares[1] * share_s
    span = Span(max(first.time_s, begin_s), min(last.time_s, begin_s + share_s))
    uneven = abs(shares[2] - 2 * shares[1] + shares[0]) / (shares[2] - shares[0])
    return _ContrastDip(span, misfit, uneven)


def _mixed_part(frames: Sequence[Thumb]) -> Span:
    """From where the last frame shows to where the first is gone.

    The frames may span more than the mix: at their ends there may be nothing of the other one yet.
    """
    shares = [share_of_last(frames[0], frame, frames[-1]) for frame in frames]
    half = len(shares) // 2
    begin = max(place for place, share in enumerate(shares[:half]) if share < _MIX_BEGUN)
    end = min(
        place for place, share in enumerate(shares) if place > half and share > 1 - _MIX_BEGUN
    )
    return Span(frames[begin].time_s, frames[end].time_s)
