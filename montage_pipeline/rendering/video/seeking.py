"""Where to start reading a clip so that the picture at a given time is sure to be decoded.

Containers without an index (MPEG-TS) seek to a place between key frames; decoding then begins only
at the next one,
which may be long after the time that was asked for.
"""

from fractions import Fraction

import av

from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.footage.source import open_source

TIME_TOLERANCE_S = 0.001
"""A frame this little after the asked time counts as on screen: containers round timestamps to
milliseconds.
"""

_STEPS_BACK_S = (0.05, 0.5, 2.0, 5.0, 10.0)


def seek_point_s(source: ClipSource, facts: ClipFacts, time_s: float) -> float | None:
    """A time to seek to, from which the first key frame is shown at or before `time_s`;

    None to read from the start.
    """
    with open_source(source) as container:
        stream = container.streams.video[
            [one.index for one in container.streams.video].index(facts.video_stream)
        ]
        for back_s in _STEPS_BACK_S:
            point_s = time_s - back_s
            if point_s <= facts.start_s:
                return None
            try:
                container.seek(int(point_s * av.time_base), backward=True)
                key = next(
                    (
                        packet
                        for packet in container.demux(stream)
                        if packet.is_keyframe and packet.pts is not None
                    ),
                    None,
                )
            except av.FFmpegError:
                return None
            if (
                key is not None
                and key.pts is not None
                and key.pts * (stream.time_base or Fraction(0)) <= time_s + TIME_TOLERANCE_S
            ):
                return point_s
    return None
