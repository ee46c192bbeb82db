"""What keeps a file from being read as it is.

Belongs here: telling that at the cost of some packets, or of one reading without decoding where a
format has no index. Does not belong here: mending it (copying).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice, pairwise
from typing import TypeAlias, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from montage_pipeline.footage.container import open_clip, packets_of, read_only
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.footage.probing.tracks import largest_first, pick_audio_track, video_tracks
from montage_pipeline.footage.rebuilding.messages import x264_messages
from montage_pipeline.footage.rebuilding.order import shown_order
from montage_pipeline.footage.rebuilding.schedule import (
    AHEAD_TICKS,
    HELD_TICKS,
    TICKS_HZ,
    Row,
    is_joined,
    with_missing,
)
from montage_pipeline.media.packets import demuxed
from montage_pipeline.media.units import length_bytes_of

_STARTING_AGAIN = {"mpegts", "mpeg", "flv"}
"""Formats without an index whose files can be joined, or wrap, half-way: they are read through."""

_UNINDEXED_END_S = 12.0
"""An index that ends earlier than so long before the end (live recordings, fragments) may not tell
of a leap.
"""

_UNINDEXED_BYTES = 1 << 15
"""After the last entry there is more than its frames: sound, the index itself."""

_MAX_LAST = 4
"""What follows the last entry beside what follows others: it may have the most detail."""

_HEAD_PACKETS = 120  # whose times are looked at; four seconds
_DECODED_PACKETS = 60  # of these are decoded where their times are in doubt
_FULL_CHROMA = ("yuv444", "yuvj444", "gbr")

MediaPacket: TypeAlias = "Packet[VideoStream] | Packet[AudioStream]"


@dataclass(frozen=True)
class Diagnosis:
    """What is to be mended: `order` (times do not tell in which order frames are shown), `joined`
    (the clock starts again, leaps, or begins before zero), `messages` (what x264 says in the first
    packet only). `ahead`: from how many ticks on a step of the clock is a leap.
    """

    order: bool = False
    joined: bool = False
    messages: bytes = b""
    ahead: int = AHEAD_TICKS

    @property
    def is_sound(self) -> bool:
        """Whether the file can be read as it is."""
        return not (self.order or self.joined or self.messages)


def chosen_tracks(container: InputContainer) -> tuple[VideoStream, AudioStream | None]:
    """The tracks that a clip is made of, as far as that shows without decoding.

    Raises PermanentError(CLIP_NO_VIDEO).
    """
    return min(video_tracks(container), key=largest_first), pick_audio_track(container)


def diagnosis_of(source: ClipSource) -> Diagnosis:
    """What is wrong with a file. Raises PermanentError (CLIP_UNREADABLE, CLIP_NO_VIDEO)."""
    with open_clip(source) as container:
        video, _ = chosen_tracks(container)
        packets = islice(packets_of(container, video), _HEAD_PACKETS)
        head = [packet for packet in packets if packet.size]
        order = _is_order_unknown(video, head)
        messages = _first_messages(video, head)
        starting_again = container.format.name in _STARTING_AGAIN
        ahead = AHEAD_TICKS if starting_again else HELD_TICKS
        is_read_through = starting_again or _may_leap(container, video)

    joined = is_read_through and _starts_again(source, ahead)
    return Diagnosis(order, joined, messages, ahead)


def numbered_packets(
    container: InputContainer, tracks: Sequence[Stream]
) -> Iterator[tuple[int, MediaPacket]]:
    """The packets of tracks of a newly opened file, each with its place among them.

    Newly opened, because a file without an index cannot be sought to its very start.
    """
    packets = demuxed(container, *tracks)
    for place in count():
        try:
            packet = next(packets, None)
        except (av.InvalidDataError, av.EOFError, av.OSError):
            return  # cut short: what was read is what there is
        if packet is None:
            return
        yield place, cast("MediaPacket", packet)


@dataclass(frozen=True)
class GivenTimes:
    """What a packet says of its times, on the clock of rebuilt files."""

    track: int
    pts: int | None
    dts: int | None
    duration: int


def given_times(packet: MediaPacket) -> GivenTimes | None:
    """A packet's times; None for an empty packet."""
    if not packet.size:
        return None
    ticks = (packet.time_base or 0) * TICKS_HZ
    pts, dts = (None if time is None else round(time * ticks) for time in (packet.pts, packet.dts))
    return GivenTimes(packet.stream_index, pts, dts, round((packet.duration or 0) * ticks))


