"""Why each segment is where it is, in plain words for the person who made the request.

Belongs here: picking reasons from the terms that decided, and saying them. Does not belong here:
judging anything again; what gave or cost points is read from `optimizer.breakdown`.

Every sentence must be true of the edit.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from statistics import median

from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.analysis.overlays import covered, parts_in, place
from montage_pipeline.editing.context import PlanContext, moments_by_id
from montage_pipeline.editing.moment_score import crop_box
from montage_pipeline.editing.optimizer.breakdown import Breakdown, breakdown
from montage_pipeline.editing.optimizer.objective import frames_away
from montage_pipeline.editing.optimizer.terms import Term, wanted_motion
from montage_pipeline.editing.packing import Piece
from montage_pipeline.editing.stages.chosen_edit import ChosenEdit, opening
from montage_pipeline.editing.stages.hook import hook_score
from montage_pipeline.editing.stages.off_beat import why_off_beat
from montage_pipeline.editing.timeline import MIN_HEARD_SPEED, Segment, speed_in_words

_NOTABLE = 0.1
"""Points from which a term is worth a word: smaller ones decide between equals. Chosen by eye, as
are the shares below.
"""

_MAX_COSTS = 2
"""Costs that are named; the storyboard has room for three lines."""

_MATTERS = 0.3
"""Weight of a taste, in points, from which a style is known for it, and meeting it is a reason."""

_NEAR_BEST = 0.1
"""Of a hook score, by which the part that is shown may open less well than the best of its moment
and still be called the strongest opening.
"""

_MET = 0.15
"""Share of a taste's weight up to which a loss still counts as meeting it."""

_CALM = 0.4
"""The same for a calm ending: movement is never none."""

_TRAITS: dict[Term, tuple[str, Callable[[Moment], float], float]] = {
    Term.QUALITY: ("technically good", lambda moment: moment.quality, 0.8),
    Term.COLOUR: ("rich in colour", lambda moment: moment.scores.colour, 0.6),
    Term.FACES: ("with faces", lambda moment: moment.scores.faces, 0.5),
}
"""What a moment may gain points by, beside its interest, and the figure (0..1) from which it is
said: every moment gains a little by each. Steadiness and speech are in its description.
"""

_RANKED = 10
"""Places among the best moments that are named; further down a place recommends nothing."""

_COSTS = {
    Term.SUBJECT_GONE: "its subject is gone for part of it",
    Term.BROKEN_OFF: "it cuts into what is said",
    Term.OVERLAYS: "a watermark or text lies over it",
    Term.UNSEEN: "nobody looked at it closely",
    Term.CAMERA_ONLY: "nobody is in view and only the camera moves",
    Term.FRAMING: "its crop has to be enlarged a lot",
    Term.ROLE: "its part in the story belongs elsewhere in the Reel",
    Term.OVERUSED: "its clip is shown more often than its share",
    Term.ALIKE: "it looks like an earlier cut",
    Term.SAME_LOOK: "it looks like the cut before",
    Term.EYE: "the eye has to jump to its subject",
    Term.HEADING: "it moves against the cut before",
}
"""What a segment may lose points by that a viewer can see."""


def explained(
    context: PlanContext, chosen: ChosenEdit, segments: Sequence[Segment]
) -> tuple[Segment, ...]:
    """The segments of an edit with the reason for each."""
    words = Words(context, chosen, segments)
    return tuple(
        segment.model_copy(update={"why": words.why(index)})
        for index, segment in enumerate(segments)
    )


