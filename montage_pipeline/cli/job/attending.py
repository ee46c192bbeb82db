"""Waiting for a request at a terminal, and handing over what came of it.

Belongs here: what `montage make` and `montage change` share once a request is queued. Does not
belong here: what is ordered or changed.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import typer
from rich.console import Console

from montage_pipeline.cli.files import OutFile
from montage_pipeline.cli.interrupts import Stopped, raise_if_asked
from montage_pipeline.cli.job.local_job import JobOutcome, LocalJob
from montage_pipeline.cli.system import running_system
from montage_pipeline.cli.terminal import ProgressView, say, show_outcome
from montage_pipeline.composition import Services
from montage_pipeline.errors import MontageError
from montage_pipeline.footage.names import printable
from montage_pipeline.local.attended import attended
from montage_pipeline.requests.model import CreatedRequest
from montage_pipeline.vocabulary import ContentStatus


@contextmanager
def system_at_work(console: Console) -> Iterator[Services]:
    """A running system, for a command that will queue a request."""
    with ExitStack() as cleanup:
        try:
            services = cleanup.enter_context(running_system(console))
            raise_if_asked()
        except Stopped:
            say(console, "Stopped before a Reel was begun.")
            raise
        cleanup.callback(services.close)
        yield services


@contextmanager
def waited_for(job: LocalJob, created: CreatedRequest, console: Console) -> Iterator[None]:
    """Whoever stops waiting, for whatever reason, does not want the Reel any more."""
    with attended(job.home, created.request_id):
        try:
            yield
        except Stopped:
            job.cancel(created)
            say(console, f"Canceled: no Reel is made of item {created.content_item_id}.")
            raise
        except Exception:
            # Where even this fails, whoever starts next cancels it.
            with suppress(Exception):
                job.cancel(created)
            raise


def watched(job: LocalJob, created: CreatedRequest, console: Console) -> JobOutcome:
    """What came of a request, which is shown while it works."""
    with waited_for(job, created, console), ProgressView(console) as view:
        return job.collect(created, job.watch(created, view.update))


def hand_over(
    outcome: JobOutcome, out_file: OutFile | None, *, console: Console, as_json: bool
) -> None:
    """Copy the Reel to where the person wants it, and say what came of it. Ends the command with 1
    when there is no Reel.
    """
    failure = None
    if out_file is not None and outcome.video is not None:
        try:
            out_file.copy_from(Path(outcome.video))
            outcome = outcome.model_copy(update={"video": str(out_file.path)})
        except MontageError as error:
            failure = type(error)(
                error.code, f"{error.message} The Reel is finished: {outcome.video}"
            )

    if as_json:
        # Names that are not UTF-8 are in it as Python holds them: with lone surrogates.
        print(json.dumps(outcome.model_dump(mode="json", by_alias=True)))  # noqa: T201
    else:
        show_outcome(console, outcome)
    if failure is not None:
        raise failure
    if outcome.status is not ContentStatus.DRAFT:
        raise typer.Exit(1)


def checked_out(out: Path, sources: Sequence[Path], *, force: bool, console: Console) -> OutFile:
    """The file to write, which a person at a terminal may allow to be replaced."""
    may_ask = not force and sys.stdin.isatty() and console.is_terminal
    checked = OutFile.checked(out, sources, force=force, may_ask=may_ask)
    if force or not may_ask or not checked.exists:
        return checked
    say(console, f"There is a file {printable(str(out))} already. Replace it? [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise typer.Exit(1)
    return checked.replacing()
