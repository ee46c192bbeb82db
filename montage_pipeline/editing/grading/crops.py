"""Small frames of what each segment shows: its crop, at a few instants."""

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.editing.decoded.segment_frames import INSIDE_SHARES, SegmentFrames
from montage_pipeline.editing.grading.colours import Colours
from montage_pipeline.editing.timeline import CropRect, Segment, Timeline, crop_corner
from montage_pipeline.footage.model import ClipFacts

_SIDE = 96
"""Pixels of the longer side of a crop that is measured: noise is averaged away."""


def segment_crop(timeline: Timeline, number: int, frames: SegmentFrames) -> Colours:
    """A segment's crop in the frames inside it, as R'G'B' 0..1, shape (frames, height, width, 3).

    HDR is tone-mapped.
    """
    segment = timeline.segments[number]
    facts = timeline.clips[segment.clip]
    crops = [
        _crop(frame, facts, _rectangle_at(segment, share))
        for frame, share in zip(frames.inside, INSIDE_SHARES, strict=True)
    ]
    return np.stack(crops).astype(np.float32) / 255


def _rectangle_at(segment: Segment, share: float) -> CropRect:
    """The crop when `share` (0..1) of its segment has been shown."""
    x, y = crop_corner(segment, share * (segment.frames - 1))
    crop = segment.crop
    return CropRect(x=max(0, round(x)), y=max(0, round(y)), width=crop.width, height=crop.height)


def _crop(frame: NDArray[np.uint8], facts: ClipFacts, crop: CropRect) -> NDArray[np.uint8]:
    scale = frame.shape[1] / facts.width
    left, top = round(crop.x * scale), round(crop.y * scale)
    right = max(left + 1, round((crop.x + crop.width) * scale))
    bottom = max(top + 1, round((crop.y + crop.height) * scale))
    smaller = _SIDE / max(crop.width, crop.height)
    size = max(2, round(crop.width * smaller)), max(2, round(crop.height * smaller))
    cut = frame[top:bottom, left:right]
    return cv2.resize(cut, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
