"""Showing a segment at another place of the Reel.

Either every segment keeps its length, where that leaves no cut off the beat that was on one, and
nothing has to be rendered again; or the cuts stay where they are, and segments are made to fit.
Locked segments stay where they are: the others change places among themselves.
"""

from dataclasses import replace
from itertools import accumulate

from montage_pipeline.editing.changing.parts import Part, Parts, Refused, allowed_frames, locked
from montage_pipeline.editing.changing.room import Shown, fitted, is_banned
from montage_pipeline.editing.timeline import MIN_HEARD_SPEED
from montage_pipeline.requests.segment_changes.model import MoveSegment


def moved(edit: Parts, change: MoveSegment) -> Parts:
    """The edit with a segment at another place. Refused when the others leave no way."""
    place = edit.open_at(change.segment)
    if change.to >= len(edit.parts):
        raise Refused(
            f"There is no place {change.to}: the Reel has {len(edit.parts)}, counted from 0.",
            [len(edit.parts) - 1],
        )
    if edit.parts[change.to].locked:
        raise locked()

    found = _moved(edit, place, change.to)
    if found is not None:
        return found
    possible = [
        to
        for to in range(len(edit.parts))
        if to != place and not edit.parts[to].locked and _moved(edit, place, to) is not None
    ]
    raise Refused(
        f"This segment cannot be shown there: {_reason(edit, place, change.to)}.",
        sorted(possible, key=lambda to: (abs(to - change.to), to))[:2],
    )


def _reason(edit: Parts, place: int, to: int) -> str:
    if to == 0 and edit.parts[place].footage.speed < MIN_HEARD_SPEED:
        return "slow motion does not open a Reel"
    return "the footage of the segments in between does not reach for the lengths that this takes"


def _moved(edit: Parts, place: int, to: int) -> Parts | None:
    order = _order(edit.parts, place, to)
    if order[0].footage.speed < MIN_HEARD_SPEED and order[0].was != edit.parts[0].was:
        return None
    order = _opening_keeps_caption(edit.parts[0], order)
    return _with_own_lengths(edit, order) or _with_cuts_kept(edit, order)


def _order(parts: tuple[Part, ...], place: int, to: int) -> list[Part]:
    """The parts in their new order; locked ones where they were."""
    free = [number for number, part in enumerate(parts) if not part.locked]
    movable = [parts[number] for number in free]
    mover = movable.pop(free.index(place))
    movable.insert(free.index(to), replace(mover, moved=True))
    order = list(parts)
    for number, part in zip(free, movable, strict=True):
        order[number] = part
    return order


def _opening_keeps_caption(opening: Part, order: list[Part]) -> list[Part]:
    """Text is drawn on the opening, whichever segment that is."""
    if order[0].was == opening.was or not opening.caption:
        return order
    captioned = [replace(order[0], caption=opening.caption)]
    return captioned + [
        replace(part, caption="") if part.was == opening.was else part for part in order[1:]
    ]


def _with_own_lengths(edit: Parts, order: list[Part]) -> Parts | None:
    """Every segment as long as it was, if cuts and locked segments allow it."""
    if order[0].frames != edit.room.hook_frames:
        return None
    if not all(allowed_frames(edit.room, edit.room.min_frames, part.frames) for part in order[1:]):
        return None
    begins = [0, *accumulate(part.frames for part in order)]
    before = [0, *accumulate(part.frames for part in edit.parts)]
    if any(part.locked and begins[at] != before[at] for at, part in enumerate(order)):
        return None
    changed = replace(edit, parts=tuple(order))
    return changed if changed.on_beat >= edit.on_beat else None


def _with_cuts_kept(edit: Parts, order: list[Part]) -> Parts | None:
    """Every cut where it was; segments that come to another length show more of their footage, or
    less.
    """
    lengths = [part.frames for part in edit.parts]
    parts = list(order)
    # Those that keep their length stay as they are; then whoever needs most chooses first.
    refit = [at for at, part in enumerate(order) if part.frames != lengths[at]]
    settled = [part.shown for at, part in enumerate(order) if at not in refit]
    for at in sorted(refit, key=lambda at: -lengths[at]):
        footage = fitted(Shown(order[at].footage, lengths[at]), settled, edit.room.rate)
        if footage is None or is_banned(footage, lengths[at], edit.banned, edit.room.rate):
            return None
        parts[at] = replace(order[at], footage=footage, frames=lengths[at])
        settled.append(parts[at].shown)
    return replace(edit, parts=tuple(parts))
