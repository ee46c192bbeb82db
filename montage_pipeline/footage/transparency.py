"""Which clips have an alpha channel, and which decoder gives it.

Belongs here: telling that, for analysis and renderer alike. Does not belong
here: composing frames over black (decoding.plain).
"""

import av

from montage_pipeline.footage.model import ClipFacts

_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's own decoders of these leave transparency out."""


def has_alpha(facts: ClipFacts) -> bool:
    """Whether the clip's frames may be partly transparent."""
    return is_transparent(facts.video_codec, facts.pixel_format)


def is_transparent(video_codec: str, pixel_format: str) -> bool:
    """Whether frames of this kind have an alpha channel; names are FFmpeg's.

    What raw 32-bit video holds in that place means nothing.
    """
    if video_codec == "rawvideo":
        return False
    return any(plane.is_alpha for plane in av.VideoFormat(pixel_format).components)


def alpha_decoder(facts: ClipFacts) -> str | None:
    """FFmpeg's name of the decoder that a transparent clip needs; None where the usual one does."""
    return _ALPHA_DECODERS.get(facts.video_codec) if has_alpha(facts) else None
