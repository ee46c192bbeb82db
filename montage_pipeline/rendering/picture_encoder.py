"""Raw frames to H.264.

Belongs here: x264's settings, which make a Reel out of frames: BT.709 limited range, closed GOPs, constant frame rate.
"""

from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.rendering.processes import FrameProcess
from montage_pipeline.settings import Settings

MAX_GOP_S = 2
_MAX_RATE = "22M"  # with the buffer and the sound, stays below the 25 Mbit/s that Reels accept
_BUFFER = "11M"
_TAGS = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
_FROM_RGB = "scale=flags=bicubic+accurate_rnd:in_range=pc:out_color_matrix=bt709:out_range=tv,format=yuv420p"


class PictureEncoder:
    """Encodes frames of the timeline's size, in order, to `path` (video only).

    `pixel_format` is that of the frames: yuv420p BT.709 limited range, or rgb24. Leaving the context by an exception kills the encoder.
    """

    def __init__(self, timeline: Timeline, path: Path, settings: Settings, pixel_format: Literal["yuv420p", "rgb24"]) -> None:
        fps = timeline.fps
        # B-frames would need an edit list to start at zero; without them decoding and presentation order are one.
        cuts = timeline.cut_frames
        gop = int(fps.fraction * MAX_GOP_S)
        chain = _TAGS if pixel_format == "yuv420p" else f"{_FROM_RGB},{_TAGS}"
        self.description = f"libx264 preset={settings.render_preset} crf={settings.render_crf}"
        self._process = FrameProcess(
            [
                *("-y", "-f", "rawvideo", "-pix_fmt", pixel_format, "-video_size", f"{timeline.width}x{timeline.height}"),
                *("-framerate", f"{fps.num}/{fps.den}", "-i", "pipe:0", "-vf", chain, "-fps_mode", "passthrough"),
                *("-c:v", "libx264", "-preset", settings.render_preset, "-crf", str(settings.render_crf)),
                *("-threads", str(settings.render_threads), "-pix_fmt", "yuv420p", "-bf", "0", "-g", str(gop), "-sc_threshold", "0"),
                *("-flags", "+cgop", "-maxrate", _MAX_RATE, "-bufsize", _BUFFER),
                *("-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"),
                *(("-force_key_frames", ",".join(f"{float(frame / fps.fraction):.6f}" for frame in cuts)) if cuts else ()),
                *("-use_editlist", "0", "-f", "mp4", f"file:{path.absolute()}"),
            ],
            "write",
            "encoded the picture",
            path.parent,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()

    def write(self, frame: memoryview) -> None:
        """Add the next frame."""
        self._process.write(frame)

    def finish(self) -> None:
        """Wait until every frame is in the file. RenderError with x264's or the file system's reason when that failed."""
        self._process.finish()
