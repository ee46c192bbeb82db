"""Music is fetched by the rules of clips; only what counts as a file of it differs."""

from pathlib import Path

import pytest

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.fetching.sniff import refuse_unless_audio, refuse_unless_video
from montage_pipeline_tests.footage.fetching.loopback import VIDEO, Server, fetcher, reply

MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x23TSSE" + bytes(5000)
WMA = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")


@pytest.mark.parametrize(
    "head",
    [
        MP3,
        b"\xff\xfb\x90\x64" + bytes(100),
        b"\xff\xf1\x50\x80" + bytes(100),
        b"fLaC\x00\x00\x00\x22" + bytes(100),
        b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(100),
        b"FORM\x00\x00\x10\x00AIFFCOMM" + bytes(100),
        b"\x00\x00\x00\x1cftypM4A \x00\x00" + bytes(100),
        b"OggS\x00\x02" + bytes(100),
        WMA + bytes(100),
    ],
)
def test_sound_files_are_music_and_mostly_not_clips(head: bytes) -> None:
    refuse_unless_audio(head)
    if not head.startswith((b"OggS", WMA)):
        with pytest.raises(PermanentError, match="not a video"):
            refuse_unless_video(head)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"#EXTM3U\nfile:///etc/passwd\n", "a playlist"),
        (
            b"ffconcat version 1.0\nfile /etc/passwd\n",
            "a list of files .ffconcat., not a sound file",
        ),
        (b"\xff\xd8\xff\xe0" + bytes(100), "a JPEG image, not sound"),
        (b"\xff\xfe<\x00h\x00t\x00m\x00l\x00", "not a sound format"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(100), "a WebP image"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(100), "a still image, not sound"),
        (b"", "empty"),
        (bytes(100), "not a sound format that can be read .MP3"),
    ],
)
def test_other_files_are_not_music(head: bytes, what: str) -> None:
    with pytest.raises(PermanentError, match=what) as caught:
        refuse_unless_audio(head, "audio/mpeg")
    assert caught.value.code == ErrorCode.MUSIC_NOT_AUDIO


def test_music_has_its_own_limit_and_words(server: Server, tmp_path: Path) -> None:
    server.answers["/a.mp3"] = reply(MP3, ETag='"v1"')
    made = fetcher(tmp_path, max_clip_bytes=100)
    fetched = made.fetch_music(server.url("/a.mp3"))
    assert fetched.path.read_bytes() == MP3
    assert server.seen[0][1]["accept"].startswith("audio/*")
    for settings, url, code in (
        ({"max_music_bytes": 100}, server.url("/a.mp3"), ErrorCode.MUSIC_TOO_LARGE),
        ({"fetch_private_hosts": False}, "https://127.0.0.1/a.mp3", ErrorCode.MUSIC_FORBIDDEN_HOST),
        ({}, "ftp://example.org/a.mp3", ErrorCode.MUSIC_BAD_URL),
    ):
        with pytest.raises(PermanentError) as caught:
            fetcher(tmp_path / code, **settings).fetch_music(url)
        assert caught.value.code == code


def test_what_came_as_a_clip_is_looked_at_again(server: Server, tmp_path: Path) -> None:
    """A cached file has passed as a video, not as music."""
    avi = b"RIFF\x24\x00\x00\x00AVI LIST" + bytes(5000)
    server.answers["/a.avi"] = reply(avi, ETag='"v1"')
    made = fetcher(tmp_path)
    made.fetch(server.url("/a.avi"))
    with pytest.raises(PermanentError, match="not"):
        made.fetch_music(server.url("/a.avi"))
    server.answers["/b.mp4"] = reply(VIDEO)
    # A phone's recording: whether it has sound is for the decoder to say.
    made.fetch_music(server.url("/b.mp4"))
