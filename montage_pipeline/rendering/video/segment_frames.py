"""What FFmpeg is told to read one segment's frames: picked, cropped, scaled, converted.

Belongs here: the input options and the filter chain of a segment.
Does not belong here: encoding (encoding), or running anything (chunks).

Which frame is shown: output frame k shows the last source frame whose presentation time is not
after source_in_s + k * speed / fps. `setpts` moves source_in_s (and a tolerance for rounded
timestamps) to zero on a microsecond clock that runs by the segment's speed, and `fps=round=up` then
gives each source frame the first output frame that is not before it: the same rule.
"""

from math import ceil
from pathlib import Path

from montage_pipeline.editing.timeline import Segment, Timeline
from montage_pipeline.footage.decoding.tone import ColourMap, colour_map, write_cube
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.footage.transparency import alpha_decoder, has_alpha
from montage_pipeline.media import opening
from montage_pipeline.rendering.video.enlarging import (
    enlargement,
    sharpening,
    sharpening_filters,
)
from montage_pipeline.rendering.video.geometry import (
    StoredCrop,
    chroma_steps,
    crop_move,
    stored_crop,
    turned_size,
)
from montage_pipeline.rendering.video.seeking import TIME_TOLERANCE_S, seek_point_s
from montage_pipeline.rendering.video.view_filter import view_filters

_MATRICES = {
    "bt709": "bt709",
    "fcc": "fcc",
    "bt470bg": "bt601",
    "smpte170m": "bt601",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}
"""From the tag of a clip to swscale's word."""

_COLORSPACE_NAMES = {
    "bt601": "smpte170m",
    "fcc": "fcc",
    "smpte240m": "smpte240m",
    "bt2020": "bt2020nc",
}
"""From swscale's word to that of the colorspace filter."""

_CENTRED_CHROMA = ("mjpeg", "mpeg1video")
"""Codecs with chroma between the luma samples; all others have it below the left one."""

_HD_LINES = 720
"""Untagged video of at least this many lines is taken for HD, as players do."""

_CLOCK_HZ = 1_000_000
"""The clock on which frames are picked."""

_TAIL_SLACK_S = 0.1
"""On top of the last frame's own length, for rounded timestamps at any frame rate."""

_RGB_MATRIX = "color_matrix=bt709"
_SCALE_FLAGS = "flags=bicubic+accurate_rnd"
_ENLARGE_FLAGS = "flags=lanczos+accurate_rnd"
"""Lanczos keeps more of what little an enlarged crop has; bicubic is faster at shrinking."""

