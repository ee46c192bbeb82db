"""Moving a cut: one segment gives the frames that the other one takes.

Belongs here: where a cut may go, and why not. Does not belong here: moving segments (`moving`).
"""

from dataclasses import dataclass

from montage_pipeline.editing.changing.parts import (
    Part,
    Parts,
    Refused,
    allowed_frames,
    either_side,
    frames_later,
    locked,
)
from montage_pipeline.editing.changing.room import Shown, fits, fitted, is_banned
from montage_pipeline.requests.edit_view import TrimView
from montage_pipeline.requests.segment_changes.model import TrimSegment

_SAME_BEAT = 1
"""Frames: a beat that falls between two frames is on both of them."""


def trimmed(edit: Parts, change: TrimSegment) -> Parts:
    """The edit with the cut at an edge of a segment moved. Refused where that cannot be."""
    place = edit.open_at(change.segment)
    left = place if change.edge == "out" else place - 1
    if not 0 <= left < len(edit.parts) - 1:
        end = "begins" if left < 0 else "ends"
        raise Refused(
            f"This segment {end} with the Reel, whose length stays. Slip it to show "
            "another part of its clip."
        )
    if left == 0:
        seconds = edit.room.hook_frames / edit.room.rate
        raise Refused(f"The opening always lasts {seconds:.1f} s. Slip it, or the segment after.")
    beside = left + 1 if change.edge == "out" else left
    if edit.parts[beside].locked:
        raise locked()

    cut = _Cut(edit, left, kept=place)
    found = cut.moved(change.frames, off_beat=change.off_beat)
    if found is not None:
        return found
    most = edit.room.max_frames
    possible = (
        by
        for by in range(-most, most + 1)
        if by and cut.moved(by, off_beat=change.off_beat) is not None
    )
    raise Refused(
        f"This segment cannot {'end' if change.edge == 'out' else 'begin'} "
        f"{frames_later(change.frames)}: {_why_not(cut, change)}.",
        either_side(possible, change.frames),
    )


def ways_to_trim(edit: Parts, place: int) -> TrimView:
    """The beats that the cuts at both edges of a segment may go to; none for one that is locked."""
    if edit.parts[place].locked:
        return TrimView()
    return TrimView(
        begin=_beats_in_reach(edit, place - 1, kept=place),
        end=_beats_in_reach(edit, place, kept=place),
    )


def _beats_in_reach(edit: Parts, left: int, kept: int) -> tuple[int, ...]:
    # The opening's length is fixed, and the Reel's own edges are no cuts.
    if not 0 < left < len(edit.parts) - 1 or edit.parts[left].locked or edit.parts[left + 1].locked:
        return ()
    cut = _Cut(edit, left, kept)
    steps = sorted(beat - cut.frame for beat in edit.beats)
    return tuple(by for by in steps if abs(by) > _SAME_BEAT and cut.moved(by) is not None)


@dataclass(frozen=True)
class _Cut:
    """The cut after the part at `left`. Of the two beside it, the one at place `kept` shows what it
    showed, more or less of it; the other one may begin elsewhere.
    """

    edit: Parts
    left: int
    kept: int

    @property
    def frame(self) -> int:
        """The frame of the Reel that it falls on."""
        return self.edit.cuts[self.left]

    @property
    def before(self) -> Part:
        return self.edit.parts[self.left]

    @property
    def after(self) -> Part:
        return self.edit.parts[self.left + 1]

    def allows(self, frames: int) -> bool:
        """Whether the rules for lengths allow to move it by so many frames."""
        room = self.edit.room
        return allowed_frames(
            room, self.before.frames, self.before.frames + frames
        ) and allowed_frames(room, self.after.frames, self.after.frames - frames)

    def stays_on_beat(self, frames: int) -> bool:
        """Whether moving it by so many frames takes it off no beat."""
        beats = self.edit.beats
        return self.frame not in beats or self.frame + frames in beats

    def moved(self, frames: int, *, off_beat: bool = False) -> Parts | None:
        """The edit with it so many frames later; None where rules or footage do not allow it."""
        if not self.allows(frames) or not (off_beat or self.stays_on_beat(frames)):
            return None
        edit, left, rate = self.edit, self.left, self.edit.room.rate
        shown = [
            Shown(self.before.footage, self.before.frames + frames),
            Shown(self.after.footage.later(frames, rate), self.after.frames - frames),
        ]
        others = edit.others(left, left + 1)
        kept, beside = (0, 1) if self.kept == left else (1, 0)
        if not fits(shown[kept], others, rate):
            return None
        footage = fitted(shown[beside], [*others, shown[kept]], rate)
        if footage is None:
            return None
        shown[beside] = Shown(footage, shown[beside].frames)
        if any(is_banned(part.footage, part.frames, edit.banned, rate) for part in shown):
            return None
        changed = edit.with_part(left, footage=shown[0].footage, frames=shown[0].frames)
        return changed.with_part(left + 1, footage=shown[1].footage, frames=shown[1].frames)


def _why_not(cut: _Cut, change: TrimSegment) -> str:
    if not cut.allows(change.frames):
        room = cut.edit.room
        low, high = room.min_frames / room.rate, room.max_frames / room.rate
        return f"it, or the segment beside it, would not last {low:g} to {high:g} s any more"
    if not change.off_beat and not cut.stays_on_beat(change.frames):
        return "the cut would leave the beat"
    return "usable footage does not reach so far, or is shown by another segment"
