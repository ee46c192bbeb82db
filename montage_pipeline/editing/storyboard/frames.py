"""The frames that stand for segments: drawn in the storyboard, kept as thumbnails."""

import io
from collections.abc import Mapping

from PIL import Image

from montage_pipeline.editing.decoded.segment_frames import SegmentFrames

THUMBNAIL_SIDE = 480
"""Pixels of the longer side: sharp in a strip of segments on a phone's screen of 3 px a point."""

_THUMBNAIL_QUALITY = 82
"""JPEG: about 30 kB each, without blocks that could be seen."""


def first_frames(frames: Mapping[int, SegmentFrames]) -> dict[int, Image.Image]:
    """The source frame at the beginning of every segment, by its number."""
    return {number: Image.fromarray(of_segment.first) for number, of_segment in frames.items()}


def thumbnail_of(frame: Image.Image) -> bytes:
    """A whole source frame as a small JPEG; the crop can be drawn on it."""
    small = frame.convert("RGB")
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    output = io.BytesIO()
    small.save(output, "JPEG", quality=_THUMBNAIL_QUALITY, optimize=True)
    return output.getvalue()
