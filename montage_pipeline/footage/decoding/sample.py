"""Pictures of a clip at given times, as a viewer would see them."""

import math
from collections.abc import Sequence

from av.video.frame import VideoFrame

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.container import decoded_frames, open_clip, seek_before, video_stream
from montage_pipeline.footage.decoding.frames import Picture, rgb_picture
from montage_pipeline.footage.model import ClipFacts, ClipSource

# Decoding on is cheaper than seeking back to a keyframe when the next wanted time is this near.
_DECODE_ON_S = 1.5
_STEPS_BACK_S = (0.0, 3.0, 15.0, math.inf)
# Times are floats made from exact fractions; a frame whose time rounds above the asked one still
# counts.
_TIME_SLACK_S = 1e-6


def frames_at(
    source: ClipSource, facts: ClipFacts, times_s: Sequence[float], max_side: int
) -> list[Picture]:
    """The frame on screen at each presentation time (s), in the order asked.

    Each is uint8 RGB of shape (height, width, 3), upright with square pixels, its longer side at
    most
    `max_side` pixels (never enlarged); HDR is tone-mapped. A time before the first frame gives the
    first,
    one after the last gives the last.

    Raises PermanentError("clip_unreadable") when no frame can be decoded at one of the times.
    """
    pictures: dict[float, Picture] = {}
    with open_clip(source) as container:
        stream = video_stream(container, facts)
        frames = decoded_frames(container, stream)
        shown: tuple[float, VideoFrame] | None = None
        ahead: tuple[float, VideoFrame] | None = None
        for time_s in sorted(set(times_s)):
            reached_s = ahead[0] if ahead else (shown[0] if shown else facts.start_s)
            if time_s > reached_s + _DECODE_ON_S:
                shown = None
                # The index of some files leads behind what was asked, so step back further, at last
                # to the start.
                for back_s in _STEPS_BACK_S:
                    seek_before(container, stream, max(time_s - back_s, facts.start_s))
                    frames = decoded_frames(container, stream)
                    ahead = next(frames, None)
                    if ahead is not None and ahead[0] <= time_s + _TIME_SLACK_S:
                        break
            while ahead is None or ahead[0] <= time_s + _TIME_SLACK_S:
                shown = ahead or shown
                ahead = next(frames, None)
                if ahead is None:
                    break
            on_screen = shown or ahead
            if on_screen is None:
                raise PermanentError(
                    ErrorCode.CLIP_UNREADABLE, f"no frame can be decoded at {time_s:.3f} s"
                )
            pictures[time_s] = rgb_picture(on_screen[1], facts, max_side)
    return [pictures[time_s] for time_s in times_s]
