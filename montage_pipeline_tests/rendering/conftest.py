"""Media shared by the tests of this room, made once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.settings import Settings
from montage_pipeline_tests.rendering.counters import CounterClip, write_clip
from montage_pipeline_tests.rendering.edits import music_of

ClipMaker = Callable[[CounterClip], FetchedClip]

BOTH_ENGINES = pytest.mark.parametrize("engine", ["ffmpeg", "moviepy"], indirect=True)
"""For tests of what each engine does in a way of its own: `make test` too runs them with both."""


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def clip(media: Path) -> ClipMaker:
    made: dict[CounterClip, FetchedClip] = {}

    def make(wanted: CounterClip) -> FetchedClip:
        if wanted not in made:
            # A folder each: clips of several tests have the same name.
            folder = media / f"clip-{len(made)}"
            folder.mkdir()
            made[wanted] = write_clip(wanted, folder)
        return made[wanted]

    return make


@pytest.fixture(scope="session")
def music(media: Path) -> Path:
    return music_of(media / "music.wav", 40)


@pytest.fixture(params=["ffmpeg", pytest.param("moviepy", marks=pytest.mark.slow)])
def engine(request: pytest.FixtureRequest) -> RenderEngine:
    """Each of the two. They share all but the frames of a segment, so that `make test` has the
    engine that is not the usual one in a few tests only: see BOTH_ENGINES.
    """
    from montage_pipeline.rendering.engines import engine_for

    return engine_for(Settings(render_engine=request.param, render_jobs=2))


@pytest.fixture
def ffmpeg_engine() -> RenderEngine:
    from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine

    return FfmpegEngine(Settings(render_jobs=2))
