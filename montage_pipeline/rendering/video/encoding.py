"""Frames to H.264: the settings that make a Reel's picture, by quality and by encoder.

Belongs here: what the encoder is told, the measured profiles, and whether a hardware encoder may be
used.
Does not belong here: running an encoder on a Reel's frames (part).

Every encoder is held to the same rules: 4:2:0 BT.709 limited range, closed GOPs of at most 2 s, no
B-frames (they
would need an edit list to start at zero), and a peak rate that keeps every second of the file below
25 Mbit/s.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import get_args

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.logs import get_logger
from montage_pipeline.media.ffmpeg import ffmpeg_path, last_lines
from montage_pipeline.settings import HardwareEncoder, RenderQuality, Settings

MAX_GOP_S = 2
MAX_BIT_RATE_MBPS = 25.0
"""Above this, Instagram refuses a Reel."""

_MAX_RATE, _BUFFER = (
    "20M",
    "5M",
)  # x264 starts with a full buffer: 25 Mbit in the worst second, sound not counted
BT709_TAGS = "setsar=1,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709:chroma_location=left:field_mode=prog"
"""The filters that end every chain: an encoder believes the frames, not its options, and parts must
be encoded alike to be joined.
"""

_TAGS = (
    "-color_range",
    "tv",
    "-colorspace",
    "bt709",
    "-color_primaries",
    "bt709",
    "-color_trc",
    "bt709",
)

# Preset, CRF and what departs from the preset: the fastest setting found that reaches its VMAF
# against the lossless picture, of soft
# and of sharp frames; `make bench-render` measures them anew. Without subme=1, sharp frames hit the
# peak rate before they reach 97.
_X264: dict[RenderQuality, tuple[str, int, str]] = {
    "draft": ("ultrafast", 26, ""),
    "standard": ("ultrafast", 22, ""),
    "best": ("ultrafast", 19, "subme=1"),
}
# Constant quality of hardware encoders on their own scales, generous because none of them was
# measured here.
_HARDWARE_QUALITY: dict[RenderQuality, int] = {"draft": 27, "standard": 22, "best": 18}
_HARDWARE_BIT_RATE: dict[RenderQuality, str] = {"draft": "6M", "standard": "12M", "best": "18M"}
_PROBE_FRAMES = 8
_PROBE_TIMEOUT_S = 20.0

log = get_logger(__name__)


@dataclass(frozen=True)
class Encoding:
    """How frames are encoded.

    `options` follow the input; `filters` end the filter chain; `setup` precedes everything.
    """

    name: str
    options: tuple[str, ...]
    setup: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    hardware: bool = False

    def output_args(self, timeline: Timeline) -> list[str]:
        """Everything FFmpeg is told about the output's picture."""
        gop = int(timeline.fps.fraction * MAX_GOP_S)
        return [
            *self.options,
            "-bf",
            "0",
            "-g",
            str(gop),
            "-maxrate",
            _MAX_RATE,
            "-bufsize",
            _BUFFER,
            *_TAGS,
        ]


def x264_encoding(preset: str, crf: int, departures: str = "") -> Encoding:
    """The software encoder; `departures` are x264 parameters (a=1:b=2) that replace the preset's.

    One thread each: segments are encoded side by side, and the frames never depend on the number of
    cores.
    """
    options = ("-c:v", "libx264", "-preset", preset, "-crf", str(crf), "-threads", "1")
    # Scene-cut detection would add key frames where the cuts are already.
    structure = ("-pix_fmt", "yuv420p", "-sc_threshold", "0", "-flags", "+cgop")
    extra = ("-x264-params", departures) if departures else ()
    return Encoding(
        name=" ".join(f"libx264 {preset} {departures} crf {crf}".split()),
        options=options + structure + extra,
    )


def encoding_for(settings: Settings) -> Encoding:
    """The encoding that the settings ask for.

    `auto` takes the first hardware encoder whose probe encode works and says in the log when there
    is none.
    Raises PermanentError("encoder_unavailable") when the settings force a hardware encoder that
    does not work here.
    """
    wanted, quality = settings.render_encoder, settings.render_quality
    if wanted == "software":
        return x264_encoding(*_X264[quality])
    if wanted != "auto":
        reason = probe_failure(wanted)
        if reason:
            message = f"MONTAGE_RENDER_ENCODER={wanted}, but it does not work on this machine: {reason}. Use auto or software"
            raise PermanentError(ErrorCode.ENCODER_UNAVAILABLE, message, encoder=wanted)
        return hardware_encoding(wanted, quality)
    refused = {}
    for name in present_hardware():
        reason = probe_failure(name)
        if not reason:
            return hardware_encoding(name, quality)
        refused[name] = reason
    if refused:
        log.warning("hardware encoders do not work here; libx264 is used", **refused)
    return x264_encoding(*_X264[quality])


