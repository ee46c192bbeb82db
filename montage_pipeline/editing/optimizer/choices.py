"""Which places and cut frames a search looks at: few enough to be searched through, with all that
matters among them.

Belongs here: choosing candidates. Does not belong here: what they are worth in an edit
(`objective`), or the search.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from montage_pipeline.editing.beats import ON_BEAT_FRAMES, UNREACHABLE, BeatRuler
from montage_pipeline.editing.optimizer.objective import Ints, Objective
from montage_pipeline.editing.optimizer.space import HookPlace
from montage_pipeline.editing.packing import CutRules, Piece, rooms_after

MOST_PLACES = 300
_MOST_TIGHT_PLACES = 100
_MOST_WORTHS = 0.06e6
"""Arcs x places of a space in which any frame may be a cut; with more of them only every second,
third … frame may.
"""
_FEW_BEATS = 60
_BEFORE_PEAK = 0.6
"""Of the shortest cut, shown before the best instant of a moment: what leads up to it is worth more
than what follows.
"""


def candidate_places(objective: Objective, hooks: Sequence[HookPlace], tight: bool) -> Ints:
    """Frames of the footage line where a piece may begin, ascending: where moments begin, about
    their middles, before their
    best instants, beside the parts without a subject, at both ends of every stretch; where nearly
    all footage is needed, also
    beside the hook and at a close grid. The best of each clip in turn, when there are too many."""
    footage, rules = objective.footage, objective.rules
    lead = objective.preferred / 2
    worth = np.concatenate([[0.0], np.cumsum(objective.frame_worth())])
    grid = max(1, int(footage.stretch_frames.sum()) // _MOST_TIGHT_PLACES)
    per_clip: dict[int, list[tuple[float, int]]] = {}
    for index, stretch in enumerate(footage.stretches):
        last = stretch.frames - rules.min_frames
        if last < 0:
            continue
        places = {0, last, *_chained(stretch.frames, stretch.gap, rules)}
        for span in stretch.spans:
            places.update((span.start, round((span.start + span.end) / 2 - lead)))
            for first, last_gone in span.gone:
                places.update(
                    (last_gone, first - rules.min_frames, round(first - objective.preferred))
                )
            if span.peak is not None:
                places.add(round(span.peak - _BEFORE_PEAK * rules.min_frames))
            if span.end - span.start > 2 * rules.min_frames:
                places.update(range(span.start, span.end, rules.min_frames + stretch.gap))
        if tight:
            places.update(range(0, last, grid))
            places.update(_beside(index, stretch.frames, stretch.gap, hooks, rules))
        begin = int(footage.offset[index])
        for place in sorted({min(max(0, place), last) for place in places}):
            value = float(worth[begin + place + rules.min_frames] - worth[begin + place])
            per_clip.setdefault(stretch.clip, []).append((-value, begin + place))
    queues = [sorted(places) for _, places in sorted(per_clip.items())]
    chosen: list[int] = []
    for turn in range(max((len(queue) for queue in queues), default=0)):
        chosen.extend(queue[turn][1] for queue in queues if turn < len(queue))
        if len(chosen) >= MOST_PLACES:
            break
    return np.asarray(sorted(chosen[:MOST_PLACES]), dtype=np.int64)


def _chained(frames: int, gap: int, rules: CutRules) -> set[int]:
    """Places from which the rest of a stretch holds one or two pieces of the longest or shortest
    length, without a frame to spare.
    """
    chained = set()
    for length in (rules.min_frames, rules.max_frames):
        for pieces in (1, 2):
            chained.add(frames - pieces * length - (pieces - 1) * gap)
    return {place for place in chained if place >= 0}


def _beside(
    stretch: int, frames: int, gap: int, hooks: Sequence[HookPlace], rules: CutRules
) -> set[int]:
    places: set[int] = set()
    for hook in hooks:
        if hook.piece.stretch == stretch:
            before = hook.piece.start - gap
            places.update(
                (hook.piece.end + gap, before - rules.min_frames, before - rules.max_frames)
            )
    return {place for place in places if 0 <= place <= frames - rules.min_frames}


def places_around(objective: Objective, pieces: Sequence[Piece]) -> Ints:
    """Places of an edit's own pieces, and those that let each one grow to its left or right edge of
    free footage.
    """
    footage, rules = objective.footage, objective.rules
    places: set[int] = set()
    for piece in pieces[1:]:
        rooms = footage.rooms()
        for other in pieces:
            if other is not piece:
                rooms = rooms_after(
                    [room for room in rooms if room.stretch == piece.stretch], other
                )
        room = next(
            room
            for room in rooms
            if room.stretch == piece.stretch and room.start <= piece.start and piece.end <= room.end
        )
        at = {
            piece.start,
            max(room.start, piece.end - rules.max_frames),
            room.end - piece.frames,
            room.end - rules.min_frames,
        }
        places.update(int(footage.offset[piece.stretch]) + start for start in at)
    return np.asarray(sorted(places), dtype=np.int64)


def candidate_frames(
    ruler: BeatRuler, rules: CutRules, preferred: float, places: int, *, tight: bool, off_beat: bool
) -> Ints:
    """Frames of the Reel where a cut may fall, from the hook's cut to the end: one on every beat,
    where footage is tight all
    that are near enough to one, and with `off_beat` as many others as can be searched through."""
    hook, total = rules.hook_frames, ruler.total_frames
    frames = np.arange(total + 1)
    near = ruler.beat_distance <= ON_BEAT_FRAMES + 1e-6
    between = (frames > hook) & (frames < total)
    if not off_beat:
        chosen = near if tight else _nearest(ruler, near)
        # The frames nearest to their beats alone may leave no way to the end.
        chosen[_least_missed(ruler, rules, preferred)] = True
        return np.concatenate([[hook], np.flatnonzero(chosen & between), [total]])
    span = rules.max_frames - rules.min_frames + 1
    step = max(1, int(np.ceil(np.sqrt(span * total * places / _MOST_WORTHS))))
    chosen = between & (near | ((frames - hook) % step == 0) | ((total - frames) % step == 0))
    if int(near.sum()) <= _FEW_BEATS:
        for beat in [hook, *np.flatnonzero(near & between).tolist(), total]:
            steps = [
                sign * count * length
                for sign in (-1, 1)
                for count in (1, 2)
                for length in (rules.min_frames, rules.max_frames)
            ]
            chosen[[beat + by for by in steps if hook < beat + by < total]] = True
    chosen[_least_missed(ruler, rules, preferred)] = True
    return np.concatenate([[hook], np.flatnonzero(chosen & between), [total]])


def _nearest(ruler: BeatRuler, near: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Of the frames near one beat, the nearest."""
    distance = np.where(near, ruler.beat_distance, np.inf)
    return (
        near
        & (distance <= np.append(np.inf, distance[:-1]))
        & (distance < np.append(distance[1:], np.inf))
    )


def _least_missed(ruler: BeatRuler, rules: CutRules, preferred: float) -> list[int]:
    """Cut frames of a way to the end that misses as little of the beat as any, with lengths as near
    as can be to the liked one.
    """
    frame, cuts = rules.hook_frames, []
    while frame < ruler.total_frames:
        lengths = np.arange(rules.min_frames, min(rules.max_frames, ruler.total_frames - frame) + 1)
        cost = ruler.miss_frames(frame + lengths, lengths) + ruler.off_beat_ahead[frame + lengths]
        if not len(lengths) or cost.min() >= UNREACHABLE:
            raise AssertionError("the ruler has no way from the hook's cut to the end")
        best = lengths[cost == cost.min()]
        frame += int(best[np.argmin(np.abs(best - preferred))])
        cuts.append(frame)
    return cuts[:-1]
