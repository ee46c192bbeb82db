"""The frames that stand for segments: decoded once, drawn in the storyboard, kept as thumbnails."""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.decoding.sample import FramesAsked, frames_of_clips
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.footage.names import clip_name

_FRAME_WIDTH = 960
"""Pixels that frames are decoded at: more than a card shows, as the crop is enlarged from them."""

THUMBNAIL_SIDE = 480
"""Pixels of the longer side: sharp in a strip of segments on a phone's screen of 3 px a point."""

_THUMBNAIL_QUALITY = 82
"""JPEG: about 30 kB each, without blocks that could be seen."""


def first_frames(
    timeline: Timeline, clip_sources: Mapping[str, ClipSource]
) -> dict[int, Image.Image]:
    """The source frame at the beginning of every segment, by its index; one pass per clip, several
    clips side by side.

    `clip_sources` maps clip URL to where it is read. Raises PermanentError CLIP_MISSING for a clip
    without a source, and what `frames_at` raises for one that cannot be read.
    """
    shown: list[list[int]] = []
    asked: list[FramesAsked] = []
    for clip in sorted({segment.clip for segment in timeline.segments}):
        facts = timeline.clips[clip]
        if facts.url not in clip_sources:
            raise PermanentError(
                ErrorCode.CLIP_MISSING,
                f"The storyboard needs the file of clip {clip_name(facts.url)}.",
                url=facts.url,
            )
        own = [index for index, segment in enumerate(timeline.segments) if segment.clip == clip]
        times_s = tuple(timeline.segments[index].source_in_s for index in own)
        shown.append(own)
        asked.append(FramesAsked(clip_sources[facts.url], facts, times_s))
    return {
        index: Image.fromarray(frame)
        for own, decoded in zip(shown, frames_of_clips(asked, _FRAME_WIDTH), strict=True)
        for index, frame in zip(own, decoded, strict=True)
    }


def write_thumbnail(frame: Image.Image, output: Path) -> None:
    """Write a whole source frame as a small JPEG; the crop can be drawn on it."""
    small = frame.convert("RGB")
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    small.save(output, "JPEG", quality=_THUMBNAIL_QUALITY, optimize=True)
