"""What a good edit is: the one objective that the search maximises, in points.

Belongs here: the value of hooks, pieces and changes for a whole search space at once, and of a
finished edit. Does not belong here: the single terms and their weights (`terms`), or how the best
edit is found (`relaxation`, `search`).

An edit is a hook and the pieces after it. Its points are the sum of

- for the hook: its hook score, whether the analysis named it, whether it shows the moment's best
  instant; less where it was seen before or its subject is gone;
- for every other piece: its moments' scores and chance, how near its movement is to the style's
  curve of energy, how near its place in the footage is to its place in the Reel (story), its length
  against the preferred one, a best instant, its role, a calm last cut, one judged an ending, a
  keyframe to begin on, `MISS` when it ends off the beat; less where it was seen before, its subject
  is gone, or who talks is broken off;
- for every two neighbours: change of clip, shot, movement, size of the subject and look; the more
  of it, the better on a downbeat, and better still where something big starts in the music; the
  subject's place in the picture and the direction of movement, which had better carry over; never
  the same take going on as if it had not been cut;
- for the Reel as a whole: `ABSENT` for every usable clip that it does not show (but those in which
  only the camera moves), `OVERUSED` for every use of a clip beyond its share, `ALIKE` for every
  further cut that looks like one shown already; and back what nothing could spare: beats no timing
  hits, clips there is no room for.

That no source frame is shown twice is a rule, not a term.

All points are whole numbers of 1/100000 (units), so that sums are exact, equal on every machine,
and a bound is a proof. `breakdown` names the same terms for each segment of a finished edit.
"""

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from montage_pipeline.analysis.scoring import CAMERA_ONLY
from montage_pipeline.editing.beats import BeatRuler
from montage_pipeline.editing.footage_line import FootageLine
from montage_pipeline.editing.moment_table import Fingerprints, Floats, Ints
from montage_pipeline.editing.optimizer import terms
from montage_pipeline.editing.packing import CutRules, Piece
from montage_pipeline.editing.short_footage.short_cuts import short_cuts_allowed

POINT = 100_000
"""Units of one point."""

NEVER = -400_000_000
"""Units for what must not be; four of them still fit into 32 bits."""

_FOOTAGE_NEEDED = 1.15
"""How much more footage than the Reel shows a good edit is taken to choose from, for the first
prices only: with the gaps and the ends that fit no cut, some 15 % stay unused. A guess; the prices
move from there.
"""

_ENERGY_SAMPLES = np.asarray([0.1, 0.3, 0.5, 0.7, 0.9])
"""Places in the Reel at which the curve of energy is sampled for footage whose place is open."""

Points = npt.NDArray[np.int32]
"""Units, as the search holds them for every choice."""


class Places(NamedTuple):
    """Places in the footage where pieces may begin, with what the objective asks about each.

    Arrays of one length. `at` is the frame on the footage line, `start` the same counted from the
    beginning of its stretch, `free` the frames from there to the stretch's end, `least` those of
    the shortest cut. `motion`, `scale`, `cluster` and `fingerprint` are what the eye meets there,
    `eye_in` and `eye_out` where in the picture it is at the beginning and at the end of the
    shortest cut (NaN: not known), and `heading` is which way that goes, each of shape (places, 2).
    """

    at: Ints
    stretch: Ints
    start: Ints
    free: Ints
    least: Ints
    gap: Ints
    clip: Ints
    cluster: Ints
    motion: Floats
    scale: Floats
    eye_in: Floats
    eye_out: Floats
    heading: Floats
    fingerprint: Fingerprints


class Opening(NamedTuple):
    """A way to open: its piece, its hook score, and whether the analysis named it as the hook."""

    piece: Piece
    strength: float
    named: bool


