"""Which places and cut frames a search looks at: few enough to be searched through, with all that
matters among them.

Belongs here: choosing candidates. Does not belong here: what they give in an edit (`objective`), or
the search.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from montage_pipeline.editing.beats import UNREACHABLE
from montage_pipeline.editing.moment_table import Ints
from montage_pipeline.editing.optimizer.objective import Objective
from montage_pipeline.editing.optimizer.space import HookPlace
from montage_pipeline.editing.packing import CutRules, Piece, rooms_after
from montage_pipeline.editing.stretches import MomentRange, Stretch

_MAX_PLACES = 300
"""Places of a space. The work of a relaxed solution grows with their square: with so many, 60 clips
and 90 s are planned within a second (docs/benchmarks.md, "The edit").
"""

_MAX_GRID_PLACES = 100
"""Places of the close grid laid over tight footage, so that the others keep their share of the
places; chosen by eye.
"""

_MAX_CELLS = 0.06e6
"""Arcs x places of a space in which any frame may be a cut; with more of them only every second,
third … frame may. Chosen by eye for a space that is solved some dozens of times in the budget.
"""

_FEW_BEATS = 60
"""Beats in reach up to which the frames that are one or two cuts from each are cut frames too;
music with more of them leads from beat to beat anyway.
"""

_BEFORE_PEAK = 0.6
"""Share of the shortest cut shown before the best instant of a moment: what leads up to it is worth
more than what follows.
"""


def candidate_places(objective: Objective, hooks: Sequence[HookPlace], tight: bool) -> Ints:
    """Frames of the footage line where a piece may begin, ascending.

    They are where moments begin, about their middles, before their best instants, beside the parts
    without a subject, just before someone talks, and at both ends of every stretch; where footage
    is `tight`, also beside the hooks and on a close grid. When there are too many, the best of each
    clip in turn.
    """
    footage = objective.footage
    points = np.concatenate([[0.0], np.cumsum(objective.frame_points())])
    grid = max(1, int(footage.stretch_frames.sum()) // _MAX_GRID_PLACES)
    per_clip: dict[int, list[tuple[float, int]]] = {}

    for index, stretch in enumerate(footage.stretches):
        shortest = int(objective.least[index])
        last = stretch.frames - shortest
        if last < 0:
            continue
        places = {0, last, *_chained(stretch, objective.rules), *_in_pauses(objective, index)}
        for found in stretch.moments:
            places.update(_of_moment(found, stretch.gap, objective))
        if tight:
            places.update(range(0, last, grid))
            places.update(_beside_hooks(index, stretch, hooks, objective.rules))

        begin = int(footage.offset[index])
        for place in sorted({min(max(0, place), last) for place in places}):
            value = float(points[begin + place + shortest] - points[begin + place])
            per_clip.setdefault(stretch.clip, []).append((-value, begin + place))
    return _best_in_turn([sorted(places) for _, places in sorted(per_clip.items())])


def _best_in_turn(queues: Sequence[Sequence[tuple[float, int]]]) -> Ints:
    """The first of each queue, then the second of each, …: at most `_MAX_PLACES`, ascending."""
    chosen: list[int] = []
    for turn in range(max((len(queue) for queue in queues), default=0)):
        chosen.extend(queue[turn][1] for queue in queues if turn < len(queue))
        if len(chosen) >= _MAX_PLACES:
            break
    return np.asarray(sorted(chosen[:_MAX_PLACES]), dtype=np.int64)


def _of_moment(found: MomentRange, gap: int, objective: Objective) -> set[int]:
    """Places of a stretch that show a moment well."""
    shortest, preferred = objective.rules.min_frames, objective.preferred
    places = {found.start, round((found.start + found.end) / 2 - preferred / 2)}
    for gone_start, gone_end in found.without_subject:
        places.update((gone_end, gone_start - shortest, round(gone_start - preferred)))
    if found.peak is not None:
        before_peak = round(found.peak - _BEFORE_PEAK * shortest)
        # Near the end of its moment, a cut must begin early enough to be of its usual length.
        places.update((before_peak, min(before_peak, round(found.end - preferred))))
    if found.frames > 2 * shortest:
        places.update(range(found.start, found.end, shortest + gap))
    return places


def _chained(stretch: Stretch, rules: CutRules) -> set[int]:
    """Places from which the rest of a stretch holds one or two pieces of the longest or shortest
    length, without a frame to spare.
    """
    places = {
        stretch.frames - pieces * length - (pieces - 1) * stretch.gap
        for length in (rules.min_frames, rules.max_frames)
        for pieces in (1, 2)
    }
    return {place for place in places if place >= 0}


def _in_pauses(objective: Objective, number: int) -> set[int]:
    """Places of a stretch from which who talks is heard from the first word."""
    footage, begin = objective.footage, int(objective.footage.offset[number])
    spoken = footage.spoken_at[begin : begin + int(footage.stretch_frames[number])] > 0
    return set(np.flatnonzero(~spoken[:-1] & spoken[1:]).tolist())


def _beside_hooks(
    number: int, stretch: Stretch, hooks: Sequence[HookPlace], rules: CutRules
) -> set[int]:
    """Places of a stretch right behind its hooks, and right before them at both extreme lengths."""
    places: set[int] = set()
    for hook in hooks:
        if hook.piece.stretch == number:
            before = hook.piece.start - stretch.gap
            places.update(
                (
                    hook.piece.end + stretch.gap,
                    before - rules.min_frames,
                    before - rules.max_frames,
                )
            )
    return {place for place in places if 0 <= place <= stretch.frames - rules.min_frames}


def places_around(objective: Objective, pieces: Sequence[Piece]) -> Ints:
    """Places of an edit's own pieces, and those that let each one grow to the left or right edge of
    its free footage.
    """
    footage, rules = objective.footage, objective.rules
    places: set[int] = set()
    for piece in pieces[1:]:
        rooms = [room for room in footage.rooms() if room.stretch == piece.stretch]
        for neighbour in pieces:
            if neighbour is not piece:
                rooms = rooms_after(rooms, neighbour)
        room = next(room for room in rooms if room.holds(piece))
        starts = {
            piece.start,
            max(room.start, piece.end - rules.max_frames),
            room.end - piece.frames,
            room.end - int(objective.least[piece.stretch]),
        }
        places.update(int(footage.offset[piece.stretch]) + start for start in starts)
    return np.asarray(sorted(places), dtype=np.int64)


def candidate_cuts(objective: Objective, places: int, *, tight: bool, off_beat: bool) -> Ints:
    """Frames of the Reel where a cut may fall, from the hook's cut to the end.

    One on every beat; where footage is `tight` all that are near enough to one; with `off_beat` as
    many others as can be searched through with so many places.
    """
    hook, total = objective.rules.hook_frames, objective.ruler.total_frames
    near = objective.ruler.on_beats
    frames = np.arange(total + 1)
    between = (frames > hook) & (frames < total)
    if off_beat:
        chosen = between & (near | _spread(objective, places))
        if int(near.sum()) <= _FEW_BEATS:
            chosen[_cuts_from(np.flatnonzero(near & between), objective)] = True
    else:
        chosen = near if tight else _nearest(objective.ruler.beat_distance, near)
    # Whatever was chosen, there must be a way to the end that misses as little as any.
    chosen[_least_missed(objective)] = True
    return np.concatenate([[hook], np.flatnonzero(chosen & between), [total]])


def _spread(objective: Objective, places: int) -> npt.NDArray[np.bool_]:
    """Every n-th frame from the hook's cut and from the end, as many as can be searched through."""
    rules, total = objective.rules, objective.ruler.total_frames
    frames = np.arange(total + 1)
    fan = rules.max_frames - rules.min_frames + 1
    step = max(1, int(np.ceil(np.sqrt(fan * total * places / _MAX_CELLS))))
    from_hook: npt.NDArray[np.bool_] = (frames - rules.hook_frames) % step == 0
    from_end: npt.NDArray[np.bool_] = (total - frames) % step == 0
    return from_hook | from_end


