"""Makes all chunks of a Reel, side by side, within the machine's cores and the allowed memory.

Belongs here: the order of the chunks, how many run at once, and ending all of them when one fails.
Does not belong here: how a chunk is made (the makers).
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from montage_pipeline.machine import usable_cores
from montage_pipeline.rendering.video.chunks.model import ChunkMaker
from montage_pipeline.rendering.video.chunks.store import ChunkStore
from montage_pipeline.settings import Settings

_POLL_S = 0.2
"""How often progress is reported while no chunk finishes."""

_HARDWARE_SESSIONS = 2
"""Consumer graphics cards refuse more than a few encoders at a time."""


@dataclass(frozen=True)
class MadeChunks:
    """The chunks in the order of the segments, and how many of them came from the store.

    `addresses` is where they are kept; empty without a store.
    """

    paths: tuple[Path, ...]
    reused: int
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class _Chunk:
    """A chunk to be: who makes it, where it goes, and its address if there is a store."""

    maker: ChunkMaker
    path: Path
    address: str


class ChunkCrew:
    """Makes chunks with as many workers as the settings, the cores and the memory allow."""

    def __init__(
        self, settings: Settings, store: ChunkStore | None, *, hardware: bool = False
    ) -> None:
        self._memory_mb = settings.render_memory_mb
        self._workers = settings.render_jobs or usable_cores()
        if hardware:
            self._workers = min(self._workers, _HARDWARE_SESSIONS)
        self._store = store

    def make(
        self, makers: Sequence[ChunkMaker], folder: Path, on_progress: Callable[[int], None]
    ) -> MadeChunks:
        """Make or fetch every chunk into `folder`.

        `on_progress` is called from this thread with the number of frames encoded so far, a few
        times a second; what it raises ends the render. Raises the first failure of a chunk, with
        all others ended.
        """
        chunks = [
            _Chunk(maker, folder / f"chunk-{number}.nut", maker.address() if self._store else "")
            for number, maker in enumerate(makers)
        ]
        memory = _MemoryShare(self._memory_mb)
        uploads: list[Future[None]] = []
        pending: set[Future[None]] = set()
        with (
            ThreadPoolExecutor(self._workers, "chunk") as workers,
            ThreadPoolExecutor(1, "keep") as keeper,
        ):
            try:
                found = list(workers.map(self._fetch, chunks))
                missing = [chunk for chunk, here in zip(chunks, found, strict=True) if not here]
                # A long one that came last would keep the others waiting.
                missing.sort(key=lambda chunk: -chunk.maker.cost)
                threads = max(1, self._workers // max(1, len(missing)))

                def work(chunk: _Chunk) -> None:
                    # What does not fit beside others runs alone, and may then use every core.
                    with memory.taken(chunk.maker.memory_mb) as alone:
                        chunk.maker.make(chunk.path, self._workers if alone else threads)
                    if self._store:
                        uploads.append(keeper.submit(self._store.keep, chunk.address, chunk.path))

                pending = {workers.submit(work, chunk) for chunk in missing}
                while pending:
                    done, pending = wait(pending, _POLL_S, FIRST_COMPLETED)
                    for future in done:
                        future.result()
                    on_progress(sum(chunk.maker.frames_done for chunk in missing))
            except BaseException:
                memory.close()
                for future in pending:
                    future.cancel()
                for maker in makers:
                    maker.stop()
                raise

        for upload in uploads:
            upload.result()
        paths = tuple(chunk.path for chunk in chunks)
        addresses = tuple(chunk.address for chunk in chunks if chunk.address)
        return MadeChunks(paths, len(chunks) - len(missing), addresses)

    def _fetch(self, chunk: _Chunk) -> bool:
        return self._store is not None and self._store.fetch(chunk.address, chunk.path)


class _MemoryShare:
    """Memory shared out to chunks, in the order they come."""

    def __init__(self, limit_mb: float) -> None:
        self._limit_mb = limit_mb
        self._used_mb = 0.0
        self._closed = False
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, size_mb: float) -> Iterator[bool]:
        """Wait for the memory and hold it; True when so much is taken that nothing similar fits
        beside it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._has_room(size_mb))
            self._used_mb += size_mb
        try:
            yield 2 * size_mb > self._limit_mb
        finally:
            with self._changed:
                self._used_mb -= size_mb
                if self._used_mb < 1e-6:  # what rounding left
                    self._used_mb = 0.0
                self._changed.notify_all()

    def close(self) -> None:
        """Let everyone in who waits: their chunks are stopped already."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _has_room(self, size_mb: float) -> bool:
        # Anything fits while nothing runs: a chunk that is too large for the limit is better made
        # alone than never.
        return not self._used_mb or self._used_mb + size_mb <= self._limit_mb
