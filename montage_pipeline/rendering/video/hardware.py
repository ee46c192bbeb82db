"""Hardware encoders: what each is told, and whether it works on this machine.

Belongs here: options by encoder, and the probe encode.
Does not belong here: when one is used (profiles).
"""

import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import get_args

from montage_pipeline.media.ffmpeg import ffmpeg_path, last_lines
from montage_pipeline.media.isolation.limits import bare_environment
from montage_pipeline.rendering.video.encoding import BT709_TAGS, OUTPUT_TAGS, Encoding
from montage_pipeline.settings import HardwareEncoder, RenderQuality

# On the encoders' own scales, generous because none of them was measured here.
_CONSTANT_QUALITY: dict[RenderQuality, int] = {"draft": 27, "standard": 22, "best": 18}
_BIT_RATE: dict[RenderQuality, str] = {"draft": "6M", "standard": "12M", "best": "18M"}

_RENDER_NODE = "/dev/dri/renderD128"
"""The first GPU, as Linux names it."""

_PROBE_SOURCE = (
    *("-f", "lavfi", "-i"),
    "testsrc2=size=640x640:rate=30,trim=end_frame=8,format=yuv420p",
)
"""A few frames suffice, of a size that every encoder takes."""

_PROBE_TIMEOUT_S = 20.0
"""A driver that hangs must not hold up the render; a probe that works takes a second."""

_MIN_PROBE_SSIM = 0.95
"""Any encoder that works reaches more at standard quality; broken drivers give grey or green."""

_REASON_LINES = 3
"""Of FFmpeg's words on a failed probe."""


def hardware_encoding(name: HardwareEncoder, quality: RenderQuality) -> Encoding:
    """One of the hardware encoders at a quality; whether it works, `probe_failure` says."""
    constant, rate = str(_CONSTANT_QUALITY[quality]), _BIT_RATE[quality]
    match name:
        case "nvenc":
            return _nvenc(constant)
        case "videotoolbox":
            return _videotoolbox(rate)
        case "qsv":
            return _qsv(constant)
        case "vaapi":
            return _vaapi(constant, rate)


def _nvenc(constant: str) -> Encoding:
    control = ("-preset", "p4", "-rc", "vbr", "-cq", constant, "-b:v", "0")
    structure = ("-forced-idr", "1", "-no-scenecut", "1", "-strict_gop", "1")
    options = ("-c:v", "h264_nvenc", *control, "-pix_fmt", "yuv420p", *structure)
    return Encoding("h264_nvenc", options, hardware=True)


def _videotoolbox(rate: str) -> Encoding:
    control = ("-b:v", rate, "-realtime", "0", "-allow_sw", "0", "-profile:v", "high")
    options = ("-c:v", "h264_videotoolbox", *control, "-pix_fmt", "yuv420p")
    return Encoding("h264_videotoolbox", options, hardware=True)


def _qsv(constant: str) -> Encoding:
    control = ("-preset", "fast", "-global_quality", constant)
    structure = ("-look_ahead", "0", "-idr_interval", "0")
    options = ("-c:v", "h264_qsv", *control, *structure, "-pix_fmt", "nv12")
    return Encoding("h264_qsv", options, hardware=True)


def _vaapi(constant: str, rate: str) -> Encoding:
    control = ("-rc_mode", "QVBR", "-global_quality", constant, "-b:v", rate)
    return Encoding(
        "h264_vaapi",
        options=("-c:v", "h264_vaapi", *control, "-idr_interval", "0"),
        setup=("-vaapi_device", _RENDER_NODE),
        filters=("format=nv12", "hwupload"),
        hardware=True,
    )


def present_hardware() -> list[HardwareEncoder]:
    """The hardware encoders whose device this machine has, best first."""
    has_render_node = Path(_RENDER_NODE).exists()
    present: dict[HardwareEncoder, bool] = {
        "nvenc": Path("/dev/nvidiactl").exists(),
        "videotoolbox": sys.platform == "darwin",
        "qsv": has_render_node,
        "vaapi": has_render_node,
    }
    return [name for name in get_args(HardwareEncoder) if present[name]]


@lru_cache(maxsize=8)
def probe_failure(name: HardwareEncoder) -> str:
    """Why this encoder cannot be used here.

    Empty when a probe encode works and its frames look like what went in.
    """
    encoding = hardware_encoding(name, "standard")
    chain = ",".join((BT709_TAGS, *encoding.filters))
    encode = [*encoding.setup, *_PROBE_SOURCE, "-vf", chain, *encoding.options]
    structure = ["-bf", "0", "-g", "60", *OUTPUT_TAGS]
    compare = ["-f", "nut", "-i", "pipe:0", *_PROBE_SOURCE, "-lavfi", "[0:v][1:v]ssim"]
    try:
        encoded = _run([*encode, *structure, "-f", "nut", "pipe:1"], b"", "error").stdout
        report = _run([*compare, "-f", "null", "-"], encoded, "info").stderr
    except (OSError, subprocess.SubprocessError) as error:
        return _reason(error)

    ssim = float(report.rsplit(b"All:", 1)[-1].split()[0]) if b"All:" in report else 0.0
    if ssim > _MIN_PROBE_SSIM:
        return ""
    return f"its frames do not look like what went in (SSIM {ssim:.3f})"


def _run(args: Sequence[str], data: bytes, log_level: str) -> subprocess.CompletedProcess[bytes]:
    command = [ffmpeg_path(), "-hide_banner", "-nostats", "-loglevel", log_level, *args]
    return subprocess.run(
        command,
        input=data,
        capture_output=True,
        timeout=_PROBE_TIMEOUT_S,
        check=True,
        env=bare_environment(),
    )


def _reason(error: Exception) -> str:
    stderr = getattr(error, "stderr", None)
    if not stderr:
        return str(error)
    return last_lines(stderr.decode("utf-8", "replace"), _REASON_LINES).replace("\n", " / ")
