"""The threads that look at clips side by side."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import cv2

from montage_pipeline.analysis.analyst import Onlooker
from montage_pipeline.machine import usable_cores

_MAX_CLIPS_AT_ONCE = 4  # each holds a decoder with its frames: memory, where there are many cores

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Workers:
    """Threads that take one clip each; `decoder_threads` is what each clip's decoder may use.

    `onlooker` is told which clips they are at.
    """

    pool: ThreadPoolExecutor
    decoder_threads: int
    onlooker: Onlooker

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """The results in the order of the items."""
        return self.pool.map(work, items)


@contextmanager
def workers_for(clip_count: int, onlooker: Onlooker) -> Iterator[Workers]:
    """As many workers as the clips and the cores can use."""
    count = min(_MAX_CLIPS_AT_ONCE, usable_cores(), max(1, clip_count))
    # A decoder with one thread spends less than one that hands frames around; a lone clip needs
    # all cores for its decoder.
    decoder_threads = max(1, usable_cores() // count)

    with ThreadPoolExecutor(count, thread_name_prefix="measure") as pool, _opencv_in_one_thread():
        yield Workers(pool, decoder_threads, onlooker)


@contextmanager
def _opencv_in_one_thread() -> Iterator[None]:
    """The frames are small: OpenCV spends longer handing them to its threads than on them."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
