"""One frame of a clip that lies in the object store, read without fetching the clip.

Belongs here: what a page shows of a clip that its browser cannot decode. Does not belong here:
frames of clips that are analysed (decoding.sample).
"""

import io
from pathlib import Path
from typing import NamedTuple

from montage_pipeline.footage.decoding.sample import decoded_frame
from montage_pipeline.footage.fetching.ranges import RangeServer, RangeStore
from montage_pipeline.footage.probe import probe_stored
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget

_AT_S = 0.5
"""How far into the clip: first frames are often black or shaking."""

_MAX_S = 20.0
"""To read the index, perhaps at the end of the file, and some frames; somebody waits for it."""

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
    time_s = wanted.time_s
    if time_s is None:
        time_s = facts.start_s + min(_AT_S, facts.duration_s / 2)
    last_s = facts.start_s + facts.duration_s - 1 / float(facts.fps.fraction)
    time_s = max(facts.start_s, min(time_s, last_s))
    image = io.BytesIO()
    Image.fromarray(decoded_frame(address, facts, time_s, wanted.max_side)).save(
        image, "JPEG", quality=_QUALITY
    )
    return image.getvalue()
