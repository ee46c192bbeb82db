"""The still frame that stands for a Reel."""

import os
from pathlib import Path

from montage_pipeline.errors import ErrorCode
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.media.opening import REEL_FORMATS, input_args
from montage_pipeline.rendering.errors import RenderError

_QUALITY = "2"
"""FFmpeg's JPEG scale, from 2 (best) to 31."""

_TO_JPEG_COLOURS = (
    # JPEG viewers assume full-range BT.601, whatever the video was.
    "scale=in_color_matrix=bt709:in_range=tv:out_color_matrix=bt601:out_range=pc"
    ":flags=accurate_rnd,format=yuvj420p"
)


def write_poster(video: Path, output: Path, at_s: float) -> None:
    """Write the frame on screen at `at_s` as a JPEG of the video's size.

    `output` appears only when it is whole.

    Raises MontageError("poster_failed") with FFmpeg's reason, also when the video has no frame at
    that time.
    """
    draft = output.with_name(f".{output.name}.{os.getpid()}.draft")
    source = ["-y", "-loglevel", "error", "-ss", f"{at_s:.6f}", *input_args(video, REEL_FORMATS)]
    frame = ["-map", "0:v:0", "-frames:v", "1", "-vf", _TO_JPEG_COLOURS, "-q:v", _QUALITY]
    target = ["-update", "1", "-f", "image2", f"file:{draft}"]

    try:
        run_ffmpeg([*source, *frame, *target], code=ErrorCode.POSTER_FAILED)
        if not draft.is_file() or draft.stat().st_size == 0:
            raise RenderError(ErrorCode.POSTER_FAILED, f"{video.name} has no frame at {at_s:.3f} s")
        os.replace(draft, output)
    finally:
        draft.unlink(missing_ok=True)
