"""The engine that the settings ask for.

Belongs here: one branch for each engine. Does not belong here: any engine; each has its own module.
"""

from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.rendering.video.chunks.store import ChunkStore
from montage_pipeline.settings import Settings


def engine_for(settings: Settings, chunks: ChunkStore | None = None) -> RenderEngine:
    """The engine named by `settings.render_engine`, ready to render.

    `chunks` keeps encoded segments for later renders; without it every segment is encoded.
    """
    if settings.render_engine == "moviepy":
        # MoviePy takes a second to import, so it is imported only when it is used.
        from montage_pipeline.rendering.moviepy_engine import MoviePyEngine

        return MoviePyEngine(settings, chunks)

    from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine

    return FfmpegEngine(settings, chunks)
