"""Changes of single segments as a person types them at a terminal: `replace:3:2`, `trim:4:out:-6`.

Segments, places and alternatives are counted from 1 here, as storyboards and the page count them;
in the documents below from 0.

Belongs here: reading changes, and saying what is possible in the same words. Does not belong here:
carrying them out (editing.changing).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from montage_pipeline.cli.job.order import music_address, refuse_caption
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.names import printable
from montage_pipeline.requests.edit_view import EditView
from montage_pipeline.requests.segment_changes.model import (
    MAX_CHANGES,
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

FORMS = (
    ("lock:N, unlock:N", "keep segment N as it is and where it is, whatever else changes"),
    ("ban:N", "never show what segment N shows; its best alternative takes its place"),
    ("replace:N:A", "show alternative A of segment N instead"),
    ("trim:N:in|out:FRAMES", "begin or end segment N later (+6), or earlier (-6), on a beat"),
    ("trim:N:in|out:FRAMES:off-beat", "the same, and the cut may leave the beat it is on"),
    ("slip:N:FRAMES", "show its clip later or earlier, between the same cuts"),
    ("move:N:TO", "show segment N at another place"),
    ("crop:N:X:Y", "move its crop right and down, in pixels of the clip"),
    ("mute:N, unmute:N", "leave out its own sound, or let it be heard"),
    ("caption:N:TEXT", "draw text on it; caption:N: takes it away"),
    ("music:FILE", "your own music under the same cuts: a file or an https:// address"),
    ("music:new", "newly composed music under the same cuts"),
)
"""Every change, and what it does."""

_OFF_BEAT = "off-beat"
_COMPOSED = "new"


class _Misspelt(Exception):
    """What is typed has no such form."""


def read_changes(typed: Sequence[str], edit: EditView) -> tuple[SegmentChange, ...]:
    """The changes that were typed, of this edit.

    Raises PermanentError: CHANGE_MISSPELT for what is no change of this edit, NO_SUCH_MUSIC,
    CAPTION_EMPTY, CAPTION_TOO_LONG, CAPTION_UNSUPPORTED.
    """
    if len(typed) > MAX_CHANGES:
        raise PermanentError(
            ErrorCode.CHANGE_MISSPELT,
            f"There are {len(typed)} changes; at most {MAX_CHANGES} are made at once.",
        )
    return tuple(_read(change, edit) for change in typed)


def typed_refusal(refusal: PermanentError, typed: Sequence[str], edit: EditView) -> PermanentError:
    """A refusal of one of the changes, which names it as it was typed, with what is possible."""
    number = refusal.details.get("change")
    if not isinstance(number, int):
        return refusal
    change = _read(typed[number], edit)
    possible = [_typed_nearest(change, nearest, edit) for nearest in refusal.details["nearest"]]
    instead = f" Possible instead: {', '.join(possible)}." if possible else ""
    return PermanentError(refusal.code, f"{printable(typed[number])}: {refusal.message}{instead}")


def _read(typed: str, edit: EditView) -> SegmentChange:
    kind, _, rest = typed.partition(":")
    try:
        if kind not in _READ:
            raise _Misspelt(f"there is no such change; there are {', '.join(_READ)}")
        return _READ[kind](rest, edit)
    except _Misspelt as reason:
        raise PermanentError(ErrorCode.CHANGE_MISSPELT, f"{printable(typed)}: {reason}.") from None


def _segment(text: str, edit: EditView, *, what: str = "segment") -> int:
    """The number of a segment or place, counted from 0."""
    total = len(edit.segments)
    number = _whole(text, f"the number of a {what}")
    if not 1 <= number <= total:
        raise _Misspelt(f"there is no {what} {number}; the Reel has 1 to {total}")
    return number - 1


def _whole(text: str, what: str) -> int:
    try:
        return int(text)
    except ValueError:
        found = f"{printable(text)!r} is not" if text else "it lacks"
        raise _Misspelt(f"{found} {what}") from None


def _fields(rest: str, form: str, *counts: int) -> list[str]:
    """What stands between the colons; as many as the form has."""
    fields = rest.split(":")
    if len(fields) not in counts:
        raise _Misspelt(f"it is written {form}")
    return fields


def _lock(rest: str, edit: EditView) -> SegmentChange:
    return LockSegment(segment=_segment(rest, edit))


def _unlock(rest: str, edit: EditView) -> SegmentChange:
    return LockSegment(segment=_segment(rest, edit), locked=False)


def _ban(rest: str, edit: EditView) -> SegmentChange:
    return BanSegment(segment=_segment(rest, edit))


def _replace(rest: str, edit: EditView) -> SegmentChange:
    number, rank = _fields(rest, "replace:N:A", 2)
    segment, wanted = _segment(number, edit), _whole(rank, "the number of an alternative")
    offered = edit.segments[segment].alternatives
    if not 1 <= wanted <= len(offered):
        has = f"it has 1 to {len(offered)}" if offered else "it has none"
        raise _Misspelt(f"segment {segment + 1} has no alternative {wanted}; {has}")
    return ReplaceSegment(segment=segment, alternative=offered[wanted - 1].id)


def _trim(rest: str, edit: EditView) -> SegmentChange:
    number, edge, frames, *beat = _fields(rest, f"trim:N:in|out:FRAMES[:{_OFF_BEAT}]", 3, 4)
    if edge not in ("in", "out"):
        raise _Misspelt(f"{printable(edge)!r} is neither in nor out")
    if beat not in ([], [_OFF_BEAT]):
        raise _Misspelt(f"{printable(beat[0])!r} is not {_OFF_BEAT}")
    return TrimSegment.model_validate(
        {
            "segment": _segment(number, edit),
            "edge": edge,
            "frames": _whole(frames, "a number of frames"),
            "off_beat": bool(beat),
        }
    )


def _slip(rest: str, edit: EditView) -> SegmentChange:
    number, frames = _fields(rest, "slip:N:FRAMES", 2)
    return SlipSegment(segment=_segment(number, edit), frames=_whole(frames, "a number of frames"))


def _move(rest: str, edit: EditView) -> SegmentChange:
    number, place = _fields(rest, "move:N:TO", 2)
    return MoveSegment(segment=_segment(number, edit), to=_segment(place, edit, what="place"))


def _crop(rest: str, edit: EditView) -> SegmentChange:
    number, x, y = _fields(rest, "crop:N:X:Y", 3)
    pixels = "a number of pixels"
    return NudgeCrop(segment=_segment(number, edit), x=_whole(x, pixels), y=_whole(y, pixels))


def _mute(rest: str, edit: EditView) -> SegmentChange:
    return MuteSegment(segment=_segment(rest, edit))


def _unmute(rest: str, edit: EditView) -> SegmentChange:
    return MuteSegment(segment=_segment(rest, edit), muted=False)


def _caption(rest: str, edit: EditView) -> SegmentChange:
    number, colon, text = rest.partition(":")
    if not colon:
        raise _Misspelt("it is written caption:N:TEXT, or caption:N: for none")
    segment = _segment(number, edit)
    if text:
        from montage_pipeline.captions.layout import refuse_undrawable

        refuse_caption(text)
        refuse_undrawable(text)
    return CaptionSegment(segment=segment, text=text)


def _music(rest: str, _edit: EditView) -> SegmentChange:
    if not rest:
        raise _Misspelt(f"it is written music:FILE, or music:{_COMPOSED} for newly composed music")
    return ChangeMusic(url=None if rest == _COMPOSED else music_address(rest))


_READ: dict[str, Callable[[str, EditView], SegmentChange]] = {
    "lock": _lock,
    "unlock": _unlock,
    "ban": _ban,
    "replace": _replace,
    "trim": _trim,
    "slip": _slip,
    "move": _move,
    "crop": _crop,
    "mute": _mute,
    "unmute": _unmute,
    "caption": _caption,
    "music": _music,
}


def _typed_nearest(change: SegmentChange, nearest: Any, edit: EditView) -> str:
    """What is possible instead of a change, ready to be typed."""
    match change:
        case TrimSegment():
            beat = f":{_OFF_BEAT}" if change.off_beat else ""
            return f"trim:{change.segment + 1}:{change.edge}:{nearest:+d}{beat}"
        case SlipSegment():
            return f"slip:{change.segment + 1}:{nearest:+d}"
        case MoveSegment():
            return f"move:{change.segment + 1}:{nearest + 1}"
        case NudgeCrop():
            return f"crop:{change.segment + 1}:{nearest['x']}:{nearest['y']}"
        case ReplaceSegment():
            ids = [found.id for found in edit.segments[change.segment].alternatives]
            return f"replace:{change.segment + 1}:{ids.index(nearest) + 1}"
        case _:
            return str(nearest)


def named_files(typed: Sequence[str]) -> tuple[Path, ...]:
    """The person's own files among what was typed: none of them is ever written."""
    return tuple(
        Path(rest)
        for kind, _, rest in (change.partition(":") for change in typed)
        if kind == "music" and rest not in ("", _COMPOSED)
    )
