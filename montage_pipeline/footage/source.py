"""Pointing FFmpeg and PyAV at a clip: a local file, or a loopback address of a stored one.

Belongs here: what FFmpeg is given as input, and keeping it from opening anything else.
Does not belong here: what a clip's container holds (container).
"""

from collections.abc import Sequence
from pathlib import Path

import av
from av.container import InputContainer

from montage_pipeline.footage.model import ClipSource


def input_address(source: ClipSource) -> str:
    """The input as FFmpeg takes it. A path is never mistaken for a protocol or an option."""
    return f"file:{source.absolute()}" if isinstance(source, Path) else source


def allowed_protocols(source: ClipSource) -> str:
    """The protocols FFmpeg may use for this input.

    A file that is a playlist in disguise must not reach the network.
    """
    return "file" if isinstance(source, Path) else "http,tcp"


def open_source(source: ClipSource, formats: Sequence[str] = ()) -> InputContainer:
    """Open for reading; with `formats` (libavformat's names), only as one of these.

    Raises av.FFmpegError.
    """
    options = {"protocol_whitelist": allowed_protocols(source)}
    if formats:
        options["format_whitelist"] = ",".join(formats)
    return av.open(input_address(source), mode="r", options=options)
