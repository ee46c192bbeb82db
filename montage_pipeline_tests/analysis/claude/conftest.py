"""Clips and a step of one request, for the tests of the Claude analyst."""

from collections.abc import Iterator

import pytest

from montage_pipeline.footage.model import FetchedClip
from montage_pipeline_tests.analysis.claude.stand_ins import AnalysisStep, clips_in
from montage_pipeline_tests.fakes.anthropic_server import AnthropicServer


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[FetchedClip]:
    """Ten clips."""
    return clips_in(tmp_path_factory.mktemp("clips"), 10)


@pytest.fixture
def step(clips: list[FetchedClip]) -> Iterator[AnalysisStep]:
    """A step with ten clips, at a server of its own."""
    with AnthropicServer() as server:
        yield AnalysisStep(server, list(clips))


@pytest.fixture
def small(step: AnalysisStep) -> AnalysisStep:
    """The step with two clips, for tests that are not about footage."""
    step.clips = step.clips[-2:]
    return step