_TURNS = {0: "", 90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock"}


def input_args(
    facts: ClipFacts,
    segment: Segment,
    source: ClipSource,
    threads: int,
    *,
    earlier_s: float = 0.0,
) -> list[str]:
    """Open the clip a little before the segment, keeping its own clock and stored orientation.

    Decode with `threads` threads, from so much earlier than need be (inf: from the clip's start).
    """
    # A clip that changes its size on the way is brought to its first size by the chain; a new graph
    # would forget the clock.
    args = ["-copyts", "-noautorotate", "-reinit_filter", "0", "-threads", str(threads)]
    decoder = alpha_decoder(facts)
    if decoder is not None:
        args += [f"-c:{facts.video_stream}", decoder]

    seek_s = seek_point_s(source, facts, segment.source_in_s - earlier_s)
    if seek_s is not None:
        # Without -noaccurate_seek FFmpeg drops the frame that is on screen at the in-point when it
        # began before it.
        args += ["-noaccurate_seek", "-seek_timestamp", "1", "-ss", f"{seek_s:.6f}"]
    return [*args, *opening.input_args(source, (opening.demuxer_of(facts.container),))]


def tail_frames(facts: ClipFacts, rate: float) -> int | None:
    """How many output frames the clip's last frame may stand beyond its own length, with so many of
    them to a second of the clip.

    None for no limit. A clip that ends earlier than its probe said is damaged and must not freeze
    in silence.
    """
    if facts.variable_frame_rate and facts.end_hold_s is None:
        return None
    two_frames_s = 2 / float(facts.fps.fraction)
    return ceil(rate * (max(two_frames_s, facts.end_hold_s or 0.0) + _TAIL_SLACK_S))


def write_tables(timeline: Timeline, folder: Path) -> None:
    """Write the colour tables of the HDR and wide-gamut clips in use."""
    for mapping in {colour_map(timeline.clips[segment.clip]) for segment in timeline.segments}:
        if mapping is not None:
            write_cube(folder / mapping.table, mapping)


def video_chain(timeline: Timeline, segment: Segment) -> str:
    """The filter chain of one segment, from decoded frames to yuv420p of the output size.

    It names the colour table without a folder: run it where `write_tables` wrote.
    """
    facts = timeline.clips[segment.clip]
    move = crop_move(timeline, segment)
    crop = stored_crop(facts, move.around if move else segment.crop)
    shown_size = (move.width, move.height) if move else (timeline.width, timeline.height)
    filters = [
        # Does nothing until the clip changes its size, never its shape: not smaller than the crop
        # expects.
        f"scale={':'.join(map(str, _stored_size(facts)))}:force_original_aspect_ratio=increase",
        "bwdif=mode=send_frame" if facts.interlaced else "",
        *_picked(timeline, segment),
        *(view_filters(facts.view) if facts.view else ()),
        f"crop={crop.width}:{crop.height}:{crop.x}:{crop.y}:exact=1",
        *_conversion(facts, crop, turned_size(facts, *shown_size)),
        "hflip" if facts.mirrored else "",
        _TURNS[facts.rotation_deg],
        # After scaling, so that the way is smooth: a step is a pixel of the output.
        f"crop={timeline.width}:{timeline.height}:{move.filter_args()}" if move else "",
        "setsar=1",
    ]
    return ",".join(step for step in filters if step)


def _stored_size(facts: ClipFacts) -> tuple[int, int]:
    """Of whole frames, before a view is taken of them."""
    if facts.view is None:
        return facts.coded_width, facts.coded_height
    return facts.view.stored_width, facts.view.stored_height


def source_matrix(facts: ClipFacts) -> str:
    """The YCbCr matrix of the clip in swscale's words.

    Without a tag HD is BT.709 and SD is BT.601, as players have it.
    """
    if facts.color_space == "gbr":
        return "bt709"  # RGB has none; this one needs no conversion afterwards
    if facts.color_space == "unknown" and facts.color_primaries == "bt2020":
        return "bt2020"
    untagged = "bt709" if facts.coded_height >= _HD_LINES else "bt601"
    return _MATRICES.get(facts.color_space, untagged)


def _picked(timeline: Timeline, segment: Segment) -> list[str]:
    """Exactly the segment's frames, at the output's rate."""
    fps = timeline.fps
    tail = tail_frames(timeline.clips[segment.clip], float(fps.fraction) / segment.speed)
    zero = round((segment.source_in_s + TIME_TOLERANCE_S) * _CLOCK_HZ)
    return [
        f"settb=1/{_CLOCK_HZ}",
        f"setpts=(PTS-({zero}))/{segment.speed!r}" if segment.speed < 1 else f"setpts=PTS-({zero})",
        f"fps=fps={fps.num}/{fps.den}:round=up",
        f"tpad=stop_mode=clone:stop={-1 if tail is None else tail}",
        # Frames before the in-point end here, before any pixel is touched.
        f"trim=start_pts=0:end_pts={segment.frames}",
    ]


def _conversion(facts: ClipFacts, crop: StoredCrop, size: tuple[int, int]) -> list[str]:
    """Scaled to `size` (sharpened where that enlarges) and converted to SDR BT.709 yuv420p."""
    # Players show transparent frames over black.
    flatten = ["premultiply=inplace=1"] if has_alpha(facts) else []
    # premultiply works on chroma of full size.
    chroma = "" if flatten else _chroma_place(facts, crop)
    given = f"in_range={'pc' if facts.full_range else 'tv'}{chroma}"
    given += f":in_color_matrix={source_matrix(facts)}"
    mapping = colour_map(facts)
    factor = enlargement(crop, *size)
    resize = f"scale={size[0]}:{size[1]}:{_ENLARGE_FLAGS if factor > 1 else _SCALE_FLAGS}"
    sharpen = sharpening_filters(sharpening(factor))
    if sharpen and facts.color_space == "gbr":
        # The mask is for luma, which RGB gets here.
        to_luma = f"scale={_SCALE_FLAGS}:{given}:out_range=tv:out_{_RGB_MATRIX}"
        sharpen = [to_luma, "format=yuv444p", *sharpen]
        given = f"in_range=tv:in_{_RGB_MATRIX}"
    if mapping is None:
        return [*flatten, *sharpen, *_scaled(facts, given, resize)]
    return [*flatten, *sharpen, *_mapped(mapping, given, resize, first=factor <= 1)]


def _scaled(facts: ClipFacts, given: str, resize: str) -> list[str]:
    """SDR: scaled in the clip's own matrix, then brought to BT.709's."""
    matrix = source_matrix(facts)
    target = f"out_range=tv:out_chroma_loc=left:out_color_matrix={matrix}"
    scaled = [f"{resize}:{given}:{target}", "format=yuv420p"]
    if matrix == "bt709":
        return scaled

    # swscale would turn one matrix into another by way of 8-bit RGB: slower, and grey comes out
    # tinted.
    same = "iprimaries=bt709:itrc=bt709:irange=tv:primaries=bt709:trc=bt709:range=tv"
    return [*scaled, f"colorspace=ispace={_COLORSPACE_NAMES[matrix]}:{same}:space=bt709:fast=1"]


def _mapped(mapping: ColourMap, given: str, resize: str, *, first: bool) -> list[str]:
    """HDR and wide gamuts: through the colour table, then to BT.709; `first` resizes before."""
    # Sixteen bits are faster than ten here, and keep the dark end smooth.
    table = ["format=gbrp16", f"lut3d=file={mapping.table}:interp=tetrahedral"]
    target = "out_range=tv:out_chroma_loc=left:out_color_matrix=bt709"
    convert = f"scale={_SCALE_FLAGS}"

    # The table is the expensive step: apply it to the smaller of the two frames.
    if first:
        return [f"{resize}:{given}", *table, f"{convert}:{target}", "format=yuv420p"]
    return [f"{convert}:{given}", *table, f"{resize}:{target}", "format=yuv420p"]


def _chroma_place(facts: ClipFacts, crop: StoredCrop) -> str:
    """Scale options that say where the crop's first chroma sample lies, in 1/256 luma samples.

    It may begin before the crop does. Left to itself swscale takes chroma to lie between the luma
    samples, which shifts the colours of enlarged frames.
    """
    step_x, step_y = chroma_steps(facts.pixel_format)
    across = 128 if facts.video_codec in _CENTRED_CHROMA else 0
    places = ""
    if step_x > 1:
        places += f":in_h_chr_pos={across - 256 * (crop.x % step_x)}"
    if step_y > 1:
        places += f":in_v_chr_pos={128 - 256 * (crop.y % step_y)}"
    return places
