"""Parts of long footage in which no shot changes, told without decoding them: by the key frames on
both sides and the sizes between.

Belongs here: finding such parts. Does not belong here: deciding when to trust in them (analysis).
"""

from collections.abc import Sequence

import cv2
import numpy as np

from montage_pipeline.footage.decoding.packets import PacketTable, decoding_ahead_s
from montage_pipeline.footage.measuring.coarse import key_pictures
from montage_pipeline.footage.measuring.planes import planes_of, small_chroma, small_luma
from montage_pipeline.footage.measuring.shots import Thumb, same_view, thumb
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.spans import Span

# after entering: a picture to sample at its beginning and one at its end, and what moves between
_DECODED_S = 0.27
_AFTER_CHANGE_S = 0.4  # the same, where what comes before is decoded and may be another shot
_ENTER_AGAIN_S = 1.4  # with the first key frame after so long
_LEAST_CALM_S = 0.3
_BETWEEN_KEYS_S = 4.2  # at the most
_OUTLIER = 2.5  # times the usual bytes of a picture: something new came into view
_LUMA_SIDE, _SIDE = 160, 40


def calm_parts(
    source: ClipSource,
    facts: ClipFacts,
    table: PacketTable,
    spans: Sequence[Span],
    threads: int = 0,
) -> tuple[Span, ...]:
    """Parts of the spans between key frames that show the same, without a picture of unusual size
    between them.

    _DECODED_S or _AFTER_CHANGE_S are left before each part, and none lasts much longer than the
    time between key frames, or
    _ENTER_AGAIN_S. Nothing where the container does not tell the packets' sizes or does not lead to
    its key frames.
    """
    if not (table.complete and table.seekable):
        return ()
    keys = table.key_times_s
    rows: list[list[Span]] = []
    for span in spans:
        first, last = np.searchsorted(keys, [span.start_s - 1e-3, span.end_s])
        rows.append(
            [
                Span(*pair)
                for pair in zip(
                    keys[first:last].tolist(), keys[first + 1 : last + 1].tolist(), strict=False
                )
            ]
        )
    calm = _calm(
        source, facts, table, [group for row in rows for group in _groups(table, row)], threads
    )
    # In the time of the table, by which the container is entered, pictures come this late.
    late_s = decoding_ahead_s(facts, table) + 0.5 / float(facts.fps.fraction)
    parts: list[Span] = []
    for span, row in zip(spans, rows, strict=True):
        place = 0
        while place < len(row):
            begin, enter_s = place, row[place].start_s
            end_s = enter_s
            while place < len(row) and row[place] in calm and end_s - enter_s < _ENTER_AGAIN_S:
                end_s = row[place].end_s
                place += 1
            # A change of shot at the first key frame is seen only if enough of the new shot is.
            decoded_before = begin > 0 and row[begin - 1] not in calm
            part = Span(
                enter_s + (_AFTER_CHANGE_S if decoded_before else _DECODED_S) + late_s,
                min(end_s, span.end_s),
            )
            if part.duration_s >= _LEAST_CALM_S:
                parts.append(part)
            if end_s == enter_s:
                place += 1
    return tuple(parts)


def _groups(table: PacketTable, row: Sequence[Span]) -> list[list[Span]]:
    """Neighbours without an unusual picture, as many together as are passed over in one go."""
    groups: list[list[Span]] = []
    for between in row:
        if not _quiet(table, between):
            continue
        last = groups[-1] if groups else None
        if (
            last
            and last[-1].end_s == between.start_s
            and last[-1].end_s - last[0].start_s < _ENTER_AGAIN_S
        ):
            last.append(between)
        else:
            groups.append([between])
    return groups


def _calm(
    source: ClipSource,
    facts: ClipFacts,
    table: PacketTable,
    groups: Sequence[list[Span]],
    threads: int,
) -> set[Span]:
    """Those of the groups that show the same at both ends; of the others, where the camera may move
    slowly, each that does by itself.
    """
    seen = _thumbs(
        source,
        facts,
        table,
        sorted({time_s for group in groups for time_s in (group[0].start_s, group[-1].end_s)}),
        threads,
    )

    def same(start_s: float, end_s: float) -> bool:
        return start_s in seen and end_s in seen and same_view(seen[start_s], seen[end_s])

    calm: set[Span] = set()
    moving: list[Span] = []
    for group in groups:
        if same(group[0].start_s, group[-1].end_s):
            calm.update(group)
        elif len(group) > 1:
            moving += group
    seen |= _thumbs(
        source,
        facts,
        table,
        sorted({time_s for one in moving for time_s in one} - seen.keys()),
        threads,
    )
    return calm | {one for one in moving if same(*one)}


def _quiet(table: PacketTable, between: Span) -> bool:
    """Whether nothing between two key frames takes so many bytes that something new may have come
    into view.
    """
    if between.duration_s > _BETWEEN_KEYS_S:
        return False
    first, last = np.searchsorted(table.times_s, [between.start_s - 1e-3, between.end_s - 1e-3])
    sizes = table.sizes[first:last][~table.keys[first:last]]
    return len(sizes) > 0 and bool(sizes.max() <= _OUTLIER * np.percentile(sizes, 80))


def _thumbs(
    source: ClipSource, facts: ClipFacts, table: PacketTable, times_s: Sequence[float], threads: int
) -> dict[float, Thumb]:
    """What the key frames at these times show; some indexes name a time a few frames before the
    picture's own.
    """
    found: dict[float, Thumb] = {}
    if not times_s:
        return found
    for time_s, frame in key_pictures(source, facts, table, times_s, threads):
        planes = planes_of(frame, facts)
        chroma = small_chroma(planes, facts, _SIDE)
        luma = cv2.resize(
            small_luma(planes, facts, _LUMA_SIDE),
            chroma[0].shape[::-1],
            interpolation=cv2.INTER_AREA,
        )
        key_s = max((key_s for key_s in times_s if key_s <= time_s + 1e-3), default=None)
        if key_s is not None:
            found[key_s] = thumb(time_s, luma.astype(np.uint8), chroma)
    return found
