"""What FFmpeg is told to read one segment's frames: picked, cropped, scaled, converted.

Belongs here: the input options and the filter chain of a segment.
Does not belong here: encoding, or running anything (part).

Which frame is shown: output frame k shows the last source frame whose presentation time is not after
source_in_s + k/fps. `setpts` moves source_in_s (and a tolerance for rounded timestamps) to zero on a microsecond
clock, and `fps=round=up` then gives each source frame the first output frame that is not before it: the same rule.
"""

from math import ceil
from pathlib import Path

from montage_pipeline.editing.timeline import Segment, Timeline
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.footage.source import allowed_protocols, input_address
from montage_pipeline.rendering.geometry import stored_crop, turned_size
from montage_pipeline.rendering.seeking import TIME_TOLERANCE_S, seek_point_s
from montage_pipeline.rendering.tone import write_cube

_MATRICES = {
    "bt709": "bt709",
    "fcc": "fcc",
    "bt470bg": "bt601",
    "smpte170m": "bt601",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}
_HD_LINES = 720
_TURNS = {0: "", 90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock"}


def input_args(facts: ClipFacts, segment: Segment, source: ClipSource, threads: int) -> list[str]:
    """Open the clip a little before the segment, keeping its own clock and its stored orientation; decode with `threads`."""
    args = ["-copyts", "-noautorotate", "-threads", str(threads)]
    seek_s = seek_point_s(source, facts, segment.source_in_s)
    if seek_s is not None:
        # Without -noaccurate_seek FFmpeg drops the frame that is on screen at the in-point when it began before it.
        args += ["-noaccurate_seek", "-seek_timestamp", "1", "-ss", f"{seek_s:.6f}"]
    return [*args, "-protocol_whitelist", allowed_protocols(source), "-i", input_address(source)]


def tail_frames(facts: ClipFacts, fps: float) -> int | None:
    """How many output frames the clip's last picture may stand beyond its own length; None for no limit.

    A clip with a constant rate that ends earlier than its probe said is damaged and must not freeze in silence.
    """
    return None if facts.variable_frame_rate else ceil(fps * (2 / float(facts.fps.fraction) + 0.1))


def write_tables(timeline: Timeline, folder: Path) -> None:
    """Write the tone-mapping tables of the HDR clips in use."""
    for transfer in {timeline.clips[segment.clip].hdr for segment in timeline.segments}:
        if transfer != "sdr":
            write_cube(folder / f"{transfer}.cube", transfer)


def video_chain(timeline: Timeline, segment: Segment) -> str:
    """The filter chain of one segment, from decoded frames to yuv420p of the output size.

    It names the tone-mapping table without a folder: run it where `write_tables` wrote.
    """
    facts = timeline.clips[segment.clip]
    fps = timeline.fps
    tail = tail_frames(facts, float(fps.fraction))
    zero_us = round((segment.source_in_s + TIME_TOLERANCE_S) * 1_000_000)
    crop = stored_crop(facts, segment.crop)
    width, height = turned_size(facts, timeline.width, timeline.height)
    steps = [
        "bwdif=mode=send_frame" if facts.interlaced else "",
        "settb=1/1000000",
        f"setpts=PTS-({zero_us})",
        f"fps=fps={fps.num}/{fps.den}:round=up",
        f"tpad=stop_mode=clone:stop={-1 if tail is None else tail}",
        # Frames before the in-point end here, before any pixel is touched.
        f"trim=start_pts=0:end_pts={segment.frames}",
        f"crop={crop.width}:{crop.height}:{crop.x}:{crop.y}:exact=1",
        *_conversion(facts, crop.pixels, width, height),
        "hflip" if facts.mirrored else "",
        _TURNS[facts.rotation_deg],
        "setsar=1",
    ]
    return ",".join(step for step in steps if step)


def source_matrix(facts: ClipFacts) -> str:
    """The YCbCr matrix of the clip in swscale's words; without a tag HD is BT.709 and SD is BT.601, as players have it."""
    return _MATRICES.get(facts.color_space) or ("bt709" if facts.coded_height >= _HD_LINES else "bt601")


def _conversion(facts: ClipFacts, crop_pixels: int, width: int, height: int) -> list[str]:
    source = f"in_color_matrix={source_matrix(facts)}:in_range={'pc' if facts.full_range else 'tv'}"
    target = "out_color_matrix=bt709:out_range=tv"
    resize = f"scale={width}:{height}:flags=bicubic+accurate_rnd"
    if facts.hdr == "sdr":
        return [f"{resize}:{source}:{target}", "format=yuv420p"]
    mapping = ["format=gbrp10", f"lut3d=file={facts.hdr}.cube:interp=tetrahedral"]
    # The table is the dear part: apply it to the smaller of the two pictures.
    if crop_pixels < width * height:
        return [f"scale={source}", *mapping, f"{resize}:{target}", "format=yuv420p"]
    return [f"{resize}:{source}", *mapping, f"scale={target}", "format=yuv420p"]
