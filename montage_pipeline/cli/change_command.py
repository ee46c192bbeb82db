"""`montage change`: single segments of a Reel that was made, changed by hand."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from montage_pipeline.cli.job.attending import checked_out, hand_over, system_at_work, watched
from montage_pipeline.cli.job.changes import FORMS, named_files, read_changes, typed_refusal
from montage_pipeline.cli.job.local_job import LocalJob
from montage_pipeline.cli.job.made_edit import made_edit
from montage_pipeline.cli.options import ForceOption, JsonOption
from montage_pipeline.cli.terminal import plain, plain_table, say
from montage_pipeline.composition import Services
from montage_pipeline.errors import PermanentError
from montage_pipeline.requests.edit_view import EditView, SegmentView
from montage_pipeline.requests.model import WantedChanges
from montage_pipeline.requests.segment_changes.outcome import ChangedSegment, ChangeOutcome

CHANGES_HELP = "\n\n".join(f"{form}  {meaning}" for form, meaning in FORMS)
"""Every change, for the end of the help."""


def change(
    reel: Annotated[
        Path,
        typer.Argument(
            help="What `montage make` left: the Reel, its folder, or a file in it; or the id of an "
            "item, whose newest Reel is changed."
        ),
    ],
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CHANGE",
            help="What to change, one after the other; see below. Without any, the segments are "
            "listed with what could be shown instead.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say which segments would be rendered, and stop there."),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Copy the Reel to this file as well.")] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Change single segments of a Reel; only what shows other frames is rendered."""
    console, typed = Console(stderr=as_json), changes or []
    sources = (reel, *named_files(typed))
    out_file = None if out is None else checked_out(out, sources, force=force, console=console)
    with system_at_work(console) as services:
        edit = made_edit(services, reel)
        if not typed:
            _show_segments(edit.view, as_json=as_json)
            return
        wanted = WantedChanges(
            base_request_id=edit.view.request_id, changes=read_changes(typed, edit.view)
        )
        outcome = _foreseen(services, wanted, typed, edit.view)
        _show_foreseen(console, outcome, edit.view)
        if dry_run:
            if as_json:
                _print_json(outcome.model_dump(mode="json"))
            return
        job = LocalJob(services)
        made = watched(job, job.change(edit.content_item_id, wanted), console)
    hand_over(made, out_file, console=console, as_json=as_json)


def _foreseen(
    services: Services, wanted: WantedChanges, typed: list[str], edit: EditView
) -> ChangeOutcome:
    """What the changes would come to."""
    try:
        return services.change_outcome(wanted.base_request_id, wanted.changes)
    except PermanentError as refusal:
        raise typed_refusal(refusal, typed, edit) from None


def _show_foreseen(console: Console, outcome: ChangeOutcome, edit: EditView) -> None:
    """Which segments will be rendered and why, and what becomes of the beat."""
    total = len(outcome.segments)
    price_usd = outcome.cost_usd
    bought = f"music is bought for {price_usd:f} USD" if price_usd else "nothing is bought"
    say(console, f"{outcome.rendered} of {total} segments will be rendered; {bought}.")
    for segment in outcome.segments:
        if segment.why_rendered:
            say(
                console, f"{segment.number + 1:>3}  {_place(segment, edit)}: {segment.why_rendered}"
            )
    before, after = outcome.on_beat_before, outcome.on_beat_after
    if outcome.beats_known and after != before:
        say(console, f"{after} of {total - 1} cuts are on a beat then; {before} are now.")


def _place(segment: ChangedSegment | SegmentView, edit: EditView) -> str:
    name = edit.clips[segment.clip].name
    return f"{name} {segment.start_s:.1f}–{segment.end_s:.1f} s"


def _show_segments(edit: EditView, *, as_json: bool) -> None:
    """Every segment with its alternatives, by the numbers that changes name them by."""
    if as_json:
        _print_json(edit.model_dump(mode="json"))
        return
    console = Console()
    table = plain_table("segment", "in the Reel", "shows", "why", right="segment")
    for segment in edit.segments:
        marks = [word for word in ("locked", "muted") if getattr(segment, word)]
        why = " ".join((segment.why, *(f"({word})" for word in marks)))
        at = f"{segment.reel_s:.1f} s"
        table.add_row(str(segment.number + 1), at, plain(_place(segment, edit)), plain(why))
        for rank, other in enumerate(segment.alternatives, start=1):
            shows = f"{edit.clips[other.clip].name} {other.start_s:.1f}–{other.end_s:.1f} s"
            what = f"{other.what} {other.why}".strip()
            table.add_row("", f"or replace:{segment.number + 1}:{rank}", plain(shows), plain(what))
    console.print(table)


def _print_json(document: object) -> None:
    print(json.dumps(document))  # noqa: T201