def whole_rows(given: Mapping[int, GivenTimes]) -> dict[int, Row]:
    """The times of all packets by their places in the file, those included that say none.

    Matroska keeps none before zero, streams without a container none at all.
    """
    rows: dict[int, Row] = {}
    for track in {times.track for times in given.values()}:
        own = {place: times for place, times in given.items() if times.track == track}
        known = [times.dts for times in own.values()]
        if all(time is None for time in known):
            known = [times.pts for times in own.values()]
        decoded = with_missing(known)
        for (place, times), dts in zip(own.items(), decoded, strict=True):
            pts = times.pts if times.pts is not None else dts
            rows[place] = Row(track, pts, dts, times.duration)
    return dict(sorted(rows.items()))


def _may_leap(container: InputContainer, video: VideoStream) -> bool:
    """Whether the index tells of a leap or a second recording, or may not tell of one."""
    ticks = (video.time_base or 0) * TICKS_HZ
    entries = sorted((entry.pos, round(entry.timestamp * ticks)) for entry in video.index_entries)
    if len(entries) < 2 or not container.duration or _goes_on(container, entries):
        return True
    times = [time for _, time in entries]
    if any(late < early for early, late in pairwise(times)):
        return True
    if any(late - early > HELD_TICKS for early, late in pairwise(times)):
        return True
    return times[-1] - times[0] < (container.duration / av.time_base - _UNINDEXED_END_S) * TICKS_HZ


def _goes_on(container: InputContainer, entries: Sequence[tuple[int, int]]) -> bool:
    """Whether the file goes on for longer than after any other of its index's entries (place in
    bytes, time): by what was appended, or was not read yet.
    """
    longest = max(late - early for (early, _), (late, _) in pairwise(entries))
    return container.size - entries[-1][0] > max(_UNINDEXED_BYTES, _MAX_LAST * longest)


def _is_order_unknown(video: VideoStream, head: "list[Packet[VideoStream]]") -> bool:
    """Whether packets have no time of showing, or one that does not know of reordering."""
    times = [packet.pts for packet in head]
    if any(time is None for time in times):
        return True
    in_order = all(a <= b for a, b in pairwise(time for time in times if time is not None))
    # Whoever gives times out of order knows of reordering; but packed into one packet, as DivX and
    # Xvid write them, two frames have the times of what the parser takes for two packets.
    if not in_order and video.codec_context.name != "mpeg4":
        return False
    if in_order and not video.codec_context.has_b_frames:
        return False
    order = shown_order(video, (bytes(packet) for packet in head[:_DECODED_PACKETS]))
    shown = [time for place in order if (time := times[place]) is not None]
    return any(a > b for a, b in pairwise(shown))


def _first_messages(video: VideoStream, head: "list[Packet[VideoStream]]") -> bytes:
    """The messages of the first packet that every keyframe needs."""
    context = video.codec_context
    full_chroma = (context.pix_fmt or "").startswith(_FULL_CHROMA)
    if context.name != "h264" or not full_chroma or not head:
        return b""
    return x264_messages(bytes(head[0]), length_bytes_of(context.name, context.extradata))


def _starts_again(source: ClipSource, ahead: int) -> bool:
    """Whether the clock jumps, or runs before zero as where a broadcast's clock has wrapped."""
    with open_clip(source) as container:
        video, audio = chosen_tracks(container)
        tracks = [video, audio] if audio else [video]
        read_only(container, *tracks)
        numbered = numbered_packets(container, tracks)
        given = {place: times for place, packet in numbered if (times := given_times(packet))}
        rows = list(whole_rows(given).values())
        before_zero = any(row.pts < 0 for row in rows if row.track == video.index)
    return before_zero or is_joined(rows, ahead)