def hardware_encoding(name: HardwareEncoder, quality: RenderQuality) -> Encoding:
    """One of the hardware encoders at a quality; whether it works is for `probe_failure` to say."""
    constant, rate = str(_HARDWARE_QUALITY[quality]), _HARDWARE_BIT_RATE[quality]
    if name == "nvenc":
        control = ("-preset", "p4", "-rc", "vbr", "-cq", constant, "-b:v", "0")
        structure = (
            "-pix_fmt",
            "yuv420p",
            "-forced-idr",
            "1",
            "-no-scenecut",
            "1",
            "-strict_gop",
            "1",
        )
        return Encoding("h264_nvenc", ("-c:v", "h264_nvenc", *control, *structure), hardware=True)
    if name == "videotoolbox":
        control = ("-b:v", rate, "-realtime", "0", "-allow_sw", "0", "-profile:v", "high")
        return Encoding(
            "h264_videotoolbox",
            ("-c:v", "h264_videotoolbox", *control, "-pix_fmt", "yuv420p"),
            hardware=True,
        )
    if name == "qsv":
        control = (
            "-preset",
            "fast",
            "-global_quality",
            constant,
            "-look_ahead",
            "0",
            "-idr_interval",
            "0",
        )
        return Encoding(
            "h264_qsv", ("-c:v", "h264_qsv", *control, "-pix_fmt", "nv12"), hardware=True
        )
    control = ("-rc_mode", "QVBR", "-global_quality", constant, "-b:v", rate, "-idr_interval", "0")
    upload, device = ("format=nv12", "hwupload"), ("-vaapi_device", _RENDER_NODE)
    return Encoding(
        "h264_vaapi", ("-c:v", "h264_vaapi", *control), setup=device, filters=upload, hardware=True
    )


def present_hardware() -> list[HardwareEncoder]:
    """The hardware encoders whose device this machine has, best first."""
    has: dict[HardwareEncoder, Callable[[], bool]] = {
        "nvenc": lambda: Path("/dev/nvidiactl").exists(),
        "videotoolbox": lambda: sys.platform == "darwin",
        "qsv": lambda: Path(_RENDER_NODE).exists(),
        "vaapi": lambda: Path(_RENDER_NODE).exists(),
    }
    return [name for name in get_args(HardwareEncoder) if has[name]()]


@lru_cache(maxsize=8)
def probe_failure(name: HardwareEncoder) -> str:
    """Why this encoder cannot be used here; empty when a probe encode works and its frames look
    like what went in.
    """
    encoding = hardware_encoding(name, "standard")
    chain = ",".join((BT709_TAGS, *encoding.filters))
    source = (
        "-f",
        "lavfi",
        "-i",
        f"testsrc2=size=640x640:rate=30,trim=end_frame={_PROBE_FRAMES},format=yuv420p",
    )
    encode = [
        *encoding.setup,
        *source,
        "-vf",
        chain,
        *encoding.options,
        "-bf",
        "0",
        "-g",
        "60",
        *_TAGS,
    ]
    try:
        made = _piped([*encode, "-f", "nut", "pipe:1"], b"")
        compare = [
            "-f",
            "nut",
            "-i",
            "pipe:0",
            *source,
            "-lavfi",
            "[0:v][1:v]ssim",
            "-f",
            "null",
            "-",
        ]
        said = _piped([*compare], made, want_words=True)
    except (OSError, subprocess.SubprocessError) as error:
        words = getattr(error, "stderr", None)
        return (
            last_lines(words.decode("utf-8", "replace"), 3).replace("\n", " / ")
            if words
            else str(error)
        )
    likeness = float(said.rsplit(b"All:", 1)[-1].split()[0]) if b"All:" in said else 0.0
    return (
        ""
        if likeness > _PROBE_SSIM
        else f"its frames do not look like what went in (SSIM {likeness:.3f})"
    )


def _piped(args: Sequence[str], data: bytes, *, want_words: bool = False) -> bytes:
    command = [
        ffmpeg_path(),
        "-hide_banner",
        "-nostats",
        "-loglevel",
        "info" if want_words else "error",
        *args,
    ]
    done = subprocess.run(
        command, input=data, capture_output=True, timeout=_PROBE_TIMEOUT_S, check=True
    )
    return done.stderr if want_words else done.stdout


_PROBE_SSIM = 0.95
_RENDER_NODE = "/dev/dri/renderD128"
