"""Decoding spans of a clip in one pass through its file, entering each at a keyframe.

Belongs here: seeking, what is fed to the decoder, and which frames were damaged.
Does not belong here: which spans are decoded in which order (plan), measuring frames (measuring).
"""

import heapq
from collections.abc import Iterator

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from montage_pipeline.footage.container import (
    decoder_of,
    packets_of,
    read_only,
    seek_before,
    video_stream,
)
from montage_pipeline.footage.decoding.damage import DamageLog
from montage_pipeline.footage.decoding.packets import SAME_PACKET_S, IndexedClip
from montage_pipeline.footage.decoding.plain import Turning
from montage_pipeline.footage.decoding.plan import DecodedSpan
from montage_pipeline.media.opening import MAX_PIXELS_OPTION
from montage_pipeline.spans import Span

# Above the rate of 1080p30, frames that no other frame needs are not decoded, and the edges of
# blocks are not smoothed.
_MAX_PIXELS_PER_S = 75e6
_GAP_FRAMES = 1.8  # between two frames, from which one may be missing
_SAME_FRAME_S = 1e-3  # times of a packet and of its frame differ by less, after rounding
_SAME_S = 1e-6  # a frame this little before a span is its first, but for rounding

Packets = Iterator["Packet[VideoStream]"]


class Reader:
    """Reads the spans of a plan in order, or the whole clip."""

    def __init__(self, container: InputContainer, clip: IndexedClip) -> None:
        self._container = container
        self._clip = clip
        self._stream = video_stream(container, clip.facts, threads=clip.decoder_threads)
        self._decoder = decoder_of(self._stream, clip.facts)
        read_only(container, self._stream)
        self._time_base = float(self._stream.time_base or 0)
        self._frame_s = 1 / float(clip.facts.fps.fraction)
        self._skips_frames = clip.facts.decoded_pixels / self._frame_s > _MAX_PIXELS_PER_S
        if self._skips_frames:
            self._decoder.skip_frame = "NONREF"
            # A fifth of the work, for an error that grows to one level of 255 until the next
            # keyframe.
            self._decoder.options = {**MAX_PIXELS_OPTION, "skip_loop_filter": "all"}
        self._packets: Packets = packets_of(container, self._stream)
        self._turning = Turning(self._stream, self._decoder, clip.facts)
        self._damage = self._new_damage_log()
        self._awaited_s: list[float] = []

    def everything(self, whole: Span) -> Iterator[tuple[float, VideoFrame]]:
        """All frames with their times (s)."""
        return self._frames(self._packets, whole, drain=False)

    def frames(self, planned: DecodedSpan) -> Iterator[tuple[float, VideoFrame]]:
        """The frames of the next span of the plan, with their times (s)."""
        packets = self._packets if planned.entry_s is None else self._enter(planned.entry_s)
        yield from self._frames(packets, planned.span, drain=planned.drained)

    def damaged(self, within: Span) -> tuple[Span, ...]:
        """The damaged parts of a span whose frames were just read."""
        return self._damage.damaged(within)

    def _new_damage_log(self) -> DamageLog:
        return DamageLog(self._frame_s, self._decoder.thread_count)

    def _enter(self, entry_s: float) -> Packets:
        """The packets from the keyframe at `entry_s` on."""
        self._damage = self._new_damage_log()
        self._awaited_s = []
        if self._clip.packets.seekable:
            seek_before(self._container, self._stream, entry_s - self._clip.packets.lead_s)
            self._packets = packets_of(self._container, self._stream)
        self._decoder.flush_buffers()
        return self._packets_from(entry_s)

    def _packets_from(self, entry_s: float) -> Packets:
        entered = False
        for packet in self._packets:
            entered = entered or self._is_entry(packet, entry_s)
            if entered:
                yield packet

    def _is_entry(self, packet: "Packet[VideoStream]", entry_s: float) -> bool:
        shown = packet.pts if packet.pts is not None else packet.dts
        return (
            shown is not None
            and packet.is_keyframe
            and shown * self._time_base >= entry_s - SAME_PACKET_S
        )

    def _frames(
        self, packets: Packets, span: Span, *, drain: bool
    ) -> Iterator[tuple[float, VideoFrame]]:
        last_s: float | None = None
        for frame in map(self._turning.tagged, self._decoded(packets, span.end_s, drain=drain)):
            if frame.pts is None:
                continue
            time_s = frame.pts * self._time_base
            if frame.is_corrupt:
                self._damage.corrupt(time_s)
            if time_s >= span.end_s:
                if drain:
                    continue
                return
            missing = self._is_frame_missing(last_s, time_s)
            if time_s < span.start_s - _SAME_S:
                continue
            if last_s is not None and missing:
                self._damage.corrupt(last_s + self._frame_s)
            last_s = time_s
            yield time_s, frame

    def _decoded(self, packets: Packets, end_s: float, *, drain: bool) -> Iterator[VideoFrame]:
        """Frames in order of time.

        With `drain` the decoder is not fed what is shown later only, and emptied at the end.
        """
        for packet in packets:
            if drain and packet.dts is not None and packet.dts * self._time_base >= end_s:
                break
            time_s = packet.pts * self._time_base if packet.pts is not None else None
            self._damage.fed(time_s, keyframe=packet.is_keyframe)
            if time_s is not None and packet.size and not packet.is_discard:
                heapq.heappush(self._awaited_s, time_s)
            if packet.is_corrupt and time_s is not None:
                self._damage.corrupt(time_s)
            try:
                frames = self._decoder.decode(packet)
                yield from (frame for frame in frames if isinstance(frame, VideoFrame))
            except av.InvalidDataError:
                self._damage.failed()
        else:
            return  # the file's last packet emptied the decoder

        try:
            rest = self._decoder.decode(None)
            yield from (frame for frame in rest if isinstance(frame, VideoFrame))
        except av.InvalidDataError:
            self._damage.failed()

    def _is_frame_missing(self, last_s: float | None, now_s: float) -> bool:
        """Whether a frame between these two was lost without an error.

        Its packet was fed to the decoder: a clip that skips frames by itself is not suspected.
        """
        lost = False
        while self._awaited_s and self._awaited_s[0] < now_s + _SAME_FRAME_S:
            awaited_s = heapq.heappop(self._awaited_s)
            if last_s is not None and last_s + _SAME_FRAME_S < awaited_s < now_s - _SAME_FRAME_S:
                lost = True
        if last_s is None or self._skips_frames:
            return False
        return lost and now_s - last_s >= _GAP_FRAMES * self._frame_s
