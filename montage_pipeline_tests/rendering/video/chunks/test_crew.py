"""Chunks are made side by side, within the cores and the memory; one failure ends all."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from montage_pipeline.errors import ErrorCode
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.video.chunks.crew import ChunkCrew
from montage_pipeline.settings import Settings
from montage_pipeline_tests.examples import examples


class _Load:
    """Counts what runs at the same time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running: list[float] = []
        self.worst_mb, self.worst_count = 0.0, 0
        self.made = 0

    def enter(self, size_mb: float) -> None:
        with self.lock:
            self.running.append(size_mb)
            if len(self.running) > 1:
                self.worst_mb = max(self.worst_mb, sum(self.running))
            self.worst_count = max(self.worst_count, len(self.running))

    def leave(self, size_mb: float) -> None:
        with self.lock:
            self.running.remove(size_mb)
            self.made += 1


class _Maker:
    frames_done = 1

    def __init__(
        self, load: _Load, memory_mb: float, *, takes_s: float = 0.003, fails: bool = False
    ) -> None:
        self.memory_mb, self.cost = memory_mb, memory_mb
        self._load, self._takes_s, self._fails = load, takes_s, fails
        self.stopped = threading.Event()

    def address(self) -> str:
        return ""

    def make(self, output: Path, threads: int) -> None:
        self._load.enter(self.memory_mb)
        try:
            self.stopped.wait(self._takes_s)
            if self._fails:
                raise RenderError(ErrorCode.RENDER_FAILED, "no")
            output.write_bytes(b"")
        finally:
            self._load.leave(self.memory_mb)

    def stop(self) -> None:
        self.stopped.set()


@budget(max_examples=examples(0.5), deadline=None)
@given(
    sizes=st.lists(st.floats(10, 900), min_size=1, max_size=12),
    jobs=st.integers(1, 6),
    limit=st.integers(100, 700),
)
def test_chunks_share_cores_and_memory(
    sizes: Sequence[float], jobs: int, limit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    load = _Load()
    crew = ChunkCrew(Settings(render_jobs=jobs, render_memory_mb=limit), None)
    made = crew.make(
        [_Maker(load, size) for size in sizes],
        tmp_path_factory.mktemp("chunks"),
        lambda frames: None,
    )
    assert load.made == len(sizes) == len(made.paths)
    assert all(path.exists() for path in made.paths)
    assert load.worst_count <= jobs
    assert load.worst_mb <= limit + 1e-6


def test_one_failure_ends_the_others(tmp_path: Path) -> None:
    load = _Load()
    patient = [_Maker(load, 100, takes_s=30) for _ in range(4)]
    started_s = time.monotonic()
    with pytest.raises(RenderError):
        ChunkCrew(Settings(render_jobs=2), None).make(
            [*patient, _Maker(load, 200, fails=True)], tmp_path, lambda frames: None
        )
    assert time.monotonic() - started_s < 25
    assert all(maker.stopped.is_set() for maker in patient)
    assert load.running == []
