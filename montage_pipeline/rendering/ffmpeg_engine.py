"""The default engine: FFmpeg decodes, crops, scales and encodes.

An engine decides who makes the chunk of each segment; everything else is the Assembler's. To add
one, copy this module, add its name to `model.EngineName` and `Settings.render_engine`, and give it
a branch in `engines`.

Each segment has an FFmpeg of its own, and several run side by side. Two other ways were tried: a
single graph over all clips held 1.3 to 2.4 GB of waiting frames with twenty 4K inputs; raw frames
piped into one encoder cost as much to copy as to scale, and left nothing to reuse.
"""

from collections.abc import Mapping
from pathlib import Path

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.rendering.assembly import Assembler
from montage_pipeline.rendering.model import EngineName, EngineRun, ProgressCallback
from montage_pipeline.rendering.video.chunks.ffmpeg_chunk import FfmpegChunk
from montage_pipeline.rendering.video.chunks.model import ChunkJob, ChunkMaker
from montage_pipeline.rendering.video.chunks.store import ChunkStore
from montage_pipeline.settings import Settings


class FfmpegEngine:
    """Renders with FFmpeg processes only; segments with an effect are MoviePy's, and those of clips
    whose frames change their shape, or the way they are to be turned.
    """

    name: EngineName = "ffmpeg"

    def __init__(self, settings: Settings, chunks: ChunkStore | None = None) -> None:
        """`chunks` keeps encoded segments for later renders."""
        self._assembler = Assembler(self.name, settings, chunks, _maker_of)

    def render(
        self,
        timeline: Timeline,
        sources: Mapping[str, ClipSource],
        music_path: Path,
        output: Path,
        progress: ProgressCallback,
        *,
        earlier_s: Mapping[int, float] | None = None,
    ) -> EngineRun:
        """See RenderEngine."""
        return self._assembler.render(
            timeline, sources, music_path, output, progress, earlier_s=earlier_s
        )


def _maker_of(job: ChunkJob) -> ChunkMaker:
    """Who makes the chunk of a segment.

    MoviePy's maker has every frame in its hands: it gives them their clip's shape by the rule that
    the analysis went by.
    """
    if job.segment.effect is None and not job.facts.varies:
        return FfmpegChunk(job)

    # MoviePy takes a second to import, so it is imported only when it is used.
    from montage_pipeline.rendering.video.chunks.moviepy_chunk import MoviePyChunk

    return MoviePyChunk(job)
