"""Chunks and sound into one MP4, packet by packet: nothing is encoded or changed.

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
from montage_pipeline.media.opening import CHUNK_FORMATS, SOUND_FORMATS, open_media
from montage_pipeline.rendering.errors import RenderError

_MUXER_OPTIONS = {"movflags": "+faststart", "use_editlist": "0"}


def join(timeline: Timeline, chunks: Sequence[Path], sound: Path, output: Path) -> None:
    """Write `output`: frame n of the Reel at n/fps, the sound from zero on.

    Raises RenderError when the chunks do not fit together.
    """
    try:
        with ExitStack() as opened:
            videos = [opened.enter_context(open_media(chunk, CHUNK_FORMATS)) for chunk in chunks]
            _refuse_different_encodings(videos)
            audio = opened.enter_context(open_media(sound, SOUND_FORMATS))
            frames = _remux(videos, audio, 1 / timeline.fps.fraction, output)
    except av.FFmpegError as error:
        raise RenderError(
            ErrorCode.RENDER_FAILED, f"the chunks could not be joined: {error}"
        ) from error

    if frames != timeline.total_frames:
        raise RenderError(
            ErrorCode.RENDER_FAILED,
            f"the chunks hold {frames} frames instead of {timeline.total_frames}",
        )


def _refuse_different_encodings(videos: Sequence[InputContainer]) -> None:
    setups = {bytes(video.streams.video[0].codec_context.extradata or b"") for video in videos}
    if len(setups) != 1:
        raise RenderError(
            ErrorCode.RENDER_FAILED,
            f"the chunks were encoded in {len(setups)} different ways and cannot be joined",
        )


def _remux(
    videos: Sequence[InputContainer], audio: InputContainer, frame_s: Fraction, output: Path
) -> int:
    """Copy every packet to `output` in order of time; how many frames there were."""
    frames = 0
    with av.open(f"file:{output}", "w", format="mp4", options=_MUXER_OPTIONS) as reel:
        video_track = reel.add_stream_from_template(videos[0].streams.video[0])
        video_track.time_base = frame_s
        audio_track = reel.add_stream_from_template(audio.streams.audio[0])

        timed_packets = heapq.merge(
            _video_packets(videos, frame_s), _audio_packets(audio), key=lambda timed: timed[0]
        )
        for _, packet in timed_packets:
            if packet.stream.type == "video":
                packet.pts = packet.dts = frames
                packet.duration = 1
                packet.time_base = frame_s
                packet.stream = video_track
                frames += 1
            else:
                packet.stream = audio_track
            reel.mux(packet)
    return frames


def _video_packets(
    videos: Sequence[InputContainer], frame_s: Fraction
) -> "Iterator[tuple[Fraction, Packet[Any]]]":
    number = 0
    for video in videos:
        for packet in video.demux(video.streams.video[0]):
            if packet.size:
                yield number * frame_s, packet
                number += 1


def _audio_packets(audio: InputContainer) -> "Iterator[tuple[Fraction, Packet[Any]]]":
    for packet in audio.demux(audio.streams.audio[0]):
        if packet.size and packet.pts is not None:
            yield packet.pts * packet.time_base, packet
