"""`montage status`, `list`, `cancel`, `costs` and `export`: what came of requests."""

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.console import Console

from montage_pipeline.cli.files import OutFile
from montage_pipeline.cli.made_reels import timeline_of
from montage_pipeline.cli.options import ForceOption, JsonOption, UserOption
from montage_pipeline.cli.system import running_database
from montage_pipeline.cli.terminal import plain, plain_table, say, show_clips, show_failure
from montage_pipeline.composition import Services
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.names import printable
from montage_pipeline.local.identity import LOCAL_USER_ID
from montage_pipeline.records import R, read_document
from montage_pipeline.vocabulary import ContentStatus, Step

if TYPE_CHECKING:
    from montage_pipeline.editing.export import EditFormat
    from montage_pipeline.requests.model import ContentItem


def status(
    item_id: Annotated[UUID, typer.Argument(help="Id of a content item.")],
    as_json: JsonOption = False,
) -> None:
    """Show where a content item stands."""
    with running_database() as services:
        item = _found(services, item_id)
    if as_json:
        print(item.model_dump_json())  # noqa: T201
    else:
        _show_item(Console(), item)


def list_items(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of items.")] = 20,
    user: UserOption = None,
    as_json: JsonOption = False,
) -> None:
    """List content items, newest first."""
    with running_database() as services:
        items = services.library.list_items(user or LOCAL_USER_ID, limit=limit)
    if as_json:
        print(json.dumps([item.model_dump(mode="json") for item in items]))  # noqa: T201
        return
    table = plain_table("item", "made", "status", "title")
    for item in items:
        table.add_row(
            str(item.id),
            f"{item.created_at:%Y-%m-%d %H:%M}",
            _state(item),
            plain(item.title or ""),
        )
    Console().print(table)


def cancel(
    item_id: Annotated[UUID, typer.Argument(help="Id of a content item.")],
) -> None:
    """Stop making a Reel. Its run ends within seconds."""
    with running_database() as services:
        item = _found(services, item_id)
        request_id = services.library.newest_request(item_id)
        canceled = request_id is not None and services.requests.withdraw(request_id)
    if not canceled:
        raise PermanentError(
            ErrorCode.NOT_GENERATING,
            f"Item {item_id} is not being generated: it is {_state(item)}.",
        )
    say(Console(), f"Canceled: no Reel is made of item {item_id}.")


def export(
    reel: Annotated[
        Path,
        typer.Argument(
            help="What `montage make` left: the edit, the timeline, the Reel, their folder, or the "
            "item's id."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="File to write; its suffix decides: .otio, .edl or .xml "
            "(Final Cut 7, Premiere, Resolve)."
        ),
    ],
    force: ForceOption = False,
) -> None:
    """Write an edit for another editing program."""
    from montage_pipeline.editing.export import exported_edit
    from montage_pipeline.editing.timeline import Timeline
    from montage_pipeline.music.model import MusicTrack

    format = _edit_format(out)
    timeline = timeline_of(reel)
    track = timeline.with_name(f"{Step.MUSIC_TRACK}.json")
    out_file = OutFile.checked(out, (reel, timeline, track), force=force)
    edit = _document(Timeline, timeline)
    music = _document(MusicTrack, track) if track.is_file() else None
    out_file.write(io.BytesIO(exported_edit(edit, format, music).encode()))
    say(Console(), f"{len(edit.segments)} segments written to {out}")


def _found(services: Services, item_id: UUID) -> "ContentItem":
    """The item, whoever's it is: who runs the command may see the whole database anyway."""
    item = services.library.find_item(item_id)
    if item is None:
        raise PermanentError(ErrorCode.NOT_FOUND, f"There is no content item {item_id}.")
    return item


def _state(item: "ContentItem") -> str:
    if item.error and item.error.get("code") == ErrorCode.CANCELED:
        return "canceled"
    return item.status.value


def _show_item(console: Console, item: "ContentItem") -> None:
    step = ""
    if item.progress_step and item.status is ContentStatus.GENERATING:
        detail = f", {item.progress_detail}" if item.progress_detail else ""
        step = f" ({item.progress_step.value} {item.progress_percent} %{detail})"
    say(
        console,
        f"{_state(item)}{step}  {item.title or ''}  "
        f"{item.style}, {item.format.value}, {item.duration_s} s",
    )
    say(console, f"item {item.id}")
    if item.generated_media_url:
        say(console, item.generated_media_url)
    show_clips(console, item.clips)
    for warning in item.warnings:
        say(console, f"note: {warning}")
    if item.error:
        show_failure(console, item.error)


def _edit_format(out: Path) -> "EditFormat":
    from montage_pipeline.editing.export import EditFormat

    try:
        return EditFormat(out.suffix.removeprefix(".").lower())
    except ValueError:
        raise PermanentError(
            ErrorCode.EXPORT_IMPOSSIBLE,
            f"{printable(out.name)}: edits are written as .otio, .edl or .xml",
        ) from None


def _document(kind: type[R], path: Path) -> R:
    try:
        return read_document(kind, path.read_bytes(), path.name)
    except (OSError, PermanentError) as error:
        raise PermanentError(
            ErrorCode.BAD_TIMELINE, f"{printable(str(path))} cannot be read: {error}"
        ) from error
