"""Where to start reading a clip so that the frame at a given time is sure to be decoded.

Containers without an index (MPEG-TS) seek to a place between keyframes; decoding then begins only
at the next one, which may come long after the time that was asked for.
"""

from fractions import Fraction
from math import inf
from typing import NamedTuple

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget
from montage_pipeline.media.opening import open_media
from montage_pipeline.media.packets import demuxed

_MAX_S = 120.0
"""For finding a keyframe, in a file without an index too."""

TIME_TOLERANCE_S = 0.001
"""A frame this little after the asked time counts as on screen: containers round timestamps to
milliseconds.
"""

EARLIER_S = 10.0
"""How much earlier to begin where a clip decodes otherwise than when it was analysed: past the
keyframe before, as a rule (encoders set one at least every 250 frames).
"""

_STEPS_BACK_S = (0.05, 0.5, 2.0, 5.0, 10.0)
"""How far before the asked time to seek, one try after the other.

The first is enough where there is an index; the others reach over ever longer keyframe distances.
"""


class Entry(NamedTuple):
    """One try at reading a segment.

    `earlier_s` is how much earlier than need be its clip is entered (inf: from its start);
    `ends_at_fault` says that another try follows, so that this one may end as soon as the decoder
    finds a fault.
    """

    earlier_s: float
    ends_at_fault: bool


def seek_point_s(source: ClipSource, facts: ClipFacts, time_s: float) -> float | None:
    """A time to seek to, from which the first keyframe is shown at or before `time_s`.

    None to read from the start.
    """
    if time_s <= facts.start_s:
        return None
    return isolated(Budget(_MAX_S), None, _seek_point_s, source, facts, time_s)


def next_earlier_s(earlier_s: float, into_clip_s: float) -> float | None:
    """How much earlier than need be to begin decoding, when `earlier_s` was not enough for what is
    shown `into_clip_s` after the clip's start; None when that was the start already.
    """
    if earlier_s >= into_clip_s:
        return None
    return EARLIER_S if earlier_s < EARLIER_S < into_clip_s else inf


def _seek_point_s(source: ClipSource, facts: ClipFacts, time_s: float) -> float | None:
    with open_media(source) as container:
        streams = container.streams.video
        stream = next(found for found in streams if found.index == facts.video_stream)
        for back_s in _STEPS_BACK_S:
            point_s = time_s - back_s
            if point_s <= facts.start_s:
                return None
            try:
                keyframe_s = _first_keyframe_s(container, stream, point_s)
            except av.FFmpegError:
                return None
            if keyframe_s is not None and keyframe_s <= time_s + TIME_TOLERANCE_S:
                return point_s
    return None


def _first_keyframe_s(
    container: InputContainer, stream: VideoStream, point_s: float
) -> Fraction | None:
    """Time of the first keyframe that is read after seeking to `point_s`."""
    container.seek(int(point_s * av.time_base), backward=True)
    for packet in demuxed(container, stream):
        if packet.is_keyframe and packet.pts is not None:
            return packet.pts * (stream.time_base or Fraction(0))
    return None