class Objective:
    """The objective for one request: footage with its points, beats, cut rules and wishes."""

    def __init__(
        self, footage: FootageLine, ruler: BeatRuler, rules: CutRules, must_use: frozenset[int]
    ) -> None:
        self.footage = footage
        self.ruler = ruler
        self.rules = rules
        self.must_use = must_use
        """Numbers of the clips that must appear."""
        self.taste = footage.taste
        self.rate = rate = float(footage.fps)
        self.reference = terms.REFERENCE_CUT_S * rate
        """Frames of a reference cut."""
        self.goes_on_frames = terms.goes_on_frames(rate)
        self.preferred = min(
            max(self.taste.preferred_cut_s * rate, rules.min_frames), rules.max_frames
        )
        """Frames of a cut that the style prefers."""
        self.least = self._least()
        """Per stretch: frames of the shortest cut from it."""
        self.is_short = self.least < rules.min_frames
        """Per stretch: whether only a short cut of it can be shown."""
        self.shortest = int(self.least.min(initial=rules.min_frames))
        """Frames of the shortest cut there may be."""
        self.fair_uses = ceil(
            (ruler.total_frames / self.preferred) / max(1, footage.usable_clip_count)
        )
        """Cuts of one clip up to which none costs `OVERUSED`."""
        missed = float(ruler.off_beat_ahead[rules.hook_frames])
        self.unavoidable = _in_units(terms.MISS * missed / self.reference)
        """Units that the best timing loses to missed beats if footage is no matter."""
        self.absent = self._absent()
        """Units that each clip costs when nothing of it is shown."""
        self.most_shown = 1 + (ruler.total_frames - rules.hook_frames) // self.shortest
        """More clips than this no Reel of that length can show."""
        self.short_allowed = short_cuts_allowed(ruler.total_frames, rules)
        """Short cuts that the Reel may have."""
        left_out = int(np.count_nonzero(self.absent)) - self.most_shown
        # Of clips that are too short one may open.
        missed_short = sum(bool(self.absent[clip]) for clip in self.short_clips)
        left_out = max(left_out, missed_short - self.short_allowed - 1)
        self.unavoidably_absent = max(0, left_out) * _in_units(terms.ABSENT)
        """Units that clips cost for which there is no room, whatever is chosen."""
        self.best_instants = footage.best_instants(rules.hook_frames)
        """Per clip: the mean score of the instants of the hook that would look best in it."""
        self.overused = _in_units(terms.OVERUSED)
        self.alike = _in_units(terms.ALIKE)

    def _least(self) -> Ints:
        """As the rules have it, but for the best stretch of each clip of which any may be shown for
        less.
        """
        footage, rules = self.footage, self.rules
        least = np.full(len(footage.stretches), rules.min_frames, dtype=np.int64)
        if rules.min_frames == rules.max_frames:
            return least
        ranked = sorted(
            (-footage.mean_points(number), number)
            for number, stretch in enumerate(footage.stretches)
            if stretch.min_frames is not None
        )
        best_of_clip: dict[int, int] = {}
        for _, number in ranked:
            best_of_clip.setdefault(footage.stretches[number].clip, number)
        for number in best_of_clip.values():
            least[number] = footage.stretches[number].min_frames or rules.min_frames
        return least

    @property
    def short_clips(self) -> frozenset[int]:
        """Clips of which only a short cut can be shown."""
        return frozenset(self.footage.stretch_clip[self.is_short].tolist())

    def _clips_with_room(self) -> Ints:
        """Clips with room for a segment beside the hook."""
        footage = self.footage
        return footage.stretch_clip[footage.stretch_frames >= self.least]

    def _absent(self) -> Ints:
        """Clips that must appear cost nothing here: leaving them out is against the rules. Nor do
        those in which only the camera moves, unless most clips are such: then they are what there
        is to show.
        """
        clips = np.arange(self.footage.clip_count)
        with_room = np.isin(clips, self._clips_with_room())
        counts = with_room & ~np.isin(clips, sorted(self.must_use))
        not_missed = with_room & (self.footage.camera_only > CAMERA_ONLY)
        if 2 * np.count_nonzero(not_missed) <= np.count_nonzero(with_room):
            counts &= ~not_missed
        return np.where(counts, _in_units(terms.ABSENT), 0).astype(np.int64)

    # -- what is at a place ---------------------------------------------------------------------

    def places(self, at: Ints) -> Places:
        """What the objective asks about the frames `at` of the footage line."""
        footage, table = self.footage, self.footage.table
        stretch = footage.stretch_of(at)
        start = at - footage.offset[stretch]
        free = footage.stretch_frames[stretch] - start
        window = np.minimum(self.rules.min_frames, free)
        moment = footage.moment_at[at + window // 2]
        motion = footage.motion_sum[at + window] - footage.motion_sum[at]
        return Places(
            at=at,
            stretch=stretch,
            start=start,
            free=free,
            least=self.least[stretch],
            gap=footage.stretch_gap[stretch],
            clip=footage.stretch_clip[stretch],
            cluster=table.cluster[moment],
            motion=motion / np.maximum(window, 1),
            scale=table.scale[moment],
            eye_in=footage.eye_at[at],
            eye_out=footage.eye_at[at + np.maximum(window, 1) - 1],
            heading=table.heading[moment],
            fingerprint=table.fingerprints[moment],
        )

    # -- hooks ----------------------------------------------------------------------------------

    def hook_points(self, openings: Sequence[Opening]) -> Points:
        """Units for opening, with what is given back for beats that no timing hits and for clips
        that have no room.
        """
        points = terms.added(self.hook_terms(openings))
        return np.asarray(_rounded(points) + np.int32(self.unavoidable + self.unavoidably_absent))

    def hook_terms(self, openings: Sequence[Opening]) -> terms.Terms:
        """The terms of openings, one row each."""
        footage, frames = self.footage, self.rules.hook_frames
        at = footage.starts_of([opening.piece for opening in openings])
        return terms.hook_terms(
            np.asarray([opening.strength for opening in openings], dtype=np.float64),
            np.asarray([opening.named for opening in openings], dtype=np.float64),
            terms.HookFootage(
                peak=(footage.peak_sum[at + frames] > footage.peak_sum[at]).astype(np.float64),
                seen=(footage.seen_sum[at + frames] - footage.seen_sum[at]) / frames,
                gone=(footage.subject_gone_sum[at + frames] - footage.subject_gone_sum[at])
                / frames,
                instant=(footage.instant_sum[at + frames] - footage.instant_sum[at]) / frames
                - self.best_instants[footage.stretch_clip[footage.stretch_of(at)]],
                broken_off=footage.spoken_at[at] + footage.spoken_at[at + frames],
                only_here=np.isin(
                    footage.stretch_clip[footage.stretch_of(at)],
                    self._clips_with_room(),
                    invert=True,
                ).astype(np.float64),
            ),
        )

    # -- pieces ---------------------------------------------------------------------------------

    def piece_points(self, places: Places, frame: Ints, length: Ints) -> Points:
        """Units for each cut (rows: it begins at `frame` of the Reel and has `length` frames) from
        each place (columns).

        `NEVER` where the footage ends sooner.
        """
        footage, taste = self.footage, self.taste
        lengths, of_length = np.unique(length, return_inverse=True)
        points_by_length, motion_by_length = self._by_length(places, lengths)
        motion = motion_by_length[of_length]
        shown = (lengths[:, None] / self.reference)[of_length]
        when = ((frame + length / 2) / self.ruler.total_frames)[:, None]

        loss = terms.energy_loss(taste, motion, when)
        loss += terms.story_loss(taste, footage.place_at[places.at][None, :], when)
        loss *= shown
        points = points_by_length[of_length]
        points -= loss

        missed = self.ruler.miss_frames(frame + length, length) / self.reference
        points -= (terms.MISS * missed)[:, None]
        belongs_at = footage.table.belongs_at[footage.moment_at[places.at]]
        points -= terms.role_loss(shown, terms.role_share(belongs_at, when))
        last = np.flatnonzero(frame + length == self.ruler.total_frames)
        points[last] -= taste.ending_calm * motion[last]
        points[last] += terms.ending_points(belongs_at)
        return np.maximum(_rounded(points), NEVER)

    def _by_length(self, places: Places, lengths: Ints) -> tuple[Floats, Floats]:
        """What a piece's points owe to its footage and length alone, and its mean movement.

        Rows are lengths, columns places.
        """
        footage = self.footage
        ends = np.minimum(places.at[None, :] + lengths[:, None], len(footage.motion_sum) - 1)
        points = (footage.points_sum[ends] - footage.points_sum[places.at]) / self.reference
        points += terms.length_points(self.taste, lengths, self.preferred, self.rate)[:, None]
        points += self.taste.keyframe * footage.keyframe_at[places.at]
        points -= terms.BROKEN_OFF * (footage.spoken_at[places.at] + footage.spoken_at[ends])
        points += terms.peak_points(footage.peak_sum[ends] - footage.peak_sum[places.at])
        too_long = places.free[None, :] < lengths[:, None]
        points[too_long | (places.least[None, :] > lengths[:, None])] = NEVER / POINT
        motion = (footage.motion_sum[ends] - footage.motion_sum[places.at]) / lengths[:, None]
        return points, motion

    # -- changes --------------------------------------------------------------------------------

    def change_points(self, before: Places, after: Places) -> tuple[Points, ...]:
        """Units for every pair of neighbours (rows: the earlier), one array for each of `ACCENTS`.

        Without what depends on the earlier one's length; see `goes_on_points`.
        """
        base, size = self.change_terms(before, after)
        points = terms.added(base)
        return tuple(
            _rounded(points + terms.downbeat_points(self.taste, accent, size))
            for accent in range(len(terms.ACCENTS))
        )

    def change_terms(self, before: Places, after: Places) -> tuple[terms.Terms, Floats]:
        """The terms of every pair of neighbours that no accent changes, and `change_size`."""
        motion = np.abs(before.motion[:, None] - after.motion[None, :])
        scale = np.abs(before.scale[:, None] - after.scale[None, :])
        bits = np.bitwise_count(before.fingerprint[:, None] ^ after.fingerprint[None, :]).astype(
            np.float64
        )
        same_source = terms.same_source_terms(
            (before.clip[:, None] == after.clip[None, :]).astype(np.float64),
            (before.stretch[:, None] == after.stretch[None, :]).astype(np.float64),
            one_clip_only=self.footage.usable_clip_count <= 1,
        )
        look = terms.change_terms(self.taste, motion, scale, bits)
        jump = np.hypot(*np.moveaxis(before.eye_out[:, None] - after.eye_in[None, :], -1, 0))
        along = (before.heading[:, None] * after.heading[None, :]).sum(axis=-1)
        carried = terms.continuity_terms(jump, along)
        return look | carried | same_source, terms.change_size(motion, scale, bits)

    def goes_on_points(self, away: Ints) -> Points:
        """Units for a piece that begins `away` frames (>= 0) after the end of the one shown before
        it, in the same stretch.
        """
        return _rounded(terms.goes_on_points(away, self.goes_on_frames))

    # -- frames by themselves -------------------------------------------------------------------

    def frame_points(self) -> Floats:
        """Points of every frame of the line in a reference cut, wherever in the Reel it comes."""
        motion = np.diff(self.footage.motion_sum)
        wanted = terms.wanted_motion(self.taste, _ENERGY_SAMPLES)
        misfit = sum(np.abs(motion - sample) for sample in wanted) / len(wanted)
        return np.asarray(
            np.diff(self.footage.points_sum) - self.taste.energy * misfit, dtype=np.float64
        )

    def first_prices(self) -> Floats:
        """A guess, in units, at what each frame of the line is worth above the last one that a good
        edit would need.
        """
        points = self.frame_points()
        spare = len(points) - 1 - round(_FOOTAGE_NEEDED * self.ruler.total_frames)
        threshold = np.partition(points, spare)[spare] if spare > 0 else np.inf
        return np.asarray(
            np.maximum(0.0, points - threshold) * (POINT / self.reference), dtype=np.float64
        )

    # -- a whole edit ---------------------------------------------------------------------------

    def points(self, pieces: Sequence[Piece], hook_points: int) -> int:
        """Units of a whole edit, of which `hook_points` are the hook's own.

        The rules are taken as kept.
        """
        places = self.places(self.footage.starts_of(pieces))
        length = np.asarray([piece.frames for piece in pieces], dtype=np.int64)
        cut = np.cumsum(length)
        changes = self.change_points(places, places)
        own = self.piece_points(places, cut[:-1], length[1:])

        units = hook_points
        for index in range(1, len(pieces)):
            units += int(own[index - 1, index])
            units += int(changes[self.ruler.accent[cut[index - 1]]][index - 1, index])
            away = frames_away(pieces[index - 1], pieces[index])
            if away is not None:
                units += int(self.goes_on_points(np.asarray([away]))[0])
        uses = np.bincount(places.clip, minlength=self.footage.clip_count)
        units -= int(self.absent[uses == 0].sum())
        units -= self.overused * int(np.maximum(0, uses - self.fair_uses).sum())
        units -= self.alike * int(np.maximum(0, np.bincount(places.cluster) - 1).sum())
        return units


def frames_away(before: Piece, piece: Piece) -> int | None:
    """Frames between the end of a piece and the next one; None unless that follows it in its
    stretch.
    """
    follows = before.stretch == piece.stretch and piece.start >= before.end
    return piece.start - before.end if follows else None


def _in_units(points: float) -> int:
    return round(points * POINT)


def _rounded(points: Floats) -> Points:
    return np.rint(points * POINT).astype(np.int32)
