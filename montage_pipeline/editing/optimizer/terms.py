"""The terms of the objective: each one's weight, with its reason, and its formula.

Belongs here: what one term gives for given footage and times. Does not belong here: evaluating it
over a whole search space (`objective`) or for one edit (`breakdown`), which both call these
formulas; tastes of a style, which are data (`styles`).

Weights are in points; a very good moment is worth about one point per reference cut shown. None of
them was fitted to data: they were chosen by eye and by the planner's tests, and each says what it
must outweigh. Two more stand with the footage line, which takes them from every frame: `SEEN` and
`SUBJECT_GONE`.
"""

from enum import StrEnum
from math import ceil
from typing import NamedTuple, TypeVar

import numpy as np

from montage_pipeline.editing.moment_table import Floats, Ints
from montage_pipeline.styles.model import EditTaste

REFERENCE_CUT_S = 4.0
"""Score, energy and story are measured for a cut of this length, the middle of the allowed ones,
and count in proportion to what is shown.
"""

MISS = 5.0
"""A cut off the beat: more than any moment is worth, less than showing the same take on and on."""

HOOK_POINTS = 10.0
"""Times the hook score: the opening decides whether anyone sees the rest, so it outweighs any other
segment.
"""
_NAMED_HOOK = 4.5
"""For the hook that whoever looked named: what it calls the opening opens, whatever was measured of
the others; but one that an earlier Reel showed gives way.
"""
_PEAK_HOOK = 2.0
"""A hook that shows its moment's best instant, which only who looked at it can name: decides
between openings of one moment, whatever they leave to the rest.
"""
_SEEN_HOOK = 5.0
"""A hook that an earlier Reel showed: nearly the whole hook score, so that another attempt opens
differently where any other opening will do.
"""
_ONLY_AS_HOOK = 1.5
"""An opening from a clip in which no other segment finds room: the one way to show it. As much as
0.15 of the hook score: a clearly better opening is worth the clip.
"""
HOOK_INSTANT = 2.0
"""Times the mean score of the hook's instants, beside the best in its clip: of one that opens, the
clearest 1.7 s. They say how a clip looks beside its usual self, so they compare no clips.
"""
_GONE_HOOK = 3.0
"""A hook without its moment's subject: half of the best hook score."""

_PEAK = 0.8
"""A cut that shows the best instant of a moment, which only who looked at it can name: a leap
without its height is no leap. Less than the moments themselves differ by.
"""
_ROLE = 1.2
"""A moment judged to be an opening or an ending, at the other end of the Reel: more than a style's
strongest taste, less than a good moment is worth.
"""
_ENDING = 1.5
"""A last cut judged to be an ending: what the Reel is remembered by. As much as one of two moments
in the other's place can lose by its interest.
"""

BROKEN_OFF = 1.5
"""A piece that begins or ends within a phrase, for each: more than a very good moment is worth, so
that another second or another beat is taken; less than a missed beat.
"""

_GOES_ON = 9.0
"""A piece that begins where the one before it ended: the same take going on as if it had not been
cut. The only term of a piece above a missed beat. A third of it for one that begins nearly a second
later: a jump that small looks like a fault.
"""
_SAME_CLIP = 1.2
"""Neighbours of one clip: more than moments differ by, so that several clips alternate."""
_SAME_SHOT = 0.6
"""Neighbours of one stretch, on top: another shot of the clip is better than a jump."""
_SAME_LOOK = 0.5
"""Neighbours that look the same, less the more they differ."""
_UNLIKE_BITS = 16
"""Differing bits (of 64) of the fingerprints from which neighbours lose nothing: unrelated shots
rarely differ in fewer (`rules.ALIKE_BITS`).
"""
EYE = 0.5
"""Neighbours whose subjects are in one place of the picture, for each height of the picture by
which they are nearer than usual: a bit more than a style's taste for contrast, less than moments
differ by.
"""
_USUAL_JUMP = 0.15
"""Heights of the picture that the eye jumps between unrelated upright shots (the mean of 66 cuts of
labelled clips): those of which nothing is known count as such.
"""
HEADING = 0.3
"""Neighbours that plainly go the same way; as much is lost when they go against each other."""
ALIKE = 1.5
"""A further cut of a cluster of look-alikes: more than a very good moment is worth."""
ABSENT = 4.0
"""A usable clip of which nothing is shown: who gives eight clips expects to see eight. More than a
missed beat of a short cut, and than anything a moment gains: only a real fault is worth a clip.
"""
OVERUSED = 0.45
"""A use of a clip beyond its fair share: a better moment may still justify it."""