class Words:
    """Words for the segments of one edit."""

    def __init__(
        self, context: PlanContext, chosen: ChosenEdit, segments: Sequence[Segment]
    ) -> None:
        self._context = context
        self._chosen = chosen
        self._objective = chosen.objective
        self._segments = segments
        self._terms = breakdown(chosen.objective, chosen.pieces, opening(context, chosen.hook))
        moments = moments_by_id(context.analysis)
        self._moments = [moments[segment.moment] for segment in segments]
        self._ends = list(accumulate(piece.frames for piece in chosen.pieces))

    def why(self, index: int) -> str:
        """Why this moment, why here, and where its cut falls."""
        sentences = [
            *(self._opening() if index == 0 else self.what(index)),
            *self._which_part(index),
            *self._pace(index),
            *(self._here(index) if index else []),
            *self._although(index),
            *self._for_its_clip(index),
            *self._seen(index),
            self.cut(index),
        ]
        return " ".join(sentences)

    # -- why this moment ------------------------------------------------------------------------

    def _opening(self) -> list[str]:
        moment, piece = self._moments[0], self._chosen.pieces[0]
        stretch = self._context.stretches[piece.stretch]
        score = hook_score(moment, stretch.source_s(piece.start, self._context.fps))
        if self._context.request.hook_clip:
            reason = "the best opening of the clip you chose"
        elif moment.id == self._context.analysis.hook_moment and score >= moment.hook - _NEAR_BEST:
            reason = "the strongest opening of all clips"
        else:
            reason = "the opening that suits the whole Reel best, with enough footage left for it"
        described = _described(moment)
        return [
            f"Opens the Reel: {reason} (hook {score:.2f}).",
            *([f"{described}."] if described else []),
        ]

    def what(self, index: int) -> list[str]:
        return [what_it_is(self._context.analysis, self._moments[index], self._terms[index])]

    def _which_part(self, index: int) -> list[str]:
        """Why this part of the moment: its best instant, or the subject that is gone elsewhere."""
        piece, terms = self._chosen.pieces[index], self._terms[index]
        ranges = self._context.stretches[piece.stretch].moments
        if terms[Term.BEST_INSTANT] > 0:
            peak = next(
                found.peak
                for found in ranges
                if found.peak is not None and piece.start <= found.peak < piece.end
            )
            return [f"Its best instant is {self._context.seconds(peak - piece.start):.1f} s in."]
        gone_elsewhere = any(
            found.without_subject for found in ranges if found.moment is self._moments[index]
        )
        if gone_elsewhere and not terms[Term.SUBJECT_GONE]:
            return ["It shows the part of the moment that has its subject in it."]
        return []

    def _pace(self, index: int) -> list[str]:
        """Why it is shorter than other cuts, or how much slower than its clip, and why."""
        speed, piece = self._segments[index].speed, self._chosen.pieces[index]
        stretch = self._context.stretches[piece.stretch]
        needed_s = self._context.seconds(self._context.shortest_on_beat)
        if index and piece.frames < self._context.rules.min_frames:
            usable_s = self._context.seconds(stretch.frames)
            return [f"A short cut, as you allow: {usable_s:.2f} s of its clip can be used."]
        if speed == 1:
            return []
        lacks = f"its clip lacks {needed_s - stretch.span.duration_s:.2f} s for a cut on the beat"
        if speed >= MIN_HEARD_SPEED:
            return [f"Plays {speed_in_words(speed)}, as {lacks}."]
        return [f"Plays at {speed_in_words(speed)}, without its sound, as {lacks}."]

    # -- why here -------------------------------------------------------------------------------

    def _here(self, index: int) -> list[str]:
        taste, terms = self._context.taste, self._terms[index]
        shown = self._chosen.pieces[index].frames / self._objective.reference
        reasons = [change] if (change := self._change(index)) else []
        if terms[Term.EYE] >= _NOTABLE:
            reasons.append("Its subject is where the cut before left the eye.")
        if terms[Term.HEADING] >= _NOTABLE:
            reasons.append("It goes on in the direction of the cut before.")
        if index == len(self._segments) - 1:
            reasons.append(self._closing(index))
        if _met(terms[Term.ENERGY], taste.energy, shown):
            reasons.append(self._energy(index))
        if _met(terms[Term.STORY], taste.story, shown):
            reasons.append("It keeps the order in which the footage was given.")
        return reasons

    def _energy(self, index: int) -> str:
        piece, end = self._chosen.pieces[index], self._ends[index]
        when = (end - piece.frames / 2) / self._ends[-1]
        wanted = float(wanted_motion(self._context.taste, when))
        motion = self._objective.footage.mean_motion(piece)
        return (
            f"Its movement ({motion:.2f}) is about what the style wants at this point "
            f"({wanted:.2f})."
        )

    def _closing(self, index: int) -> str:
        weight = self._context.taste.ending_calm
        calm = weight and self._terms[index][Term.CALM_ENDING] >= -_CALM * weight
        judged = self._moments[index].role == "ending"
        return (
            f"Closes the Reel{' calmly' if calm else ''}"
            f"{', as the ending it was judged to be' if judged else ''}."
        )

    def _change(self, index: int) -> str:
        """What the cut goes to; "" for another clip and nothing more, as most cuts do."""
        before, piece = self._chosen.pieces[index - 1], self._chosen.pieces[index]
        contrast = self._contrast(before, piece, self._terms[index])
        if self._segments[index].clip != self._segments[index - 1].clip:
            return f"Changes to another clip{contrast}." if contrast else ""
        if piece.stretch != before.stretch:
            return f"Goes to another part of the same clip{contrast}."
        if piece.start < before.start:
            return f"Jumps back in the same shot{contrast}."
        if self._terms[index].get(Term.GOES_ON, 0) < 0:
            return "Goes on in the same shot: no better use of the footage was found."
        away_s = self._context.seconds(frames_away(before, piece) or 0)
        return f"Jumps {away_s:.1f} s ahead in the same shot{contrast}."

    def _contrast(self, before: Piece, piece: Piece, terms: Breakdown) -> str:
        """What the change does to the movement, where that decided; else ""."""
        weight = self._context.taste.motion_contrast
        if weight < 0 and terms[Term.MOTION_CONTRAST] >= _MET * weight:
            return " with similar movement"
        if terms[Term.MOTION_CONTRAST] < _NOTABLE:
            return ""
        objective = self._objective
        motion = objective.places(objective.footage.starts_of([before, piece])).motion
        return f" with {'more' if motion[1] > motion[0] else 'less'} movement"

    # -- what it cost ---------------------------------------------------------------------------

    def _although(self, index: int) -> list[str]:
        """What speaks against the segment, which its gains outweigh."""
        terms = self._terms[index]
        losses = [term for term in _COSTS if terms.get(term, 0) <= -_NOTABLE]
        losses.sort(key=lambda term: terms[term])
        overlays = self._overlays(index)
        if not losses:
            return [f"{overlays[:1].upper()}{overlays[1:]}."] if overlays else []
        told = {Term.OVERLAYS: overlays, Term.FRAMING: self._enlarged(index)}
        costs = [told.get(term) or _COSTS[term] for term in losses[:_MAX_COSTS]]
        return [f"Chosen although {' and '.join(costs)}."]

    def _enlarged(self, index: int) -> str:
        size = self._context.request.format.frame_size
        times = size.width / self._segments[index].crop.width
        return f"its crop is enlarged {times:.1f} times"

    def _overlays(self, index: int) -> str:
        """Which overlays the crop shows, where, and how much of it they cover; "" without any."""
        moment, size = self._moments[index], self._context.request.format.frame_size
        crop = crop_box(self._context.facts(moment.clip), size)
        kinds = {overlay.kind for overlay in moment.overlays if parts_in([overlay.box], crop)}
        if not kinds:
            return ""
        kind = "a watermark" if "watermark" in kinds else "text"
        boxes = [overlay.box for overlay in moment.overlays if overlay.kind in kinds]
        return f"{kind} lies {place(boxes, crop)}, {covered(boxes, crop):.0%} of the crop"

    def _for_its_clip(self, index: int) -> list[str]:
        """That its clip was asked for, or would not appear otherwise, where few points speak for
        it.
        """
        url = self._segments[index].clip_url
        if url in self._context.request.must_use:
            return ["You asked for this clip."]
        shown = sum(segment.clip_url == url for segment in self._segments)
        interest = [moment.interest for moment in self._moments]
        if index and shown == 1 and interest[index] < median(interest):
            return ["Its clip would not appear otherwise."]
        return []

    def _seen(self, index: int) -> list[str]:
        if self._terms[index][Term.SEEN] > -_NOTABLE:
            return []
        share = self._objective.footage.mean_seen(self._chosen.pieces[index])
        return [
            f"An earlier Reel showed {share:.0%} of it; nothing unseen was found that serves "
            "better here."
        ]

    # -- the cut --------------------------------------------------------------------------------

    def cut(self, index: int) -> str:
        frame, ruler = self._ends[index], self._chosen.ruler
        at = f"{self._context.seconds(frame):.2f} s"
        if frame == ruler.total_frames:
            return f"The Reel ends at {at}{', on a beat' if ruler.on_beat(frame) else ''}."
        if ruler.accent[frame] == 2:
            return f"Cuts at {at}, where something big starts in the music."
        if ruler.on_downbeat(frame):
            return f"Cuts on the downbeat at {at}."
        if ruler.on_beat(frame):
            return f"Cuts on the beat at {at}."
        return f"Cuts at {at}, off the beat: {why_off_beat(self._context, self._chosen, index)}."


