"""The engine that the settings ask for."""

from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.rendering.video.chunks.store import ChunkStore
from montage_pipeline.settings import Settings


def engine_for(settings: Settings, parts: ChunkStore | None = None) -> RenderEngine:
    """`settings.render_engine`, ready to render;

    `parts` keeps the picture of each segment for later renders.
    """
    # MoviePy takes a second to import: only when it is used.
    if settings.render_engine == "moviepy":
        from montage_pipeline.rendering.moviepy_engine import MoviePyEngine

        return MoviePyEngine(settings, parts)
    from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine

    return FfmpegEngine(settings, parts)
