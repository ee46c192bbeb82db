"""Log lines put context first and never carry secrets."""

import json

import pytest

from montage_pipeline import logs
from montage_pipeline.settings import Settings

SIGNED = "https://x.r2.cloudflarestorage.com/b/k.mp4?X-Amz-Credential=AKIA&X-Amz-Signature=deadbeefdeadbeef"


def test_json_lines_are_context_first_and_clean(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="json"))
    with logs.bind(request_id="r1", user_id="u1", run_id="run", asset="music_track"):
        logs.get_logger("here").info(
            "music_bought",
            api_key="sk-ant-very-secret",
            nested={"Authorization": "Bearer abcdefghijkl", "url": SIGNED},
            text=f"fetching {SIGNED} with postgresql://me:hunter2@db/montage",
        )
    line = capsys.readouterr().err
    assert list(json.loads(line))[:7] == [
        "timestamp",
        "level",
        "request_id",
        "user_id",
        "run_id",
        "asset",
        "event",
    ]
    for secret in ("very-secret", "abcdefghijkl", "deadbeef", "hunter2"):
        assert secret not in line
    assert "b/k.mp4?[signed]" in line


def test_console_lines_and_levels(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="console", log_level="WARNING"))
    log = logs.get_logger("here")
    log.info("not shown")
    with logs.bind(request_id="0123456789abcdef", asset="r2_object"):
        log.warning("slow", seconds=3)
    lines = capsys.readouterr().err
    assert "not shown" not in lines
    assert "[request=01234567 asset=r2_objec] slow  module=here seconds=3" in lines
