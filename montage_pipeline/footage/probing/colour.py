"""How a clip's colours are coded, and which codings are refused."""

from dataclasses import dataclass
from typing import Literal

from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc
from av.video.stream import VideoStream

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.media.side_data import side_data

Hdr = Literal["sdr", "hlg", "pq"]

# Codes of ITU-T H.273, by FFmpeg's names.
_MATRIX_NAMES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    9: "bt2020nc",
    10: "bt2020c",
}
_PRIMARIES_NAMES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    11: "smpte431",
    12: "smpte432",
    22: "ebu3213",
}
# FFmpeg's scaler would take these for one of the matrices above.
_UNSUPPORTED_MATRICES = {
    8: "YCgCo",
    11: "YDzDx",
    12: "derived",
    13: "derived",
    14: "ICtCp",
    15: "IPT",
    16: "YCgCo",
    17: "YCgCo",
}
_HDR_PRIMARIES = {ColorPrimaries.BT2020, ColorPrimaries.SMPTE431, ColorPrimaries.SMPTE432}
_SDR_BITS = 8  # more, with primaries that are not named, suggest HDR
_DOLBY_VISION_TAGS = ("dvh1", "dvhe", "dav1", "dva1", "dvav")


@dataclass(frozen=True)
class Colour:
    """How colours are coded; names are FFmpeg's."""

    pixel_format: str
    bit_depth: int
    full_range: bool
    matrix: str
    primaries: str
    hdr: Hdr


def colour_of(stream: VideoStream, frame: VideoFrame) -> Colour:
    """How a track's colours are coded, from its first frame.

    Raises PermanentError(CLIP_STRANGE_COLOUR) when they would come out wrong: a green or purple
    frame is worse than none.
    """
    _refuse_colour(stream, frame)
    rgb = frame.format.is_rgb or frame.format.has_palette
    jpeg_range = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return Colour(
        pixel_format=_pixel_format(stream, frame),
        bit_depth=_bit_depth(frame),
        full_range=jpeg_range or rgb,
        matrix="gbr" if rgb else _MATRIX_NAMES.get(int(frame.colorspace), "unknown"),
        primaries=_PRIMARIES_NAMES.get(int(frame.color_primaries), "unknown"),
        hdr=_hdr(frame),
    )


def _refuse_colour(stream: VideoStream, frame: VideoFrame) -> None:
    export = "export it in BT.709, or as HLG, and use that file"
    coding = _UNSUPPORTED_MATRICES.get(int(frame.colorspace))
    if coding is not None:
        raise PermanentError(
            ErrorCode.CLIP_STRANGE_COLOUR,
            f"its colours are coded as {coding}, which is not supported; {export}",
        )
    if _is_dolby_vision(stream, frame) and _is_untagged(frame):
        raise PermanentError(
            ErrorCode.CLIP_STRANGE_COLOUR,
            f"it is Dolby Vision without a base layer that other players can show; {export}",
        )


def _is_dolby_vision(stream: VideoStream, frame: VideoFrame) -> bool:
    tag = str(stream.codec_context.codec_tag).lower()
    return tag in _DOLBY_VISION_TAGS or side_data(frame, "DOVI_METADATA") is not None


def _is_untagged(frame: VideoFrame) -> bool:
    return (
        frame.color_primaries == ColorPrimaries.UNSPECIFIED
        and frame.color_trc == ColorTrc.UNSPECIFIED
    )


def _pixel_format(stream: VideoStream, frame: VideoFrame) -> str:
    """The decoder's format, with the transparency it may not see.

    WebM keeps transparency in a second stream of its own, which the usual decoder ignores.
    """
    if stream.metadata.get("alpha_mode") == "1" and frame.format.name == "yuv420p":
        return "yuva420p"
    return frame.format.name


def _bit_depth(frame: VideoFrame) -> int:
    return max(component.bits for component in frame.format.components)


def _hdr(frame: VideoFrame) -> Hdr:
    """HDR needs both tags, transfer and primaries.

    Shared albums keep the HLG transfer on frames that were already converted to BT.709. Where the
    primaries are not named, the bit depth decides.
    """
    unnamed = frame.color_primaries == ColorPrimaries.UNSPECIFIED
    wide = frame.color_primaries in _HDR_PRIMARIES or (unnamed and _bit_depth(frame) > _SDR_BITS)
    if not wide:
        return "sdr"
    if frame.color_trc == ColorTrc.ARIB_STD_B67:
        return "hlg"
    return "pq" if frame.color_trc == ColorTrc.SMPTE2084 else "sdr"
