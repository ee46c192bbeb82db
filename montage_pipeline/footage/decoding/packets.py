"""What a clip's packets tell without being decoded: when pictures come, how many bytes each takes,
where one can enter.

Belongs here: reading that from the container's index or, where there is none, from the packets
themselves; what decoding costs.
Does not belong here: decoding (coarse, measure), and which parts are worth it (analysis).
"""

from dataclasses import dataclass

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from montage_pipeline.footage.container import open_clip, packets_of, read_only, video_stream
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.spans import Span

# Decoding costs what pixels and bytes cost; in megapixels, measured with HEVC and H.264 from 0.1 to
# 25 Mbit/s.
_WORK_PER_MEGABYTE = 50.0
_WORK_PER_FRAME = 0.6  # what measuring adds, whatever the picture's size
_EFFICIENCY = {
    "hevc": 1.5,
    "vp9": 1.5,
    "av1": 1.8,
    "mpeg2video": 0.6,
    "mpeg4": 0.7,
    "mjpeg": 0.4,
    "prores": 0.3,
}
_UNINDEXED_END_S = 12.0  # an index that ends this much before the clip does is not the whole index


@dataclass(frozen=True)
class PacketTable:
    """Video packets in order of time (presentation or decoding time in seconds, which differ by a
    few frames), their bytes and key flags.

    `complete` says whether every packet is listed, or only key frames with the bytes up to the next
    one; `seekable`
    whether the container's index leads to each key frame.
    """

    times_s: NDArray[np.float64]
    sizes: NDArray[np.int64]
    keys: NDArray[np.bool_]
    complete: bool
    seekable: bool

    @property
    def key_times_s(self) -> NDArray[np.float64]:
        """Where decoding can begin."""
        return self.times_s[self.keys]

    def entry_s(self, time_s: float) -> float:
        """The last key frame at or before a time; the first packet where there is none."""
        keys = self.key_times_s
        place = int(np.searchsorted(keys, time_s + 1e-3, side="right")) - 1
        return (
            float(keys[place])
            if place >= 0
            else float(self.times_s[0])
            if len(self.times_s)
            else time_s
        )

    def bytes_between(self, span: Span) -> int:
        """Bytes of the packets of a stretch."""
        first, last = np.searchsorted(self.times_s, [span.start_s - 1e-3, span.end_s - 1e-3])
        return int(self.sizes[first:last].sum())


def read_packets(source: ClipSource, facts: ClipFacts) -> PacketTable:
    """The clip's packets, from its index where that is whole, else by reading it through once
    without decoding.

    Raises PermanentError("clip_unreadable") when FFmpeg cannot read the container.
    """
    with open_clip(source) as container:
        stream = video_stream(container, facts)
        return _from_index(stream, facts) or _from_packets(container, stream)


def _from_index(stream: VideoStream, facts: ClipFacts) -> PacketTable | None:
    time_base = float(stream.time_base or 0)
    entries = [
        (entry.timestamp * time_base, entry.size, entry.is_keyframe)
        for entry in stream.index_entries
        if not entry.is_discard
    ]
    # Indexes of fragmented files end with the first fragment, those of live recordings with the
    # start of the file.
    end_s = facts.start_s + facts.duration_s
    keys = [time_s for time_s, _, key in entries if key]
    if (
        len(entries) < 2
        or not keys
        or keys[0] > facts.start_s + 1
        or entries[-1][0] < end_s - max(_UNINDEXED_END_S, 0.1 * facts.duration_s)
    ):
        return None
    complete = len(entries) > 0.8 * facts.duration_s * float(facts.fps.fraction) and all(
        size > 0 for _, size, _ in entries[:8]
    )
    if not complete and not all(key for _, _, key in entries):
        return None
    entries.sort()
    times_s = np.array([time_s for time_s, _, _ in entries])
    if complete:
        sizes = np.array([size for _, size, _ in entries], dtype=np.int64)
    else:
        sizes = np.round(
            np.diff(times_s, append=end_s).clip(0) * facts.bytes / facts.duration_s
        ).astype(np.int64)
    return PacketTable(
        times_s, sizes, np.array([key for _, _, key in entries]), complete, seekable=True
    )


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
        np.array([row[0] for row in rows], dtype=np.float64),
        np.array([row[1] for row in rows], dtype=np.int64),
        np.array([row[2] for row in rows], dtype=np.bool_),
        complete=True,
        seekable=False,
    )


def key_bits(facts: ClipFacts, table: PacketTable) -> float | None:
    """Bits that a typical key frame has for each pixel, in those of H.264: what a codec that does
    more with them has counts more.

    None where the sizes are not known. Unlike the clip's bit rate it does not depend on how much
    moves.
    """
    if not table.complete or not table.keys.any():
        return None
    pixels = facts.coded_width * facts.coded_height
    return (
        float(np.median(table.sizes[table.keys]))
        * 8
        / pixels
        * _EFFICIENCY.get(facts.video_codec, 1.0)
    )


def entries_s(facts: ClipFacts, table: PacketTable) -> tuple[float, ...]:
    """Presentation times (s) of the key frames, to within a few frames; empty where every picture
    is one.

    An index may list the times of decoding, which are earlier by as much for every key frame as for
    the first.
    """
    if table.complete and table.keys.all():
        return ()
    return tuple((table.key_times_s + decoding_ahead_s(facts, table)).tolist())


def decoding_ahead_s(facts: ClipFacts, table: PacketTable) -> float:
    """How much earlier (s) than the pictures' times those of the table are, where the index lists
    the times of decoding.
    """
    keys = table.key_times_s
    return (
        max(0.0, facts.start_s - float(keys[0]))
        if len(keys) and keys[0] <= table.times_s[0] + 1e-6
        else 0.0
    )


def picture_work(facts: ClipFacts, size: float) -> float:
    """What it costs to decode and measure one picture of `size` bytes, in megapixels."""
    return (
        facts.coded_width * facts.coded_height / 1e6
        + size / 1e6 * _WORK_PER_MEGABYTE
        + _WORK_PER_FRAME
    )


def span_work(facts: ClipFacts, table: PacketTable, span: Span) -> float:
    """What it costs to decode and measure a stretch, from the key frame before it on, in
    megapixels.
    """
    whole = Span(min(table.entry_s(span.start_s), span.start_s), span.end_s)
    return (
        whole.duration_s * float(facts.fps.fraction) * picture_work(facts, 0)
        + table.bytes_between(whole) / 1e6 * _WORK_PER_MEGABYTE
    )
