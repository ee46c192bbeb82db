"""Calm spans of long footage: parts in which no shot changes, found without decoding them, by the
keyframes on both sides and the sizes of the frames between.

Belongs here: finding calm spans. Does not belong here: deciding when to trust them (analysis.scan).
"""

from collections.abc import Iterable, Sequence

import numpy as np

from montage_pipeline.footage.decoding.keyframes import decode_keyframes
from montage_pipeline.footage.decoding.packets import (
    SAME_PACKET_S,
    IndexedClip,
    PacketTable,
)
from montage_pipeline.footage.measuring.planes import (
    planes_of,
    resized_like,
    small_chroma,
    small_luma,
)
from montage_pipeline.footage.measuring.thumbs import Thumb, same_view, thumb
from montage_pipeline.spans import Span

# Decoded after entering: a frame to sample at the beginning and one at the end, and what moves
# between.
_DECODED_S = 0.27
_AFTER_CHANGE_S = 0.4  # the same, where what comes before is decoded and may be another shot

_ENTER_AGAIN_S = 1.4  # after so much calm, with the next keyframe: the subject is seen that often
_MIN_CALM_S = 0.3  # less saves nothing
_MAX_GAP_S = 4.2  # between keyframes; over more, both may look the same by chance

# Times the bytes that four of five frames stay below: something new came into view.
_OUTLIER, _USUAL_PERCENTILE = 2.5, 80

# Longer sides, in pixels, of what is compared. Luma is shrunk in two steps, as `measure` does.
_LUMA_SIDE, _SIDE = 160, 40

Gap = Span
"""The time from one keyframe to the next."""


def calm_spans(clip: IndexedClip, spans: Sequence[Span]) -> tuple[Span, ...]:
    """Parts of the spans that lie between keyframes of the same view, without an outsized frame.

    Something is left to decode before each part, and none lasts much longer than the time between
    keyframes, or _ENTER_AGAIN_S. None where the container does not tell the packets' sizes, or its
    index does not lead to the keyframes.
    """
    if not (clip.packets.complete and clip.packets.seekable):
        return ()
    rows = [_gaps(clip.packets, span) for span in spans]
    groups = [group for row in rows for group in _quiet_groups(clip.packets, row)]
    calm = _calm_gaps(clip, groups)

    # Times are rounded: what is skipped begins well after the frame that is decoded last.
    late_s = 0.5 / float(clip.facts.fps.fraction)
    parts = [
        part
        for span, row in zip(spans, rows, strict=True)
        for part in _calm_parts(span, row, calm, late_s)
    ]
    return tuple(part for part in parts if part.duration_s >= _MIN_CALM_S)


def _gaps(packets: PacketTable, span: Span) -> list[Gap]:
    """The gaps between keyframes that begin inside a span."""
    keyframes_s = packets.key_times_s
    first, last = np.searchsorted(keyframes_s, [span.start_s - SAME_PACKET_S, span.end_s])
    starts_s = keyframes_s[first:last].tolist()
    ends_s = keyframes_s[first + 1 : last + 1].tolist()
    return [Span(start_s, end_s) for start_s, end_s in zip(starts_s, ends_s, strict=False)]


def _calm_parts(span: Span, row: Sequence[Gap], calm: set[Gap], late_s: float) -> list[Span]:
    """Runs of calm gaps of a span, each without what is decoded after entering it."""
    parts: list[Span] = []
    place = 0
    while place < len(row):
        first = place
        enter_s = end_s = row[place].start_s
        while place < len(row) and row[place] in calm and end_s - enter_s < _ENTER_AGAIN_S:
            end_s = row[place].end_s
            place += 1
        # A shot change at the first keyframe is seen only if enough of the new shot is.
        after_decoded = first > 0 and row[first - 1] not in calm
        decoded_s = _AFTER_CHANGE_S if after_decoded else _DECODED_S
        parts.append(Span(enter_s + decoded_s + late_s, min(end_s, span.end_s)))
        if place == first:
            place += 1
    return parts


def _quiet_groups(packets: PacketTable, row: Sequence[Gap]) -> list[list[Gap]]:
    """Neighbours without an outsized frame, as many together as are skipped in one go."""
    groups: list[list[Gap]] = []
    for gap in row:
        if not _is_quiet(packets, gap):
            continue
        last = groups[-1] if groups else None
        if (
            last
            and last[-1].end_s == gap.start_s
            and last[-1].end_s - last[0].start_s < _ENTER_AGAIN_S
        ):
            last.append(gap)
        else:
            groups.append([gap])
    return groups


def _is_quiet(packets: PacketTable, gap: Gap) -> bool:
    """Whether no frame between two keyframes takes so many bytes that something new may show."""
    if gap.duration_s > _MAX_GAP_S:
        return False
    here = packets.places(gap)
    sizes = packets.sizes[here][~packets.keys[here]]
    if not len(sizes):
        return False
    return bool(sizes.max() <= _OUTLIER * np.percentile(sizes, _USUAL_PERCENTILE))


def _calm_gaps(clip: IndexedClip, groups: Sequence[Sequence[Gap]]) -> set[Gap]:
    """The gaps of groups that show the same view at both ends.

    Of the other groups, in which the camera may move slowly, each gap that does by itself.
    """
    wholes = [Span(group[0].start_s, group[-1].end_s) for group in groups]
    seen = _thumbs_at(clip, {time_s for whole in wholes for time_s in whole})

    calm: set[Gap] = set()
    open_gaps: list[Gap] = []
    for whole, group in zip(wholes, groups, strict=True):
        if _shows_same_view(whole, seen):
            calm.update(group)
        elif len(group) > 1:
            open_gaps += group

    seen |= _thumbs_at(clip, {time_s for gap in open_gaps for time_s in gap} - seen.keys())
    return calm | {gap for gap in open_gaps if _shows_same_view(gap, seen)}


def _shows_same_view(gap: Gap, seen: dict[float, Thumb]) -> bool:
    first, last = seen.get(gap.start_s), seen.get(gap.end_s)
    return first is not None and last is not None and same_view(first, last)


def _thumbs_at(clip: IndexedClip, keyframes_s: Iterable[float]) -> dict[float, Thumb]:
    """What the keyframes at these times show; damaged ones are left out.

    Some indexes name a time a few frames before the frame's own.
    """
    times_s = sorted(keyframes_s)
    if not times_s:
        return {}
    found: dict[float, Thumb] = {}
    for time_s, frame in decode_keyframes(clip, times_s):
        planes = planes_of(frame, clip.facts)
        chroma = small_chroma(planes, clip.facts, _SIDE)
        luma = resized_like(small_luma(planes, clip.facts, _LUMA_SIDE), chroma[0])
        earlier = (key_s for key_s in times_s if key_s <= time_s + SAME_PACKET_S)
        key_s = max(earlier, default=None)
        if key_s is not None:
            found[key_s] = thumb(time_s, luma, chroma)
    return found
