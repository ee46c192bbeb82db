"""Whether what looks like a mark is there all the time.

Edges of footage may come back to their place as often as they leave it: a collar before a wall, a
branch in the wind. A mark is in every frame; one that changes places, as some services' do, stays
for seconds in each.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.overlays.persistence import Floats, Persistence, gradients
from montage_pipeline.footage.model import Box

Flags = NDArray[np.bool_]

_STRONG = 0.75
"""Quantile of a mark's strengths in the frames that is its own: it may be there in few of them."""

_MIN_STRENGTH, _MAX_WITHOUT = 0.25, 0.1
"""Share of its own strength below which a frame is without it, and of such frames that a mark may
have: what is behind may hide it in a few. Of marks drawn over the development clips of
`benchmarks.watermarks` (10 and 40 % opaque) the weakest tenth of the frames has 0.35 at least; of
collars and of flicker in an old film 0.06 at most.
"""

_MIN_STAY = 4
"""Frames for which a mark that changes places stays in one, and away from it, on average."""


def present_throughout(
    boxes: Sequence[Box], edges: Flags, frames: Sequence[Floats], stayed: Persistence
) -> Iterator[Box]:
    """The boxes whose edges are in the frames all the time, or for long enough at a time."""
    if not boxes:
        return
    strengths = np.stack([_strengths(boxes, edges, frame, stayed) for frame in frames])
    for box, strength in zip(boxes, strengths.T, strict=True):
        own = float(np.quantile(strength, _STRONG))
        without = strength < _MIN_STRENGTH * own
        if own > 0 and (without.mean() <= _MAX_WITHOUT or _shorter_stay(without) >= _MIN_STAY):
            yield box


def _strengths(boxes: Sequence[Box], edges: Flags, frame: Floats, stayed: Persistence) -> Floats:
    """How much of what stayed at the edges in each box a frame has."""
    across, down = gradients(frame)
    changes = np.maximum(stayed.backgrounds, 1)
    shared = (across * stayed.across + down * stayed.down) / changes * edges
    rows, columns = edges.shape
    return np.array(
        [
            shared[
                int(box.y * rows) : round((box.y + box.height) * rows),
                int(box.x * columns) : round((box.x + box.width) * columns),
            ].sum()
            for box in boxes
        ],
        dtype=np.float32,
    )


def _shorter_stay(without: Flags) -> float:
    """Mean number of frames that a mark stays with a place, or away from it; the smaller one."""
    runs = [is_without for is_without, _ in groupby(without.tolist())]
    away, there = sum(runs), len(runs) - sum(runs)
    return float(min(without.sum() / max(away, 1), (~without).sum() / max(there, 1)))
