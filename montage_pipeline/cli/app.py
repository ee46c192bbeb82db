"""The `montage` command."""

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.local.identity import LOCAL_USER_EMAIL, LOCAL_USER_ID, local_jwt_secret
from montage_pipeline.requests.options import (
    MAX_CAPTION_CHARS,
    MAX_TARGET_BPM,
    MIN_TARGET_BPM,
    refuse_contradictions,
)
from montage_pipeline.rules import MAX_DURATION_S, MIN_DURATION_S
from montage_pipeline.settings import Settings, get_settings
from montage_pipeline.styles import DEFAULT_STYLE, STYLES
from montage_pipeline.vocabulary import ContentStatus, Format

if TYPE_CHECKING:
    from montage_pipeline.cli.job import LocalWishes

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turn raw clips into a finished Reel.",
)


def _style(name: str) -> str:
    if name not in STYLES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(STYLES)}")
    return name


StyleOption = Annotated[
    str,
    typer.Option(
        parser=_style,
        metavar=f"<{'|'.join(STYLES)}>",
        help="How the edit and the music should feel.",
    ),
]
FormatOption = Annotated[
    Format,
    typer.Option(help="reel 1080x1920, feed 1080x1350, square 1080x1080, landscape 1920x1080."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout; progress goes to stderr.")
]
DurationOption = Annotated[
    int, typer.Option(min=MIN_DURATION_S, max=MAX_DURATION_S, help="Seconds.")
]

MusicOption = Annotated[
    str | None,
    typer.Option(help="Your own music instead of composed music: a file, or an https:// address."),
]
TargetBpmOption = Annotated[
    int | None,
    typer.Option(
        min=MIN_TARGET_BPM,
        max=MAX_TARGET_BPM,
        help="Tempo to compose at; with --music, the tempo you expect it to have.",
    ),
]
CaptionsOption = Annotated[
    str | None,
    typer.Option(
        help=f"Text drawn on the opening, in any script, up to {MAX_CAPTION_CHARS} characters."
    ),
]

_DEMO_DURATION_S = 10


@app.command()
def make(
    clips: Annotated[list[Path], typer.Argument(help="Video files.")],
    style: StyleOption = DEFAULT_STYLE,
    format: FormatOption = Format.REEL,
    duration: DurationOption = 30,
    hook_clip: Annotated[Path | None, typer.Option(help="The clip that opens the Reel.")] = None,
    must_use: Annotated[
        list[Path] | None, typer.Option(help="A clip that must appear; may be given several times.")
    ] = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(help="A clip that must not be used; may be given several times."),
    ] = None,
    music: MusicOption = None,
    target_bpm: TargetBpmOption = None,
    captions: CaptionsOption = None,
    out: Annotated[Path | None, typer.Option(help="Copy the Reel to this file as well.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a Reel from your own files."""
    from montage_pipeline.cli.job import LocalWishes

    wishes = LocalWishes(
        hook_clip=hook_clip,
        must_use=tuple(must_use or ()),
        exclude=tuple(exclude or ()),
        music=music,
        target_bpm=target_bpm,
        captions=captions,
    )
    title = f"{len(clips)} clips"
    _make(
        clips,
        wishes,
        style=style,
        format=format,
        duration_s=duration,
        out=out,
        as_json=as_json,
        title=title,
    )


@app.command()
def demo(
    style: StyleOption = "travel",
    format: FormatOption = Format.REEL,
    music: MusicOption = None,
    target_bpm: TargetBpmOption = None,
    captions: CaptionsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a Reel from real sample footage: the main job, end to end."""
    from montage_pipeline.cli.job import LocalWishes
    from montage_pipeline.local.footage import ATTRIBUTION, demo_clips

    wishes = LocalWishes(music=music, target_bpm=target_bpm, captions=captions)
    _console(as_json).print(ATTRIBUTION, highlight=False, soft_wrap=True)
    _make(
        demo_clips(),
        wishes,
        style=style,
        format=format,
        duration_s=_DEMO_DURATION_S,
        out=None,
        as_json=as_json,
        title="Demo",
    )


def _make(
    clips: Sequence[Path],
    wishes: "LocalWishes",
    *,
    style: str,
    format: Format,
    duration_s: int,
    out: Path | None,
    as_json: bool,
    title: str,
) -> None:
    from montage_pipeline.cli.job import LocalJob, require_files
    from montage_pipeline.cli.terminal import ProgressView, show_outcome

    # Whatever can be told from the command line alone is told before anything is started.
    require_files(clips)
    options = wishes.as_options()
    refuse_contradictions([path.resolve().as_uri() for path in clips], options)
    if options.captions:
        from montage_pipeline.captions.layout import refuse_unfit

        refuse_unfit(options.captions, format)
    console = _console(as_json)
    with _stack(console) as settings, ProgressView(console) as view:
        from montage_pipeline.costs.ledger import CostLedger
        from montage_pipeline.requests.database import create_engine
        from montage_pipeline.requests.library import ContentLibrary
        from montage_pipeline.requests.lifecycle import RequestLifecycle
        from montage_pipeline.storage.object_store import ObjectStore

        engine = create_engine(settings)
        store = ObjectStore.from_settings(settings)
        job = LocalJob(
            settings, ContentLibrary(engine), RequestLifecycle(engine), CostLedger(engine), store
        )
        created = job.submit(
            clips, style=style, format=format, duration_s=duration_s, title=title, wishes=options
        )
        item = job.watch(created, view.update)
        outcome = job.collect(created, item)
    if out is not None and outcome.video is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(outcome.video, out)
        outcome = outcome.model_copy(update={"video": str(out.resolve())})
    if as_json:
        print(outcome.model_dump_json(by_alias=True))  # noqa: T201
    else:
        show_outcome(console, outcome)
    if outcome.status is not ContentStatus.DRAFT:
        raise typer.Exit(1)


@app.command()
def export(
    timeline: Annotated[
        Path, typer.Argument(help="The timeline's JSON file, as `montage make` leaves it.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="File to write; its suffix says how: .otio, .edl or .xml (Final Cut 7, Premiere, Resolve)."
        ),
    ],
) -> None:
    """Write an edit for another editing program."""
    from pydantic import ValidationError

    from montage_pipeline.editing.export import EditFormat, exported_edit
    from montage_pipeline.editing.timeline import Timeline
    from montage_pipeline.music.model import MusicTrack

    try:
        format = EditFormat(out.suffix.removeprefix(".").lower())
    except ValueError:
        raise PermanentError(
            ErrorCode.EXPORT_IMPOSSIBLE, f"{out.name}: edits are written as .otio, .edl or .xml"
        ) from None
    try:
        edit = Timeline.model_validate_json(timeline.read_bytes())
        track = timeline.with_name("music_track.json")
        music = MusicTrack.model_validate_json(track.read_bytes()) if track.is_file() else None
    except (OSError, ValidationError) as error:
        raise PermanentError(
            ErrorCode.BAD_TIMELINE, f"{timeline} is not a timeline's file: {error}"
        ) from error
    out.write_text(exported_edit(edit, format, music))
    Console().print(f"{len(edit.segments)} cuts written to {out}", highlight=False, soft_wrap=True)


@app.command()
def up() -> None:
    """Run the whole system on this machine: database, object store, Dagster and its UI, and the
    API. Ctrl-C stops it.
    """
    from montage_pipeline.api.auth import issue_token
    from montage_pipeline.local.stack import LocalStack

    console = Console()
    settings = _local_settings()
    stack = LocalStack(settings, with_ui=True, with_api=True)
    stopped = _on_signals()
    try:
        address = stack.start(lambda line: console.print(line, highlight=False))
        token = issue_token(settings, LOCAL_USER_ID, email=LOCAL_USER_EMAIL, ttl_s=30 * 24 * 3600)
        console.print(f"Dagster UI  {address.ui_url}", highlight=False)
        console.print(
            f"API         {address.api_url}  (documentation at {address.api_url}/docs)",
            highlight=False,
        )
        console.print(
            f"Token of {LOCAL_USER_EMAIL}, good for 30 days:\n{token}",
            highlight=False,
            soft_wrap=True,
        )
        console.print("Ctrl-C stops everything.")
        stopped.wait()
    finally:
        console.print("Stopping.")
        stack.stop()


@app.command()
def status(
    item_id: Annotated[UUID, typer.Argument(help="Id of a content item.")],
    as_json: JsonOption = False,
) -> None:
    """Show where a content item stands."""
    with _database() as settings:
        from montage_pipeline.requests.database import create_engine
        from montage_pipeline.requests.library import ContentLibrary

        item = ContentLibrary(create_engine(settings)).get_item(LOCAL_USER_ID, item_id)
    if item is None:
        raise PermanentError(
            ErrorCode.NOT_FOUND, f"There is no content item {item_id} of the local user."
        )
    if as_json:
        print(item.model_dump_json())  # noqa: T201
        return
    console = Console()
    step = (
        f" ({item.progress_step.value} {item.progress_percent} %)"
        if item.progress_step and item.status is ContentStatus.GENERATING
        else ""
    )
    console.print(
        f"{item.status.value}{step}  {item.title or ''}  {item.style}, {item.format.value}, {item.duration_s} s",
        highlight=False,
    )
    if item.generated_media_url:
        console.print(item.generated_media_url, soft_wrap=True, highlight=False)
    for warning in item.warnings:
        console.print(f"note: {warning}", soft_wrap=True, highlight=False)
    if item.error:
        console.print_json(json.dumps(item.error))


@app.command()
def costs(
    since: Annotated[
        datetime | None, typer.Option(help="Only calls from this moment on (UTC).")
    ] = None,
    user: Annotated[
        UUID | None, typer.Option(help="User id; the local user when left out.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every call as CSV on stdout.")] = False,
) -> None:
    """Show what was paid for."""
    import csv
    from datetime import UTC

    with _database() as settings:
        from montage_pipeline.costs.reports import get_user_costs
        from montage_pipeline.requests.database import create_engine

        report = get_user_costs(
            create_engine(settings),
            user or LOCAL_USER_ID,
            since.replace(tzinfo=UTC) if since else None,
        )
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(
            ["created_at", "service", "endpoint", "state", "cost_usd", "montage_request_id"]
        )
        writer.writerows(
            [
                row.created_at.isoformat(),
                row.service.value,
                row.endpoint,
                row.state.value,
                f"{row.cost_usd:f}",
                row.montage_request_id,
            ]
            for row in report.rows
        )
        return
    table = Table(box=None, pad_edge=False)
    for name in ("when", "service", "endpoint", "state", "USD"):
        table.add_column(name, justify="right" if name == "USD" else "left")
    for row in report.rows:
        table.add_row(
            f"{row.created_at:%Y-%m-%d %H:%M}",
            row.service.value,
            row.endpoint,
            row.state.value,
            f"{row.cost_usd:f}",
        )
    table.add_row("total", "", "", "", f"{report.total_usd:f}", style="bold")
    Console().print(table)


@app.command()
def migrate() -> None:
    """Bring the database of DATABASE_URL to the newest schema."""
    from montage_pipeline.requests.migrate import newest_revision, upgrade

    settings = get_settings()
    if not settings.database_url:
        raise PermanentError(
            ErrorCode.NO_DATABASE, "DATABASE_URL is not set. The embedded database migrates itself."
        )
    upgrade(settings.sqlalchemy_url)
    Console().print(f"The database is at revision {newest_revision()}.", highlight=False)


@app.command()
def doctor() -> None:
    """Look at this machine and say what is missing."""
    from montage_pipeline.cli.doctor import findings

    console = Console()
    failed = False
    for finding in findings(get_settings()):
        failed = failed or finding.ok is False
        mark = {True: "[green]ok[/green]  ", False: "[red]no[/red]  ", None: "    "}[finding.ok]
        console.print(
            f"{mark}{finding.name:<14} {finding.message}", highlight=False, soft_wrap=True
        )
    if failed:
        raise typer.Exit(1)


@app.command()
def settings(
    markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown table.")] = False,
    env: Annotated[bool, typer.Option("--env", help="As an .env file to copy.")] = False,
) -> None:
    """List every setting with its default and meaning."""
    from montage_pipeline.cli.settings_table import env_file, markdown_table, setting_lines

    if markdown or env:
        print(markdown_table() if markdown else env_file(), end="")  # noqa: T201
        return
    table = Table(box=None, pad_edge=False)
    for name in ("variable", "default", "meaning"):
        table.add_column(name)
    for line in setting_lines():
        table.add_row(line.name, line.default, line.meaning)
    Console().print(table)


@app.command()
def errors(
    markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown page.")] = False,
) -> None:
    """List every error code with what to do about it."""
    from rich.markup import escape

    from montage_pipeline.cli.error_table import markdown_page
    from montage_pipeline.error_codes import ErrorCode

    if markdown:
        print(markdown_page(), end="")  # noqa: T201
        return
    table = Table(box=None, pad_edge=False)
    for name in ("code", "what to do"):
        table.add_column(name)
    for code in ErrorCode:
        table.add_row(code, escape(code.remedy))
    Console().print(table)


def _console(as_json: bool) -> Console:
    return Console(stderr=as_json)


def _local_settings() -> Settings:
    """The settings of this machine's own installation: files of this machine may be used, and
    tokens can be signed.
    """
    os.environ["MONTAGE_LOCAL_FILES"] = "true"
    settings = get_settings()
    if not settings.jwt_secret.get_secret_value() and not settings.jwt_jwks_url:
        os.environ["MONTAGE_JWT_SECRET"] = local_jwt_secret(settings.home)
    get_settings.cache_clear()
    return get_settings()


def _adopt(environment: dict[str, str]) -> Settings:
    os.environ.update(environment)
    get_settings.cache_clear()
    return get_settings()


@contextmanager
def _stack(console: Console) -> Iterator[Settings]:
    """Settings that reach a running system: the one of `montage up` if there is one, else one of
    our own.
    """
    from montage_pipeline.local.stack import LocalStack, running_stack

    settings = _local_settings()
    running = running_stack(settings.home)
    if running is not None:
        yield _adopt(running.env)
        return
    stack = LocalStack(settings, with_ui=False, with_api=False)
    try:
        yield _adopt(stack.start(lambda line: console.print(line, highlight=False)).env)
        stack.wait_until_unused(lambda line: console.print(line, highlight=False))
    finally:
        stack.stop()


@contextmanager
def _database() -> Iterator[Settings]:
    """Settings that reach the database, which is started for the moment if nothing runs."""
    from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
    from montage_pipeline.local.stack import running_stack

    settings = get_settings()
    if settings.database_url:
        yield settings
    elif running := running_stack(settings.home):
        yield _adopt(running.env)
    else:
        server = EmbeddedPostgres(settings.home)
        server.start()
        try:
            from montage_pipeline.requests.migrate import upgrade

            upgrade(server.dsn())
            yield _adopt({"DATABASE_URL": server.dsn()})
        finally:
            server.stop()


def _on_signals() -> threading.Event:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def main() -> None:
    """Run the command; an expected error is one sentence on stderr, not a stack trace."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        app()
    except MontageError as error:
        Console(stderr=True).print(
            f"[red]{error.code}[/red] {error.message}", highlight=False, soft_wrap=True
        )
        sys.exit(1)
