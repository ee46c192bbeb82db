"""What a clip's packets tell without being decoded: when frames come, how many bytes each takes,
and where decoding can begin.

Belongs here: reading that from the container's index or, where there is none, from the packets
themselves; what decoding costs. Does not belong here: decoding (reading, keyframes), and which
spans are worth it (analysis).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from montage_pipeline.footage.container import open_clip, packets_of, read_only, video_stream
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.footage.probing.claims import refuse_times
from montage_pipeline.spans import Span

SAME_PACKET_S = 1e-3
"""Times of an index and of packets that differ by less name the same packet: containers that count
in milliseconds round.
"""

# Decoding costs what pixels and bytes cost; in megapixels, measured with HEVC and H.264 from 0.1 to
# 25 Mbit/s.
_WORK_PER_MEGABYTE = 50.0
_WORK_PER_FRAME = 0.6  # what measuring adds, whatever the size of the frame

# How many bits of H.264 one bit of another codec is worth, roughly.
_EFFICIENCY = {
    "hevc": 1.5,
    "vp9": 1.5,
    "av1": 1.8,
    "mpeg2video": 0.6,
    "mpeg4": 0.7,
    "mjpeg": 0.4,
    "prores": 0.3,
}

# An index is not the whole index when it begins later or ends earlier than this. Indexes of
# fragmented files end with the first fragment, those of live recordings with the start of the file.
_UNINDEXED_START_S = 1.0
_UNINDEXED_END_S = 12.0
_UNINDEXED_END_SHARE = 0.1  # of the clip; the larger of the two counts
_LISTED_SHARE = 0.8  # of the expected frames: with fewer, an index lists keyframes only
_SIZED_ENTRIES = 8  # of which each must have a size; an index gives sizes for all or for none


@dataclass(frozen=True)
class PacketTable:
    """Video packets in order of time: their times (s), their bytes, and whether each is a keyframe.

    Times are of presentation: exact for keyframes, and for others to within a few frames where the
    container's index lists times of decoding. Those are earlier by `lead_s`, and it is them that a
    seek goes by. `complete` says whether every packet is listed, or only keyframes with the bytes
    up to the next one; `seekable` whether the container's index leads to each keyframe.
    """

    times_s: NDArray[np.float64]
    sizes: NDArray[np.int64]
    keys: NDArray[np.bool_]
    complete: bool
    seekable: bool
    lead_s: float = 0.0

    @cached_property
    def key_times_s(self) -> NDArray[np.float64]:
        """Where decoding can begin."""
        return self.times_s[self.keys]

    @cached_property
    def only_keys(self) -> bool:
        """Whether decoding can begin at every packet."""
        return bool(self.keys.all())

    @cached_property
    def _bytes_before(self) -> NDArray[np.int64]:
        return np.concatenate([[0], np.cumsum(self.sizes)])

    def entry_s(self, time_s: float) -> float:
        """The last keyframe at or before a time; the first packet where there is none."""
        keyframes_s = self.key_times_s
        place = int(np.searchsorted(keyframes_s, time_s + SAME_PACKET_S, side="right")) - 1
        if place >= 0:
            return float(keyframes_s[place])
        return float(self.times_s[0]) if len(self.times_s) else time_s

    def bytes_between(self, span: Span) -> int:
        """Bytes of the packets of a span."""
        places = self.places(span)
        before = self._bytes_before
        return max(0, int(before[places.stop] - before[places.start]))

    def places(self, span: Span) -> slice:
        """The packets of a span, as a slice of this table's arrays."""
        bounds_s = [span.start_s - SAME_PACKET_S, span.end_s - SAME_PACKET_S]
        first, last = np.searchsorted(self.times_s, bounds_s)
        return slice(int(first), int(last))


@dataclass(frozen=True)
class IndexedClip:
    """A clip ready for decoding: where it is read, its facts and its packets.

    `decoder_threads`: 0 leaves their number to the decoder.
    """

    source: ClipSource
    facts: ClipFacts
    packets: PacketTable
    decoder_threads: int = 0


def index_clip(source: ClipSource, facts: ClipFacts) -> IndexedClip:
    """Read the clip's packets. Raises as `read_packets`."""
    return IndexedClip(source, facts, read_packets(source, facts))


def read_packets(source: ClipSource, facts: ClipFacts) -> PacketTable:
    """The clip's packets, from its index where that is whole, else by reading the file once.

    Raises PermanentError: CLIP_UNREADABLE when FFmpeg cannot read the container, CLIP_IMPLAUSIBLE
    when its times are those of no clip.
    """
    with open_clip(source) as container:
        stream = video_stream(container, facts)
        packets = _from_index(stream, facts) or _from_packets(container, stream)
    refuse_times(packets.times_s)
    return packets


