"""The one place where a media file is opened, by PyAV or as an input of the FFmpeg program.

A file can name other files and addresses: a playlist its parts, a DASH manifest a server, a sound
file a cover. Here FFmpeg is told which demuxers and which protocols it may use, so that nothing in
a file makes it open another, and what the file may claim before anything is decoded.

Belongs here: what is passed to FFmpeg with every input. Does not belong here: what a container
holds (footage.container), writing files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from montage_pipeline.media.plausible import MAX_PIXELS, MAX_TRACKS

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

MediaSource = Path | str
"""A local file, or a loopback address that serves ranges of a stored one."""

CLIP_FORMATS = (
    "mov",
    "mp4",
    "matroska",
    "webm",
    "avi",
    "mpegts",
    "mpeg",
    "ogg",
    "flv",
    "asf",
    "mxf",
    "dv",
    "mpegvideo",
)
"""Demuxers of files that hold their own frames. Left out on purpose: hls, dash, concat, image2,
sdp, tedcaptions and whatever else can name a second file or address.
"""

SOUND_FORMATS = (
    *("mov", "mp4", "matroska", "webm", "ogg", "asf", "mpegts"),
    *("mp3", "aac", "wav", "flac", "aiff", "caf"),
)
"""Demuxers of files that hold their own sound: music that a user brings, or that is bought."""

REEL_FORMATS = ("mov", "mp4")
"""What a Reel is."""

CHUNK_FORMATS = ("nut",)
"""What the encoded frames of a segment are kept in."""

MAX_PIXELS_OPTION = {"max_pixels": str(MAX_PIXELS)}
"""For every decoder: a frame that declares more is refused before there is memory for it."""


def open_media(
    source: MediaSource, formats: Sequence[str] = CLIP_FORMATS, *, undecoded: bool = False
) -> InputContainer:
    """Open for reading, only as one of `formats` (libavformat's names).

    `undecoded`: tracks are as the container describes them; FFmpeg forgets that where a decoder
    refuses the first frame. Raises av.FFmpegError.
    """
    options = {
        "protocol_whitelist": _protocols(source),
        "format_whitelist": ",".join(formats),
        "max_streams": str(MAX_TRACKS),
        **MAX_PIXELS_OPTION,
    }
    if undecoded:
        options |= {"codec_whitelist": "none"}
    import av  # here: whoever only names a source does without FFmpeg's libraries

    # What is written in a title is the user's: a byte that is no UTF-8 is no reason to stop.
    return av.open(_address(source), mode="r", options=options, metadata_errors="replace")


def input_args(source: MediaSource, formats: Sequence[str]) -> list[str]:
    """The same for the FFmpeg program: `-i`, with what goes before it.

    A single format is not only allowed but set: a file that is two things at once is then read as
    the one it was analysed as.
    """
    args = ["-protocol_whitelist", _protocols(source), "-max_streams", str(MAX_TRACKS)]
    args += ["-max_pixels", str(MAX_PIXELS), "-format_whitelist", ",".join(formats)]
    if len(formats) == 1:
        args += ["-f", formats[0]]
    return [*args, "-i", _address(source)]


def reason_of(error: av.FFmpegError) -> str:
    """Why FFmpeg cannot read a file, without its own words for where that lies on this machine."""
    import av

    if isinstance(error, av.PatchWelcomeError):
        return "it holds something that FFmpeg does not read yet, such as joined files of two kinds"
    return error.strerror or str(error)


def demuxer_of(container: str) -> str:
    """The name by which a container that was opened as a clip is set ("matroska,webm": matroska).

    Raises ValueError for one that clips are not opened as.
    """
    name = container.split(",")[0]
    if name not in CLIP_FORMATS:
        raise ValueError(f"clips are not opened as {container}")
    return name


def _address(source: MediaSource) -> str:
    """The input as FFmpeg takes it. A path is never mistaken for a protocol or an option."""
    return f"file:{source.absolute()}" if isinstance(source, Path) else source


def _protocols(source: MediaSource) -> str:
    """The protocols FFmpeg may use: a playlist in disguise must not reach the network."""
    return "file" if isinstance(source, Path) else "http,tcp"
