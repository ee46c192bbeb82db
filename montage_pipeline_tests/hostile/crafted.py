"""Files whose numbers lie, each made from a small sound one by changing some bytes."""

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet

from montage_pipeline_tests.footage.media import H264, filmed, make_clip, scenery

_SOUND = ("-f", "lavfi", "-i", "sine=440:sample_rate=48000")


def plain(folder: Path, name: str, *output: str, filters: str = "", duration_s: float = 2) -> Path:
    """A sound file; the index of an MP4 is at its end."""
    return make_clip(
        folder / name,
        source=filmed(scenery(folder / f"{name}.png", seed=len(name))),
        size="320x180",
        rate="25",
        duration_s=duration_s,
        before=_SOUND,
        filters=filters,
        output=(*H264, "-g", "12", *(output or ("-c:a", "aac")), "-shortest"),
    )


def latin_1_title(folder: Path) -> Path:
    """Its title is text, but not UTF-8."""
    clip = plain(folder, "latin-1.mp4", "-c:a", "aac", "-metadata", "title=CafX")
    return _changed(clip, b"CafX", "Café".encode("latin-1"))


def leaping_clock(folder: Path) -> Path:
    """Between two frames, 28 hours pass."""
    leap = "setpts='if(gte(N,25),N/25/TB+100800/TB,N/25/TB)'"
    return plain(folder, "leap.mp4", "-an", "-fps_mode", "passthrough", "-t", "101000",
                 filters=leap, duration_s=101_000)  # fmt: skip


def claimed_long(folder: Path, claimed_s: float = 5.9e10) -> Path:
    """The container claims to last for two thousand years; its two seconds of frames are sound."""
    clip = plain(folder, "claimed-long.mkv", "-c:a", "pcm_s16le")
    content = bytearray(clip.read_bytes())
    at = content.index(b"\x44\x89\x88") + 3  # Duration, in milliseconds
    struct.pack_into(">d", content, at, claimed_s * 1000)
    clip.write_bytes(content)
    return clip


def endless(folder: Path) -> Path:
    """Each of its frames lasts for a month: its clock ticks once a second."""
    clip = plain(folder, "endless.mp4", "-an")
    content = bytearray(clip.read_bytes())
    struct.pack_into(">I", content, content.index(b"mdhd") + 16, 1)
    _lie_of_durations(content, 30 * 24 * 3600)
    clip.write_bytes(content)
    return clip


def crowded(folder: Path) -> Path:
    """Its frames follow each other by billionths of a second."""
    clip = plain(folder, "crowded.mp4", "-an", duration_s=5)
    content = bytearray(clip.read_bytes())
    struct.pack_into(">I", content, content.index(b"mdhd") + 16, 0x7FFFFFFF)
    _lie_of_durations(content, 1)
    clip.write_bytes(content)
    return clip


def fast_sound(folder: Path, claimed_hz: float = 2e9) -> Path:
    """Its sound claims two billion samples per second."""
    clip = plain(folder, "fast-sound.mkv", "-c:a", "pcm_s16le")
    return _changed(
        clip, b"\xb5\x88" + struct.pack(">d", 48_000.0), b"\xb5\x88" + struct.pack(">d", claimed_hz)
    )


def huge_frames(folder: Path, declared: tuple[int, int] = (16_000, 16_000)) -> Path:
    """PNG frames of 16000x16000 in QuickTime, 32 KB each; the container says `declared`."""
    side = 16_000
    rows = zlib.compress(bytes(side * (side // 8 + 1)), 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows)
    png += _chunk(b"IEND", b"")
    output = folder / f"huge-{declared[0]}.mov"
    with av.open(str(output), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height = declared
        stream.pix_fmt = "monob"
        for number in range(10):
            packet = Packet(png)
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = number
            packet.is_keyframe = True
            container.mux(packet)
    return output


def many_tracks(folder: Path, count: int = 900) -> Path:
    """The video track stands in the index `count` times."""
    clip = plain(folder, "tracks.mp4", "-an")
    content = clip.read_bytes()
    moov, moov_end = _box(content, b"moov")
    trak, trak_end = _box(content, b"trak")
    tracks = []
    for number in range(count):
        track = bytearray(content[trak:trak_end])
        struct.pack_into(">I", track, track.index(b"tkhd") + 16, number + 1)
        tracks.append(bytes(track))
    inside = content[moov + 8 : trak] + b"".join(tracks) + content[trak_end:moov_end]
    index = struct.pack(">I4s", len(inside) + 8, b"moov") + inside
    clip.write_bytes(content[:moov] + index + content[moov_end:])
    return clip


def polyglot(folder: Path, secret: Path) -> Path:
    """An MP4 that is a DASH manifest, too, which names another file.

    Its first box has a size without a zero byte, so that a reader of text gets to the manifest.
    """
    clip = plain(folder, "polyglot.mp4", "-c:a", "aac")
    content = clip.read_bytes()
    manifest = (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" mediaPresentationDuration="PT2S">'
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
        f"<BaseURL>file://{secret}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ).encode()
    size = 0x01010101
    free = struct.pack(">I4s", size, b"free") + manifest
    moved = bytearray(content)
    place = 0
    while (place := moved.find(b"stco", place + 1)) > 0:
        (entries,) = struct.unpack_from(">I", moved, place + 8)
        for at in range(place + 12, place + 12 + 4 * entries, 4):
            struct.pack_into(">I", moved, at, struct.unpack_from(">I", moved, at)[0] + size)
    clip.write_bytes(free + bytes(size - len(free)) + moved)
    return clip


def _lie_of_durations(content: bytearray, delta: int) -> None:
    """Every frame of an MP4 lasts `delta` ticks."""
    at = content.index(b"stts")
    (entries,) = struct.unpack_from(">I", content, at + 8)
    for entry in range(entries):
        struct.pack_into(">I", content, at + 16 + 8 * entry, delta)


def _changed(path: Path, before: bytes, after: bytes) -> Path:
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after))
    return path


def _chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def _box(content: bytes, name: bytes) -> tuple[int, int]:
    """Begin and end of the first box of a name."""
    begin = content.index(name) - 4
    return begin, begin + int(struct.unpack_from(">I", content, begin)[0])
