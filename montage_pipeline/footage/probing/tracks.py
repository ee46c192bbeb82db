"""Which of a clip's tracks are used: one that holds video, and one that can be heard."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.container import rewind
from montage_pipeline.footage.probing.geometry import refuse_size
from montage_pipeline.footage.probing.timing import Pace, pace_of
from montage_pipeline.media.opening import MAX_PIXELS_OPTION
from montage_pipeline.media.packets import demuxed
from montage_pipeline.media.plausible import is_plausible_sound

_MAX_PACKETS = 400  # without a first frame, after which a track is given up

_STILL = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


@dataclass(frozen=True)
class VideoTrack:
    """A track of moving frames: its first frame that decodes, the time of that, and its pace."""

    stream: VideoStream
    first_frame: VideoFrame
    start_s: float
    pace: Pace


def video_tracks(container: InputContainer) -> list[VideoStream]:
    """Every video track with a decoder that is no cover image, thumbnail track or data.

    Raises PermanentError(CLIP_NO_VIDEO) when there is none.
    """
    tracks = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & _STILL
    ]
    if tracks:
        return tracks

    kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "no streams"
    raise PermanentError(
        ErrorCode.CLIP_NO_VIDEO, f"it has no video track that can be decoded (it holds: {kinds})"
    )


def pick_video_track(container: InputContainer, tracks: Sequence[VideoStream]) -> VideoTrack:
    """The largest of the tracks that holds more than one frame.

    Raises PermanentError with the reason against the largest: CLIP_UNREADABLE (no frame decodes) or
    CLIP_NO_VIDEO (a single frame).
    """
    refusals: list[PermanentError] = []
    for stream in sorted(tracks, key=largest_first):
        stream.thread_type = "AUTO"
        stream.codec_context.options = MAX_PIXELS_OPTION
        try:
            if refusals:
                rewind(container)
            frame, start_s = _first_frame(container, stream)
        except PermanentError as error:
            refusals.append(error)
            continue

        pace = pace_of(container, stream)
        if pace.interval_s > 0:
            return VideoTrack(stream, frame, start_s, pace)
        refusals.append(
            PermanentError(ErrorCode.CLIP_NO_VIDEO, "it holds a single frame, not video")
        )
    raise refusals[0]


def refuse_declared_sizes(container: InputContainer) -> None:
    """Refuse frames by the size that the container declares, where every track's is too large or
    too small: before there is memory for one. Not every container declares a size.

    Raises PermanentError(CLIP_BAD_SIZE).
    """
    tracks = sorted(video_tracks(container), key=largest_first)
    refusals: list[PermanentError] = []
    for stream in tracks:
        try:
            if stream.width and stream.height:
                refuse_size(stream.width, stream.height)
        except PermanentError as error:
            refusals.append(error)
    if len(refusals) == len(tracks):
        raise refusals[0]


def pick_audio_track(container: InputContainer) -> AudioStream | None:
    """The default audio track, else the first; phones add tracks that no decoder knows, and some
    claim what no recording has.
    """
    decodable = [
        stream
        for stream in container.streams.audio
        if stream.codec_context is not None
        and is_plausible_sound(stream.codec_context.sample_rate, stream.codec_context.channels)
    ]
    return min(
        decodable,
        key=lambda stream: (not stream.disposition & Disposition.default, stream.index),
        default=None,
    )


def largest_first(stream: VideoStream) -> tuple[int, bool, int]:
    """For sorting: the largest track first, of equal ones the default."""
    is_default = bool(stream.disposition & Disposition.default)
    return -stream.width * stream.height, not is_default, stream.index


def _first_frame(container: InputContainer, stream: VideoStream) -> tuple[VideoFrame, float]:
    """The first frame that decodes, and its presentation time (s)."""
    problems: list[str] = []
    try:
        for number, packet in enumerate(demuxed(container, stream)):
            try:
                for frame in packet.decode():
                    if isinstance(frame, VideoFrame) and not frame.is_corrupt:
                        pts = frame.pts if frame.pts is not None else 0
                        return frame, float(pts * (stream.time_base or Fraction(0)))
            except av.InvalidDataError as error:
                problems.append(str(error.strerror))
            if number > _MAX_PACKETS:
                break
    except (av.InvalidDataError, av.EOFError, av.OSError) as error:
        problems.append(str(error.strerror))

    reason = f": {problems[-1]}" if problems else ""
    raise PermanentError(
        ErrorCode.CLIP_UNREADABLE,
        f"no frame of its {stream.codec_context.name} track can be decoded{reason}",
    )
