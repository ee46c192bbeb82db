"""A list of changes, applied to an edit.

The cuts stay where the beats are: what is shown between them changes, and a cut that moves goes to
another beat. The same list gives the same edit, wherever it is applied.

Belongs here: what each change does, and why it cannot be. Does not belong here: moving segments
(`moving`) or cuts (`trimming`), crops, sound and words of the new segments (`changed_edit`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from montage_pipeline.editing.changing.moving import moved
from montage_pipeline.editing.changing.parts import Parts, Refused, either_side, frames_later
from montage_pipeline.editing.changing.room import (
    Alternative,
    Banned,
    EditRoom,
    Shown,
    fits,
    fitted,
    is_banned,
)
from montage_pipeline.editing.changing.trimming import trimmed
from montage_pipeline.errors import PermanentError
from montage_pipeline.requests.segment_changes.model import (
    BanSegment,
    CaptionSegment,
    ChangeMusic,
    LockSegment,
    MoveSegment,
    MuteSegment,
    NudgeCrop,
    ReplaceSegment,
    SegmentChange,
    SlipSegment,
    TrimSegment,
)

_MAX_NAMED = 3
"""Alternatives that a refusal names: as many as are offered at least."""


def carried_out(room: EditRoom, changes: Sequence[SegmentChange]) -> Parts:
    """The edit with the changes, one after the other.

    Raises PermanentError CHANGE_IMPOSSIBLE or SEGMENT_LOCKED (details `change`, its number in the
    list from 0, and `nearest`, what would be possible instead).
    """
    edit = Parts.of(room)
    for number, change in enumerate(changes):
        try:
            edit = _CARRIED_OUT[type(change)](edit, change)
        except Refused as refusal:
            raise PermanentError(
                refusal.code, refusal.message, change=number, nearest=refusal.nearest
            ) from None
    return edit


def _lock(edit: Parts, change: LockSegment) -> Parts:
    return edit.with_part(edit.at(change.segment), locked=change.locked)


def _ban(edit: Parts, change: BanSegment) -> Parts:
    place = edit.open_at(change.segment)
    part = edit.parts[place]
    span = part.footage.span(part.frames, edit.room.rate)
    banned = Banned(file=part.footage.file, moment=part.footage.moment, span=span)
    edit = replace(edit, banned=(*edit.banned, banned))
    for alternative in _ranked(edit.room, change.segment):
        if changed := _showing(edit, place, alternative):
            return changed
    raise Refused(
        "Nothing else of the clips can take the place of this segment: what is left "
        "is shown already, banned, or too short. Add clips, or lift a ban by undoing it."
    )


def _ranked(room: EditRoom, segment: int) -> Iterable[Alternative]:
    """What could be shown in place of a segment: its own alternatives, then those of the others."""
    yield from room.segments[segment].alternatives
    rest = (
        alternative
        for number, other in enumerate(room.segments)
        if number != segment
        for alternative in other.alternatives
    )
    yield from sorted(rest, key=lambda alternative: -alternative.points)


def _replace(edit: Parts, change: ReplaceSegment) -> Parts:
    place = edit.open_at(change.segment)
    offered = edit.room.segments[change.segment].alternatives
    wanted = next((found for found in offered if found.id == change.alternative), None)
    if wanted is not None and (changed := _showing(edit, place, wanted)):
        return changed
    possible = [found.id for found in offered if _showing(edit, place, found)]
    why = (
        f"there is no alternative {change.alternative!r}"
        if wanted is None
        else "its footage is shown elsewhere by now, banned, or too short for this place"
    )
    raise Refused(f"This segment cannot be replaced: {why}.", possible[:_MAX_NAMED])


def _showing(edit: Parts, place: int, alternative: Alternative) -> Parts | None:
    """The edit with an alternative at a place; None where it does not fit."""
    frames, others = edit.parts[place].frames, edit.others(place)
    footage = fitted(Shown(alternative.footage, frames), others, edit.room.rate)
    if footage is None or is_banned(footage, frames, edit.banned, edit.room.rate):
        return None
    return edit.with_part(place, footage=footage, alternative=alternative, shift=(0, 0))


def _slip(edit: Parts, change: SlipSegment) -> Parts:
    place = edit.open_at(change.segment)
    found = _slipped(edit, place, change.frames)
    if found is not None:
        return found
    part, rate = edit.parts[place], edit.room.rate
    reach = int(part.footage.room.duration_s * rate / part.footage.speed) + 1
    possible = (by for by in range(-reach, reach + 1) if by and _slipped(edit, place, by))
    raise Refused(
        f"This segment cannot show its clip {frames_later(change.frames)}: usable footage does "
        "not reach so far, or is shown by another segment.",
        either_side(possible, change.frames),
    )


def _slipped(edit: Parts, place: int, frames: int) -> Parts | None:
    part, rate = edit.parts[place], edit.room.rate
    footage = part.footage.later(frames, rate)
    shown = Shown(footage, part.frames)
    if not fits(shown, edit.others(place), rate):
        return None
    if is_banned(footage, part.frames, edit.banned, rate):
        return None
    return edit.with_part(place, footage=footage)


def _nudge(edit: Parts, change: NudgeCrop) -> Parts:
    place = edit.open_at(change.segment)
    part = edit.parts[place]
    reach = part.footage.crop_reach
    x, y = part.shift[0] + change.x, part.shift[1] + change.y
    within = min(max(x, -reach.left), reach.right), min(max(y, -reach.up), reach.down)
    if within != (x, y):
        raise Refused(
            "The crop of this segment would leave the frame of its clip.",
            [{"x": within[0] - part.shift[0], "y": within[1] - part.shift[1]}],
        )
    return edit.with_part(place, shift=(x, y))


def _mute(edit: Parts, change: MuteSegment) -> Parts:
    place = edit.at(change.segment)
    if change.muted and not edit.parts[place].footage.heard:
        raise Refused("This segment has no sound of its own that is played.")
    return edit.with_part(place, muted=change.muted)


def _caption(edit: Parts, change: CaptionSegment) -> Parts:
    return edit.with_part(edit.open_at(change.segment), caption=change.text)


def _music(edit: Parts, change: ChangeMusic) -> Parts:
    return edit


_CARRIED_OUT: dict[type, Callable[[Parts, Any], Parts]] = {
    LockSegment: _lock,
    BanSegment: _ban,
    ReplaceSegment: _replace,
    TrimSegment: trimmed,
    SlipSegment: _slip,
    MoveSegment: moved,
    NudgeCrop: _nudge,
    MuteSegment: _mute,
    CaptionSegment: _caption,
    ChangeMusic: _music,
}
