"""Frames of a clip at given times, as a viewer would see them."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from montage_pipeline.footage.container import open_clip
from montage_pipeline.footage.decoding.frames import RgbFrame, rgb_frame
from montage_pipeline.footage.decoding.playhead import Playhead
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.machine import usable_cores
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget

Asked = TypeVar("Asked")
Found = TypeVar("Found")

_MAX_S = 180.0  # for all frames of a clip that are asked for at once: hundreds, at most


def frames_at(
    source: ClipSource, facts: ClipFacts, times_s: Sequence[float], max_side: int
) -> list[RgbFrame]:
    """The frame on screen at each presentation time (s), in the order asked.

    Each is uint8 RGB of shape (height, width, 3), upright with square pixels, its longer side at
    most `max_side` pixels (never enlarged); HDR is tone-mapped. A time before the first frame gives
    the first, one after the last gives the last.

    Decoded in another process. Raises PermanentError(CLIP_UNREADABLE) when no frame can be decoded
    at one of the times, and as `isolated` does.
    """
    asked = FramesAsked(source, facts, tuple(times_s), (max_side,) * len(times_s))
    return isolated(Budget(_MAX_S), None, _decoded_at, asked, 0)


class FramesAsked(NamedTuple):
    """A clip, the presentation times (s) at which its frames are wanted, and the most pixels of the
    longer side of each.
    """

    source: ClipSource
    facts: ClipFacts
    times_s: tuple[float, ...]
    max_sides: tuple[int, ...]


def frames_of_clips(asked: Sequence[FramesAsked]) -> list[list[RgbFrame]]:
    """As `frames_at`, for several clips, side by side; raises as `side_by_side`."""
    return side_by_side(_decoded_at, asked)


def side_by_side(function: Callable[[Asked, int], Found], asked: Sequence[Asked]) -> list[Found]:
    """What a function of a module finds in each clip with a number of decoder threads (0: decoder
    default), in workers, side by side on the cores that may be used.

    What the first clip that fails raises is raised; the others are given up.
    """
    at_once = max(1, min(usable_cores(), len(asked)))
    stop = threading.Event()

    def found(of_clip: Asked) -> Found:
        threads = 0 if at_once == 1 else usable_cores() // at_once
        return isolated(Budget(_MAX_S), stop, function, of_clip, threads)

    with ThreadPoolExecutor(at_once, thread_name_prefix="frames") as pool:
        try:
            return list(pool.map(found, asked))
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def decoded_frames(
    source: ClipSource, facts: ClipFacts, times_s: Sequence[float], max_side: int
) -> list[RgbFrame]:
    """As `frames_at`, decoded here: for whoever is in a worker already."""
    asked = FramesAsked(source, facts, tuple(times_s), (max_side,) * len(times_s))
    return _decoded_at(asked, 1)


def _decoded_at(asked: FramesAsked, threads: int) -> list[RgbFrame]:
    """`threads`: of the decoder; 0 leaves their number to it."""
    wanted = list(zip(asked.times_s, asked.max_sides, strict=True))
    frames: dict[tuple[float, int], RgbFrame] = {}
    with open_clip(asked.source) as container:
        playhead = Playhead(container, asked.facts, threads)
        for time_s, max_side in sorted(set(wanted)):
            frames[time_s, max_side] = rgb_frame(playhead.frame_at(time_s), asked.facts, max_side)
    return [frames[frame] for frame in wanted]
