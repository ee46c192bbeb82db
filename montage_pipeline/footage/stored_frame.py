"""One frame of a clip that lies in the object store, read without fetching the clip.

Belongs here: what a page shows of a clip that its browser cannot decode. Does not belong here:
frames of clips that are analysed (decoding.sample).
"""

import io
import math
from pathlib import Path
from typing import NamedTuple

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.decoding.frames import RgbFrame
from montage_pipeline.footage.decoding.playhead import DECODE_ON_S
from montage_pipeline.footage.decoding.sample import decoded_frames
from montage_pipeline.footage.fetching.ranges import RangeServer, RangeStore
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.footage.probe import probe_stored
from montage_pipeline.media.complaints import complaints
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget

_AT_S = 0.5
"""How far into the clip: first frames are often black or shaking."""

_MAX_S = 20.0
"""To read the index, perhaps at the end of the file, and some frames; somebody waits for it."""

_PLAYED_S = 60.0
"""From a clip's start, for a moment that cannot be gone to: what fits into the time there is, and
is no great part of a large file to fetch.
"""

_QUALITY = 80
"""JPEG: about 6 kB of 320 pixels."""


class Wanted(NamedTuple):
    """Which frame, and how large: `time_s` in seconds of the clip, None for one near its beginning;
    its longer side is at most `max_side`.
    """

    time_s: float | None
    max_side: int


def frame_of_stored(
    store: RangeStore, key: str, size: int, etag: str, wanted: Wanted, folder: Path
) -> bytes:
    """A JPEG of a frame of the clip, upright; after its end its last one.

    `folder` takes the parts of the file that are read, a megabyte or a few. Decoded in another
    process. Raises PermanentError as `probe_stored` and `isolated` do; MontageError for what stands
    behind a reader's broken connection: the store.
    """
    with RangeServer(store, folder) as ranges:
        address = ranges.address_of(key, size, etag)
        try:
            return isolated(Budget(_MAX_S), None, _drawn, address, wanted)
        except Exception as error:
            reason = ranges.error()
            if reason is None:
                raise
            raise reason from error


def _drawn(address: str, wanted: Wanted) -> bytes:
    from PIL import Image

    facts = probe_stored(address)
    image = io.BytesIO()
    Image.fromarray(_frame(address, facts, wanted)).save(image, "JPEG", quality=_QUALITY)
    return image.getvalue()


def _frame(address: str, facts: ClipFacts, wanted: Wanted) -> RgbFrame:
    """The frame that is shown. Some files cannot be entered at their keyframes, and decode to
    something else without a word but in the log: those are played from their start.

    Raises PermanentError(CLIP_UNREADABLE) when the decoder complains of that, too, or the moment
    that was asked for is too far in: no picture is better than a wrong one.
    """
    time_s = wanted.time_s
    if time_s is None:
        near_s = facts.start_s + min(_AT_S, facts.duration_s / 2)
        return decoded_frames(address, facts, [near_s], wanted.max_side)[0]
    last_s = facts.start_s + facts.duration_s - 1 / float(facts.fps.fraction)
    time_s = max(facts.start_s, min(time_s, last_s))
    ways_s = [[time_s]]
    if time_s - facts.start_s <= _PLAYED_S:
        steps = math.ceil((time_s - facts.start_s) / DECODE_ON_S)
        ways_s.append([*(facts.start_s + step * DECODE_ON_S for step in range(steps)), time_s])

    for times_s in ways_s:
        with complaints() as said:
            *_, frame = decoded_frames(address, facts, times_s, wanted.max_side)
        if not said:
            return frame
    raise PermanentError(ErrorCode.CLIP_UNREADABLE, f"it is damaged at {time_s:.1f} s: {said[0]}")
