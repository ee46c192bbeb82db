"""Decoding stretches of a clip in one way through its file, entering each at a key frame and
passing over what is not wanted.

Belongs here: where to seek, what to decode, and what of it is damaged. Does not belong here:
measuring pictures (measure).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from montage_pipeline.footage.container import packets_of, read_only, seek_before
from montage_pipeline.footage.decoding.damage import DamageLog
from montage_pipeline.footage.decoding.packets import PacketTable
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.spans import Span

# more than 1080p30: frames that no other frame needs are not decoded, edges of blocks not smoothed
_SKIP_ABOVE_PIXELS_S = 75e6
_GAP_FRAMES = 1.8  # between pictures: then one may be missing


@dataclass(frozen=True)
class Piece:
    """A stretch to decode. `after_calm`: it goes on where a calm part of its span ended;
    `calm_until_s`: until when calm lasts after it.

    `entry_s` is the key frame to begin at, None to decode on from where the last piece ended;
    `last_in_run`: what follows it in the
    decoder is another entry, or nothing.
    """

    span: Span
    after_calm: bool = False
    calm_until_s: float | None = None
    entry_s: float | None = None
    last_in_run: bool = True


def pieces_of(
    spans: Sequence[Span], calm: Sequence[Span], table: PacketTable | None
) -> list[Piece]:
    """The spans without their calm parts, each with the way to get there."""
    cut: list[tuple[Span, bool, float | None]] = []
    for span in spans:
        start_s, after_calm = span.start_s, False
        for part in calm:
            if not (start_s < part.start_s < part.end_s <= span.end_s + 1e-6):
                continue
            cut.append((Span(start_s, part.start_s), after_calm, part.end_s))
            start_s, after_calm = part.end_s, True
        if start_s < span.end_s - 1e-6:
            cut.append((Span(start_s, span.end_s), after_calm, None))
    entries: list[float | None] = []
    for place, (span, *_) in enumerate(cut):
        entry_s = table.entry_s(span.start_s) if table is not None else span.start_s
        # No key frame on the way: decode on.
        entries.append(
            None if place and table is not None and entry_s <= cut[place - 1][0].end_s else entry_s
        )
    return [
        Piece(
            span,
            after_calm,
            calm_until_s,
            entries[place],
            place + 1 == len(cut) or entries[place + 1] is not None,
        )
        for place, (span, after_calm, calm_until_s) in enumerate(cut)
    ]


class Reader:
    """Reads pieces in order, or with `everything` the whole clip."""

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        facts: ClipFacts,
        table: PacketTable | None,
    ) -> None:
        read_only(container, stream)
        self._container, self._stream, self._facts, self._table = container, stream, facts, table
        self._time_base = float(stream.time_base or 0)
        self._frame_s = 1 / float(facts.fps.fraction)
        self._skipping = (
            facts.coded_width * facts.coded_height / self._frame_s > _SKIP_ABOVE_PIXELS_S
        )
        if self._skipping:
            stream.codec_context.skip_frame = "NONREF"
            # A fifth of the work, for an error that grows to one level of 255 until the next key
            # frame.
            stream.codec_context.options = {"skip_loop_filter": "all"}
        self._packets = packets_of(container, stream)
        self.log = self._new_log()

    def everything(self, whole: Span) -> Iterator[tuple[float, VideoFrame]]:
        """All pictures with their times (s)."""
        return self._frames(self._packets, whole, drain=False)

    def frames(self, piece: Piece) -> Iterator[tuple[float, VideoFrame]]:
        """The pictures of the next piece with their times (s).

        `log` then knows what of it is damaged.
        """
        if piece.entry_s is not None:
            self.log = self._new_log()
            if self._table is None or self._table.seekable:
                seek_before(self._container, self._stream, piece.entry_s)
                self._packets = packets_of(self._container, self._stream)
            else:
                self._stream.codec_context.flush_buffers()
        packets = (
            self._packets
            if piece.entry_s is None or self._table is None
            else self._from(piece.entry_s)
        )
        yield from self._frames(packets, piece.span, drain=piece.last_in_run)

    def _new_log(self) -> DamageLog:
        return DamageLog(self._frame_s, self._stream.codec_context.thread_count)

    def _from(self, entry_s: float) -> Iterator["Packet[VideoStream]"]:
        """What comes before the key frame at `entry_s` is not decoded."""
        entered = False
        for packet in self._packets:
            if not entered:
                at = max(
                    (time for time in (packet.pts, packet.dts) if time is not None), default=None
                )
                entered = (
                    at is not None and packet.is_keyframe and at * self._time_base >= entry_s - 1e-3
                )
            if entered:
                yield packet

    def _frames(
        self, packets: Iterator["Packet[VideoStream]"], span: Span, *, drain: bool
    ) -> Iterator[tuple[float, VideoFrame]]:
        facts, last_s = self._facts, None
        for frame in self._decoded(packets, span.end_s, drain=drain):
            if frame.pts is None:
                continue
            time_s = frame.pts * self._time_base
            if frame.is_corrupt:
                self.log.wrong(time_s)
            if time_s >= span.end_s:
                if drain:
                    continue
                return
            if time_s < span.start_s - 1e-6 or (frame.width, frame.height) != (
                facts.coded_width,
                facts.coded_height,
            ):
                continue
            if last_s is not None and self._missing(last_s, time_s):
                self.log.wrong(last_s + self._frame_s)
            last_s = time_s
            yield time_s, frame

    def _decoded(
        self, packets: Iterator["Packet[VideoStream]"], end_s: float, *, drain: bool
    ) -> Iterator[VideoFrame]:
        """Pictures in order of time; where nothing follows, the decoder is not fed what is only
        shown later.
        """
        for packet in packets:
            if drain and packet.dts is not None and packet.dts * self._time_base >= end_s:
                break
            fed_s = packet.pts * self._time_base if packet.pts is not None else None
            self.log.fed(fed_s, key=packet.is_keyframe)
            if packet.is_corrupt and fed_s is not None:
                self.log.wrong(fed_s)
            try:
                yield from (frame for frame in packet.decode() if isinstance(frame, VideoFrame))
            except av.InvalidDataError:
                self.log.failed()
        else:
            return  # the file's last packet emptied the decoder
        try:
            yield from (
                frame
                for frame in self._stream.codec_context.decode(None)
                if isinstance(frame, VideoFrame)
            )
        except av.InvalidDataError:
            self.log.failed()

    def _missing(self, last_s: float, now_s: float) -> bool:
        """Whether pictures between these two were lost without a word."""
        if (
            self._skipping
            or self._table is None
            or not self._table.complete
            or now_s - last_s < _GAP_FRAMES * self._frame_s
        ):
            return False
        first, last = np.searchsorted(self._table.times_s, [last_s, now_s])
        return int(last - first) > 2
