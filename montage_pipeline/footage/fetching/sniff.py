"""What a file is by its first bytes, whatever its name or Content-Type says.

Belongs here: signatures of file formats, and the words for them. Does not belong here: what a
container holds (probe).
"""

import re

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.names import printable

HEAD_BYTES = 4096
"""How much of the start is needed: a web page may begin with a long comment."""

_ISO_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"uuid")
_STILL_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif", b"jpeg", b"crx ")
_AUDIO_BRANDS = (b"M4A ", b"M4B ", b"M4P ")
_MATROSKA_AND_OGG = (b"\x1a\x45\xdf\xa3", b"OggS")
_ASF = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"  # WMV, WMA
_VIDEO_STARTS = (
    *_MATROSKA_AND_OGG,
    b"FLV\x01",
    _ASF,
    b"\x06\x0e\x2b\x34",  # MXF
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"\x1f\x07\x00",  # DV
)
_KEY = re.compile(rb"#EXT-X-(SESSION-)?KEY:METHOD=(?!NONE)")
_OTHER_FILES: tuple[tuple[bytes, str], ...] = (
    (b"#EXTM3U", "a playlist (m3u8), not a video file; use the address of the video itself"),
    (b"ffconcat", "a list of files (ffconcat), not a video file"),
    (b"[playlist]", "a playlist, not a video file"),
    (b"PK\x03\x04", "a zip archive; unpack it and use the videos inside"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!", "a rar archive; unpack it first"),
    (b"\xff\xd8\xff", "a JPEG image, not a video"),
    (b"\x89PNG", "a PNG image, not a video"),
    (b"GIF8", "a GIF image, not a video; one that moves can be saved as a video (MP4) first"),
    (b"BM", "a BMP image, not a video"),
    (b"II*\x00", "a TIFF or raw image, not a video"),
    (b"MM\x00*", "a TIFF or raw image, not a video"),
    (b"%PDF", "a PDF document, not a video"),
    (b"ID3", "an MP3 sound file, not a video"),
    (b"fLaC", "a FLAC sound file, not a video"),
)
_RAW_STREAM = re.compile(
    rb"\x00?\x00\x00\x01(?:(?P<h264>[\x07\x27\x47\x67\x09])|(?P<hevc>[\x40\x42\x46]\x01))"
)
"""Starts with a parameter set or a delimiter (tables 7-1 of H.264 and of HEVC)."""

_PAGE_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body")
_MAX_CLAIM_CHARS = 60  # quoted of a header, which may hold anything
_MARK_WITHIN = 1024  # bytes of a text, in which it says what it is
_AUDIO_STARTS = (b"ID3", b"fLaC", b"caff", _ASF, *_MATROSKA_AND_OGG)


# MPEG transport streams: where the first packet's sync byte is, and the size of a packet.
# Camcorders put 4 bytes of time before each.
_TS_PACKETS = ((0, 188), (4, 192))
_TS_SYNC = 0x47
_TS_PACKETS_SEEN = 4  # one sync byte may be chance

_NO_VIDEO = (
    "not a video format that can be read (MP4, MOV, MKV, WebM, AVI, MPEG, MXF, FLV, WMV, Ogg)"
)
_NO_SOUND = "not a sound format that can be read (MP3, M4A, AAC, WAV, FLAC, Ogg, AIFF, CAF, WMA)"


def refuse_unless_video(head: bytes, content_type: str = "") -> None:
    """Raise PermanentError(CLIP_NOT_VIDEO) unless the bytes start like a video file.

    `head` is the first HEAD_BYTES of the file, or all of it when it is shorter. The message says
    what it is. `content_type` is only quoted there; the bytes decide.
    """
    if not _is_video(head):
        raise PermanentError(
            ErrorCode.CLIP_NOT_VIDEO, f"it is {_what_it_is(head)}{_claim(content_type)}"
        )


def refuse_unless_audio(head: bytes, content_type: str = "") -> None:
    """Raise PermanentError(MUSIC_NOT_AUDIO) unless the bytes start like a file that can hold sound.

    An MP4, a WebM or an Ogg may hold either; whether there is sound in it is for the decoder to
    say.
    """
    if not _is_audio(head):
        what = (
            _what_it_is(head)
            .replace(_NO_VIDEO, _NO_SOUND)
            .replace("not a video file", "not a sound file")
            .replace("not a video", "not sound")
        )
        raise PermanentError(ErrorCode.MUSIC_NOT_AUDIO, f"it is {what}{_claim(content_type)}")


def _claim(content_type: str) -> str:
    claimed = printable(content_type.split(";")[0].strip())[:_MAX_CLAIM_CHARS]
    return f" (the server called it {claimed})" if claimed else ""


def _is_audio(head: bytes) -> bool:
    if head[4:8] in _ISO_BOXES:
        return not (head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS)
    if head[:4] in (b"RIFF", b"RF64"):
        return head[8:12] == b"WAVE"
    if head[:4] == b"FORM":
        return head[8:12] in (b"AIFF", b"AIFC")
    return head.startswith(_AUDIO_STARTS) or _is_bare_frame(head)


def _is_bare_frame(head: bytes) -> bool:
    """Whether this is MP3 (layer II or III) or AAC without a container.

    Its frames begin with set bits, then the layer, which is 0 for AAC.
    """
    if len(head) < 4 or head[0] != 0xFF:
        return False
    return head[1] & 0xF6 == 0xF0 or (
        head[1] & 0xE0 == 0xE0 and head[1] & 0x18 != 0x08 and head[1] & 0x06 in (0x02, 0x04)
    )


def _is_video(head: bytes) -> bool:
    if head[4:8] in _ISO_BOXES:
        return not (head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS + _AUDIO_BRANDS)
    if head[:4] == b"RIFF":
        return head[8:12] in (b"AVI ", b"AVIX")
    if head.startswith(_VIDEO_STARTS):
        return True
    return any(_is_transport_stream(head, start, size) for start, size in _TS_PACKETS)


def _is_transport_stream(head: bytes, start: int, size: int) -> bool:
    """Whether the first packets, of `size` bytes from `start` on, each begin with a sync byte."""
    if len(head) <= start + (_TS_PACKETS_SEEN - 1) * size:
        return False
    return all(head[start + number * size] == _TS_SYNC for number in range(_TS_PACKETS_SEEN))


def _what_it_is(head: bytes) -> str:
    """What a file that is no video is, as the end of a sentence."""
    if not head:
        return "empty (0 bytes)"
    if head[4:8] == b"ftyp":
        still = head[8:12] in _STILL_BRANDS
        return "a still image, not a video" if still else "a sound file, not a video"
    if head[:4] == b"RIFF":
        if head[8:12] == b"WEBP" and b"ANIM" in head:
            return "an animated WebP image, not a video; save it as a video (MP4) first"
        kinds = {b"WAVE": "a WAV sound file", b"WEBP": "a WebP image"}
        return kinds.get(head[8:12], "a RIFF file that is not AVI") + ", not a video"
    if head.startswith(b"#EXTM3U") and _KEY.search(head):
        return "a playlist (m3u8) of encrypted video; use a file of the video without protection"
    if head.startswith(b"\x89PNG") and b"acTL" in head:
        return "an animated PNG image, not a video; save it as a video (MP4) first"
    if raw := _RAW_STREAM.match(head):
        return (
            f"a raw {'H.264' if raw['h264'] else 'HEVC'} stream, which does not tell how fast it "
            "was filmed; put it into an MP4 first, for example by: "
            "ffmpeg -framerate 30 -i FILE -c copy clip.mp4"
        )
    for start, what in _OTHER_FILES:
        if head.startswith(start):
            return what
    return _which_text(head) or _NO_VIDEO


def _which_text(head: bytes) -> str:
    """Which kind of text a file is; empty when it is none."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<mpd" in text[:_MARK_WITHIN]:
        return "a DASH playlist (mpd), not a video file; use the address of the video itself"
    if text.startswith(_PAGE_STARTS) or b"<html" in text[:_MARK_WITHIN]:
        return (
            "a web page, not a video file; the link may need a login or point to a preview: "
            "use a direct download link"
        )
    if text.startswith(b"<"):
        return "an XML document, not a video file"
    if text.startswith((b"{", b"[")):
        return "a JSON document, not a video file"
    if b"\x00" not in head and _is_text(head):
        return "a text file, not a video"
    return ""


def _is_text(head: bytes) -> bool:
    try:
        head[:-4].decode("utf-8")  # the head may end within a character
    except UnicodeDecodeError:
        return False
    return True
