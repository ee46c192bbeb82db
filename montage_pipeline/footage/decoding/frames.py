"""Decoded frames as a player shows them: upright, with square pixels, and HDR as SDR.

Belongs here: everything between FFmpeg's frame and an RGB array. Does not belong here: which frames
to take (sample), small planes for measuring (measuring.planes).
"""

from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from montage_pipeline.footage.decoding.plain import plain_frame
from montage_pipeline.footage.decoding.tone import colour_map, to_bt709
from montage_pipeline.footage.model import ClipFacts

RgbFrame = NDArray[np.uint8]
"""Shape (height, width, 3), as a viewer sees it."""

_MATRICES = {
    "bt709": Colorspace.ITU709,
    "fcc": Colorspace.FCC,
    "bt470bg": Colorspace.ITU601,
    "smpte170m": Colorspace.ITU601,
    "smpte240m": Colorspace.SMPTE240M,
    "bt2020nc": Colorspace.BT2020,
    "bt2020c": Colorspace.BT2020,
}
_HD_LINES = 720  # from which a clip that does not name its matrix is taken to be BT.709

# Without full chroma and accurate rounding swscale's RGB comes out two levels too dark.
_EXACT = Interpolation.AREA | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
_FULL_SCALE_16 = 65535.0


def oriented(stored: NDArray[Any], facts: ClipFacts) -> NDArray[Any]:
    """A stored frame (rows first) mirrored and turned as a player does."""
    if facts.mirrored:
        stored = stored[:, ::-1]
    if facts.rotation_deg:
        stored = np.rot90(stored, k=-(facts.rotation_deg // 90))
    return stored


def stored_size(facts: ClipFacts, max_side: int) -> tuple[int, int]:
    """Width and height before turning, so that the turned frame has square pixels.

    No side is above `max_side`, and none larger than the clip's own.
    """
    scale = min(1.0, max_side / max(facts.width, facts.height))
    width, height = max(2, round(facts.width * scale)), max(2, round(facts.height * scale))
    return (height, width) if facts.rotation_deg in (90, 270) else (width, height)


def rgb_frame(frame: VideoFrame, facts: ClipFacts, max_side: int) -> RgbFrame:
    """The frame as a viewer sees it, its longer side at most `max_side` pixels."""
    frame = plain_frame(frame, facts)
    size = stored_size(facts, max_side)
    covering = covering_size(frame, facts, size)
    mapping = colour_map(facts)
    if mapping is None:
        stored: NDArray[Any] = _reformatted(frame, facts, covering, "rgb24")
    else:
        # Planar: of frames that keep their size swscale makes garbage in rgb48le.
        signal = _reformatted(frame, facts, covering, "gbrp16le") / _FULL_SCALE_16
        stored = to_bt709(signal, mapping) * 255 + 0.5
    shown = stored[: size[1], : size[0]]
    return np.ascontiguousarray(oriented(shown, facts), dtype=np.uint8)


def covering_size(frame: VideoFrame, facts: ClipFacts, size: tuple[int, int]) -> tuple[int, int]:
    """The size of a whole frame that covers `size` without being stretched."""
    if (frame.width, frame.height) == (facts.coded_width, facts.coded_height):
        return size
    across, down = facts.coded_width / frame.width, facts.coded_height / frame.height
    larger = max(across, down)
    return round(size[0] * larger / across), round(size[1] * larger / down)


def _reformatted(
    frame: VideoFrame, facts: ClipFacts, size: tuple[int, int], pixel_format: str
) -> NDArray[Any]:
    width, height = size
    matrix = _MATRICES.get(facts.color_space) or (
        Colorspace.ITU709 if facts.coded_height >= _HD_LINES else Colorspace.ITU601
    )
    return frame.reformat(
        width,
        height,
        pixel_format,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        interpolation=_EXACT,
        src_color_range=ColorRange.JPEG if facts.full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        threads=1,
    ).to_ndarray()
