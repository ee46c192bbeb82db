"""What a finished file holds, read from its packets, headers and boxes.

Belongs here: measuring. Does not belong here: what is right (check).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, NamedTuple

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream

from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.media.opening import REEL_FORMATS, open_media

_IDR = 5
"""Type of an H.264 unit (NAL) that starts afresh: nothing after it refers to what came before."""

_NAL_LENGTH_BYTES = 4
"""In an MP4 each unit has its length before it."""


class ColourTags(NamedTuple):
    """What a container or a frame says of its colours, in FFmpeg's numbers."""

    range: int
    matrix: int
    primaries: int
    transfer: int


BT709_TAGS = ColourTags(
    range=int(ColorRange.MPEG),
    matrix=int(Colorspace.ITU709),
    primaries=int(ColorPrimaries.BT709),
    transfer=int(ColorTrc.BT709),
)


@dataclass(frozen=True)
class VideoTrack:
    """The video track; times in seconds, exact, in order.

    `sizes` are the bytes of each frame. `open_gops` counts keyframes that are not IDR.
    """

    width: int
    height: int
    codec: str
    profile: str
    pixel_format: str
    container_tags: ColourTags
    frame_tags: ColourTags
    times: tuple[Fraction, ...]
    sizes: tuple[int, ...]
    keyframe_times: tuple[Fraction, ...]
    open_gops: int

    @property
    def busiest_second_mbps(self) -> float:
        """Mbit in the worst second, whichever frame it begins with."""
        worst, first, inside = 0, 0, 0
        for number, time in enumerate(self.times):
            inside += self.sizes[number]
            while time - self.times[first] >= 1:
                inside -= self.sizes[first]
                first += 1
            worst = max(worst, inside)
        return worst * 8 / 1_000_000


@dataclass(frozen=True)
class AudioTrack:
    """The audio track; times in seconds, exact."""

    codec: str
    profile: str
    sample_rate: int
    channels: int
    start: Fraction
    end: Fraction


@dataclass(frozen=True)
class Boxes:
    """The order of an MP4's boxes, and whether it hides anything by an edit list."""

    moov_first: bool
    edit_list: bool


@dataclass
class _Packets:
    """What was seen while reading all packets of a file."""

    frames: list[tuple[Fraction, int]] = field(default_factory=list)
    keyframe_times: list[Fraction] = field(default_factory=list)
    open_gops: int = 0
    audio_starts: list[Fraction] = field(default_factory=list)
    audio_ends: list[Fraction] = field(default_factory=list)


def read_tracks(path: Path) -> tuple[VideoTrack, AudioTrack]:
    """Read every packet of the file.

    Raises av.FFmpegError or ValueError when it cannot be read or does not have one video and one
    audio track.
    """
    with open_media(path, REEL_FORMATS) as container:
        video, audio = _only_tracks(container)
        # Before anything is decoded, these come from the container's own box; a decoder replaces
        # them by the stream's.
        container_tags = _tags_of(video.codec_context)
        frame = next(container.decode(video), None)
        if frame is None:
            raise ValueError("its video track has no frame")
        container.seek(0)
        packets = _read_packets(container, video, audio)
        if not packets.audio_ends:
            raise ValueError("its audio track is empty")
        return _video_track(video, container_tags, frame, packets), _audio_track(audio, packets)


def read_boxes(path: Path) -> Boxes:
    """Read the file's top-level boxes. Raises BAD_RENDER when one has an impossible size."""
    order: list[bytes] = []
    edit_list = False
    with path.open("rb") as file:
        for kind, size in _top_level_boxes(file, path.stat().st_size):
            order.append(kind)
            if kind == b"moov":
                edit_list = b"elst" in file.read(size)

    complete = b"moov" in order and b"mdat" in order
    moov_first = complete and order.index(b"moov") < order.index(b"mdat")
    return Boxes(moov_first, edit_list)


def _only_tracks(container: InputContainer) -> tuple[VideoStream, AudioStream]:
    videos, audios = container.streams.video, container.streams.audio
    if len(videos) != 1 or len(audios) != 1:
        raise ValueError(
            f"it has {len(videos)} video and {len(audios)} audio tracks, expected one of each"
        )
    return videos[0], audios[0]


def _read_packets(container: InputContainer, video: VideoStream, audio: AudioStream) -> _Packets:
    packets = _Packets()
    for packet in container.demux(video, audio):
        if packet.pts is None or not packet.size:
            continue
        time = packet.pts * (packet.stream.time_base or Fraction(1))
        if packet.stream_index == audio.index:
            length = (packet.duration or 0) * (audio.time_base or Fraction(1))
            packets.audio_starts.append(time)
            packets.audio_ends.append(time + length)
            continue
        packets.frames.append((time, packet.size))
        if packet.is_keyframe:
            packets.keyframe_times.append(time)
            packets.open_gops += _IDR not in _nal_types(bytes(packet))
    packets.frames.sort()
    return packets


def _video_track(
    video: VideoStream, container_tags: ColourTags, frame: VideoFrame, packets: _Packets
) -> VideoTrack:
    context = video.codec_context
    return VideoTrack(
        width=video.width,
        height=video.height,
        codec=context.name,
        profile=context.profile or "unknown",
        pixel_format=str(context.pix_fmt),
        container_tags=container_tags,
        frame_tags=_tags_of(frame),
        times=tuple(time for time, _ in packets.frames),
        sizes=tuple(size for _, size in packets.frames),
        keyframe_times=tuple(packets.keyframe_times),
        open_gops=packets.open_gops,
    )


def _audio_track(audio: AudioStream, packets: _Packets) -> AudioTrack:
    context = audio.codec_context
    return AudioTrack(
        codec=context.name,
        profile=context.profile or "unknown",
        sample_rate=context.sample_rate,
        channels=context.channels,
        start=min(packets.audio_starts),
        end=max(packets.audio_ends),
    )


def _tags_of(tagged: VideoCodecContext | VideoFrame) -> ColourTags:
    return ColourTags(
        range=int(tagged.color_range),
        matrix=int(tagged.colorspace),
        primaries=int(tagged.color_primaries),
        transfer=int(tagged.color_trc),
    )


def _nal_types(packet: bytes) -> Iterator[int]:
    """Types of the H.264 units in a packet."""
    at = 0
    while at + _NAL_LENGTH_BYTES < len(packet):
        yield packet[at + _NAL_LENGTH_BYTES] & 0x1F
        at += _NAL_LENGTH_BYTES + int(struct.unpack_from(">I", packet, at)[0])


def _top_level_boxes(file: BinaryIO, end: int) -> Iterator[tuple[bytes, int]]:
    """Kind and content size of each top-level box; the file stands at the content."""
    at = 0
    while at + 8 <= end:
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:  # the size is too large for four bytes and follows in eight
            size, header = struct.unpack(">Q", file.read(8))[0], 16
        elif size == 0:  # to the end of the file
            size = end - at
        if size < header:
            raise MontageError(
                ErrorCode.BAD_RENDER, f"the box {kind!r} at byte {at} has a wrong size"
            )
        yield kind, size - header
        at += size
