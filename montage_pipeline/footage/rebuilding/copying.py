"""Writing a clip's packets once more, with times that are right.

Belongs here: the order of the work, and the file that comes of it. Does not belong here: what is
wrong (diagnosis), which times are right (schedule).
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from montage_pipeline.footage.container import open_clip, read_only
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.footage.rebuilding.diagnosis import (
    Diagnosis,
    GivenTimes,
    MediaPacket,
    chosen_tracks,
    diagnosis_of,
    given_times,
    numbered_packets,
    whole_rows,
)
from montage_pipeline.footage.rebuilding.messages import X264_MARK
from montage_pipeline.footage.rebuilding.order import shown_order
from montage_pipeline.footage.rebuilding.schedule import (
    TICKS_HZ,
    Row,
    decoding_times,
    joined_offsets,
    times_in_order,
)

_FORMATS = ("mov", "mp4", "matroska")
"""What a copy may be, the best first: QuickTime keeps every time, but not VP8 and VP9."""

_FORMAT_OF_MANY_SOUNDS = "mpegts"
"""Others describe AAC once, for the whole track, and take from its packets what they say."""

_RECIPE = 3
"""Raise it when the same file is rebuilt differently: kept copies are then made anew."""


_ADTS_BYTES = 7  # of the head of a packet


@dataclass
class _Times:
    """Right times (ticks) of packets, by their place in the file; and the kinds of sound whose
    packets say themselves which one they are.
    """

    shown: dict[int, int] = field(default_factory=dict)
    decoded: dict[int, int] = field(default_factory=dict)
    sounds: set[bytes] = field(default_factory=set)


def rebuilt_address(sha256: str) -> str:
    """The name of a clip's copy in the cache, which is told from the clip's by its hash."""
    return hashlib.sha256(f"rebuilt {_RECIPE} {sha256}".encode()).hexdigest()


def rebuild(source: ClipSource, output: Path) -> bool:
    """Write a copy of the clip to `output` if the file cannot be read as it is.

    False, and nothing is written, when it can. The copy holds the video track and the sound that
    are used.

    Raises PermanentError (CLIP_UNREADABLE, CLIP_NO_VIDEO) and, when the copy cannot be written,
    av.FFmpegError or OSError.
    """
    found = diagnosis_of(source)
    if found.is_sound:
        return False

    with open_clip(source) as container:
        times = _right_times(container, found)
    with open_clip(source) as container:
        name = _format_for(_tracks_of(container)[1], times)
        with av.open(str(output), "w", format=name) as copy:
            _write(container, copy, times, found)
    return True


def _format_for(tracks: Sequence[Stream], times: _Times) -> str:
    """The first format that takes these tracks, else the first of all."""
    if len(times.sounds) > 1:
        return _FORMAT_OF_MANY_SOUNDS
    for name in _FORMATS:
        with suppress(av.FFmpegError, ValueError):
            with av.open(io.BytesIO(), "w", format=name) as trial:
                for track in tracks:
                    trial.add_stream_from_template(track)
                trial.start_encoding()
            return name
    return _FORMATS[0]


def _tracks_of(container: InputContainer) -> tuple[VideoStream, list[Stream]]:
    """The video that is used, and all tracks that are copied; the others are not even read."""
    video, audio = chosen_tracks(container)
    tracks: list[Stream] = [video, audio] if audio else [video]
    read_only(container, *tracks)
    return video, tracks


def _right_times(container: InputContainer, found: Diagnosis) -> _Times:
    """Read the file once for the times of all its packets."""
    video, tracks = _tracks_of(container)
    given: dict[int, GivenTimes] = {}
    sounds: set[bytes] = set()

    def video_packets() -> Iterator[bytes]:
        for place, packet in numbered_packets(container, tracks):
            times = given_times(packet)
            if times is None:
                continue
            given[place] = times
            if packet.stream_index == video.index:
                yield bytes(packet) if found.order else b""
            else:
                sounds.add(_said_sound(bytes(packet)))

    order = shown_order(video, video_packets()) if found.order else len(list(video_packets()))
    rows = whole_rows(given)
    offsets = joined_offsets(list(rows.values()), found.ahead) if found.joined else [0] * len(rows)
    joined = {
        place: row._replace(pts=row.pts + offset, dts=row.dts + offset)
        for (place, row), offset in zip(rows.items(), offsets, strict=True)
    }

    places = [place for place, row in joined.items() if row.track == video.index]
    video_rows = [joined[place] for place in places]
    shown = [row.pts for row in video_rows]
    if isinstance(order, list):
        shown = times_in_order(_times_of_showing(video_rows), order)
    # Of a file that is sound but for its messages, what lies before zero is not to be shown.
    zero = min(shown, default=0) if found.order or found.joined else 0

    times = _Times({place: row.pts - zero for place, row in joined.items()}, sounds=sounds - {b""})
    shown = [time - zero for time in shown]
    times.shown |= dict(zip(places, shown, strict=True))
    times.decoded = dict(zip(places, decoding_times(shown), strict=True))
    return times


def _said_sound(packet: bytes) -> bytes:
    """What a packet of AAC says of its profile, rate and channels (ADTS, ISO/IEC 13818-7, 6.2);
    empty for other packets.
    """
    if len(packet) < _ADTS_BYTES or packet[0] != 0xFF or packet[1] & 0xF6 != 0xF0:
        return b""
    return bytes([packet[2] & 0xFD, packet[3] & 0xC0])  # without a bit that means nothing


def _times_of_showing(rows: Sequence[Row]) -> list[int]:
    """The times at which frames are shown, if not in which order.

    Times of showing that never go back lack that order only; others are no times of showing.
    """
    shown = [row.pts for row in rows]
    rising = all(early <= late for early, late in pairwise(shown))
    return shown if rising else [row.dts for row in rows]


def _write(
    container: InputContainer, copy: OutputContainer, times: _Times, found: Diagnosis
) -> None:
    video, tracks = _tracks_of(container)
    targets = {track.index: copy.add_stream_from_template(track) for track in tracks}
    for target in targets.values():
        target.time_base = Fraction(1, TICKS_HZ)
    copied = targets[video.index]
    if video.sample_aspect_ratio and isinstance(copied, VideoStream):
        # The container's word on it counts, which is not among what describes the codec.
        copied.codec_context.sample_aspect_ratio = video.sample_aspect_ratio

    last_sound = None
    for place, packet in numbered_packets(container, tracks):
        if place not in times.shown:
            continue
        shown = times.shown[place]
        decoded = times.decoded.get(place)
        if decoded is None:
            # Sound of two recordings may overlap a little where they meet.
            shown = shown if last_sound is None else max(shown, last_sound + 1)
            decoded = last_sound = shown
        _mux(copy, _with_messages(packet, found), shown, decoded, targets[packet.stream_index])


def _mux(
    copy: OutputContainer, packet: MediaPacket, shown: int, decoded: int, target: Stream
) -> None:
    ticks = Fraction(1, TICKS_HZ)
    if packet.duration and packet.time_base:
        packet.duration = round(packet.duration * packet.time_base / ticks)
    packet.time_base = ticks
    packet.pts, packet.dts = shown, decoded
    rewritten = cast("Packet[Stream]", packet)
    rewritten.stream = target
    copy.mux(rewritten)


def _with_messages(packet: MediaPacket, found: Diagnosis) -> MediaPacket:
    """A keyframe of video with the messages it needs, and that it does not have itself."""
    if not found.messages or not packet.is_keyframe or packet.stream.type != "video":
        return packet
    content = bytes(packet)
    if X264_MARK in content:
        return packet
    told = cast("Packet[VideoStream]", Packet(found.messages + content))
    told.time_base, told.duration, told.is_keyframe = packet.time_base, packet.duration, True
    return told
