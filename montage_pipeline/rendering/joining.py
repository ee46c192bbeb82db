"""Parts and sound into one MP4, packet by packet: nothing is encoded or changed.

Belongs here: the container's promises (index first, no edit list, exact frame times).
"""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode
from montage_pipeline.rendering.errors import RenderError

_MUXER_OPTIONS = {"movflags": "+faststart", "use_editlist": "0"}


def join(timeline: Timeline, parts: Sequence[Path], sound: Path, output: Path) -> None:
    """Write `output`: frame n of the Reel at n/fps, the sound from zero on.

    RenderError when the parts do not fit together.
    """
    frame_s = 1 / timeline.fps.fraction
    try:
        with ExitStack() as opened:
            whole = opened.enter_context(
                av.open(f"file:{output}", "w", format="mp4", options=_MUXER_OPTIONS)
            )
            pictures = [
                opened.enter_context(av.open(f"file:{part}", format="nut")) for part in parts
            ]
            tone = opened.enter_context(av.open(f"file:{sound}"))
            setups = {
                bytes(part.streams.video[0].codec_context.extradata or b"") for part in pictures
            }
            if len(setups) != 1:
                raise RenderError(
                    ErrorCode.RENDER_FAILED,
                    f"the parts were encoded in {len(setups)} different ways and cannot be joined",
                )
            picture = whole.add_stream_from_template(pictures[0].streams.video[0])
            picture.time_base = frame_s
            track = whole.add_stream_from_template(tone.streams.audio[0])
            frames = 0
            for _, packet in heapq.merge(
                _frames(pictures, frame_s), _sound(tone), key=lambda timed: timed[0]
            ):
                if packet.stream.type == "video":
                    packet.pts = packet.dts = frames
                    packet.duration = 1
                    packet.time_base = frame_s
                    packet.stream = picture
                    frames += 1
                else:
                    packet.stream = track
                whole.mux(packet)
    except av.FFmpegError as error:
        raise RenderError(
            ErrorCode.RENDER_FAILED, f"the parts could not be joined: {error}"
        ) from error
    if frames != timeline.total_frames:
        raise RenderError(
            ErrorCode.RENDER_FAILED,
            f"the parts hold {frames} frames instead of {timeline.total_frames}",
        )


def _frames(
    pictures: Sequence[InputContainer], frame_s: Fraction
) -> "Iterator[tuple[Fraction, Packet[Any]]]":
    number = 0
    for part in pictures:
        for packet in part.demux(part.streams.video[0]):
            if packet.size:
                yield number * frame_s, packet
                number += 1


def _sound(tone: InputContainer) -> "Iterator[tuple[Fraction, Packet[Any]]]":
    for packet in tone.demux(tone.streams.audio[0]):
        if packet.size and packet.pts is not None:
            yield packet.pts * packet.time_base, packet
