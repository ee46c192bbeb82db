"""One frame of a clip that lies in the object store, read without fetching the clip.

Belongs here: what a page shows of a clip that its browser cannot decode. Does not belong here:
frames of clips that are analysed (decoding.sample).
"""

import io
from pathlib import Path

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


def frame_of_stored(
    store: RangeStore, key: str, size: int, etag: str, *, max_side: int, folder: Path
) -> bytes:
    """A JPEG of a frame near the clip's beginning, upright, its longer side at most `max_side`.

    `folder` takes the parts of the file that are read, a megabyte or a few. Decoded in another
    process. Raises PermanentError as `probe_stored` and `isolated` do; MontageError for what stands
    behind a reader's broken connection: the store.
    """
    with RangeServer(store, folder) as ranges:
        address = ranges.address_of(key, size, etag)
        try:
            return isolated(Budget(_MAX_S), None, _drawn, address, max_side)
        except Exception as error:
            reason = ranges.error()
            if reason is None:
                raise
            raise reason from error


def _drawn(address: str, max_side: int) -> bytes:
    from PIL import Image

    facts = probe_stored(address)
    time_s = facts.start_s + min(_AT_S, facts.duration_s / 2)
    image = io.BytesIO()
    Image.fromarray(decoded_frame(address, facts, time_s, max_side)).save(
        image, "JPEG", quality=_QUALITY
    )
    return image.getvalue()
