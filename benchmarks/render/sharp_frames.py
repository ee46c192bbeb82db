"""Raw frames as they are encoded by the frontier, and real ones at their own size.

Belongs here: making the frames that are sharp. Does not belong here: encoding them (frontier).
"""

from dataclasses import dataclass
from pathlib import Path

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.media.ffmpeg import run_ffmpeg

_SHARP_FROM = (0, 36, 72)  # frames of the clip, which has 132


@dataclass(frozen=True)
class RawFrames:
    """Raw frames of one kind: segments of these lengths, one after the other."""

    raw: Path
    lengths: tuple[int, ...]


def sharp_frames(timeline: Timeline, folder: Path) -> RawFrames:
    """Three stretches of the largest demo clip, one above the other, no pixel of them scaled;
    repeated until there is a segment's worth.
    """
    raw, frames = folder / "sharp.yuv", 90
    band = f"crop={timeline.width}:{timeline.height // 3},fps={timeline.fps.fraction}"
    bands = [
        f"[0:v]trim=start_frame={first},setpts=N/{timeline.fps.fraction}/TB,{band}[band{first}]"
        for first in _SHARP_FROM
    ]
    stacked = (
        "".join(f"[band{first}]" for first in _SHARP_FROM)
        + f"vstack={len(_SHARP_FROM)},format=yuv420p"
    )
    source = ["-stream_loop", "-1", "-i", str(demo_clips()[0])]
    graph = ["-lavfi", ";".join([*bands, stacked]), "-frames:v", str(frames)]
    run_ffmpeg(["-y", "-loglevel", "error", *source, *graph, "-f", "rawvideo", str(raw)])
    return RawFrames(raw, (frames,))
