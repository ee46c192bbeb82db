"""FFmpeg's failures become errors that name the cause."""

from pathlib import Path

import pytest

from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.media.ffmpeg import run_ffmpeg


def test_a_failure_names_the_cause(tmp_path: Path) -> None:
    missing = ["-i", str(tmp_path / "missing.mp4"), "-f", "null", "-"]
    with pytest.raises(MontageError) as caught:
        run_ffmpeg(missing, code=ErrorCode.RENDER_FAILED)
    assert caught.value.code == ErrorCode.RENDER_FAILED
    assert "No such file" in caught.value.message


def test_a_command_that_takes_too_long_is_ended() -> None:
    endless = ["-re", "-f", "lavfi", "-i", "testsrc2", "-t", "30", "-f", "null", "-"]
    with pytest.raises(MontageError) as caught:
        run_ffmpeg(endless, timeout_s=0.3)
    assert caught.value.code == ErrorCode.FFMPEG_TIMEOUT
