"""The engine that the settings ask for."""

from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.settings import Settings


def engine_for(settings: Settings) -> RenderEngine:
    """`settings.render_engine`, ready to render."""
    # MoviePy takes a second to import: only when it is used.
    if settings.render_engine == "moviepy":
        from montage_pipeline.rendering.moviepy_engine import MoviePyEngine

        return MoviePyEngine(settings)
    from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine

    return FfmpegEngine(settings)
