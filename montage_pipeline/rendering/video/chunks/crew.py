"""Makes all parts of a Reel, side by side, within the machine's cores and the memory that is
allowed.

Belongs here: the order of the parts, how many run at once, and ending all of them when one fails.
Does not belong here: how a part is made (part, moviepy_part).
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from montage_pipeline.machine import usable_cores
from montage_pipeline.rendering.video.chunks.model import ChunkMaker
from montage_pipeline.rendering.video.chunks.store import ChunkStore
from montage_pipeline.settings import Settings

_LOOK_EVERY_S = 0.2
_HARDWARE_SESSIONS = 2  # consumer graphics cards refuse more than a few encoders


@dataclass(frozen=True)
class MadeChunks:
    """The parts in the order of the segments, and how many of them came from the store."""

    paths: tuple[Path, ...]
    reused: int


class ChunkCrew:
    """Makes parts with as many workers as the settings, the cores and the memory allow."""

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
        """Make or fetch every part into `folder`.

        `on_progress` is called with the number of frames encoded so far, a few times a second, from
        this thread; what
        it raises ends the render. Raises the first failure of a part, with every other one ended.
        """
        paths = [folder / f"part-{number}.nut" for number in range(len(makers))]
        addresses = [maker.address() for maker in makers] if self._store else [""] * len(makers)
        room = _Room(self._memory_mb)
        with (
            ThreadPoolExecutor(self._workers, "part") as workers,
            ThreadPoolExecutor(1, "keep") as keeper,
        ):
            kept: list[Future[None]] = []
            pending: set[Future[None]] = set()
            try:
                found = list(workers.map(self._fetch, addresses, paths))
                missing = sorted(
                    (n for n, here in enumerate(found) if not here), key=lambda n: -makers[n].cost
                )
                threads = max(1, self._workers // max(1, len(missing)))

                def work(number: int) -> None:
                    maker = makers[number]
                    # What does not fit beside others runs alone, and may then use every core.
                    with room.taken(maker.memory_mb) as alone:
                        maker.make(paths[number], self._workers if alone else threads)
                    if self._store:
                        kept.append(
                            keeper.submit(self._store.keep, addresses[number], paths[number])
                        )

                pending = {workers.submit(work, number) for number in missing}
                while pending:
                    done, pending = wait(pending, _LOOK_EVERY_S, FIRST_COMPLETED)
                    for future in done:
                        future.result()
                    on_progress(sum(makers[number].frames_done for number in missing))
            except BaseException:
                room.close()
                for future in pending:
                    future.cancel()
                for maker in makers:
                    maker.stop()
                raise
        for future in kept:
            future.result()
        return MadeChunks(tuple(paths), len(makers) - len(missing))

    def _fetch(self, address: str, path: Path) -> bool:
        return self._store is not None and self._store.fetch(address, path)


class _Room:
    """Memory shared out to parts, in the order they come."""

    def __init__(self, limit_mb: float) -> None:
        self._limit_mb = limit_mb
        self._used_mb = 0.0
        self._closed = False
        self._changed = threading.Condition()

    def taken(self, size_mb: float) -> "_Place":
        return _Place(self, size_mb)

    def enter(self, size_mb: float) -> bool:
        """Wait for room; True when the part fills all of it and so has the machine to itself."""
        with self._changed:
            # Anything fits into an empty room: a part that is too large for the limit is better
            # made alone than never.
            self._changed.wait_for(
                lambda: (
                    self._closed or not self._used_mb or self._used_mb + size_mb <= self._limit_mb
                )
            )
            self._used_mb += size_mb
            return 2 * size_mb > self._limit_mb

    def leave(self, size_mb: float) -> None:
        with self._changed:
            self._used_mb -= size_mb
            if self._used_mb < 1e-6:
                self._used_mb = 0.0
            self._changed.notify_all()

    def close(self) -> None:
        """Let everybody in who waits: their part is stopped already."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class _Place:
    def __init__(self, room: _Room, size_mb: float) -> None:
        self._room, self._size_mb = room, size_mb

    def __enter__(self) -> bool:
        return self._room.enter(self._size_mb)

    def __exit__(self, *_: object) -> None:
        self._room.leave(self._size_mb)
