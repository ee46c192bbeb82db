"""What a good edit is: the one objective that the search maximises, in points.

Belongs here: every term of the objective, its weight, and the value of a whole edit. Does not
belong here: how the
best edit is found (`relaxation`, `search`), or tastes of a style, which are data (`styles`).

An edit is a hook and the pieces after it. Its points are the sum of

- for the hook: `HOOK` x its hook score, `CHOSEN_HOOK` when the analysis named it, `PEAK_HOOK` when
  it shows the moment's best
  instant, less `SEEN_HOOK` when it was seen before and `GONE_HOOK` when its subject is gone;
- for every other piece: its moments' worth, how near its movement is to the style's curve of
  energy, how near its place in the
  footage is to its place in the Reel (story), its length against the liked one, `PEAK` for the best
  instant, `ROLE` for an
  opening late or an ending early, a quiet last cut, a key frame to begin on, `MISS` when it ends
  off the beat, and what footage
  of the user's earlier Reels costs;
- for every two neighbours: change of clip, shot, movement, size of the subject and look; the more
  of it, the better on a
  downbeat, and better still where something big starts in the music; never the same take going on
  as if it had not been cut;
- for the Reel as a whole: `OVERUSED` for every use of a clip beyond its share, `ALIKE` for every
  further cut that looks
  like one shown already; and back what missed beats cost that no timing could hit.
That no source frame is shown twice is a rule, not a term.

All points are whole numbers of 1/100000, so that sums are exact, equal on every machine, and a
bound is a proof.
"""

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from montage_pipeline.editing.beats import BeatRuler
from montage_pipeline.editing.footage_line import Footage
from montage_pipeline.editing.packing import CutRules, Piece
from montage_pipeline.styles.model import EditTaste

POINT = 100_000
"""Units of one point."""
NEVER = -400_000_000
"""Units for what must not be; four of them still fit into 32 bits."""

