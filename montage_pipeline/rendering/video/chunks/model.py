"""What a chunk is made from, and who makes one.

Belongs here: the job of encoding one segment, and the protocol of its makers.
Does not belong here: which chunks there are and when they are made (assembly, crew).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from montage_pipeline.editing.timeline import Segment, Timeline
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.footage.names import clip_name
from montage_pipeline.rendering.video.encoding import Encoding

_BASE_MB = 75.0
"""An FFmpeg that decodes, filters and encodes, without its frames (measured)."""

_FRAMES_HELD = 10.5
"""Decoded frames on their way through the filters and the encoder (measured)."""

_CODEC_COSTS = {"hevc": 1.6, "av1": 1.5, "vp9": 1.2, "prores": 1.2}
"""Processor time to decode a pixel, beside H.264 at 1."""

_ENCODED_PIXEL_COST = 2.5
"""Processor time to scale and encode a pixel, in decoded pixels of H.264."""


class ChunkMaker(Protocol):
    """Makes one chunk; an engine chooses a maker for each segment."""

    def address(self) -> str:
        """Hex hash of everything that shapes the chunk's frames."""
        ...

    def make(self, output: Path, threads: int) -> None:
        """Write the chunk. Raises RenderError with the reason."""
        ...

    def stop(self) -> None:
        """End `make` at once, from another thread; afterwards it cannot start again."""
        ...

    @property
    def frames_done(self) -> int:
        """Frames encoded so far."""
        ...

    @property
    def memory_mb(self) -> float:
        """Memory that making the chunk is expected to take."""
        ...

    @property
    def cost(self) -> float:
        """Expected work, in any unit that is the same for all chunks."""
        ...


@dataclass(frozen=True)
class ChunkJob:
    """The segment to encode, where its clip is read, and how it is encoded.

    `folder` is the scratch folder that child processes run in. `earlier_s` is how much
    earlier than need be decoding begins (inf: at the clip's start), for files that decode otherwise
    after a seek.
    """

    timeline: Timeline
    number: int
    source: ClipSource
    encoding: Encoding
    folder: Path
    earlier_s: float = 0.0

    @property
    def segment(self) -> Segment:
        """The segment."""
        return self.timeline.segments[self.number]

    @property
    def facts(self) -> ClipFacts:
        """Its clip."""
        return self.timeline.clips[self.segment.clip]

    @property
    def name(self) -> str:
        """For people."""
        return f"segment {self.number} ({clip_name(self.facts.url)})"

    @property
    def memory_mb(self) -> float:
        """Peak memory of decoding, scaling and encoding the segment in one FFmpeg."""
        bytes_per_pixel = 1.5 * (2 if self.facts.bit_depth > 8 else 1)
        pixels = self.facts.decoded_pixels
        return _BASE_MB + _FRAMES_HELD * bytes_per_pixel * pixels / 1e6

    @property
    def cost(self) -> float:
        """Processor time, in decoded pixels of H.264."""
        fps_ratio = self.segment.speed * float(self.facts.fps.fraction / self.timeline.fps.fraction)
        source_pixels = fps_ratio * self.facts.decoded_pixels
        decoding = source_pixels * _CODEC_COSTS.get(self.facts.video_codec, 1.0)
        encoding = _ENCODED_PIXEL_COST * self.timeline.width * self.timeline.height
        return self.segment.frames * (decoding + encoding)
