"""FFmpeg's failures become errors that name the cause."""

import subprocess
import sys
from pathlib import Path

import pytest

from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.media.ffmpeg import run_ffmpeg, start_ffmpeg


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


def test_the_program_gets_neither_secrets_nor_all_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://montage:hunter2@database/montage")
    monkeypatch.setenv("FAL_KEY", "hunter2")
    # In the place of FFmpeg, what says with what it was started, once the limits are set.
    says = ["/bin/sh", "-c", "read line; env; ulimit -c; ulimit -d"]
    with start_ffmpeg(says, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        output, _ = process.communicate(b"\n", timeout=30)
    *environment, cores, data_kb = output.decode().splitlines()
    assert "hunter2" not in "".join(environment)
    assert any(line.startswith("PATH=") for line in environment)
    if sys.platform == "linux":
        assert cores == "0"
        assert int(data_kb) <= 8 << 20
