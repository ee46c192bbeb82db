"""Playing a clip forwards from one wanted frame to the next, decoding no more than that takes.

Belongs here: whether the way there is decoded or jumped, and which frames on it are. Does not
belong here: what becomes of a frame (sample, frames).
"""

import math
from collections import deque
from collections.abc import Iterator

from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.container import (
    decoder_of,
    frames_of,
    packets_of,
    seek_before,
    video_stream,
)
from montage_pipeline.footage.decoding.plain import Turning
from montage_pipeline.footage.model import ClipFacts

DECODE_ON_S = 1.5  # up to here decoding on is cheaper than seeking back to a keyframe

# The index of some files leads behind the time asked for: step back further, at last to the start.
_STEPS_BACK_S = (0.0, 3.0, 15.0, math.inf)

# Times are floats made from exact fractions: a frame whose time rounds above the one asked for
# still counts.
_TIME_SLACK_S = 1e-6

_SKIPPING_CODECS = ("h264",)
"""Whose frames say for certain that no other one needs them. HEVC's say it of their own temporal
layer only.
"""

_AHEAD = 32
"""Packets known before one is decoded: more than any order of decoding is apart from that of
showing (16 frames in H.264), twice over.
"""

_KEPT = 8
"""Frames before the wanted one that are decoded in any case: where it is damaged, what was on
screen before it is shown, as players do.
"""


class Playhead:
    """The frame on screen, and the one after it, of a clip that is played forwards."""

    def __init__(self, container: InputContainer, facts: ClipFacts, threads: int) -> None:
        """`threads`: of the decoder; 0 leaves their number to it."""
        self._container = container
        self._stream = video_stream(container, facts, threads=threads)
        self._decoder = decoder_of(self._stream, facts)
        self._time_base = float(self._stream.time_base or 0)
        self._start_s = facts.start_s
        self._wanted_s = -math.inf
        self._frames = self._decoded()
        self._turning = Turning(self._stream, self._decoder, facts)
        self._shown: tuple[float, VideoFrame] | None = None
        self._ahead: tuple[float, VideoFrame] | None = None

    def frame_at(self, time_s: float) -> VideoFrame:
        """The frame on screen at a time, which is not before the one asked for last.

        Raises PermanentError(CLIP_UNREADABLE) when no frame can be decoded there.
        """
        self._wanted_s = time_s
        if time_s > self._reached_s() + DECODE_ON_S and self._may_jump(time_s):
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

    def _may_jump(self, time_s: float) -> bool:
        """Whether a keyframe may lie on the way: False only where the index says that none does, so
        that a jump would lead back.
        """
        index = self._stream.index_entries
        wanted = round(time_s / self._time_base) if self._time_base else 0
        if not len(index) or index[-1].timestamp < wanted:
            return True
        found = index.search_timestamp(wanted, backward=True)
        return found < 0 or index[found].timestamp * self._time_base > self._reached_s()

    def _seek(self, time_s: float) -> None:
        self._shown = None
        for back_s in _STEPS_BACK_S:
            seek_before(self._container, self._stream, max(time_s - back_s, self._start_s))
            self._decoder.flush_buffers()
            self._frames = self._decoded()
            self._ahead = self._next()
            if self._ahead is not None and self._begins_by(self._ahead, time_s):
                break

    def _decoded(self) -> Iterator[tuple[float, VideoFrame]]:
        """Frames from here on with their times (s), in order, as far as somebody may want them;
        damaged packets are skipped.
        """
        decoder = self._decoder
        skips = decoder.name in _SKIPPING_CODECS
        for packet, following in _with_following(packets_of(self._container, self._stream)):
            if skips:
                passed = self._is_passed(packet, following)
                decoder.skip_frame = "NONREF" if passed else "DEFAULT"
            yield from frames_of(packet, decoder, self._time_base)

    def _is_passed(self, packet: "Packet[VideoStream]", following: "_Packets") -> bool:
        """Whether other frames come between this one and the wanted time, so that it is not the one
        on screen.
        """
        if packet.pts is None:
            return False
        wanted = (self._wanted_s + _TIME_SLACK_S) / self._time_base
        between = (
            other.pts is not None and packet.pts < other.pts <= wanted for other in following
        )
        return sum(between) > _KEPT

    @staticmethod
    def _begins_by(timed: tuple[float, VideoFrame], time_s: float) -> bool:
        return timed[0] <= time_s + _TIME_SLACK_S


_Packets = deque["Packet[VideoStream]"]


def _with_following(
    packets: "Iterator[Packet[VideoStream]]",
) -> "Iterator[tuple[Packet[VideoStream], _Packets]]":
    """Each packet with the next ones, up to `_AHEAD` of them."""
    following: _Packets = deque()
    for packet in packets:
        following.append(packet)
        if len(following) > _AHEAD:
            yield following.popleft(), following
    while following:
        yield following.popleft(), following
