"""Why each cut is where it is, in plain words for the person who made the request.

Every sentence must be true of the edit.
"""

from collections.abc import Sequence

import numpy as np

from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.editing.beats import BeatRuler
from montage_pipeline.editing.footage_line import Footage
from montage_pipeline.editing.packing import CutRules, Piece, rooms_after
from montage_pipeline.styles.model import EditTaste

_MUCH = 0.2
_NEARLY_ALL = 0.85
_SEEN = 0.2
"""Share of a cut that earlier Reels showed from which it is said."""


class Wording:
    """Words for the cuts of one edit.

    `moments` are what each piece is shown for; `must_use` are the clips asked for, by URL.
    """

    def __init__(
        self, analysis: ClipAnalysis, footage: Footage, ruler: BeatRuler, rules: CutRules, style: EditTaste, rate: float,
        pieces: Sequence[Piece], moments: Sequence[Moment], hook_asked: bool, must_use: frozenset[str],
    ) -> None:  # fmt: skip
        self._analysis = analysis
        self._footage = footage
        self._ruler = ruler
        self._rules = rules
        self._style = style
        self._rate = rate
        self._pieces = pieces
        self._moments = moments
        self._hook_asked = hook_asked
        self._must_use = must_use
        self._ends = np.cumsum([piece.frames for piece in pieces]).tolist()

    def why(self, index: int) -> str:
        """Why this moment, why here, and where its cut falls."""
        parts = (
            [self._opening(), self._what(0)]
            if index == 0
            else [self._what(index), self._here(index)]
        )
        return " ".join([*parts, *self._asked(index), *self._seen(index), self._cut(index)])

    # -- why this moment ------------------------------------------------------------------------

    def _opening(self) -> str:
        moment = self._moments[0]
        if self._hook_asked:
            return (
                f"Opens the Reel: the best opening of the clip you chose (hook {moment.hook:.2f})."
            )
        if moment.id == self._analysis.hook_moment:
            return f"Opens the Reel: the strongest opening of all clips (hook {moment.hook:.2f})."
        return f"Opens the Reel: of the openings that leave room for the rest, the one that suits the whole best (hook {moment.hook:.2f})."

    def _what(self, index: int) -> str:
        moment = self._moments[index]
        traits = ", ".join(_traits(moment)) or "even picture"
        shown = moment.description.strip().rstrip(".") or "Worth showing"
        best = self._analysis.best_moments
        rank = (
            f", number {best.index(moment.id) + 1} of the best moments" if moment.id in best else ""
        )
        return f"{shown[:1].upper()}{shown[1:]}: interest {moment.interest:.2f}{rank}, {traits}.{self._part(index)}"

    def _part(self, index: int) -> str:
        """Why this part of the moment: its best instant, or the subject that is gone elsewhere."""
        piece, moment = self._pieces[index], self._moments[index]
        stretch = self._footage.stretches[piece.stretch]
        span = next((span for span in stretch.spans if span.moment is moment), None)
        if span is None:
            return ""
        if span.peak is not None and piece.start <= span.peak < piece.end:
            return f" Its best instant is {(span.peak - piece.start) / self._rate:.1f} s in."
        shown = not any(first < piece.end and piece.start < last for first, last in span.gone)
        return (
            " It shows the part of the moment that has its subject in it."
            if span.gone and shown
            else ""
        )

    # -- why here -------------------------------------------------------------------------------

    def _here(self, index: int) -> str:
        reasons = [self._change(index)]
        at = (self._ends[index - 1] + self._pieces[index].frames / 2) / self._ends[-1]
        line = int(self._footage.offset[self._pieces[index].stretch]) + self._pieces[index].start
        motion = self._moments[index].scores.motion
        wanted = self._style.energy_start + (self._style.energy_end - self._style.energy_start) * at
        if index == len(self._pieces) - 1:
            judged = self._moments[index].role == "ending"
            calmly = " calmly" if self._style.ending_calm and motion <= 0.4 else ""
            reasons.append(
                f"Closes the Reel{calmly}{', as the ending it was judged to be' if judged else ''}."
            )
        if self._style.energy >= 0.3 and abs(motion - wanted) <= 0.15:
            reasons.append(
                f"Its movement ({motion:.2f}) is what the style wants at this point ({wanted:.2f})."
            )
        if self._style.story >= 0.3 and abs(float(self._footage.place_at[line]) - at) <= 0.15:
            reasons.append("It keeps the order in which the footage was given.")
        return " ".join(reasons)

    def _change(self, index: int) -> str:
        moment, before = self._moments[index], self._moments[index - 1]
        piece, piece_before = self._pieces[index], self._pieces[index - 1]
        step = moment.scores.motion - before.scores.motion
        energy = (
            " with more movement"
            if step > _MUCH
            else " with less movement"
            if step < -_MUCH
            else ""
        )
        if moment.clip != before.clip:
            return f"Changes to another clip{energy}."
        if piece.stretch != piece_before.stretch:
            return f"Goes to another part of the same clip{energy}."
        away_s = (piece.start - piece_before.end) / self._rate
        if piece.start < piece_before.start:
            return f"Jumps back in the same shot{energy}."
        if away_s >= 1:
            return f"Jumps {away_s:.1f} s ahead in the same shot{energy}."
        return "Goes on in the same shot: no better use of the footage was found."

    def _asked(self, index: int) -> list[str]:
        url = self._analysis.clips[self._moments[index].clip].facts.url
        return ["You asked for this clip."] if url in self._must_use else []

    def _seen(self, index: int) -> list[str]:
        piece = self._pieces[index]
        line = int(self._footage.offset[piece.stretch]) + piece.start
        share = (
            float(self._footage.seen_sum[line + piece.frames] - self._footage.seen_sum[line])
            / piece.frames
        )
        return (
            [
                f"An earlier Reel showed {share:.0%} of it; nothing unseen was found that serves better here."
            ]
            if share >= _SEEN
            else []
        )

    # -- the cut --------------------------------------------------------------------------------

    def _cut(self, index: int) -> str:
        frame, ruler = self._ends[index], self._ruler
        at = f"{frame / self._rate:.2f} s"
        if frame == ruler.total_frames:
            return f"The Reel ends at {at}{', on a beat' if ruler.on_beat(frame) else ''}."
        if ruler.accent[frame] == 2:
            return f"Cuts at {at}, where something big starts in the music."
        if ruler.on_downbeat(frame):
            return f"Cuts on the downbeat at {at}."
        if ruler.on_beat(frame):
            return f"Cuts on the beat at {at}."
        return f"Cuts at {at}, off the beat: {self._why_off_beat(index)}."

    def _why_off_beat(self, index: int) -> str:
        rules, rate = self._rules, self._rate
        if index == 0:
            return f"the opening always lasts {rules.hook_frames / rate:.1f} s, and no start of the music puts a beat there"
        began = self._ends[index - 1]
        least, most = (
            began + rules.min_frames,
            min(began + rules.max_frames, self._ruler.total_frames),
        )
        beats = [frame for frame in range(least, most + 1) if self._ruler.on_beat(frame)]
        if not beats:
            return f"no beat lies {rules.min_frames / rate:g} to {rules.max_frames / rate:g} s after the cut before"
        if beats[0] - began > self._room(index):
            return f"its footage ends before the next beat, at {beats[0] / rate:.2f} s"
        if self._later_ones_miss(began, self._ends[index], beats):
            return f"on the beat at {beats[0] / rate:.2f} s it would put a later cut off the beat instead"
        used = self._ends[-1] / self._footage.total_frames
        if used >= _NEARLY_ALL:
            return f"the Reel takes {used:.0%} of all usable footage, which leaves its cuts hardly a choice"
        return "no better edit with a beat here was found"

    def _later_ones_miss(self, began: int, frame: int, beats: Sequence[int]) -> bool:
        """Whether every way that has this cut on a beat misses as much after it as this one at its
        best.
        """
        ruler = self._ruler
        missed = (
            ruler.miss_frames(np.asarray([frame]), np.asarray([frame - began]))[0]
            + ruler.off_beat_ahead[frame]
        )
        return bool((ruler.off_beat_ahead[list(beats)] >= missed).all())

    def _room(self, index: int) -> int:
        """The most frames the piece could have if every other one stayed where it is."""
        piece = self._pieces[index]
        rooms = [room for room in self._footage.rooms() if room.stretch == piece.stretch]
        for number, other in enumerate(self._pieces):
            if number != index:
                rooms = rooms_after(rooms, other)
        return max(
            (room.frames for room in rooms if room.start <= piece.start and piece.end <= room.end),
            default=piece.frames,
        )


def _traits(moment: Moment) -> list[str]:
    scores = moment.scores
    named = [
        (scores.faces >= 0.5, scores.faces, "a face in view"),
        (scores.speech >= 0.5, scores.speech, "someone speaks"),
        (scores.motion >= 0.6, scores.motion, "lively"),
        (scores.motion <= 0.2, 1 - scores.motion, "calm"),
        (scores.sharpness >= 0.65, scores.sharpness, "sharp"),
        (scores.stability >= 0.75, scores.stability, "steady"),
        (scores.colour >= 0.65, scores.colour, "rich colour"),
        (scores.exposure >= 0.75, scores.exposure, "well lit"),
    ]
    holding = sorted((trait for trait in named if trait[0]), key=lambda trait: -trait[1])
    return [name for _, _, name in holding[:3]]
