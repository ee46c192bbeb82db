"""Facts about a fetched clip, read from the file itself.

Belongs here: choosing the streams and stating size, turn, time, colour and sound.
Does not belong here: any judgement of the pictures (measure).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Literal, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc
from av.video.stream import VideoStream

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.container import open_clip, rewind
from montage_pipeline.footage.decoding.frames import orientation
from montage_pipeline.footage.model import ClipFacts, FetchedClip, FrameRate

if TYPE_CHECKING:
    from typing_extensions import Buffer

_RATE_PACKETS = 600  # read at the start to judge the frame rate
_TAIL_S = 5.0  # read at the end to find the last frame
_FIRST_FRAME_PACKETS = 400  # give up on a first picture after so many packets
_MIN_SIDE, _MAX_SIDE = 16, 16_384
_MAX_PIXELS = 8192 * 8192  # a decoder holds a dozen pictures: 2 GB at 10 bits
_MAX_ASPECT = 10
_FIELD_ORDERS_INTERLACED = {2, 3, 4, 5}
_MATRIX_NAMES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    9: "bt2020nc",
    10: "bt2020c",
}
_STRANGE_MATRICES = {
    8: "YCgCo",
    11: "YDzDx",
    12: "derived",
    13: "derived",
    14: "ICtCp",
    15: "IPT",
    16: "YCgCo",
    17: "YCgCo",
}
_PRIMARIES_NAMES = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020", 11: "smpte431", 12: "smpte432",
    22: "ebu3213",
}  # fmt: skip
_HDR_PRIMARIES = {ColorPrimaries.BT2020, ColorPrimaries.SMPTE431, ColorPrimaries.SMPTE432}
_DOLBY_VISION_TAGS = ("dvh1", "dvhe", "dav1", "dva1", "dvav")


@dataclass(frozen=True)
class Inspection:
    """A probe and what is odd about the clip, in sentences for the user."""

    facts: ClipFacts
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Pace:
    """What the timestamps of the first packets say."""

    interval_s: float
    variable: bool


def probe(clip: FetchedClip) -> ClipFacts:
    """The facts of a clip.

    Raises PermanentError: "clip_unreadable" (not a media file, or damaged beyond a first picture),
    "clip_no_video" (sound only, or a single picture), "clip_bad_size" (too small, too large or too
    long a strip),
    "clip_strange_colour" (colours coded in a way that would come out wrong).
    """
    return inspect(clip).facts


def inspect(clip: FetchedClip) -> Inspection:
    """As `probe`, with notes on what was found odd (a file cut short, sound that is left out)."""
    with open_clip(clip.path) as container:
        container_name = container.format.name
        candidates = [stream for stream in container.streams.video if _is_real(stream)]
        if not candidates:
            others = (
                ", ".join(sorted({stream.type for stream in container.streams})) or "no streams"
            )
            raise PermanentError(
                ErrorCode.CLIP_NO_VIDEO,
                f"it has no video track that can be decoded (it holds: {others})",
            )
        stream, frame, start_s, pace = _moving(container, candidates)
        _refuse_colour(stream, frame)
        last_s, end_s, notes = _end(container, stream, start_s, pace)
        audio = _audio(container)
        if audio is None and container.streams.audio:
            notes.append("its sound track cannot be decoded and is left out")
        if len(candidates) > 1:
            notes.append(f"it has {len(candidates)} video tracks; track {stream.index} is used")

        rotation, mirrored = orientation(_display_matrix(frame))
        sample_aspect = stream.sample_aspect_ratio or Fraction(1)
        if not Fraction(1, 10) <= sample_aspect <= 10:
            sample_aspect = Fraction(1)
        shown_width, shown_height = round(frame.width * sample_aspect), frame.height
        if rotation in (90, 270):
            shown_width, shown_height = shown_height, shown_width
        _refuse_size(shown_width, shown_height)
        fps = _frame_rate(stream, pace)
        facts = ClipFacts(
            url=clip.url,
            sha256=clip.sha256,
            version=clip.version,
            bytes=clip.bytes,
            container=container_name,
            video_codec=stream.codec_context.name,
            video_stream=stream.index,
            coded_width=frame.width,
            coded_height=frame.height,
            width=shown_width,
            height=shown_height,
            sample_aspect=None
            if sample_aspect == 1
            else FrameRate(num=sample_aspect.numerator, den=sample_aspect.denominator),
            rotation_deg=rotation,
            mirrored=mirrored,
            pixel_format=_pixel_format(stream, frame),
            bit_depth=max(component.bits for component in frame.format.components),
            full_range=frame.color_range == ColorRange.JPEG
            or frame.format.name.startswith("yuvj")
            or _is_rgb(frame),
            interlaced=frame.interlaced_frame
            or int(stream.codec_context.field_order or 0) in _FIELD_ORDERS_INTERLACED,
            fps=FrameRate(num=fps.numerator, den=fps.denominator),
            variable_frame_rate=pace.variable,
            start_s=start_s,
            duration_s=end_s - start_s,
            end_hold_s=end_s - last_s,
            color_space="gbr"
            if _is_rgb(frame)
            else _MATRIX_NAMES.get(int(frame.colorspace), "unknown"),
            color_primaries=_PRIMARIES_NAMES.get(int(frame.color_primaries), "unknown"),
            hdr=_hdr(frame),
            audio_codec=audio.codec_context.name if audio else None,
            audio_stream=audio.index if audio else None,
            audio_channels=audio.codec_context.channels if audio else None,
            audio_sample_rate=audio.codec_context.sample_rate if audio else None,
        )
        return Inspection(facts, tuple(notes))


def _refuse_size(width: int, height: int) -> None:
    shortest, longest = min(width, height), max(width, height)
    if shortest < _MIN_SIDE or longest > _MAX_SIDE:
        raise PermanentError(
            ErrorCode.CLIP_BAD_SIZE,
            f"its picture is {width}x{height}; from {_MIN_SIDE} to {_MAX_SIDE} pixels a side can be used",
        )
    if width * height > _MAX_PIXELS:
        raise PermanentError(
            ErrorCode.CLIP_BAD_SIZE,
            f"its picture is {width}x{height}; up to {_MAX_PIXELS / 1e6:.0f} megapixels can be used",
        )
    if longest > _MAX_ASPECT * shortest:
        raise PermanentError(
            ErrorCode.CLIP_BAD_SIZE,
            f"its picture is {width}x{height}; up to {_MAX_ASPECT} times as long as wide can be used",
        )


def _refuse_colour(stream: VideoStream, frame: VideoFrame) -> None:
    """Colours that FFmpeg's scaler would take for others: a green or purple picture is worse than
    none.
    """
    export = "export it in BT.709, or as HLG, and give that file"
    if int(frame.colorspace) in _STRANGE_MATRICES:
        coded = _STRANGE_MATRICES[int(frame.colorspace)]
        raise PermanentError(
            ErrorCode.CLIP_STRANGE_COLOUR,
            f"its colours are coded as {coded}, which cannot be shown right; {export}",
        )
    untagged = (frame.color_primaries, frame.color_trc) == (
        ColorPrimaries.UNSPECIFIED,
        ColorTrc.UNSPECIFIED,
    )
    dolby = (
        str(stream.codec_context.codec_tag).lower() in _DOLBY_VISION_TAGS
        or frame.side_data.get("DOVI_METADATA") is not None
    )
    if dolby and untagged:
        raise PermanentError(
            ErrorCode.CLIP_STRANGE_COLOUR,
            f"it is Dolby Vision without a picture that other players can show; {export}",
        )


def _is_rgb(frame: VideoFrame) -> bool:
    return frame.format.is_rgb or frame.format.has_palette


def _pixel_format(stream: VideoStream, frame: VideoFrame) -> str:
    """The decoder's format;

    WebM keeps transparency beside the picture, where the usual decoder does not look.
    """
    return (
        "yuva420p"
        if stream.metadata.get("alpha_mode") == "1" and frame.format.name == "yuv420p"
        else frame.format.name
    )


def _display_matrix(frame: VideoFrame) -> bytes | None:
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return bytes(cast("Buffer", matrix)) if matrix is not None else None


def _is_real(stream: VideoStream) -> bool:
    """Whether it is moving pictures with a decoder, not a cover picture, thumbnail track or data."""
    pictures = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    return stream.codec_context is not None and not stream.disposition & pictures


def _audio(container: InputContainer) -> AudioStream | None:
    """The default or else the first audio track with a decoder; phones add tracks without one."""
    real = [
        stream
        for stream in container.streams.audio
        if stream.codec_context is not None and stream.codec_context.sample_rate
    ]
    return min(
        real, key=lambda one: (not one.disposition & Disposition.default, one.index), default=None
    )


def _moving(
    container: InputContainer, candidates: list[VideoStream]
) -> tuple[VideoStream, VideoFrame, float, _Pace]:
    """The largest track with moving pictures: its first picture, the time of that (s), and its
    pace.
    """
    candidates.sort(
        key=lambda one: (
            -one.width * one.height,
            not one.disposition & Disposition.default,
            one.index,
        )
    )
    refused: list[PermanentError] = []
    for stream in candidates:
        stream.thread_type = "AUTO"
        try:
            if refused:
                rewind(container)
            frame, start_s = _first_frame(container, stream)
        except PermanentError as error:
            refused.append(error)
            continue
        pace = _pace(container, stream)
        if pace.interval_s > 0:
            return stream, frame, start_s, pace
        refused.append(
            PermanentError(ErrorCode.CLIP_NO_VIDEO, "it holds a single picture, not moving ones")
        )
    raise refused[0]


def _first_frame(container: InputContainer, stream: VideoStream) -> tuple[VideoFrame, float]:
    """The first picture that decodes, and its presentation time (s)."""
    refused: list[str] = []
    try:
        for read, packet in enumerate(container.demux(stream)):
            try:
                for frame in packet.decode():
                    if isinstance(frame, VideoFrame) and not frame.is_corrupt:
                        pts = frame.pts if frame.pts is not None else 0
                        return frame, float(pts * (stream.time_base or Fraction(0)))
            except av.InvalidDataError as error:
                refused.append(str(error.strerror))
            if read > _FIRST_FRAME_PACKETS:
                break
    except (av.InvalidDataError, av.EOFError, av.OSError) as error:
        refused.append(str(error.strerror))
    why = f": {refused[-1]}" if refused else ""
    raise PermanentError(
        ErrorCode.CLIP_UNREADABLE,
        f"no picture of its {stream.codec_context.name} track can be decoded{why}",
    )


def _packet_times(
    container: InputContainer, stream: VideoStream, limit: int | None
) -> Iterable[tuple[float, float]]:
    """Presentation time and duration (s) of packets from here on, in file order."""
    time_base = float(stream.time_base or 0)
    try:
        for read, packet in enumerate(container.demux(stream)):
            if packet.pts is not None and packet.size:
                yield packet.pts * time_base, (packet.duration or 0) * time_base
            if limit is not None and read >= limit:
                return
    except (av.InvalidDataError, av.EOFError, av.OSError):
        return


def _pace(container: InputContainer, stream: VideoStream) -> _Pace:
    """Typical time between pictures (s), and whether it wanders.

    Containers that count in milliseconds write 33 and 34 for 30 fps; only larger steps count as
    variable.
    """
    rewind(container)
    times = sorted(time_s for time_s, _ in _packet_times(container, stream, _RATE_PACKETS))
    # The last packets in file order may lack pictures that are shown before them: leave the edge
    # out.
    times = times[:-4] if len(times) > 40 else times
    steps = [later - earlier for earlier, later in pairwise(times) if later > earlier]
    if not steps:
        return _Pace(0.0, variable=False)
    typical = median(steps)
    slack = max(0.0012, 0.1 * typical, 1.01 * float(stream.time_base or 0))
    odd = sum(abs(step - typical) > slack for step in steps)
    return _Pace(typical, variable=odd > max(1, 0.01 * len(steps)))


def _end(
    container: InputContainer, stream: VideoStream, start_s: float, pace: _Pace
) -> tuple[float, float, list[str]]:
    """Begin and end of the last picture that is really in the file (presentation times, s), and
    notes.
    """
    claimed_s = start_s
    if stream.duration:
        claimed_s = start_s + float(stream.duration * (stream.time_base or Fraction(0)))
    elif container.duration:
        claimed_s = start_s + container.duration / av.time_base
    last_s = end_s = start_s
    try:
        container.seek(
            int(max(claimed_s - _TAIL_S, start_s) / float(stream.time_base or 1)),
            stream=stream,
            backward=True,
        )
        last_s, end_s = _last_picture(container, stream, pace)
    except av.FFmpegError:
        pass
    if end_s <= start_s or end_s < claimed_s - _TAIL_S:
        # No index, or the file is cut short: only reading it through tells.
        rewind(container)
        last_s, end_s = _last_picture(container, stream, pace)
    if end_s <= start_s:
        raise PermanentError(ErrorCode.CLIP_UNREADABLE, "its pictures have no times")
    notes = []
    if end_s < claimed_s - 1.0 and stream.duration:
        notes.append(
            f"it is cut short: {end_s - start_s:.1f} s of the {claimed_s - start_s:.1f} s it claims are there"
        )
    return last_s, end_s, notes


def _last_picture(
    container: InputContainer, stream: VideoStream, pace: _Pace
) -> tuple[float, float]:
    times = _packet_times(container, stream, None)
    # The picture that begins last ends last, whatever longer duration another one claims.
    return max(
        ((time_s, time_s + (duration_s or pace.interval_s)) for time_s, duration_s in times),
        default=(float("-inf"),) * 2,
    )


def _frame_rate(stream: VideoStream, pace: _Pace) -> Fraction:
    """Frames per second: the container's figure unless the timestamps contradict it."""
    measured = (
        Fraction(1 / pace.interval_s).limit_denominator(1001) if pace.interval_s > 0 else None
    )
    for claimed in (stream.average_rate, stream.guessed_rate):
        # Some writers put the time base (1000, 90000) where the rate belongs.
        if (
            claimed
            and 1 <= claimed <= 480
            and (measured is None or measured / 3 < claimed < measured * 3)
        ):
            return Fraction(claimed).limit_denominator(100_000)
    return measured or Fraction(30)


def _hdr(frame: VideoFrame) -> Literal["sdr", "hlg", "pq"]:
    """HDR needs both tags: shared albums keep the HLG transfer on pictures already converted to
    BT.709.

    Where nothing is said of the primaries, more than 8 bits tell.
    """
    untold = (
        frame.color_primaries == ColorPrimaries.UNSPECIFIED
        and max(component.bits for component in frame.format.components) > 8
    )
    if frame.color_primaries not in _HDR_PRIMARIES and not untold:
        return "sdr"
    if frame.color_trc == ColorTrc.ARIB_STD_B67:
        return "hlg"
    return "pq" if frame.color_trc == ColorTrc.SMPTE2084 else "sdr"
