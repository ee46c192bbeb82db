"""The second engine: MoviePy makes the frames, the same ones as FFmpeg's, in readable Python.

It is several times slower than FfmpegEngine and exists for effects in Python and as a second
opinion on every frame. How a segment becomes a MoviePy clip is in `video/moviepy_clip`.
"""

from collections.abc import Mapping
from pathlib import Path

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.rendering.assembly import Assembler
from montage_pipeline.rendering.model import EngineName, EngineRun, ProgressCallback
from montage_pipeline.rendering.video.chunks.moviepy_chunk import MoviePyChunk
from montage_pipeline.rendering.video.chunks.store import ChunkStore
from montage_pipeline.settings import Settings


class MoviePyEngine:
    """Renders with MoviePy, whatever the segments hold."""

    name: EngineName = "moviepy"

    def __init__(self, settings: Settings, chunks: ChunkStore | None = None) -> None:
        """`chunks` keeps encoded segments for later renders."""
        self._assembler = Assembler(self.name, settings, chunks, MoviePyChunk)

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
