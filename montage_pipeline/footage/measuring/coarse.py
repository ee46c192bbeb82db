"""A first look over all of a clip, at a cost that does not grow with its length: some key frames,
and what the packets tell.

Belongs here: which key frames are decoded, and what is noted of each. Does not belong here:
measuring movement or finding changes of
shot, for which neighbouring frames are needed (measure); deciding where to look closely (analysis).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import av
import cv2
import numpy as np
from av.codec.context import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from montage_pipeline.footage.container import (
    open_clip,
    packets_of,
    read_only,
    rewind,
    seek_before,
    video_stream,
)
from montage_pipeline.footage.decoding.packets import PacketTable, picture_work
from montage_pipeline.footage.measuring import still
from montage_pipeline.footage.measuring.faces import faces_in
from montage_pipeline.footage.measuring.planes import Plane, planes_of, small_chroma, small_luma
from montage_pipeline.footage.model import Box, ClipFacts, ClipSource

_SIDE, _SMALL_SIDE, _COLOUR_SIDE = 512, 160, 40
_LEAST_S = 1.0  # between key frames that are looked at; nearer ones tell little more
_PATIENCE_PACKETS = 400  # after a seek, before a key frame is given up


@dataclass(frozen=True)
class Glance:
    """One key frame as it looks by itself.

    `luma` is upright, its longer side 512 pixels at most.
    """

    time_s: float
    luma: Plane
    sharpness: float
    exposure: still.Exposure
    colour: float
    fingerprint: int
    faces: tuple[Box, ...]


def glance_over(
    source: ClipSource,
    facts: ClipFacts,
    table: PacketTable,
    most_work: float,
    least: int = 3,
    threads: int = 0,
) -> tuple[Glance, ...]:
    """Key frames spread evenly over the clip, in order of time: as many as `most_work` (megapixels)
    allows, `least` in any case.

    Damaged ones are left out; the answer may be empty. `threads` are the decoder's (0: as it
    likes).
    """
    keys = table.key_times_s
    if not len(keys):
        return ()
    each = picture_work(facts, float(table.sizes[table.keys].mean()) if table.complete else 0.0)
    count = round(max(least, min(most_work // each, facts.duration_s / _LEAST_S)))
    chosen = [float(key_s) for key_s in keys]
    if len(chosen) > count:
        wanted_s = facts.start_s + facts.duration_s * (np.arange(count) + 0.5) / count
        chosen = sorted({float(keys[int(np.argmin(np.abs(keys - time_s)))]) for time_s in wanted_s})
    glances = [
        glance(time_s, frame, facts)
        for time_s, frame in key_pictures(source, facts, table, chosen, threads)
    ]
    return tuple(sorted(glances, key=lambda one: one.time_s))


def key_pictures(
    source: ClipSource,
    facts: ClipFacts,
    table: PacketTable,
    times_s: Sequence[float],
    threads: int = 0,
) -> Iterator[tuple[float, VideoFrame]]:
    """The key frames at these times (ascending, of the table), each with its presentation time (s);
    damaged ones are left out.
    """
    with open_clip(source) as container:
        stream = video_stream(container, facts)
        for frame in _decoded(stream, _key_packets(container, stream, table, times_s), threads):
            if (frame.width, frame.height) == (
                facts.coded_width,
                facts.coded_height,
            ) and frame.pts is not None:
                yield frame.pts * float(stream.time_base or 0), frame


def glance(time_s: float, frame: VideoFrame, facts: ClipFacts) -> Glance:
    """Look at one picture."""
    planes = planes_of(frame, facts)
    luma, small = small_luma(planes, facts, _SIDE), small_luma(planes, facts, _SMALL_SIDE)
    return Glance(
        time_s=time_s,
        luma=luma,
        sharpness=still.sharpness(luma),
        exposure=still.exposure(small),
        colour=still.colourfulness(*small_chroma(planes, facts, _COLOUR_SIDE)),
        fingerprint=still.fingerprint(small),
        faces=tuple(faces_in(luma)),
    )


def scaled_to(luma: Plane, max_side: int) -> Plane:
    """The picture with its longer side at most `max_side` pixels."""
    scale = min(1.0, max_side / max(luma.shape))
    size = (max(2, round(luma.shape[1] * scale)), max(2, round(luma.shape[0] * scale)))
    return cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def _key_packets(
    container: InputContainer, stream: VideoStream, table: PacketTable, times_s: Sequence[float]
) -> Iterator["Packet[VideoStream]"]:
    """The key frames' packets.

    Where the index does not lead to them, the file is read through once more.
    """
    read_only(container, stream)
    time_base = float(stream.time_base or 0)
    if not table.seekable:
        rewind(container)
        waiting = list(times_s)
        for packet in packets_of(container, stream):
            if (
                waiting
                and packet.is_keyframe
                and packet.pts is not None
                and packet.pts * time_base >= waiting[0] - 1e-3
            ):
                while waiting and waiting[0] <= packet.pts * time_base + 1e-3:
                    waiting.pop(0)
                yield packet
        return
    for time_s in times_s:
        seek_before(container, stream, time_s)
        for read, packet in enumerate(packets_of(container, stream)):
            at = packet.dts if packet.dts is not None else packet.pts
            if (
                packet.is_keyframe
                and at is not None
                and max(at, packet.pts or at) * time_base >= time_s - 1e-3
            ):
                yield packet
                break
            if read > _PATIENCE_PACKETS:
                break


def _decoded(
    stream: VideoStream, packets: Iterator["Packet[VideoStream]"], threads: int
) -> Iterator[VideoFrame]:
    """The pictures of key frames that stand alone, by a decoder of their own: seeking empties the
    stream's.
    """
    decoder = CodecContext.create(stream.codec_context.codec.name, "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.extradata = stream.codec_context.extradata
    decoder.thread_type = "AUTO"
    decoder.thread_count = threads
    decoder.skip_frame = "NONKEY"
    decoder.options = {"skip_loop_filter": "all"}
    for packet in packets:
        yield from _frames(decoder, packet)
    yield from _frames(decoder, None)


def _frames(decoder: VideoCodecContext, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
    try:
        return [
            frame
            for frame in decoder.decode(packet)
            if isinstance(frame, VideoFrame) and not frame.is_corrupt
        ]
    except av.FFmpegError:
        return []
