"""The command line as typer sees it: every command, its mistakes, its output."""

import csv
import io
import json
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from montage_pipeline.cli.app import app
from montage_pipeline.costs.switch import read_switch
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.local.embedded.process import free_port
from montage_pipeline.local.identity import LOCAL_USER_EMAIL, LOCAL_USER_ID
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.settings import get_settings
from montage_pipeline.styles import STYLES
from montage_pipeline.vocabulary import RequestState
from montage_pipeline_tests.clicks import click, next_requests


@pytest.fixture
def _own_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    get_settings.cache_clear()


def montage(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def code_of(result: Result) -> ErrorCode:
    assert isinstance(result.exception, MontageError), result.output
    return result.exception.code


def test_every_command_is_there_and_says_what_it_does() -> None:
    shown = montage("--help").output
    for command in (
        "make",
        "demo",
        "change",
        "export",
        "up",
        "status",
        "list",
        "cancel",
        "costs",
        "migrate",
        "doctor",
        "settings",
        "errors",
    ):
        assert command in shown
        assert montage(command, "-h").exit_code == 0
    assert montage("-h").output == shown
    assert montage("--version").output.startswith("montage ")


def test_make_refuses_what_shows_before_anything_is_started(tmp_path: Path) -> None:
    assert code_of(montage("make", tmp_path / "none.mp4")) is ErrorCode.NO_SUCH_CLIP
    clip = tmp_path / "a.mp4"
    clip.touch()
    unknown = montage("make", clip, "--style", "western")
    assert unknown.exit_code == 2
    assert all(style in unknown.output for style in STYLES)
    assert montage("make", clip, "--duration", 1).exit_code == 2
    unknown = montage("make", clip, "--look", "sepia")
    assert unknown.exit_code == 2
    assert all(look in unknown.output for look in ("matched", "as-shot"))
    excluded = montage("make", clip, "--exclude", clip, "--look", "as-shot")
    assert code_of(excluded) is ErrorCode.ALL_CLIPS_EXCLUDED


@pytest.mark.usefixtures("_own_database")
def test_status_shows_an_item_of_the_local_user(library: ContentLibrary) -> None:
    library.ensure_user(LOCAL_USER_ID, LOCAL_USER_EMAIL)
    created = click(library, LOCAL_USER_ID, title="Summer")
    assert (
        "generating  Summer  dynamic, square, 8 s"
        in montage("status", created.content_item_id).output
    )
    shown = json.loads(montage("status", created.content_item_id, "--json").output)
    assert shown["id"] == str(created.content_item_id)
    assert code_of(montage("status", uuid4())) is ErrorCode.NOT_FOUND


@pytest.mark.usefixtures("_own_database")
def test_a_reel_that_is_being_made_is_canceled_once_and_listed_so(
    library: ContentLibrary, requests: RequestLifecycle, engine: Engine
) -> None:
    library.ensure_user(LOCAL_USER_ID, LOCAL_USER_EMAIL)
    created = click(library, LOCAL_USER_ID, title="IMG [/b]")
    assert requests.start(created.request_id, "run")
    assert montage("cancel", created.content_item_id).output == (
        f"Canceled: no Reel is made of item {created.content_item_id}.\n"
    )
    request = requests.get_request(created.request_id)
    assert request is not None
    assert request.state is RequestState.CANCELED
    assert next_requests(engine) == []

    again = montage("cancel", created.content_item_id)
    assert code_of(again) is ErrorCode.NOT_GENERATING
    [_, row] = montage("list").output.splitlines()
    for told in (str(created.content_item_id), "canceled", "IMG [/b]"):
        assert told in row


@pytest.mark.usefixtures("_own_database")
def test_costs_are_a_table_or_csv(library: ContentLibrary) -> None:
    library.ensure_user(LOCAL_USER_ID, LOCAL_USER_EMAIL)
    assert "total" in montage("costs").output
    [head] = csv.reader(io.StringIO(montage("costs", "--csv").output))
    assert head[:2] == ["created_at", "service"]


@pytest.mark.usefixtures("_own_database")
def test_paid_calls_are_turned_off_and_on_again(engine: Engine) -> None:
    assert montage("paid").output == "Paid calls are on\n"
    turned = montage("paid", "off", "--reason", "an odd invoice").output
    assert turned.startswith("Paid calls are off since ")
    assert turned.endswith(": an odd invoice\n")
    assert not read_switch(engine).is_on
    assert montage("paid", "on").output.startswith("Paid calls are on since ")
    assert read_switch(engine).is_on
    assert montage("paid", "perhaps").exit_code == 2


@pytest.mark.usefixtures("_own_database")
def test_migrate_says_which_revision_it_reached() -> None:
    assert "is at revision" in montage("migrate").output


@pytest.mark.usefixtures("_own_database")
def test_migrate_says_what_to_do_about_a_store_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The database is migrated all the same."""
    for name, value in {
        "R2_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        "R2_BUCKET": "montage",
        "R2_ACCESS_KEY_ID": "key",
        "R2_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    shown = montage("migrate")
    said = " ".join(shown.output.split())
    assert shown.exit_code == 0, said
    assert "is at revision" in said
    assert "Check that the object store of R2_ENDPOINT_URL answers." in said
    assert "Then run `montage migrate` again." in said
    assert "lifecycle, or set the rules" not in said


def test_migrate_needs_a_database() -> None:
    assert code_of(montage("migrate")) is ErrorCode.NO_DATABASE


def test_export_names_what_it_cannot_read_or_write(tmp_path: Path) -> None:
    timeline = tmp_path / "edit_timeline.json"
    timeline.write_text('{"schema_version": 99}')
    assert code_of(montage("export", timeline, "--out", "cut.doc")) is ErrorCode.EXPORT_IMPOSSIBLE
    out = tmp_path / "cut.otio"
    for path in (timeline, tmp_path / "none.json"):
        assert code_of(montage("export", path, "--out", out)) is ErrorCode.BAD_TIMELINE
    assert not out.exists()


def test_doctor_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MONTAGE_HOME", str(tmp_path))
    get_settings.cache_clear()
    well = montage("doctor")
    assert well.exit_code == 0, well.output
    assert "embedded" in well.output
    monkeypatch.setenv("MONTAGE_ANALYST", "claude")
    get_settings.cache_clear()
    ill = montage("doctor")
    assert ill.exit_code == 1
    assert "MONTAGE_ANALYST=claude needs it" in ill.output


def test_settings_and_errors_are_lists() -> None:
    assert "MONTAGE_HOME" in montage("settings").output
    assert "no_usable_clips" in montage("errors").output
