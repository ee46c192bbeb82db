"""Log lines put context first and never carry secrets."""

import json
import logging
import traceback
import warnings

import dagster as dg
import pytest
from dagster._core.execution import context_creation_job
from dagster._utils.log import configure_loggers

from montage_pipeline import logs
from montage_pipeline.orchestration.watching.run_lines import log_runs_as_all_else
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
    assert "b/k.mp4?[hidden]" in line


def test_console_lines_and_levels(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="console", log_level="WARNING"))
    log = logs.get_logger("here")
    log.info("not shown")
    with logs.bind(request_id="0123456789abcdef", asset="r2_object"):
        log.warning("slow", seconds=3)
    lines = capsys.readouterr().err
    assert "not shown" not in lines
    assert "[request=01234567 asset=r2_objec] slow  module=here seconds=3" in lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET https://a.b/c?key=1 failed", "GET https://a.b/c?[hidden] failed"),
        ("s3://b/k.mp4?anything", "s3://b/k.mp4?[hidden]"),
        ('{"url": "https://a.b/c?X-Goog-Signature=1&x=2"}', '{"url": "https://a.b/c?[hidden]"}'),
        ("<https://a.b/c#access_token=1>", "<https://a.b/c?[hidden]>"),
        ("really? yes: 3 of 4 (why?)", "really? yes: 3 of 4 (why?)"),
        ("postgresql://me:pw@db/x?password=pw", "postgresql://me:[hidden]@db/x?[hidden]"),
    ],
)
def test_no_query_is_shown_whatever_is_in_it(text: str, shown: str) -> None:
    assert logs.hide_secrets(text) == shown


def test_a_chain_of_causes_is_kept_and_cleaned() -> None:
    # Not as literals where they are raised: a traceback shows the line.
    header, key = "Bearer abcdefghijkl refused", "sk-ant-very-secret"

    def fetch() -> None:
        try:
            raise OSError(f"no answer from {SIGNED}")
        except OSError:
            raise ValueError(header)  # noqa: B904 - the implicit chain

    try:
        fetch()
    except ValueError as error:
        try:
            raise RuntimeError(key) from error
        except RuntimeError as last:
            shown = "".join(traceback.format_exception(logs.redacted(last)))
            real = "".join(traceback.format_exception(last))

    for secret in ("deadbeef", "abcdefghijkl", "very-secret"):
        assert secret in real
        assert secret not in shown
    for kept in ("OSError: no answer from", "ValueError", "RuntimeError", "in fetch"):
        assert kept in shown


def test_users_learn_no_address_of_our_own_network() -> None:
    said = (
        "could not reach http://seaweed:8333/b and https://10.0.0.7:9000/x?sig=1, 127.0.0.1:5432, "
        "[fd00::1]:80, http://[::1]:3000/, minio.storage.svc or http://minio.storage.svc/b"
    )
    shown = logs.for_users(said)
    for internal in ("seaweed", "10.0.0.7", "127.0.0.1", "fd00", "::1", "http://minio"):
        assert internal not in shown
    public = (
        "https://media.example.com:8443/a.mp4 (93.184.216.34, 2606:2800:220::1) at 12:30:45 with "
        "FFmpeg 7.1.1.2, s3://bucket/key, file:///tmp/a"
    )
    assert logs.for_users(public) == public


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__context__ = second, first
    copy = logs.redacted(first)
    assert [str(copy), str(copy.__cause__)] == ["first", "second"]
    assert copy.__cause__ is not None
    assert copy.__cause__.__cause__ is None


def test_what_libraries_log_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="json"))
    with logs.bind(request_id="r-1"):
        logging.getLogger("somebody.else").warning("at %s", "https://x/y?sig=abc")
    [line] = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert found["event"] == "at https://x/y?[hidden]"
    assert (found["level"], found["module"]) == ("warning", "somebody.else")
    assert found["request_id"] == "r-1"
    logging.getLogger().handlers = [
        handler for handler in logging.getLogger().handlers if not handler.get_name()
    ]


def test_lines_in_one_of_dagsters_programs_are_json_and_come_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As its daemon and its UI set up their own, after we have."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    for name in ("dagster", "dagster-webserver", "dagit"):
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    logs.configure(Settings(log_format="json"), in_dagsters_program=True)
    configure_loggers(handler="default", formatter="json", log_level="INFO")
    logging.getLogger("dagster.daemon").info("a line of Dagster's")
    logs.get_logger("montage_pipeline.ours").info("a_line_of_ours", seconds=3)
    logging.getLogger("somebody.else").warning("a line of a library")
    shown = capsys.readouterr()
    events = [json.loads(line)["event"] for line in (shown.out + shown.err).splitlines()]
    assert events == ["a line of Dagster's", "a_line_of_ours", "a line of a library"]
    logging.getLogger().handlers = [
        handler for handler in logging.getLogger().handlers if not handler.get_name()
    ]


@dg.op
def speak(context: dg.OpExecutionContext) -> None:
    context.log.debug("not to be heard")
    context.log.info(f"fetching {SIGNED}")


@dg.job
def speaking() -> None:
    speak()


def test_runs_log_json_where_everything_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run as sensors make them, whose configuration names no logger."""
    original = vars(context_creation_job)["default_system_loggers"]
    monkeypatch.setattr(context_creation_job, "default_system_loggers", original)
    settings = Settings(log_format="json", log_level="INFO")
    logs.configure(settings)
    log_runs_as_all_else(settings)
    with dg.instance_for_test() as instance:
        assert speaking.execute_in_process(instance=instance).success
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["level"] for line in lines if "b/k.mp4?[hidden]" in line["event"]] == ["info"]
    assert not [line for line in lines if "not to be heard" in line["event"]]
    logging.getLogger().handlers = [
        handler for handler in logging.getLogger().handlers if not handler.get_name()
    ]
