"""The clock of a video track: how often frames come, and when the last one ends."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.container import rewind
from montage_pipeline.media.packets import demuxed

_PACE_PACKETS = 600  # read at the start: ten seconds at 60 frames per second
_TAIL_S = 5.0  # read at the end; holds the last frame wherever the container claims the right end

# The last packets in file order may lack frames that are shown before them: leave out this many,
# where plenty remain.
_REORDERED_PACKETS = 4
_PLENTY_PACKETS = 40

# An interval is odd when it is off the usual one by more than the largest of these. Containers that
# count in milliseconds write 33 and 34 for 30 fps.
_ODD_S = 0.0012
_ODD_SHARE = 0.1
_ODD_TICKS = 1.01  # of the track's time base
_MAX_ODD_SHARE = 0.01  # of the intervals, and one in any case: more make the frame rate variable

# Formats that are read up to a second header only: where files were joined one behind the other.
_STOPPING = {"flv", "asf"}
_UNREAD_SHARE = 0.1  # of the file, from which the user is told; an index takes less

_CUT_SHORT_S = 1.0  # missing at the end, from which the user is told

# Some writers put the time base (1000, 90000) where the rate belongs.
_MIN_RATE, _MAX_RATE = 1, 480
_RATE_FACTOR = 3  # between the claimed and the measured rate: beyond it the claim is wrong
_RATE_DENOMINATOR = 1001  # of NTSC rates, the largest that a measured rate needs
_UNKNOWN_RATE = Fraction(30)


@dataclass(frozen=True)
class Pace:
    """The usual interval between frames, and whether it varies. 0 s: there is only one frame."""

    interval_s: float
    variable: bool


@dataclass(frozen=True)
class Ending:
    """When the last frame that is really in the file begins and ends (presentation times, s).

    `note` is a sentence for the user when the file is cut short, else empty.
    """

    last_frame_s: float
    end_s: float
    note: str


def pace_of(container: InputContainer, stream: VideoStream) -> Pace:
    """Read the first packets of a track for its pace."""
    rewind(container)
    packets = _packet_times(container, stream, max_packets=_PACE_PACKETS)
    times_s = sorted(time_s for time_s, _ in packets)
    if len(times_s) > _PLENTY_PACKETS:
        times_s = times_s[:-_REORDERED_PACKETS]

    intervals_s = [later - earlier for earlier, later in pairwise(times_s) if later > earlier]
    if not intervals_s:
        return Pace(0.0, variable=False)

    usual_s = median(intervals_s)
    slack_s = max(_ODD_S, _ODD_SHARE * usual_s, _ODD_TICKS * float(stream.time_base or 0))
    odd = sum(abs(interval_s - usual_s) > slack_s for interval_s in intervals_s)
    return Pace(usual_s, variable=odd > max(1, _MAX_ODD_SHARE * len(intervals_s)))


def ending_of(container: InputContainer, stream: VideoStream, start_s: float, pace: Pace) -> Ending:
    """Find the last frame, from `start_s` (the first one) on.

    Raises PermanentError(CLIP_UNREADABLE) when no frame has a time after the first.
    """
    claimed_s = _claimed_end_s(container, stream, start_s)
    last_frame_s, end_s = _last_frame_near(
        container, stream, max(claimed_s - _TAIL_S, start_s), pace
    )
    if end_s <= start_s or end_s < claimed_s - _TAIL_S:
        # No index, or the file is cut short: only reading it through tells.
        rewind(container)
        last_frame_s, end_s = _last_frame(container, stream, pace)
    if end_s <= start_s:
        raise PermanentError(ErrorCode.CLIP_UNREADABLE, "its frames have no timestamps")

    note = ""
    if end_s < claimed_s - _CUT_SHORT_S and stream.duration:
        note = (
            f"it is cut short: {end_s - start_s:.1f} s of the {claimed_s - start_s:.1f} s "
            "it claims are there"
        )
    return Ending(last_frame_s, end_s, note)


def unread_note(container: InputContainer, ending: Ending) -> str:
    """A sentence for the user on what follows the last packet that can be read; else empty."""
    if container.format.name not in _STOPPING:
        return ""
    last = 0
    with suppress(av.FFmpegError):
        container.seek(int(max(0.0, ending.end_s - _TAIL_S) * av.time_base))
        for packet in demuxed(container, *container.streams):
            last = max(last, (packet.pos or 0) + packet.size)
    rewind(container)
    if not last or container.size - last < _UNREAD_SHARE * container.size:
        return ""
    share = 1 - last / container.size
    return f"another recording follows it in the file ({share:.0%} of it) and cannot be read"


def frame_rate_of(stream: VideoStream, pace: Pace) -> Fraction:
    """Frames per second: the container's figure unless the timestamps contradict it."""
    measured = None
    if pace.interval_s > 0:
        measured = Fraction(1 / pace.interval_s).limit_denominator(_RATE_DENOMINATOR)

    for claimed in (stream.average_rate, stream.guessed_rate):
        if claimed and _is_plausible(claimed, measured):
            return Fraction(claimed).limit_denominator(100_000)
    return measured or _UNKNOWN_RATE


def _is_plausible(claimed: Fraction, measured: Fraction | None) -> bool:
    if not _MIN_RATE <= claimed <= _MAX_RATE:
        return False
    return measured is None or measured / _RATE_FACTOR < claimed < measured * _RATE_FACTOR


def _claimed_end_s(container: InputContainer, stream: VideoStream, start_s: float) -> float:
    """Where the container says that the track ends; the start where it does not say."""
    if stream.duration:
        return start_s + float(stream.duration * (stream.time_base or Fraction(0)))
    if container.duration:
        return start_s + container.duration / av.time_base
    return start_s


def _last_frame_near(
    container: InputContainer, stream: VideoStream, time_s: float, pace: Pace
) -> tuple[float, float]:
    """Begin and end of the last frame, read from the keyframe before `time_s` on.

    Minus infinity when there is none, or the container cannot seek.
    """
    try:
        container.seek(int(time_s / float(stream.time_base or 1)), stream=stream, backward=True)
        return _last_frame(container, stream, pace)
    except av.FFmpegError:
        return float("-inf"), float("-inf")


def _last_frame(container: InputContainer, stream: VideoStream, pace: Pace) -> tuple[float, float]:
    """Begin and end of the last frame from here on; minus infinity when there is none."""
    ends_s = (
        (time_s, time_s + (duration_s or pace.interval_s))
        for time_s, duration_s in _packet_times(container, stream)
    )
    # The frame that begins last ends last, whatever longer duration another one claims.
    return max(ends_s, default=(float("-inf"), float("-inf")))


def _packet_times(
    container: InputContainer, stream: VideoStream, *, max_packets: int | None = None
) -> Iterator[tuple[float, float]]:
    """Presentation time and duration (s) of the packets from here on, in file order."""
    time_base = float(stream.time_base or 0)
    try:
        for number, packet in enumerate(demuxed(container, stream)):
            if packet.pts is not None and packet.size:
                yield packet.pts * time_base, (packet.duration or 0) * time_base
            if max_packets is not None and number >= max_packets:
                return
    except (av.InvalidDataError, av.EOFError, av.OSError):
        return
