"""Frames of a clip at given times, as a viewer would see them."""

import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from av.container import InputContainer
from av.video.frame import VideoFrame

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.container import (
    decoded_frames,
    decoder_of,
    open_clip,
    seek_before,
    video_stream,
)
from montage_pipeline.footage.decoding.frames import RgbFrame, rgb_frame
from montage_pipeline.footage.decoding.plain import Turning
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.machine import usable_cores
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget

_MAX_S = 180.0  # for all frames of a clip that are asked for at once: hundreds, at most
_DECODE_ON_S = 1.5  # up to here decoding on is cheaper than seeking back to a keyframe

# The index of some files leads behind the time asked for: step back further, at last to the start.
_STEPS_BACK_S = (0.0, 3.0, 15.0, math.inf)

# Times are floats made from exact fractions: a frame whose time rounds above the one asked for
# still counts.
_TIME_SLACK_S = 1e-6


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
    """As `frames_at`, for several clips, side by side on the cores that may be used.

    What the first clip that fails raises is raised; the others are given up.
    """
    at_once = max(1, min(usable_cores(), len(asked)))
    stop = threading.Event()

    def decoded(of_clip: FramesAsked) -> list[RgbFrame]:
        threads = 0 if at_once == 1 else usable_cores() // at_once
        return isolated(Budget(_MAX_S), stop, _decoded_at, of_clip, threads)

    with ThreadPoolExecutor(at_once, thread_name_prefix="frames") as pool:
        try:
            return list(pool.map(decoded, asked))
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def decoded_frame(source: ClipSource, facts: ClipFacts, time_s: float, max_side: int) -> RgbFrame:
    """As `frames_at` for one time, decoded here: for whoever is in a worker already."""
    [frame] = _decoded_at(FramesAsked(source, facts, (time_s,), (max_side,)), 1)
    return frame


def _decoded_at(asked: FramesAsked, threads: int) -> list[RgbFrame]:
    """`threads`: of the decoder; 0 leaves their number to it."""
    wanted = list(zip(asked.times_s, asked.max_sides, strict=True))
    frames: dict[tuple[float, int], RgbFrame] = {}
    with open_clip(asked.source) as container:
        playhead = _Playhead(container, asked.facts, threads)
        for time_s, max_side in sorted(set(wanted)):
            frames[time_s, max_side] = rgb_frame(playhead.frame_at(time_s), asked.facts, max_side)
    return [frames[frame] for frame in wanted]


class _Playhead:
    """Plays a clip forwards: the frame on screen, and the one after it."""

    def __init__(self, container: InputContainer, facts: ClipFacts, threads: int) -> None:
        self._container = container
        self._stream = video_stream(container, facts, threads=threads)
        self._decoder = decoder_of(self._stream, facts)
        self._start_s = facts.start_s
        self._frames = decoded_frames(container, self._stream, self._decoder)
        self._turning = Turning()
        self._shown: tuple[float, VideoFrame] | None = None
        self._ahead: tuple[float, VideoFrame] | None = None

    def frame_at(self, time_s: float) -> VideoFrame:
        """The frame on screen at a time, which is not before the one asked for last."""
        if time_s > self._reached_s() + _DECODE_ON_S:
            self._seek(time_s)
        while self._ahead is None or self._begins_by(self._ahead, time_s):
            self._shown = self._ahead or self._shown
            self._ahead = self._next()
            if self._ahead is None:
                break

        on_screen = self._shown or self._ahead
        if on_screen is None:
            raise PermanentError(
                ErrorCode.CLIP_UNREADABLE, f"no frame can be decoded at {time_s:.3f} s"
            )
        return on_screen[1]

    def _next(self) -> tuple[float, VideoFrame] | None:
        timed = next(self._frames, None)
        return timed and (timed[0], self._turning.tagged(timed[1]))

    def _reached_s(self) -> float:
        reached = self._ahead or self._shown
        return reached[0] if reached else self._start_s

    def _seek(self, time_s: float) -> None:
        self._shown = None
        for back_s in _STEPS_BACK_S:
            seek_before(self._container, self._stream, max(time_s - back_s, self._start_s))
            self._decoder.flush_buffers()
            self._frames = decoded_frames(self._container, self._stream, self._decoder)
            self._ahead = self._next()
            if self._ahead is not None and self._begins_by(self._ahead, time_s):
                break

    @staticmethod
    def _begins_by(timed: tuple[float, VideoFrame], time_s: float) -> bool:
        return timed[0] <= time_s + _TIME_SLACK_S