ACCENTS = (0.0, 1.0, 1.6)
"""How much a change counts on no downbeat, on one, and where something big starts in the music."""

_CHANGE_MOTION, _CHANGE_SCALE, _CHANGE_LOOK = 0.35, 0.25, 0.4
"""What makes a change strong, adding up to 1: the look is what the eye notices first."""
_UNRELATED_BITS = 32
"""Differing bits of two unrelated 64-bit fingerprints on average: the look changes fully."""


class Term(StrEnum):
    """What gives or takes points; the value names it for people."""

    HOOK = "hook score"
    NAMED_HOOK = "named as the hook"
    ONLY_AS_HOOK = "clip that fits nowhere else"
    UNAVOIDABLE = "beats no timing could hit"
    ABSENT = "clips not shown"

    INTEREST = "interest"
    QUALITY = "quality"
    COLOUR = "colour"
    FACES = "faces"
    STABILITY = "stability"
    SPEECH = "speech"
    OVERLAYS = "overlays"
    FRAMING = "framing"
    CAMERA_ONLY = "only the camera moves"
    BEST_MOMENT = "one of the best moments"
    UNSEEN = "not looked at"
    CHANCE = "chance"
    SEEN = "seen before"
    SUBJECT_GONE = "subject gone"
    INSTANT = "better or worse than its clip's usual self"
    BEST_INSTANT = "best instant"
    LENGTH = "length"
    BROKEN_OFF = "cuts into speech"
    KEYFRAME = "keyframe"
    ENERGY = "energy"
    STORY = "story"
    ROLE = "role"
    BEAT = "off the beat"
    CALM_ENDING = "calm ending"
    ENDING = "judged an ending"

    MOTION_CONTRAST = "contrast of movement"
    SCALE_CONTRAST = "contrast of scale"
    EYE = "place of the subject"
    HEADING = "direction of movement"
    SAME_LOOK = "looks like the one before"
    SAME_CLIP = "clip of the one before"
    SAME_SHOT = "shot of the one before"
    DOWNBEAT = "change on a downbeat"
    GOES_ON = "goes on uncut"

    OVERUSED = "clip beyond its share"
    ALIKE = "looks like an earlier one"


_Place = TypeVar("_Place", float, Floats)
"""A place in the Reel (0..1), or many of them."""

Terms = dict[Term, Floats]
"""Points by term, in the order in which they are added up."""


def added(terms: Terms) -> Floats:
    """The points of all terms together."""
    first, *rest = terms.values()
    total = first
    for points in rest:
        total = total + points
    return np.asarray(total, dtype=np.float64)


class HookFootage(NamedTuple):
    """What the frames of a hook show.

    Whether a best instant (0 or 1); the shares of it (0..1) that an earlier Reel showed, and that
    lack the moment's subject; how far the mean score of its instants is below the best of its clip
    (0 or less); how much it breaks off who talks at its ends (0..2); whether its clip has no room
    for any other segment (0 or 1).
    """

    peak: Floats
    instant: Floats
    seen: Floats
    gone: Floats
    broken_off: Floats
    only_here: Floats


def hook_terms(strength: Floats, named: Floats, footage: HookFootage) -> Terms:
    """Points for opening, by the hook score, whether the analysis named the moment its hook (0 or
    1), and what it shows.
    """
    return {
        Term.HOOK: HOOK_POINTS * strength,
        Term.NAMED_HOOK: _NAMED_HOOK * named,
        Term.BEST_INSTANT: _PEAK_HOOK * footage.peak,
        Term.SEEN: -_SEEN_HOOK * footage.seen,
        Term.SUBJECT_GONE: -_GONE_HOOK * footage.gone,
        Term.INSTANT: HOOK_INSTANT * footage.instant,
        Term.BROKEN_OFF: -BROKEN_OFF * footage.broken_off,
        Term.ONLY_AS_HOOK: _ONLY_AS_HOOK * footage.only_here,
    }


