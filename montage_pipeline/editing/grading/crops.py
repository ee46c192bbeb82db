"""Small frames of what each segment shows: its crop, at a few instants."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.editing.grading.colours import Colours
from montage_pipeline.editing.timeline import CropRect, Segment, Timeline, crop_corner
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.decoding.sample import FramesAsked, frames_of_clips
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.footage.names import clip_name

_FRAMES_EACH = 3
"""Frames of each segment: enough for a pan; more would decode all of it."""

_DECODED_SIDE = 640
"""Pixels of the longer side that frames are decoded at; colours need no more."""

_SIDE = 96
"""Pixels of the longer side of a crop that is measured: noise is averaged away."""


def segment_crops(timeline: Timeline, sources: Mapping[str, ClipSource]) -> list[Colours]:
    """For each segment its crop as R'G'B' 0..1, shape (frames, height, width, 3).

    HDR is tone-mapped. `sources` maps clip URL to where it is read. Raises PermanentError
    CLIP_MISSING for a clip without a source, and what `frames_at` raises.
    """
    shares = [(number + 0.5) / _FRAMES_EACH for number in range(_FRAMES_EACH)]
    rate = timeline.fps.fraction
    found: dict[int, Colours] = {}
    shown: list[list[int]] = []
    asked: list[FramesAsked] = []

    # One pass for each clip: its segments lie in one container.
    for clip in sorted({segment.clip for segment in timeline.segments}):
        facts = timeline.clips[clip]
        if facts.url not in sources:
            raise PermanentError(
                ErrorCode.CLIP_MISSING,
                f"Matching the look needs the file of clip {clip_name(facts.url)}.",
                url=facts.url,
            )
        segments = [(i, s) for i, s in enumerate(timeline.segments) if s.clip == clip]
        times_s = (s.source_s(share * s.frames, rate) for _, s in segments for share in shares)
        shown.append([index for index, _ in segments])
        asked.append(FramesAsked(sources[facts.url], facts, tuple(times_s)))

    for of_clip, indices, frames in zip(
        asked, shown, frames_of_clips(asked, _DECODED_SIDE), strict=True
    ):
        for place, index in enumerate(indices):
            own = frames[place * _FRAMES_EACH : (place + 1) * _FRAMES_EACH]
            crops = [
                _crop(frame, of_clip.facts, _rectangle_at(timeline.segments[index], share))
                for frame, share in zip(own, shares, strict=True)
            ]
            found[index] = np.stack(crops).astype(np.float32) / 255
    return [found[index] for index in range(len(timeline.segments))]


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