def _cuts_from(beats: Ints, objective: Objective) -> list[int]:
    """Frames one or two cuts of extreme length from the hook's cut, from each beat and from the
    end.
    """
    rules, total = objective.rules, objective.ruler.total_frames
    steps = [
        sign * count * length
        for sign in (-1, 1)
        for count in (1, 2)
        for length in (rules.min_frames, rules.max_frames)
    ]
    return [
        frame + step
        for frame in (rules.hook_frames, *beats.tolist(), total)
        for step in steps
        if rules.hook_frames < frame + step < total
    ]


def _nearest(
    beat_distance: npt.NDArray[np.float64], near: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Of the frames near one beat, the nearest."""
    distance = np.where(near, beat_distance, np.inf)
    return (
        near
        & (distance <= np.append(np.inf, distance[:-1]))
        & (distance < np.append(distance[1:], np.inf))
    )


def _least_missed(objective: Objective) -> list[int]:
    """Cuts of a way to the end that misses as little of the beat as any, with lengths as near to
    the preferred one as can be.
    """
    ruler, rules = objective.ruler, objective.rules
    frame, cuts = rules.hook_frames, []
    while frame < ruler.total_frames:
        lengths = np.arange(rules.min_frames, min(rules.max_frames, ruler.total_frames - frame) + 1)
        cost = ruler.miss_frames(frame + lengths, lengths) + ruler.off_beat_ahead[frame + lengths]
        if not len(lengths) or cost.min() >= UNREACHABLE:
            raise AssertionError("the ruler has no way from the hook's cut to the end")
        best = lengths[cost == cost.min()]
        frame += int(best[np.argmin(np.abs(best - objective.preferred))])
        cuts.append(frame)
    return cuts[:-1]