def wanted_motion(taste: EditTaste, when: _Place) -> _Place:
    """The movement (0..1) that a style wants at a place in the Reel (0..1)."""
    return taste.energy_start + (taste.energy_end - taste.energy_start) * when


def energy_loss(taste: EditTaste, motion: Floats, when: Floats) -> Floats:
    """Points a reference cut loses for movement that is off what the style wants there."""
    return taste.energy * np.abs(motion - wanted_motion(taste, when))


def story_loss(taste: EditTaste, place: Floats, when: Floats) -> Floats:
    """Points a reference cut loses for a place in the footage that is off its place in the Reel."""
    return taste.story * np.abs(place - when)


def role_share(belongs_at: Floats, when: Floats) -> Floats:
    """How far a moment is from where its role belongs, 0..1."""
    return np.where(np.isnan(belongs_at), 0, np.abs(belongs_at - when))


def role_loss(shown: Floats, share: Floats) -> Floats:
    """Points that lengths `shown` (in reference cuts) lose by `role_share`."""
    return _ROLE * shown * share


def ending_points(belongs_at: Floats) -> Floats:
    """Points of a last cut for being judged an ending."""
    return np.where(belongs_at == 1, _ENDING, 0.0)


def length_points(taste: EditTaste, frames: Ints, preferred: float, rate: float) -> Floats:
    """Points by how near a cut's length is to the preferred one: 0 or less."""
    return np.asarray(-taste.length_weight * ((frames - preferred) / rate) ** 2, dtype=np.float64)


def peak_points(peaks: Floats) -> Floats:
    """Points for showing best instants; more than one counts once."""
    return _PEAK * np.minimum(1, peaks)


def change_terms(taste: EditTaste, motion: Floats, scale: Floats, bits: Floats) -> Terms:
    """Points for a change between neighbours, by the differences between them."""
    return {
        Term.MOTION_CONTRAST: taste.motion_contrast * motion,
        Term.SCALE_CONTRAST: taste.scale_contrast * scale,
        Term.SAME_LOOK: -_SAME_LOOK * np.clip(1 - bits / _UNLIKE_BITS, 0, 1),
    }


def continuity_terms(jump: Floats, along: Floats) -> Terms:
    """Points for what carries over a cut: by how far the eye must jump (heights of the picture; NaN
    where that is not known), and how far both sides go the same way (-1 against each other, 1).
    """
    return {
        Term.EYE: EYE * np.where(np.isnan(jump), 0.0, _USUAL_JUMP - jump),
        Term.HEADING: HEADING * along,
    }


def same_source_terms(same_clip: Floats, same_stretch: Floats, one_clip_only: bool) -> Terms:
    """Points that neighbours lose for coming from one clip and one stretch (0 or 1).

    With one clip only there is no other to change to.
    """
    terms = {} if one_clip_only else {Term.SAME_CLIP: -_SAME_CLIP * same_clip}
    return terms | {Term.SAME_SHOT: -_SAME_SHOT * same_stretch}


def downbeat_points(taste: EditTaste, accent: int, change: Floats) -> Floats:
    """Points for a change of a strength (see `change_size`) on a beat of an accent."""
    return ACCENTS[accent] * taste.downbeat * change


def change_size(motion: Floats, scale: Floats, bits: Floats) -> Floats:
    """How strong a change between two frames is, 0..1, by the differences between them."""
    return np.asarray(
        _CHANGE_MOTION * np.minimum(1, 2 * motion)
        + _CHANGE_SCALE * np.minimum(1, 2 * scale)
        + _CHANGE_LOOK * np.minimum(1, bits / _UNRELATED_BITS),
        dtype=np.float64,
    )


def goes_on_frames(rate: float) -> int:
    """Frames after the end of a piece from which another one no longer goes on from it."""
    return ceil(rate) + 1


def goes_on_points(away: Ints, within: int) -> Floats:
    """Points for a piece that begins `away` frames (>= 0) after the end of the one before it, in
    the same stretch; 0 from `within` (see `goes_on_frames`) on.
    """
    near = np.clip(1 - away / within, 0, 1)
    return -_GOES_ON * np.where(near > 0, (1 + 2 * near) / 3, 0)
