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

_DECODED = 0.5  # of the time between two key frames
_LEAST_DECODED_S = 0.5  # a sample at its beginning and one at its end
_LEAST_CALM_S = 0.3
_BETWEEN_KEYS_S = (0.7, 4.2)
_OUTLIER = 2.0  # times the usual bytes of a picture: something new came into view
_LUMA_SIDE, _SIDE = 160, 40


def calm_parts(source: ClipSource, facts: ClipFacts, table: PacketTable, spans: Sequence[Span]) -> tuple[Span, ...]:
    """The later halves of what lies between two key frames that show the same, without a picture of unusual size between them.

    Nothing where the container does not tell the packets' sizes or does not lead to its key frames.
    """
    if not (table.complete and table.seekable):
        return ()
    keys, frame_s = table.key_times_s, 1 / float(facts.fps.fraction)
    parts: list[tuple[float, float, Span]] = []
    for span in spans:
        first, last = np.searchsorted(keys, [span.start_s - 1e-3, span.end_s])
        for key_s, next_s in zip(keys[first:last].tolist(), keys[first + 1 : last + 1].tolist(), strict=False):
            decoded_s = max(_LEAST_DECODED_S, _DECODED * (next_s - key_s)) + frame_s / 2
            part = Span(key_s + decoded_s, min(next_s, span.end_s))
            if not _BETWEEN_KEYS_S[0] <= next_s - key_s <= _BETWEEN_KEYS_S[1] or part.duration_s < _LEAST_CALM_S:
                continue
            if not _unusual(table, Span(key_s, next_s)):
                parts.append((key_s, next_s, part))
    wanted = sorted({time_s for key_s, next_s, _ in parts for time_s in (key_s, next_s)})
    seen = _thumbs(source, facts, table, wanted)
    return tuple(part for key_s, next_s, part in parts if key_s in seen and next_s in seen and same_view(seen[key_s], seen[next_s]))


def _unusual(table: PacketTable, between: Span) -> bool:
    first, last = np.searchsorted(table.times_s, [between.start_s - 1e-3, between.end_s - 1e-3])
    sizes = table.sizes[first:last][~table.keys[first:last]]
    return not len(sizes) or bool(sizes.max() > _OUTLIER * np.percentile(sizes, 80))


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