MISS = 5.0
"""A cut off the beat: more than any moment is worth, less than showing the same take on and on."""
HOOK = 6.0
CHOSEN_HOOK = 1.5
SEEN_HOOK = 5.0
GONE_HOOK = 3.0
PEAK = 0.15
"""A cut that shows the best instant of a moment."""
PEAK_HOOK = 0.8
ROLE = 0.3
"""A moment judged to be an opening or an ending, at the other end of the Reel."""
GOES_ON = 9.0
"""A piece that begins where the one before it ended; a third of it when it begins nearly a second
later.
"""
SAME_CLIP = 1.2
SAME_SHOT = 0.6
SAME_LOOK = 0.5
ALIKE = 1.5
OVERUSED = 0.45
REFERENCE_CUT_S = 4.0
"""Worth, energy and story are measured for a cut of this length, and count in proportion to what is
shown.
"""
UNLIKE_BITS = 16
"""Neighbours whose fingerprints differ in fewer bits (of 64) lose up to `SAME_LOOK`."""
_FOOTAGE_NEEDED = 1.15
ACCENTS = (0.0, 1.0, 1.6)
"""How much a change counts on no downbeat, on one, and where something big starts in the music."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Points = npt.NDArray[np.int32]


class Places(NamedTuple):
    """Places in the footage where pieces may begin, with what the objective asks about each; arrays
    of one length.

    `at` is the frame on the footage line, `start` the same counted from the beginning of its
    stretch, `free` the frames from
    there to the stretch's end. `motion` and `scale` are what the eye meets there.
    """

    at: Ints
    stretch: Ints
    start: Ints
    free: Ints
    gap: Ints
    clip: Ints
    look: Ints
    motion: Floats
    scale: Floats
    fingerprint: npt.NDArray[np.uint64]


class Objective:
    """The objective for one request: footage with its worth, a style, beats and cut rules."""

    def __init__(
        self,
        footage: Footage,
        style: EditTaste,
        ruler: BeatRuler,
        rules: CutRules,
        rate: float,
        must_use: frozenset[int],
    ) -> None:
        self.footage = footage
        self.ruler = ruler
        self.rules = rules
        self.must_use = must_use
        self._style = style
        self._rate = rate
        self._total = ruler.total_frames
        self._reference = REFERENCE_CUT_S * rate
        self.goes_on_frames = ceil(rate) + 1
        self.preferred = min(max(style.preferred_cut_s * rate, rules.min_frames), rules.max_frames)
        self.fair_uses = ceil((self._total / self.preferred) / max(1, footage.clip_count))
        missed = float(ruler.off_beat_ahead[rules.hook_frames])
        self.unavoidable = _points(MISS * missed / self._reference)
        """Units that the best timing loses to missed beats if footage is no matter."""
        self.overused = _points(OVERUSED)
        self.alike = _points(ALIKE)

    # -- places ---------------------------------------------------------------------------------

    def places(self, at: Ints) -> Places:
        """What the objective asks about the frames `at` of the footage line."""
        footage, rules = self.footage, self.rules
        stretch = footage.stretch_of(at)
        start = at - footage.offset[stretch]
        frames = footage.stretch_frames[stretch]
        window = np.minimum(rules.min_frames, frames - start)
        moment = footage.moment_at[at + window // 2]
        motion = (footage.motion_sum[at + window] - footage.motion_sum[at]) / np.maximum(window, 1)
        return Places(
            at, stretch, start, frames - start, footage.stretch_gap[stretch], footage.stretch_clip[stretch],
            footage.look_of[moment], motion, footage.moment_scale[moment], footage.prints[moment],
        )  # fmt: skip

    # -- terms ----------------------------------------------------------------------------------

    def hook_points(self, at: Ints, strength: Floats, chosen: npt.NDArray[np.bool_]) -> Points:
        """Units for opening with the footage at `at`, and what is given back for beats that no
        timing hits.

        `strength` is the hook score, `chosen` whether the analysis named it.
        """
        seen = self._mean(self.footage.seen_sum, at, self.rules.hook_frames)
        gone = self._mean(self.footage.gone_sum, at, self.rules.hook_frames)
        peak = self.footage.peak_sum[at + self.rules.hook_frames] > self.footage.peak_sum[at]
        points = (
            HOOK * strength
            + CHOSEN_HOOK * chosen
            + PEAK_HOOK * peak
            - SEEN_HOOK * seen
            - GONE_HOOK * gone
        )
        return np.asarray(_rounded(points) + np.int32(self.unavoidable))

    def piece_points(self, places: Places, frame: Ints, length: Ints) -> Points:
        """Units for each cut (rows: it begins at `frame` of the Reel and has `length` frames) from
        each place (columns).

        `NEVER` where the footage ends sooner.
        """
        footage, style, reference = self.footage, self._style, self._reference
        lengths, which = np.unique(length, return_inverse=True)
        ends = np.minimum(places.at[None, :] + lengths[:, None], len(footage.motion_sum) - 1)
        shown = lengths[:, None] / reference
        value = (footage.value_sum[ends] - footage.value_sum[places.at]) / reference
        motion = (footage.motion_sum[ends] - footage.motion_sum[places.at]) / lengths[:, None]
        liking = -style.length_weight * ((lengths - self.preferred) / self._rate) ** 2
        value = value + liking[:, None] + style.keyframe * footage.key_frame_at[places.at]
        value += PEAK * np.minimum(1, footage.peak_sum[ends] - footage.peak_sum[places.at])
        value[places.free[None, :] < lengths[:, None]] = NEVER / POINT
        when = (frame + length / 2) / self._total
        energy = style.energy_start + (style.energy_end - style.energy_start) * when
        off = style.energy * np.abs(motion[which] - energy[:, None])
        off += style.story * np.abs(footage.place_at[places.at][None, :] - when[:, None])
        off *= shown[which]
        points = value[which] - off
        points -= MISS * (self.ruler.miss_frames(frame + length, length) / reference)[:, None]
        belongs = footage.belongs_at[footage.moment_at[places.at]]
        points -= (
            ROLE * shown[which] * np.where(np.isnan(belongs), 0, np.abs(belongs - when[:, None]))
        )
        last = np.flatnonzero(frame + length == self._total)
        points[last] -= style.ending_calm * motion[which[last]]
        return np.maximum(_rounded(points), NEVER)

    def change_points(self, before: Places, after: Places) -> tuple[Points, ...]:
        """Units for every pair of neighbours (rows: the earlier), one array for each of `ACCENTS`.

        Without what depends on the earlier one's length; see `goes_on_points`.
        """
        style = self._style
        motion = np.abs(before.motion[:, None] - after.motion[None, :])
        scale = np.abs(before.scale[:, None] - after.scale[None, :])
        bits = np.bitwise_count(before.fingerprint[:, None] ^ after.fingerprint[None, :]).astype(
            np.float64
        )
        base = style.motion_contrast * motion + style.scale_contrast * scale
        base -= SAME_LOOK * np.clip(1 - bits / UNLIKE_BITS, 0, 1)
        if self.footage.clip_count > 1:
            base -= SAME_CLIP * (before.clip[:, None] == after.clip[None, :])
        base -= SAME_SHOT * (before.stretch[:, None] == after.stretch[None, :])
        change = change_size(motion, scale, bits)
        return tuple(_rounded(base + weight * style.downbeat * change) for weight in ACCENTS)

    def goes_on_points(self, away: Ints) -> Points:
        """Units for a piece that begins `away` frames (>= 0) after the end of the one shown before
        it, in the same stretch.
        """
        near = np.clip(1 - away / self.goes_on_frames, 0, 1)
        return _rounded(-GOES_ON * np.where(near > 0, (1 + 2 * near) / 3, 0))

    def frame_worth(self) -> Floats:
        """Points of every frame of the footage line in a reference cut, wherever in the Reel it
        comes.
        """
        style = self._style
        motion = np.diff(self.footage.motion_sum)
        energy = style.energy_start + (style.energy_end - style.energy_start) * np.asarray(
            [0.1, 0.3, 0.5, 0.7, 0.9]
        )
        misfit = sum(np.abs(motion - one) for one in energy) / len(energy)
        return np.asarray(np.diff(self.footage.value_sum) - style.energy * misfit, dtype=np.float64)

    def first_prices(self) -> Floats:
        """A guess, in units, at what each frame of the footage line is worth above the last one a
        good edit would need.
        """
        worth = self.frame_worth()
        spare = len(worth) - 1 - round(_FOOTAGE_NEEDED * self._total)
        threshold = np.partition(worth, spare)[spare] if spare > 0 else np.inf
        return np.asarray(
            np.maximum(0.0, worth - threshold) * (POINT / self._reference), dtype=np.float64
        )

    # -- a whole edit ---------------------------------------------------------------------------

    def points(self, pieces: Sequence[Piece], hook_points: int) -> int:
        """Units of a whole edit, of which `hook_points` are the hook's own.

        The rules are taken as kept.
        """
        at = self.footage.offset[[piece.stretch for piece in pieces]] + [
            piece.start for piece in pieces
        ]
        places = self.places(at)
        length = np.asarray([piece.frames for piece in pieces], dtype=np.int64)
        cut = np.cumsum(length)
        units = hook_points
        changes = self.change_points(places, places)
        own = self.piece_points(places, cut[:-1], length[1:])
        for index in range(1, len(pieces)):
            units += int(own[index - 1, index])
            units += int(changes[self.ruler.accent[cut[index - 1]]][index - 1, index])
            before, piece = pieces[index - 1], pieces[index]
            if before.stretch == piece.stretch and piece.start >= before.end:
                units += int(self.goes_on_points(np.asarray([piece.start - before.end]))[0])
        uses = np.bincount(places.clip)
        units -= self.overused * int(np.maximum(0, uses - self.fair_uses).sum())
        looks = np.bincount(places.look)
        units -= self.alike * int(np.maximum(0, looks - 1).sum())
        return units

    def _mean(self, sums: Floats, at: Ints, frames: int) -> Floats:
        return np.asarray((sums[at + frames] - sums[at]) / frames, dtype=np.float64)


def change_size(motion: Floats, scale: Floats, bits: Floats) -> Floats:
    """How strong a change between two pictures is, 0..1, from differences of movement, subject size
    and fingerprint.
    """
    return np.asarray(
        0.35 * np.minimum(1, 2 * motion)
        + 0.25 * np.minimum(1, 2 * scale)
        + 0.4 * np.minimum(1, bits / 32),
        dtype=np.float64,
    )


def _points(points: float) -> int:
    return round(points * POINT)


def _rounded(points: Floats) -> Points:
    return np.rint(points * POINT).astype(np.int32)
