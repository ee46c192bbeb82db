"""The search for the best edit: a beam over cuts in order of time, which never enters a dead end.

Belongs here: which piece of footage comes when. Does not belong here: whether an edit is possible at all
(`packing`), or where beats are (`beats`).

A state is an unfinished Reel. It is kept only when `packing` proves that the rest can still be filled, so
the search always ends with a Reel of exactly the asked length.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from montage_pipeline.editing.beats import UNREACHABLE, BeatRuler
from montage_pipeline.editing.candidates import Footage
from montage_pipeline.editing.packing import CutRules, Piece, Room, fill_exactly, gains, longest_total, quickly_possible, rooms_after
from montage_pipeline.editing.styles import StyleRules

BEAM_WIDTH = 12
_CHILDREN_PER_STATE = 20
_RESCUED_STATES = 5
"""When no liked cut leaves a possible rest, so many of the best states go on with a way that was proved."""
_MOST_SPOTS = 280
_MOST_LENGTHS = 7
_SCARCE_FROM = 0.5
"""Share of the usable footage the Reel needs from which every edge of free footage is looked at too."""

MISS_COST = 5.0
"""Points that 4 s in a cut off the beat cost: more than any moment is worth, less than showing the same take on and on."""
CONTINUATION_COST = 9.0
SAME_CLIP_COST = 1.2
SAME_SHOT_COST = 0.6
_REPEATED_LOOK_COST = 0.5
_OVERUSED_CLIP_COST = 0.30
_REFERENCE_CUT_S = 4.0

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


class _State(NamedTuple):
    frame: int
    score: float
    rooms: dict[int, tuple[Room, ...]]
    full_pieces: int
    spot_frames: _Ints
    """Per spot: frames free from there on; 0 when used."""
    looks: _Floats
    """Per moment: differing bits to the most similar moment shown so far."""
    uses: _Floats
    """Per clip: how often it was shown."""
    signature: int
    piece: Piece
    parent: "_State | None"


class _Child(NamedTuple):
    hope: float
    score: float
    state: _State
    piece: Piece


def _by_hope(child: _Child) -> tuple[float, Piece]:
    return -child.hope, child.piece


class EditSearch:
    """One search: footage, style, beats and the hook are fixed; `best()` gives the pieces after the hook."""

    def __init__(self, footage: Footage, style: StyleRules, ruler: BeatRuler, rules: CutRules, hook: Piece, rate: float, seed: int) -> None:
        self._footage = footage
        self._style = style
        self._ruler = ruler
        self._rules = rules
        self._rate = rate
        self._hook = hook
        self._total = ruler.total_frames
        self._misses = ruler.misses
        self._preferred = min(max(style.preferred_cut_s * rate, rules.min_frames), rules.max_frames)
        self._reference = _REFERENCE_CUT_S * rate
        self._random = np.random.default_rng([seed % 2**64, 2])
        self._clip_of = np.asarray([stretch.clip for stretch in footage.stretches], dtype=np.int64)
        self._shot_of = [
            (stretch.clip, stretch.shot if stretch.shot is not None else -1 - i) for i, stretch in enumerate(footage.stretches)
        ]
        capacity = sum(room.frames for room in footage.rooms() if room.frames >= rules.min_frames)
        self._scarce = self._total > _SCARCE_FROM * capacity
        self._lengths_from: dict[int, _Ints] = {}
        self._spots = self._choose_spots()
        self._luck = self._random.normal(0.0, 0.05, size=len(self._spots))
        self._expected_uses = max(1.0, (self._total / self._preferred) / max(1, footage.clip_count))
        self._mean_value = self._optimistic_mean()

    def best(self) -> list[Piece]:
        """The pieces after the hook, in order. Their frames sum to what the hook leaves of the Reel."""
        beam = [self._start()]
        finished: _State | None = None
        while beam:
            children = [child for state in beam for child in self._children(state)]
            children.sort(key=_by_hope)
            grown, done = self._accept(children)
            if not grown and not done:
                if finished is not None:
                    break
                rest = [child for state in beam[:_RESCUED_STATES] for child in self._surely_possible(state)]
                grown, done = self._accept(sorted(rest, key=_by_hope))
            for state in done:
                if finished is None or state.score > finished.score:
                    finished = state
            beam = grown
        if finished is None:
            raise AssertionError("the search lost every unfinished edit although one was proved possible")
        return _pieces(finished)

    # -- what can come next ---------------------------------------------------------------------

    def _choose_spots(self) -> _Ints:
        """Places (frames on the footage line) where a cut may begin: moment starts and middles, the best of each clip in turn."""
        lead = self._preferred / 2
        per_clip: dict[int, list[tuple[float, int]]] = {}
        for index, stretch in enumerate(self._footage.stretches):
            if stretch.frames < self._rules.min_frames:
                continue
            begin = int(self._footage.offset[index])
            last = stretch.frames - self._rules.min_frames
            places: set[int] = {0, last}
            for span in stretch.spans:
                places.update((span.start, round((span.start + span.end) / 2 - lead)))
                places.update(range(span.start, span.end, max(1, round(3.5 * self._rate))))
            for place in sorted({min(max(0, place), last) for place in places}):
                value = float(self._mean(self._footage.value_sum, np.asarray([begin + place]), self._rules.min_frames)[0])
                per_clip.setdefault(stretch.clip, []).append((-value, begin + place))
        queues = [sorted(places) for _, places in sorted(per_clip.items())]
        chosen: list[int] = []
        for turn in range(max((len(queue) for queue in queues), default=0)):
            chosen.extend(queue[turn][1] for queue in queues if turn < len(queue))
            if len(chosen) >= _MOST_SPOTS:
                break
        return np.asarray(sorted(chosen[:_MOST_SPOTS]), dtype=np.int64)

    def _lengths(self, frame: int) -> _Ints:
        known = self._lengths_from.get(frame)
        if known is None:
            known = self._lengths_from[frame] = self._lengths_worth_trying(frame)
        return known

    def _lengths_worth_trying(self, frame: int) -> _Ints:
        """Cut lengths worth trying from `frame`: to the beats in reach, to the end, and others where beats do not serve."""
        rules = self._rules
        left = self._total - frame
        window = np.arange(rules.min_frames, min(rules.max_frames, left) + 1)
        window = window[self._ruler.off_beat_ahead[frame + window] < UNREACHABLE]
        if not len(window):
            return window
        cuts = frame + window
        cost = self._misses[cuts] * window + self._ruler.off_beat_ahead[cuts]
        distance = np.minimum(self._ruler.beat_distance[cuts], 1e6)
        nearest = np.ones(len(window), dtype=bool)
        nearest[1:] &= distance[1:] < distance[:-1]
        nearest[:-1] &= distance[:-1] <= distance[1:]
        liking = (
            np.abs(window - self._preferred) / self._rate - 0.5 * (self._ruler.downbeat_distance[cuts] <= 1) + 3.0 * cost / self._reference
        )
        on_beat = np.flatnonzero((self._misses[cuts] == 0) & nearest)
        chosen = on_beat[np.argsort(liking[on_beat], kind="stable")][:_MOST_LENGTHS]
        spare = np.flatnonzero(self._misses[cuts] == 1)
        if len(spare) and (self._scarce or not len(chosen) or cost[spare].min() < cost[chosen].min()):
            fitting = spare[cost[spare] <= cost[spare].min() + 0.25 * self._rate]
            steps = np.unique(np.linspace(0, len(fitting) - 1, 4).astype(np.int64))
            best = [spare[np.argmin(cost[spare])], fitting[np.argmin(np.abs(window[fitting] - self._preferred))]]
            chosen = np.concatenate([chosen, fitting[steps], best])
        if self._scarce:
            chosen = np.concatenate([chosen, [0, len(window) - 1]])
        if left <= rules.max_frames:
            chosen = np.concatenate([chosen, np.flatnonzero(window == left)])
        return np.asarray(np.unique(window[chosen]), dtype=np.int64)

    def _children(self, state: _State) -> list[_Child]:
        lengths = self._lengths(state.frame)
        if not len(lengths):
            return []
        spots, free, luck = self._spots, state.spot_frames, self._luck
        if self._scarce:
            edges = [(int(self._footage.offset[r.stretch]) + r.start, r.frames) for rooms in state.rooms.values() for r in rooms]
            edges = [edge for edge in edges if edge[1] >= self._rules.min_frames]
            if edges:
                spots = np.concatenate([spots, [at for at, _ in edges]])
                free = np.concatenate([free, [frames for _, frames in edges]])
                luck = np.concatenate([luck, np.zeros(len(edges))])
        usable = np.flatnonzero(free >= lengths[0])
        if not len(usable):
            return []
        spots, free, luck = spots[usable], free[usable], luck[usable]
        score, hope = self._judge(state, spots, lengths, luck)
        hope[free[None, :] < lengths[:, None]] = -np.inf
        children: list[_Child] = []
        flat = hope.ravel()
        count = min(_CHILDREN_PER_STATE, len(flat))
        top = np.argpartition(-flat, count - 1)[:count]
        hopes, scores, rows, columns = flat[top].tolist(), score.ravel()[top].tolist(), top // len(spots), top % len(spots)
        at = spots[columns]
        stretch = self._footage.stretch_of(at)
        start = at - self._footage.offset[stretch]
        pieces = zip(stretch.tolist(), start.tolist(), lengths[rows].tolist(), strict=True)
        for child_hope, child_score, place in zip(hopes, scores, pieces, strict=True):
            if child_hope > -np.inf:
                children.append(_Child(child_hope, child_score, state, Piece(*place)))
        return children

    def _surely_possible(self, state: _State) -> list[_Child]:
        """The pieces of one proved way to finish `state`; any of them may come next."""
        rooms = [room for parts in state.rooms.values() for room in parts]
        pieces = fill_exactly(rooms, self._rules, self._total - state.frame, round(self._preferred))
        if not pieces:
            return []
        spots = np.asarray([int(self._footage.offset[piece.stretch]) + piece.start for piece in pieces])
        lengths, rows = np.unique([piece.frames for piece in pieces], return_inverse=True)
        score, hope = self._judge(state, spots, lengths, np.zeros(len(spots)))
        return [_Child(float(hope[row, i]), float(score[row, i]), state, pieces[i]) for i, row in enumerate(rows.tolist())]

    # -- what a next cut is worth ---------------------------------------------------------------

    def _mean(self, sums: _Floats, spots: _Ints, frames: "_Ints | int") -> _Floats:
        return np.asarray((sums[spots + frames] - sums[spots]) / frames, dtype=np.float64)

    def _judge(self, state: _State, spots: _Ints, lengths: _Ints, luck: _Floats) -> tuple[_Floats, _Floats]:
        """Score so far and hoped-for final score, each of shape [lengths, spots]."""
        footage, style = self._footage, self._style
        long = lengths[:, None]
        last = np.minimum(spots[None, :] + long, footage.total_frames)
        value = (footage.value_sum[last] - footage.value_sum[spots]) / long
        motion = (footage.motion_sum[last] - footage.motion_sum[spots]) / long
        moment = footage.moment_at[np.minimum(spots[None, :] + long // 2, footage.total_frames - 1)]
        stretch = footage.stretch_of(spots)
        clip = self._clip_of[stretch]
        when = (state.frame + long / 2) / self._total
        energy = style.energy_start + (style.energy_end - style.energy_start) * when
        value = value - style.energy * np.abs(motion - energy)
        value -= style.story * np.abs(spots[None, :] / footage.total_frames - when)
        value -= _OVERUSED_CLIP_COST * np.minimum(2.0, state.uses[clip] / self._expected_uses)
        cuts = state.frame + lengths
        ends = cuts == self._total
        value = value - style.ending_calm * ends[:, None] * motion
        worth = value * (long / self._reference)

        before = state.piece
        before_moment = int(footage.moment_at[int(footage.offset[before.stretch]) + before.start + before.frames // 2])
        at = spots - footage.offset[stretch]
        away = at - before.end
        continues = (stretch == before.stretch) & (away >= 0) & (away < self._rate)
        apart = -CONTINUATION_COST * continues * (1 - away / self._rate)
        if footage.clip_count > 1:
            apart = apart - SAME_CLIP_COST * (clip == self._clip_of[before.stretch])
        apart = apart - SAME_SHOT_COST * (stretch == before.stretch)
        worth = worth + apart
        worth += style.alternation * np.abs(motion - self._motion_of(before))
        worth += style.alternation * np.abs(footage.moment_scale[moment] - footage.moment_scale[before_moment])
        worth -= _REPEATED_LOOK_COST * np.clip((12 - state.looks[moment]) / 12, 0, 1)
        worth += luck

        cut = (
            -MISS_COST * self._misses[cuts] * lengths / self._reference
            + style.downbeat * (self._ruler.downbeat_distance[cuts] <= 1) * ~ends
        )
        cut = cut - style.length_weight * ((lengths - self._preferred) / self._rate) ** 2
        score = state.score + worth + cut[:, None]
        ahead = (self._mean_value * (self._total - cuts) - MISS_COST * self._ruler.off_beat_ahead[cuts]) / self._reference
        return score, score + ahead[:, None]

    def _motion_of(self, piece: Piece) -> float:
        at = int(self._footage.offset[piece.stretch]) + piece.start
        return float((self._footage.motion_sum[at + piece.frames] - self._footage.motion_sum[at]) / piece.frames)

    def _optimistic_mean(self) -> float:
        """Points per reference cut that a good choice of footage brings, to compare edits of different progress."""
        if not len(self._spots):
            return 0.0
        values = np.sort(self._mean(self._footage.value_sum, self._spots, self._rules.min_frames))[::-1]
        wanted = max(1, round(self._total / self._preferred))
        return float(values[:wanted].mean())

    # -- keeping what is good and possible ------------------------------------------------------

    def _accept(self, children: Sequence[_Child]) -> tuple[list[_State], list[_State]]:
        """The best children that can still be finished (at most the beam's width), and those that are finished."""
        grown: list[_State] = []
        done: list[_State] = []
        seen: set[tuple[int, int, int]] = set()
        for child in children:
            state, piece = child.state, child.piece
            frame = state.frame + piece.frames
            mark = hash((piece.stretch, piece.start // 15))
            key = (frame, piece.stretch, state.signature ^ mark)
            if key in seen:
                continue
            if frame == self._total:
                seen.add(key)
                done.append(self._grow(child, mark))
                continue
            if len(grown) >= BEAM_WIDTH:
                if done:
                    break
                continue
            if self._stays_possible(state, piece, self._total - frame):
                seen.add(key)
                grown.append(self._grow(child, mark))
        return grown, done

    def _stays_possible(self, state: _State, piece: Piece, remaining: int) -> bool:
        own = state.rooms[piece.stretch]
        left = rooms_after(own, piece)
        full = state.full_pieces - self._full(own) + self._full(left)
        if quickly_possible(full, remaining, self._rules):
            return True
        rooms = [(r.frames, r.gap) for stretch, parts in state.rooms.items() if stretch != piece.stretch for r in parts]
        rooms.extend((room.frames, room.gap) for room in left)
        return longest_total(rooms, self._rules, remaining) == remaining

    def _full(self, rooms: Sequence[Room]) -> int:
        return sum(gains(room.frames, room.gap, self._rules)[0] for room in rooms if room.frames >= self._rules.min_frames)

    def _grow(self, child: _Child, mark: int) -> _State:
        return self._with_piece(child.state, child.piece, child.state.frame + child.piece.frames, child.score, mark, child.state)

    def _start(self) -> _State:
        footage = self._footage
        rooms: dict[int, tuple[Room, ...]] = {room.stretch: (room,) for room in footage.rooms()}
        stretch = footage.stretch_of(self._spots)
        frames = np.asarray([s.frames for s in footage.stretches], dtype=np.int64)
        free = frames[stretch] - (self._spots - footage.offset[stretch])
        empty = _State(
            0, 0.0, rooms, sum(self._full(parts) for parts in rooms.values()), free, np.full(len(footage.moments), 64.0),
            np.zeros(int(self._clip_of.max()) + 1), 0, self._hook, None,
        )  # fmt: skip
        return self._with_piece(empty, self._hook, self._rules.hook_frames, 0.0, 0, None)

    def _with_piece(self, state: _State, piece: Piece, frame: int, score: float, mark: int, parent: "_State | None") -> _State:
        footage = self._footage
        own = state.rooms[piece.stretch]
        left = tuple(rooms_after(own, piece))
        rooms = {**state.rooms, piece.stretch: left}
        begin = int(footage.offset[piece.stretch])
        first, last = np.searchsorted(self._spots, [begin, begin + footage.stretches[piece.stretch].frames])
        free = state.spot_frames.copy()
        for index in range(int(first), int(last)):
            at = int(self._spots[index]) - begin
            free[index] = next((room.end - at for room in left if room.start <= at < room.end), 0)
        shown = footage.moment_at[begin + piece.start + piece.frames // 2]
        uses = state.uses.copy()
        uses[self._clip_of[piece.stretch]] += 1
        return _State(
            frame, score, rooms, state.full_pieces - self._full(own) + self._full(left), free,
            np.minimum(state.looks, footage.distance_from(int(shown))), uses, state.signature ^ mark, piece, parent,
        )  # fmt: skip


def _pieces(state: _State) -> list[Piece]:
    pieces: list[Piece] = []
    at: _State | None = state
    while at is not None and at.parent is not None:
        pieces.append(at.piece)
        at = at.parent
    return pieces[::-1]
