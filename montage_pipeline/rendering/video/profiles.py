"""The encoding that the settings ask for.

Belongs here: the measured profiles, and the choice between software and hardware.
"""

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.logs import get_logger
from montage_pipeline.rendering.video.encoding import Encoding, x264_encoding
from montage_pipeline.rendering.video.hardware import (
    hardware_encoding,
    present_hardware,
    probe_failure,
)
from montage_pipeline.settings import HardwareEncoder, RenderQuality, Settings

X264_PROFILES: dict[RenderQuality, tuple[str, int, str]] = {
    "draft": ("ultrafast", 26, ""),
    "standard": ("ultrafast", 22, ""),
    "best": ("ultrafast", 19, "subme=1"),
}
"""Preset, CRF and what departs from the preset.

The fastest setting found that reaches its VMAF (90, 95, 97) against the lossless frames, both soft
and sharp ones; `make bench-render` measures them anew. Without subme=1, sharp frames hit the peak
rate before they reach 97.
"""

_log = get_logger(__name__)


def encoding_for(settings: Settings) -> Encoding:
    """The encoding that the settings ask for.

    `auto` takes the first hardware encoder whose probe encode works; the log says so when none of
    those present does.

    Raises PermanentError("encoder_unavailable") when the settings force a hardware encoder that
    does not work here.
    """
    wanted, quality = settings.render_encoder, settings.render_quality
    if wanted == "software":
        return x264_encoding(*X264_PROFILES[quality])
    if wanted == "auto":
        return _first_that_works(quality)
    return _forced(wanted, quality)


def _first_that_works(quality: RenderQuality) -> Encoding:
    failures = {}
    for name in present_hardware():
        reason = probe_failure(name)
        if not reason:
            return hardware_encoding(name, quality)
        failures[name] = reason

    if failures:
        _log.warning("hardware_encoders_unusable", using="libx264", **failures)
    return x264_encoding(*X264_PROFILES[quality])


def _forced(name: HardwareEncoder, quality: RenderQuality) -> Encoding:
    reason = probe_failure(name)
    if reason:
        raise PermanentError(
            ErrorCode.ENCODER_UNAVAILABLE,
            f"MONTAGE_RENDER_ENCODER={name}, but it does not work on this machine: {reason}. "
            "Use auto or software",
            encoder=name,
        )
    return hardware_encoding(name, quality)
