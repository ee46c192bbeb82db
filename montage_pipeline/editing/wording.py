"""Why each cut is where it is, in plain words for the person who made the request."""

from montage_pipeline.analysis.model import Moment
from montage_pipeline.editing.beats import BeatRuler
from montage_pipeline.editing.packing import Piece


def why_hook(moment: Moment, chosen_by_analysis: bool, cut_frame: int, ruler: BeatRuler, rate: float) -> str:
    """Why this moment opens the Reel."""
    reason = (
        "the strongest opening of all clips" if chosen_by_analysis else "the best opening that is long enough and leaves room for the rest"
    )
    return f"Opens the Reel: {reason} (hook {moment.hook:.2f}). {_what(moment)} {_cut(cut_frame, ruler, rate)}"


def why_cut(moment: Moment, before: Moment, piece: Piece, piece_before: Piece, frame: int, ruler: BeatRuler, rate: float) -> str:
    """Why this moment follows `before`; `frame` is the Reel's frame at which the cut ends."""
    last = frame == ruler.total_frames
    opening = "Closes the Reel. " if last else ""
    return f"{opening}{_what(moment)} {_change(moment, before, piece, piece_before, rate)} {_cut(frame, ruler, rate)}"


def _what(moment: Moment) -> str:
    traits = ", ".join(_traits(moment)) or "even picture"
    shown = moment.description.strip().rstrip(".") or "Worth showing"
    return f"{shown[:1].upper()}{shown[1:]}: interest {moment.interest:.2f}, {traits}."


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


def _change(moment: Moment, before: Moment, piece: Piece, piece_before: Piece, rate: float) -> str:
    step = moment.scores.motion - before.scores.motion
    energy = " with more movement" if step > 0.2 else " with less movement" if step < -0.2 else ""
    if moment.clip != before.clip:
        return f"Changes to another clip{energy}."
    if piece.stretch != piece_before.stretch:
        return f"Goes to another part of the same clip{energy}."
    away_s = (piece.start - piece_before.end) / rate
    if piece.start < piece_before.start:
        return f"Jumps back in the same shot{energy}."
    if away_s >= 1:
        return f"Jumps {away_s:.1f} s ahead in the same shot{energy}."
    return "Goes on in the same shot, because there is no other usable footage."


def _cut(frame: int, ruler: BeatRuler, rate: float) -> str:
    at = f"{frame / rate:.2f} s"
    if frame == ruler.total_frames:
        return f"The Reel ends at {at}{', on a beat' if ruler.on_beat(frame) else ''}."
    if ruler.on_downbeat(frame):
        return f"Cuts on the downbeat at {at}."
    if ruler.on_beat(frame):
        return f"Cuts on the beat at {at}."
    return f"Cuts at {at}; no beat can be reached from here with the footage there is."
