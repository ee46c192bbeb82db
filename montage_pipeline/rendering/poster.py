"""The still picture that stands for a Reel."""

import os
from pathlib import Path

from montage_pipeline.errors import ErrorCode
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.rendering.errors import RenderError

_QUALITY = "2"  # FFmpeg's JPEG scale, 2 (best) to 31


def write_poster(video: Path, output: Path, at_s: float) -> None:
    """Write the frame on screen at `at_s` as a JPEG of the video's size; `output` appears only when
    whole.

    Raises MontageError("poster_failed") with FFmpeg's reason, also when the video has no frame at
    that time.
    """
    draft = output.with_name(f".{output.name}.{os.getpid()}.draft")
    # JPEG viewers assume BT.601 in full range whatever the video was.
    chain = "scale=in_color_matrix=bt709:in_range=tv:out_color_matrix=bt601:out_range=pc:flags=accurate_rnd,format=yuvj420p"
    args = [
        "-y",
        "-loglevel",
        "error",
        "-ss",
        f"{at_s:.6f}",
        "-i",
        f"file:{video}",
        "-map",
        "0:v:0",
        "-frames:v",
        "1",
        "-vf",
        chain,
    ]
    try:
        run_ffmpeg(
            [*args, "-q:v", _QUALITY, "-update", "1", "-f", "image2", f"file:{draft}"],
            code=ErrorCode.POSTER_FAILED,
        )
        if not draft.is_file() or draft.stat().st_size == 0:
            raise RenderError(ErrorCode.POSTER_FAILED, f"{video.name} has no frame at {at_s:.3f} s")
        os.replace(draft, output)
    finally:
        draft.unlink(missing_ok=True)
