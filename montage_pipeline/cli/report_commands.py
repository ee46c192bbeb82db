"""`montage status`, `costs` and `export`: what came of a request."""

import csv
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from montage_pipeline.cli.options import JsonOption
from montage_pipeline.cli.system import running_database
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.local.identity import LOCAL_USER_ID
from montage_pipeline.records import R, read_document
from montage_pipeline.vocabulary import ContentStatus, Step

if TYPE_CHECKING:
    from montage_pipeline.costs.reports import UserCosts
    from montage_pipeline.editing.export import EditFormat
    from montage_pipeline.requests.model import ContentItem


def status(
    item_id: Annotated[UUID, typer.Argument(help="Id of a content item.")],
    as_json: JsonOption = False,
) -> None:
    """Show where a content item stands."""
    with running_database() as services:
        item = services.library.get_item(LOCAL_USER_ID, item_id)
        services.close()
    if item is None:
        raise PermanentError(
            ErrorCode.NOT_FOUND, f"There is no content item {item_id} of the local user."
        )
    if as_json:
        print(item.model_dump_json())  # noqa: T201
    else:
        _show_item(Console(), item)


def costs(
    since: Annotated[
        datetime | None, typer.Option(help="Only calls from this moment on (UTC).")
    ] = None,
    user: Annotated[UUID | None, typer.Option(help="User id; by default the local user.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every call as CSV on stdout.")] = False,
) -> None:
    """Show what was paid for."""
    from montage_pipeline.costs.reports import get_user_costs

    with running_database() as services:
        report = get_user_costs(
            services.engine, user or LOCAL_USER_ID, since.replace(tzinfo=UTC) if since else None
        )
        services.close()
    if as_csv:
        _write_costs(report)
    else:
        Console().print(_costs_table(report))


def export(
    timeline: Annotated[
        Path, typer.Argument(help="The timeline's JSON file, as `montage make` leaves it.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="File to write; its suffix decides: .otio, .edl or .xml "
            "(Final Cut 7, Premiere, Resolve)."
        ),
    ],
) -> None:
    """Write an edit for another editing program."""
    from montage_pipeline.editing.export import exported_edit
    from montage_pipeline.editing.timeline import Timeline
    from montage_pipeline.music.model import MusicTrack

    format = _edit_format(out)
    edit = _document(Timeline, timeline)
    track = timeline.with_name(f"{Step.MUSIC_TRACK}.json")
    music = _document(MusicTrack, track) if track.is_file() else None
    out.write_text(exported_edit(edit, format, music))
    Console().print(
        f"{len(edit.segments)} segments written to {out}", highlight=False, soft_wrap=True
    )


def _show_item(console: Console, item: "ContentItem") -> None:
    step = ""
    if item.progress_step and item.status is ContentStatus.GENERATING:
        step = f" ({item.progress_step.value} {item.progress_percent} %)"
    console.print(
        f"{item.status.value}{step}  {item.title or ''}  "
        f"{item.style}, {item.format.value}, {item.duration_s} s",
        highlight=False,
    )
    if item.generated_media_url:
        console.print(item.generated_media_url, soft_wrap=True, highlight=False)
    for warning in item.warnings:
        console.print(f"note: {warning}", soft_wrap=True, highlight=False)
    if item.error:
        console.print_json(json.dumps(item.error))


def _write_costs(report: "UserCosts") -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(
        ["created_at", "service", "endpoint", "state", "cost_usd", "montage_request_id"]
    )
    for row in report.rows:
        writer.writerow(
            [
                row.created_at.isoformat(),
                row.service.value,
                row.endpoint,
                row.state.value,
                f"{row.cost_usd:f}",
                row.montage_request_id,
            ]
        )


def _costs_table(report: "UserCosts") -> Table:
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
    return table


def _edit_format(out: Path) -> "EditFormat":
    from montage_pipeline.editing.export import EditFormat

    try:
        return EditFormat(out.suffix.removeprefix(".").lower())
    except ValueError:
        raise PermanentError(
            ErrorCode.EXPORT_IMPOSSIBLE, f"{out.name}: edits are written as .otio, .edl or .xml"
        ) from None


def _document(kind: type[R], path: Path) -> R:
    try:
        return read_document(kind, path.read_bytes(), path.name)
    except (OSError, PermanentError) as error:
        raise PermanentError(ErrorCode.BAD_TIMELINE, f"{path} cannot be read: {error}") from error
