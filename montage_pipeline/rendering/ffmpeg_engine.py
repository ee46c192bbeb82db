"""The engine for every day: FFmpeg decodes, crops, scales and encodes.

One FFmpeg for each segment does all of that and several run side by side. A single graph over all
clips was tried first:
with twenty 4K inputs it held 1.3 to 2.4 GB of waiting frames. Raw frames piped into one encoder
were tried next: copying
them cost as much as scaling, and nothing could be kept for the next render.
"""

from collections.abc import Mapping
from pathlib import Path

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.rendering.assembly import Assembler
from montage_pipeline.rendering.model import EngineName, EngineRun, ProgressCallback
from montage_pipeline.rendering.video.chunks.model import ChunkJob, ChunkMaker, FfmpegChunk
from montage_pipeline.rendering.video.chunks.store import ChunkStore
from montage_pipeline.settings import Settings


class FfmpegEngine:
    """Renders with FFmpeg processes only, but for segments with an effect: those are MoviePy's."""

    name: EngineName = "ffmpeg"

    def __init__(self, settings: Settings, parts: ChunkStore | None = None) -> None:
        """`parts` keeps the picture of each segment for later renders."""
        self._settings = settings
        self._parts = parts

    def render(
        self,
        timeline: Timeline,
        clip_paths: Mapping[str, ClipSource],
        music_path: Path,
        output: Path,
        progress: ProgressCallback,
    ) -> EngineRun:
        """Render to `output`, which appears only when whole.

        Raises RenderError with FFmpeg's reason, PermanentError when the timeline asks for what the
        clips or the music do not have.
        """
        return Assembler(self.name, self._settings, self._parts, _maker_of).render(
            timeline, clip_paths, music_path, output, progress
        )


def _maker_of(job: ChunkJob) -> ChunkMaker:
    if job.segment.effect is None:
        return FfmpegChunk(job)
    # MoviePy takes a second to import: only when it is used.
    from montage_pipeline.rendering.moviepy_engine import MoviePyChunk

    return MoviePyChunk(job)
