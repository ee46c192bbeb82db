"""Clips whose times or messages are those of strange writers, made on the spot."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline_tests.footage.media import H264, filmed, make_clip, scenery

RATE, LONG_S = 25, 4
FRAMES = RATE * LONG_S
WITH_B_FRAMES = (
    *("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-crf", "20"),
    *("-bf", "3", "-b_strategy", "0", "-g", "25"),
)
FINE = (*H264, "-crf", "8")
_PACKED = b"\0\0\1\xb2DivX503b1393p\0"  # user data: the p says that frames are packed
_NOT_CODED = b"\0\0\1\xb6\x50\0"  # a frame that repeats the one before
_SOUND = ("-f", "lavfi", "-i", "sine=440:sample_rate=48000")


def plain_clip(folder: Path, seed: int = 1, encoding: tuple[str, ...] = WITH_B_FRAMES) -> Path:
    """A clip in MOV, sound in every respect, of which the others are made."""
    return make_clip(
        folder / f"plain-{seed}.mov",
        source=filmed(scenery(folder / f"scenery-{seed}.png", seed=seed)),
        rate=str(RATE),
        duration_s=LONG_S,
        before=_SOUND,
        output=(*encoding, "-c:a", "aac", "-shortest"),
    )


def copied(clip: Path, output: Path, *options: str) -> Path:
    """The same packets in another file."""
    run_ffmpeg(["-y", "-i", str(clip), "-c", "copy", *options, str(output)])
    return output


def joined(output: Path, *clips: Path) -> Path:
    """Files one after the other, byte by byte."""
    output.write_bytes(b"".join(clip.read_bytes() for clip in clips))
    return output


def unstamped(clip: Path, output: Path) -> Path:
    """A Matroska file whose first second is before zero, where it can keep no times."""
    return copied(clip, output, "-avoid_negative_ts", "disabled", "-output_ts_offset", "-1")


def leapt(clip: Path, output: Path, *, after_s: float, reordered: bool = True) -> Path:
    """The same packets, on a clock that leaps by an hour; after frames shown for so many seconds.

    `reordered`: times of showing know of B-frames; else they are those of decoding.
    """
    late = f"if(gte({{0}},{after_s}/TB),{{0}}+3600/TB,{{0}})"
    video = f"pts='{late.format('PTS')}':dts='{late.format('DTS')}'"
    if not reordered:
        video = f"ts='{late.format('DTS')}'"
    sound = f"ts='{late.format('TS')}'"
    return copied(clip, output, "-bsf:v", f"setts={video}", "-bsf:a", f"setts={sound}")


def packed_as_divx(clip: Path, folder: Path) -> Path:
    """An AVI as DivX and Xvid wrote them: of frames between two others the first is in one packet
    with the later of these, and an empty packet stands in the place of the last.

    `mpeg4.mov` beside it holds the same frames, soundly.
    """
    plain, packed = folder / "mpeg4.mov", folder / "packed.avi"
    encoding = ("-an", "-c:v", "mpeg4", "-q:v", "4", "-bf", "2", "-g", "25")
    run_ffmpeg(["-y", "-i", str(clip), *encoding, str(plain)])
    with av.open(str(plain)) as source, av.open(str(packed), "w", format="avi") as output:
        video = source.streams.video[0]
        track = output.add_stream_from_template(video)
        track.codec_context.extradata = (video.codec_context.extradata or b"") + _PACKED
        for place, (content, is_keyframe) in enumerate(_packed(source.demux(video))):
            packet = Packet(content)
            packet.pts = packet.dts = place
            packet.time_base = Fraction(1, RATE)
            packet.is_keyframe = is_keyframe
            packet.stream = track
            output.mux(packet)
    return packed


def _packed(packets: Iterable["Packet[VideoStream]"]) -> Iterator[tuple[bytes, bool]]:
    """What is in each packet, and whether it is a keyframe."""
    groups: list[list[Packet[VideoStream]]] = []
    for packet in packets:
        if packet.pts is None:
            continue
        if groups and packet.pts < (groups[-1][0].pts or 0):
            groups[-1].append(packet)
        else:
            groups.append([packet])
    for later, *between in groups:
        contents = [bytes(packet) for packet in between]
        yield bytes(later) + b"".join(contents[:1]), later.is_keyframe
        for content in [*contents[1:], *([_NOT_CODED] if between else [])]:
            yield content, False


def old_x264(folder: Path) -> Path:
    """A 4:4:4 clip whose first packet alone says that an old x264 made it.

    Decoders go by that, so that its frames differ after a seek that has lost the message.
    """
    full_chroma = (
        *("-c:v", "libx264", "-preset", "medium", "-pix_fmt", "yuv444p", "-crf", "20", "-g", "25"),
        *("-x264-params", "cabac=1:8x8dct=1"),
    )
    clip = plain_clip(folder, 7, full_chroma)
    content = clip.read_bytes()
    place = content.index(b"x264 - core ") + len(b"x264 - core ")
    assert content[place : place + 3].isdigit()
    old = folder / "old-x264.mov"
    old.write_bytes(content[:place] + b"142" + content[place + 3 :])
    return old


def tagged_360(
    clip: Path, output: Path, *, projection: str = "equirectangular", stitched: bool = True
) -> Path:
    """An MP4 with its index at the end, tagged as 360° video (Google's spherical metadata, V1)."""
    xml = (
        '<rdf:SphericalVideo xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">'
        "<GSpherical:Spherical>true</GSpherical:Spherical>"
        f"<GSpherical:Stitched>{str(stitched).lower()}</GSpherical:Stitched>"
        "<GSpherical:StitchingSoftware>by hand</GSpherical:StitchingSoftware>"
        f"<GSpherical:ProjectionType>{projection}</GSpherical:ProjectionType>"
        "</rdf:SphericalVideo>"
    ).encode()
    uuid = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
    plain = copied(clip, output.with_suffix(".plain.mp4"), "-an")
    return _with_box(plain, output, (b"moov", b"trak"), box(b"uuid", uuid, xml))


def tagged_projection(clip: Path, output: Path, name: bytes, content: bytes = b"") -> Path:
    """An MP4 with a projection of Google's spherical metadata, V2: `cbmp`, `mshp` and others."""
    plain = copied(clip, output.with_suffix(".plain.mp4"), "-an")
    source = box(b"svhd", bytes(4), b"by hand\0")
    pose = box(b"prhd", bytes(16))
    tag = box(b"sv3d", source, box(b"proj", pose, box(name, bytes(4), content)))
    way = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")
    return _with_box(plain, output, way, tag)


def box(name: bytes, *parts: bytes) -> bytes:
    """A box of an MP4 file."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), name) + content


def _with_box(plain: Path, output: Path, way: Sequence[bytes], added: bytes) -> Path:
    """A file with its index at the end, and one more box at the end of a way of boxes through it:
    of the first track.
    """
    content = bytearray(plain.read_bytes())
    at = 0
    for name in way:
        at = content.index(name, at) - 4
        size = struct.unpack(">I", content[at : at + 4])[0]
        content[at : at + 4] = struct.pack(">I", size + len(added))
        end, at = at + size, at + 8
    content[end:end] = added
    output.write_bytes(content)
    return output


def still_scene(folder: Path, name: str, filters: str = "", output: tuple[str, ...] = FINE) -> Path:
    """Two seconds of one scene, 640 pixels by 360 before the filters."""
    return make_clip(
        folder / name,
        source=filmed(scenery(folder / "scenery.png", seed=5), "x=40:y=20"),
        size="640x360",
        rate=str(RATE),
        filters=filters,
        output=output,
    )


def cropped_by_its_container(folder: Path) -> Path:
    """An MP4 of 634 by 360 pixels whose video says 640 by 368, as some cameras write them."""
    aligned = still_scene(
        folder, "aligned.mp4", "scale=640:368,setsar=1", (*FINE, "-movflags", "faststart")
    )
    content = bytearray(aligned.read_bytes())
    sample_entry = content.index(b"avc1", content.index(b"stsd")) + 4
    content[sample_entry + 24 : sample_entry + 28] = struct.pack(">HH", 634, 360)
    track_header = content.index(b"tkhd") - 4
    end = track_header + struct.unpack(">I", content[track_header : track_header + 4])[0]
    content[end - 8 : end] = struct.pack(">II", 634 << 16, 360 << 16)
    cropped = folder / "cropped.mp4"
    cropped.write_bytes(content)
    return cropped


def turned_on_the_way(folder: Path) -> Path:
    """A recording of a scene in which the phone is turned after two seconds: its frames say so.

    From then on it shows the middle of the scene, 202 of 640 pixels wide.
    """
    upright = still_scene(folder, "upright.ts")
    on_its_side = still_scene(folder, "side.mp4", "crop=202:360,scale=360:640,transpose=cclock")
    tagged = folder / "tagged.ts"
    orientation = "h264_metadata=display_orientation=insert:rotate=270"
    copied(on_its_side, tagged, "-bsf:v", orientation, "-output_ts_offset", "2")
    return joined(folder / "turned.ts", upright, tagged)


def narrowed_on_the_way(folder: Path, *, offset_s: float = 2) -> Path:
    """A broadcast of a scene that goes over from 16:9 to 4:3, in frames of one size: in the second
    part their pixels are narrower, and it shows the middle of the scene, 480 of 640 pixels wide.

    `offset_s`: on its clock, of the second part; without it the clock starts again.
    """
    output = (*FINE, "-g", "10")
    squeezed = "crop=480:360,scale=640:360,setsar=3/4"
    wide = still_scene(folder, "wide.ts", output=output)
    narrow = still_scene(folder, "narrow.mp4", squeezed, output)
    later = copied(narrow, folder / "narrow.ts", "-output_ts_offset", str(offset_s))
    return joined(folder / "narrowed.ts", wide, later)
