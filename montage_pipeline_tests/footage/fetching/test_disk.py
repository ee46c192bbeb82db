"""Local files are read where they lie, when settings allow it."""

import hashlib
from pathlib import Path

import pytest

from montage_pipeline.errors import ErrorCode
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline_tests.footage.fetching.loopback import VIDEO, fetcher, refusal


def test_local_files_only_when_allowed(tmp_path: Path) -> None:
    path = tmp_path / "a clip.mp4"
    path.write_bytes(VIDEO)
    for url in (path.as_uri(), str(path)):
        assert refusal(fetcher(tmp_path), url).code == ErrorCode.CLIP_BAD_URL
        clip = fetcher(tmp_path, local_files=True).fetch(url)
        assert (clip.path, clip.url, clip.sha256) == (path, url, hashlib.sha256(VIDEO).hexdigest())
    path.write_bytes(VIDEO + b"more")
    assert (
        fetcher(tmp_path, local_files=True).fetch(str(path)).sha256
        == hashlib.sha256(VIDEO + b"more").hexdigest()
    )
    assert (
        refusal(fetcher(tmp_path, local_files=True), f"{path}.missing").code
        == ErrorCode.CLIP_NOT_FOUND
    )


@pytest.mark.parametrize(
    ("name", "encoding", "what", "remedy"),
    [
        ("moving.gif", (), "a GIF image", "as a video (MP4)"),
        ("moving.png", ("-f", "apng"), "an animated PNG", "as a video (MP4)"),
        ("moving.webp", ("-c:v", "libwebp_anim"), "an animated WebP", "as a video (MP4)"),
        ("camera.h264", ("-c:v", "libx264"), "a raw H.264 stream", "into an MP4"),
        ("camera.265", ("-c:v", "libx265", "-f", "hevc"), "a raw HEVC stream", "into an MP4"),
        (
            "camera.264",
            ("-c:v", "libx264", "-bsf:v", "h264_metadata=aud=insert", "-f", "h264"),
            "a raw H.264 stream",
            "into an MP4",
        ),
    ],
)
def test_what_moves_but_is_no_video_file_is_refused_with_what_to_do(
    name: str, encoding: tuple[str, ...], what: str, remedy: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    run_ffmpeg(["-f", "lavfi", "-i", "testsrc2=s=64x64:r=5:d=2", *encoding, str(path)])
    error = refusal(fetcher(tmp_path, local_files=True), str(path))
    assert error.code == ErrorCode.CLIP_NOT_VIDEO
    assert f"{name}: it is {what}" in error.message
    assert remedy in error.message