def what_it_is(analysis: ClipAnalysis, moment: Moment, terms: Breakdown) -> str:
    """What a moment is, and what speaks for it."""
    rank = ""
    if analysis.analyst.name != "local" and moment.id in analysis.best_moments[:_RANKED]:
        # By measurement alone the order is one of sharpness and calm, which an editor's is not.
        rank = f", number {analysis.best_moments.index(moment.id) + 1} of the best moments"
    gains = [
        term
        for term, (_, figure, least) in _TRAITS.items()
        if terms.get(term, 0) >= _NOTABLE and figure(moment) >= least
    ]
    gains.sort(key=lambda term: -terms[term])
    traits = "".join(f", {_TRAITS[term][0]}" for term in gains)
    described = _described(moment) or "Worth showing"
    return f"{described}: interest {moment.interest:.2f}{rank}{traits}."


def costs_of(terms: Breakdown) -> list[str]:
    """What speaks most against a segment, in words; empty when nothing does."""
    losses = [term for term in _COSTS if terms.get(term, 0) <= -_NOTABLE]
    losses.sort(key=lambda term: terms[term])
    return [_COSTS[term] for term in losses[:_MAX_COSTS]]


def _described(moment: Moment) -> str:
    """The moment's description as the beginning of a sentence."""
    text = moment.description.strip().rstrip(".")
    return text[:1].upper() + text[1:]


def _met(points: float, weight: float, shown: float) -> bool:
    """Whether a taste of this weight decided, and losing `points` of it over `shown` reference cuts
    still meets it.
    """
    return weight >= _MATTERS and points >= -_MET * weight * shown
