"""One pass over a clip for everybody who looks at an edit: frames, and the ways of the camera.

Belongs here: what happens in a worker. Does not belong here: which frames (segment_frames) and
which spans (steadying.steadied).
"""

from collections import defaultdict
from typing import NamedTuple

from montage_pipeline.editing.steadying.camera_path import CameraFollower, CameraPath
from montage_pipeline.footage.container import open_clip
from montage_pipeline.footage.decoding.frames import RgbFrame, rgb_frame
from montage_pipeline.footage.decoding.playhead import Playhead
from montage_pipeline.footage.decoding.sample import FramesAsked

_FOLLOWED_SIDE = 480
"""Pixels of the longer side that the camera is followed in: a tenth of one is half a pixel of HD.
"""


class ClipAsked(NamedTuple):
    """The frames that are wanted of a clip, and the spans whose camera is followed: the times (s)
    of all frames of each.
    """

    frames: FramesAsked
    spans: tuple[tuple[float, ...], ...] = ()


class ClipSeen(NamedTuple):
    """What was asked for, in the order asked. A path is of what is filmed, in displayed pixels of
    the clip; None where it cannot be followed.
    """

    frames: list[RgbFrame]
    paths: list[CameraPath | None]


def watch(asked: ClipAsked, threads: int) -> ClipSeen:
    """Decode a clip once for all of it; only frames that were asked for are kept.

    `threads`: of the decoder; 0 leaves their number to it. Raises as `frames_at`.
    """
    wanted, facts = asked.frames, asked.frames.facts
    sides: defaultdict[float, set[int]] = defaultdict(set)
    for time_s, side in zip(wanted.times_s, wanted.max_sides, strict=True):
        sides[time_s].add(side)
    followers = [CameraFollower() for _ in asked.spans]
    followed: defaultdict[float, list[CameraFollower]] = defaultdict(list)
    for follower, times_s in zip(followers, asked.spans, strict=True):
        for time_s in times_s:
            followed[time_s].append(follower)

    kept: dict[tuple[float, int], RgbFrame] = {}
    scale = 1.0
    with open_clip(wanted.source) as container:
        playhead = Playhead(container, facts, threads)
        for time_s in sorted({*sides, *followed}):
            following = [each for each in followed.get(time_s, ()) if not each.is_lost]
            if time_s not in sides and not following:
                continue
            frame = playhead.frame_at(time_s)
            for side in sides.get(time_s, ()):
                kept[time_s, side] = rgb_frame(frame, facts, side)
            if following:
                small = rgb_frame(frame, facts, _FOLLOWED_SIDE)
                scale = facts.width / small.shape[1]
                for follower in following:
                    follower.add(small)
    frames = [kept[at] for at in zip(wanted.times_s, wanted.max_sides, strict=True)]
    paths = [follower.path() for follower in followers]
    return ClipSeen(frames, [None if path is None else path * scale for path in paths])
