"""Encrypted media is called encrypted, whatever its container, and clear media never is."""

import struct
from pathlib import Path

import pytest

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.fetching.sniff import refuse_unless_video
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.probe import probe
from montage_pipeline.footage.probing.encryption import encrypted_tracks
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.music.own_music import OwnMusic
from montage_pipeline_tests.footage.media import H264, fetched

KEY = "00112233445566778899aabbccddeeff"
CENC = (
    *("-encryption_scheme", "cenc-aes-ctr"),
    *("-encryption_key", KEY, "-encryption_kid", KEY),
)
SOUND = ("-f", "lavfi", "-i", "sine=440:duration=1")
CONTENT_ENCRYPTION = bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e")


def _clip(path: Path, *options: str) -> Path:
    video = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1")
    run_ffmpeg(["-y", *video, *SOUND, *options, "-shortest", str(path)])
    return path


@pytest.mark.parametrize(
    ("name", "codecs"),
    [
        ("clear.mp4", H264),
        ("clear.mov", H264),
        ("clear.mkv", H264),
        ("clear.webm", ("-c:v", "libvpx", "-threads", "1", "-c:a", "libopus")),
        ("clear.ts", H264),
        ("clear.m2ts", (*H264, "-mpegts_m2ts_mode", "1")),
        ("clear.vob", ("-c:v", "mpeg2video", "-c:a", "ac3")),
        ("clear.mpg", ("-c:v", "mpeg1video", "-c:a", "mp2")),
        ("clear.avi", ("-c:v", "mpeg4")),
        ("clear.wmv", ("-c:v", "wmv2", "-c:a", "wmav2")),
    ],
)
def test_clear_media_is_not_called_encrypted(
    name: str, codecs: tuple[str, ...], tmp_path: Path
) -> None:
    assert encrypted_tracks(_clip(tmp_path / name, *codecs)) == frozenset()


@pytest.mark.parametrize("flags", [(), ("-movflags", "+faststart")])
def test_common_encryption_is_named(flags: tuple[str, ...], tmp_path: Path) -> None:
    path = _clip(tmp_path / "film.mp4", *H264, *CENC, *flags)
    assert encrypted_tracks(path) == {"video", "audio"}
    with pytest.raises(PermanentError, match="encrypted") as caught:
        probe(fetched(path))
    assert caught.value.code is ErrorCode.CLIP_ENCRYPTED


def test_fairplay_is_named(tmp_path: Path) -> None:
    content = _clip(tmp_path / "film.mp4", *H264).read_bytes()
    shop = tmp_path / "film.m4v"
    shop.write_bytes(content.replace(b"avc1\x00\x00\x00\x00", b"drmi\x00\x00\x00\x00"))
    assert encrypted_tracks(shop) == {"video"}
    shop.write_bytes(content.replace(b"mp4a\x00\x00\x00\x00", b"drms\x00\x00\x00\x00"))
    assert encrypted_tracks(shop) == {"audio"}


def _element(name: str, content: bytes) -> bytes:
    return bytes.fromhex(name) + (len(content) | 1 << 56).to_bytes(8, "big") + content


@pytest.mark.parametrize("encryption", ["5035", "5034"])  # 5034: compressed
def test_encrypted_webm_is_named(encryption: str, tmp_path: Path) -> None:
    how = _element("6d80", _element("6240", _element(encryption, b"")))
    tracks = _element("1654ae6b", _element("ae", _element("83", b"\x01") + how))
    path = tmp_path / "film.webm"
    path.write_bytes(_element("1a45dfa3", b"") + _element("18538067", tracks))
    assert encrypted_tracks(path) == ({"video"} if encryption == "5035" else frozenset())


def test_protected_wmv_is_named(tmp_path: Path) -> None:
    content = _clip(tmp_path / "film.wmv", "-c:v", "wmv2", "-c:a", "wmav2").read_bytes()
    extra = CONTENT_ENCRYPTION + struct.pack("<Q", 40) + bytes(16)
    (size,) = struct.unpack("<Q", content[16:24])
    path = tmp_path / "shop.wmv"
    path.write_bytes(
        content[:16] + struct.pack("<Q", size + 40) + content[24:30] + extra + content[30:]
    )
    assert encrypted_tracks(path) == {"video", "audio"}


@pytest.mark.parametrize(("name", "lead"), [("film.ts", 0), ("film.m2ts", 4)])
def test_scrambled_broadcast_is_named(name: str, lead: int, tmp_path: Path) -> None:
    path = _clip(tmp_path / name, *H264, "-mpegts_m2ts_mode", str(int(lead > 0)))
    content = bytearray(path.read_bytes())
    for place in range(lead, len(content), lead + 188):
        carrying = int.from_bytes(content[place + 1 : place + 3], "big") & 0x1FFF
        if carrying >= 0x20:
            content[place + 3] |= 0x80
    path.write_bytes(content)
    assert encrypted_tracks(path) == {"video", "audio"}


def test_a_protected_dvd_is_named(tmp_path: Path) -> None:
    """Discs mark every packet that they scramble, and scramble some only."""
    path = _clip(tmp_path / "VTS_01_1.VOB", "-c:v", "mpeg2video", "-c:a", "ac3", "-f", "vob")
    content = bytearray(path.read_bytes())
    packs = list(range(0, len(content), 2048))
    assert all(content[place : place + 4] == b"\0\0\1\xba" for place in packs)
    for place in packs[::3]:
        for packet in (place + 14, content.find(b"\0\0\1", place + 15, place + 100)):
            if content[packet + 3] in (0xBD, 0xE0):
                content[packet + 6] |= 0x10
    path.write_bytes(content)
    assert encrypted_tracks(path) == {"video", "audio"}
    with pytest.raises(PermanentError, match="encrypted"):
        probe(fetched(path))


def test_a_playlist_with_a_key_is_named() -> None:
    text = '#EXTM3U\n#EXT-X-KEY:METHOD={0},URI="k"\n#EXTINF:2,\na.ts\n'
    with pytest.raises(PermanentError, match="encrypted video"):
        refuse_unless_video(text.format("AES-128").encode())
    with pytest.raises(PermanentError, match="use the address of the video itself"):
        refuse_unless_video(text.format("NONE").encode())


def test_encrypted_music_is_named_before_anything_is_paid_for(tmp_path: Path) -> None:
    song = tmp_path / "song.m4a"
    run_ffmpeg(["-y", *SOUND, "-f", "mp4", *CENC, str(song)])

    class Fetcher:
        def fetch_music(self, url: str) -> FetchedClip:
            return fetched(song)

    with pytest.raises(PermanentError, match=r"song\.m4a is encrypted") as caught:
        OwnMusic(Fetcher(), song.as_uri()).require(10.0)
    assert caught.value.code is ErrorCode.MUSIC_ENCRYPTED


def test_what_is_cut_off_is_no_error(tmp_path: Path) -> None:
    content = _clip(tmp_path / "film.mp4", *H264, *CENC, "-movflags", "+faststart").read_bytes()
    for kept in (0, 3, 20, 100, 500, len(content) // 2):
        (tmp_path / "part.mp4").write_bytes(content[:kept])
        assert encrypted_tracks(tmp_path / "part.mp4") <= {"video", "audio"}
