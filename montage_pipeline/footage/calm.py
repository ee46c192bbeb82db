"""Parts of long footage in which no shot changes, told without decoding them: by the key frames on both sides and the sizes between.

Belongs here: finding such parts. Does not belong here: deciding when to trust in them (analysis).
"""

from collections.abc import Sequence

import cv2
import numpy as np

from montage_pipeline.footage.coarse import key_pictures
from montage_pipeline.footage.look import planes_of, small_chroma, small_luma
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.footage.packets import PacketTable
from montage_pipeline.footage.shots import Span, Thumb, same_view, thumb

_DECODED_S = 0.4  # after entering: a picture to sample at its beginning and one at its end, and what moves between
_ENTER_AGAIN_S = 1.4  # with the first key frame after so long
_LEAST_CALM_S = 0.3
_BETWEEN_KEYS_S = (0.45, 4.2)
_OUTLIER = 2.5  # times the usual bytes of a picture: something new came into view
_LUMA_SIDE, _SIDE = 160, 40


def calm_parts(source: ClipSource, facts: ClipFacts, table: PacketTable, spans: Sequence[Span]) -> tuple[Span, ...]:
    """Parts of the spans between key frames that show the same, without a picture of unusual size between them.

    _DECODED_S are left before each part, and none lasts much longer than the time between key frames, or _ENTER_AGAIN_S. Nothing
    where the container does not tell the packets' sizes or does not lead to its key frames.
    """
    if not (table.complete and table.seekable):
        return ()
    keys = table.key_times_s
    rows: list[list[Span]] = []
    for span in spans:
        first, last = np.searchsorted(keys, [span.start_s - 1e-3, span.end_s])
        rows.append([Span(*pair) for pair in zip(keys[first:last].tolist(), keys[first + 1 : last + 1].tolist(), strict=False)])
    quiet = {between for row in rows for between in row if _quiet(table, between)}
    seen = _thumbs(source, facts, table, sorted({time_s for between in quiet for time_s in between}))
    calm = {one for one in quiet if one.start_s in seen and one.end_s in seen and same_view(seen[one.start_s], seen[one.end_s])}
    lead_s = _DECODED_S + 0.5 / float(facts.fps.fraction)
    parts: list[Span] = []
    for span, row in zip(spans, rows, strict=True):
        place = 0
        while place < len(row):
            enter_s = end_s = row[place].start_s
            while place < len(row) and row[place] in calm and end_s - enter_s < _ENTER_AGAIN_S:
                end_s = row[place].end_s
                place += 1
            part = Span(enter_s + lead_s, min(end_s, span.end_s))
            if part.duration_s >= _LEAST_CALM_S:
                parts.append(part)
            if end_s == enter_s:
                place += 1
    return tuple(parts)


def _quiet(table: PacketTable, between: Span) -> bool:
    """Whether nothing between two key frames takes so many bytes that something new may have come into view."""
    if not _BETWEEN_KEYS_S[0] <= between.duration_s <= _BETWEEN_KEYS_S[1]:
        return False
    first, last = np.searchsorted(table.times_s, [between.start_s - 1e-3, between.end_s - 1e-3])
    sizes = table.sizes[first:last][~table.keys[first:last]]
    return len(sizes) > 0 and bool(sizes.max() <= _OUTLIER * np.percentile(sizes, 80))


def _thumbs(source: ClipSource, facts: ClipFacts, table: PacketTable, times_s: Sequence[float]) -> dict[float, Thumb]:
    """What the key frames at these times show; some indexes name a time a few frames before the picture's own."""
    found: dict[float, Thumb] = {}
    for time_s, frame in key_pictures(source, facts, table, times_s):
        planes = planes_of(frame, facts)
        chroma = small_chroma(planes, facts, _SIDE)
        luma = cv2.resize(small_luma(planes, facts, _LUMA_SIDE), chroma[0].shape[::-1], interpolation=cv2.INTER_AREA)
        key_s = max((key_s for key_s in times_s if key_s <= time_s + 1e-3), default=None)
        if key_s is not None:
            found[key_s] = thumb(time_s, luma.astype(np.uint8), chroma)
    return found
