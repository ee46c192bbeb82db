"""Where a clip is read from: a file of this machine, or a loopback address that serves parts of a
stored one (ranges).

Belongs here: how FFmpeg and PyAV are pointed at either, and what else they may open on the way:
nothing.
"""

from collections.abc import Sequence
from pathlib import Path

import av
from av.container import InputContainer

from montage_pipeline.footage.model import ClipSource


def input_address(source: ClipSource) -> str:
    """What FFmpeg is given as the input. A path is never taken for a protocol or an option."""
    return f"file:{source.absolute()}" if isinstance(source, Path) else source


def allowed_protocols(source: ClipSource) -> str:
    """The protocols FFmpeg may use for this input: a file that is a playlist in disguise must not
    reach the network.
    """
    return "file" if isinstance(source, Path) else "http,tcp"


def open_source(source: ClipSource, formats: Sequence[str] = ()) -> InputContainer:
    """Open for reading; with `formats` (libavformat's names) only as one of these.

    Raises av.FFmpegError.
    """
    options = {"protocol_whitelist": allowed_protocols(source)} | (
        {"format_whitelist": ",".join(formats)} if formats else {}
    )
    return av.open(input_address(source), mode="r", options=options)