def _from_index(stream: VideoStream, facts: ClipFacts) -> PacketTable | None:
    """The table that the container's index gives; None when that is not the whole index."""
    time_base = float(stream.time_base or 0)
    entries = [
        (entry.timestamp * time_base, entry.size, entry.is_keyframe)
        for entry in stream.index_entries
        if not entry.is_discard
    ]
    if not _is_whole(entries, facts):
        return None

    complete = len(entries) > _LISTED_SHARE * facts.duration_s * float(facts.fps.fraction) and all(
        size > 0 for _, size, _ in entries[:_SIZED_ENTRIES]
    )
    if not complete and not all(key for _, _, key in entries):
        return None

    entries.sort()
    times_s = np.array([time_s for time_s, _, _ in entries])
    if complete:
        sizes = np.array([size for _, size, _ in entries], dtype=np.int64)
    else:
        sizes = _spread_bytes(times_s, facts)
    keys = np.array([key for _, _, key in entries])
    lead_s = _decoding_lead_s(times_s, keys, facts)
    return PacketTable(times_s + lead_s, sizes, keys, complete, seekable=True, lead_s=lead_s)


def _is_whole(entries: list[tuple[float, int, bool]], facts: ClipFacts) -> bool:
    """Whether the entries (time, size, keyframe) of an index reach over all of the clip."""
    keyframes_s = [time_s for time_s, _, key in entries if key]
    if len(entries) < 2 or not keyframes_s:
        return False
    end_s = facts.start_s + facts.duration_s
    missing_s = max(_UNINDEXED_END_S, _UNINDEXED_END_SHARE * facts.duration_s)
    begins = keyframes_s[0] <= facts.start_s + _UNINDEXED_START_S
    return begins and entries[-1][0] >= end_s - missing_s


def _decoding_lead_s(
    times_s: NDArray[np.float64], keys: NDArray[np.bool_], facts: ClipFacts
) -> float:
    """How much earlier (s) an index's times are than those of presentation.

    0 unless it lists times of decoding, which are earlier by as much for every keyframe as for the
    first.
    """
    return max(0.0, facts.start_s - float(times_s[0])) if keys[0] else 0.0


def _spread_bytes(times_s: NDArray[np.float64], facts: ClipFacts) -> NDArray[np.int64]:
    """The clip's bytes spread evenly over time, up to the next keyframe each."""
    end_s = facts.start_s + facts.duration_s
    durations_s = np.diff(times_s, append=end_s).clip(0)
    return np.round(durations_s * facts.bytes / facts.duration_s).astype(np.int64)


def _from_packets(container: InputContainer, stream: VideoStream) -> PacketTable:
    read_only(container, stream)
    time_base = float(stream.time_base or 0)
    rows = [
        (packet.pts * time_base, packet.size, packet.is_keyframe)
        for packet in packets_of(container, stream)
        if packet.pts is not None and packet.size
    ]
    rows.sort()
    return PacketTable(
        np.array([time_s for time_s, _, _ in rows], dtype=np.float64),
        np.array([size for _, size, _ in rows], dtype=np.int64),
        np.array([key for _, _, key in rows], dtype=np.bool_),
        complete=True,
        seekable=False,
    )


def key_bits(facts: ClipFacts, packets: PacketTable) -> float | None:
    """Bits per pixel of a typical keyframe, in bits of H.264; None where sizes are not known.

    A codec that does more with its bits has them count more. Unlike the clip's bit rate, the figure
    does not depend on how much moves.
    """
    if not packets.complete or not packets.keys.any():
        return None
    pixels = facts.decoded_pixels
    usual_bytes = float(np.median(packets.sizes[packets.keys]))
    return usual_bytes * 8 / pixels * _EFFICIENCY.get(facts.video_codec, 1.0)


def keyframe_times_s(packets: PacketTable) -> tuple[float, ...]:
    """Presentation times (s) of the keyframes, to within a few frames.

    Empty where every frame is one.
    """
    if packets.complete and packets.only_keys:
        return ()
    return tuple(packets.key_times_s.tolist())


def frame_work(facts: ClipFacts, size: float) -> float:
    """What it costs to decode and measure one frame of `size` bytes, in megapixels."""
    megapixels = facts.decoded_pixels / 1e6
    return megapixels + size / 1e6 * _WORK_PER_MEGABYTE + _WORK_PER_FRAME


def span_work(facts: ClipFacts, packets: PacketTable, span: Span) -> float:
    """What it costs to decode and measure a span, from the keyframe before it on, in megapixels."""
    whole = Span(min(packets.entry_s(span.start_s), span.start_s), span.end_s)
    frames = whole.duration_s * float(facts.fps.fraction)
    bytes_work = packets.bytes_between(whole) / 1e6 * _WORK_PER_MEGABYTE
    return frames * frame_work(facts, 0) + bytes_work
