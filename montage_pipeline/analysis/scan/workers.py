"""Looking at clips side by side: a thread for each, which waits for a process of its own.

Belongs here: how many, and the boundary around each clip. Whatever reading a clip brings about ends
here, as that clip rejected with its reason; only what is our own fault goes on upwards.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar, TypeVarTuple

import cv2

from montage_pipeline.analysis.analyst import Onlooker
from montage_pipeline.analysis.model import RejectedClip
from montage_pipeline.analysis.scan.kept import KeptMeasures, name_of
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError, new_reference
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.logs import get_logger
from montage_pipeline.machine import usable_cores
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget

_log = get_logger(__name__)

_MAX_CLIPS_AT_ONCE = 4  # each holds a decoder with its frames: memory, where there are many cores

T = TypeVar("T")
R = TypeVar("R")
Arguments = TypeVarTuple("Arguments")


@dataclass(frozen=True)
class Workers:
    """Threads that take one clip each; `decoder_threads` is what each clip's decoder may use.

    `onlooker` is told which clips they are at; `kept` has what was seen in clips before.
    """

    pool: ThreadPoolExecutor
    decoder_threads: int
    onlooker: Onlooker
    kept: KeptMeasures | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """The results in the order of the items."""
        return self.pool.map(work, items)

    def look(
        self, url: str, max_s: float, function: Callable[[*Arguments], R], *args: *Arguments
    ) -> R | RejectedClip:
        """What `function` finds in a clip, called in another process, for at most `max_s` seconds.

        The clip, rejected, when that cannot be told, whatever the reason is that lies in the clip.
        Raises MontageError and OSError for what does not: no process can be started, say.
        """
        try:
            return isolated(Budget(max_s), self.stop, function, *args)
        except PermanentError as error:
            return RejectedClip(url=url, code=error.code, message=error.message)

    def look_once(
        self,
        kind: type[R],
        clip: ClipFacts,
        max_s: float,
        function: Callable[[*Arguments], R],
        *args: *Arguments,
        asked: tuple[object, ...] = (),
    ) -> R | RejectedClip:
        """As `look`; where the same was `asked` of the same clip before, what it gave then.

        `asked` is what shapes the result beside the clip. What cannot be told is not kept: another
        look may well tell it.
        """
        if self.kept is None:
            return self.look(clip.url, max_s, function, *args)
        question = (name_of(function), *asked)
        found = self.kept.recalled(kind, clip, question)
        if found is not None:
            return found
        seen = self.look(clip.url, max_s, function, *args)
        if not isinstance(seen, RejectedClip):
            self.kept.keep(seen, clip, question)
        return seen


def contained(url: str, work: Callable[[*Arguments], R], *args: *Arguments) -> R | RejectedClip:
    """What `work` makes of a clip's measures; the clip, rejected, where it cannot.

    Figures that nobody foresaw cost their own clip, never the others. Raises MontageError, which
    says what it means.
    """
    try:
        return work(*args)
    except MontageError:
        raise
    except Exception as error:
        reference = new_reference()
        _log.error("clip_failed", reference=reference, error=type(error).__name__, exc_info=error)
        message = f"it cannot be judged; the reference {reference} is in our logs"
        return RejectedClip(url=url, code=ErrorCode.CLIP_FAILED, message=message)


@contextmanager
def workers_for(
    clip_count: int, onlooker: Onlooker, kept: KeptMeasures | None = None
) -> Iterator[Workers]:
    """As many workers as the clips and the cores can use."""
    count = min(_MAX_CLIPS_AT_ONCE, usable_cores(), max(1, clip_count))
    # A decoder with one thread spends less than one that hands frames around; a lone clip needs
    # all cores for its decoder.
    decoder_threads = max(1, usable_cores() // count)

    with ThreadPoolExecutor(count, thread_name_prefix="measure") as pool, _opencv_in_one_thread():
        workers = Workers(pool, decoder_threads, onlooker, kept)
        try:
            yield workers
        except BaseException:
            # Nobody waits for the other clips any more: a person stopped it, or it is in vain.
            workers.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _opencv_in_one_thread() -> Iterator[None]:
    """The frames are small: OpenCV spends longer handing them to its threads than on them."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
