"""The `montage` command: every command, by its group."""

import os
import sys
from contextlib import suppress
from importlib import metadata
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console

from montage_pipeline.cli.change_command import CHANGES_HELP, change
from montage_pipeline.cli.cost_commands import costs
from montage_pipeline.cli.interrupts import Stopped, raise_stopped
from montage_pipeline.cli.maintenance_commands import doctor, errors, migrate, paid, settings
from montage_pipeline.cli.make_commands import demo, make
from montage_pipeline.cli.metrics_command import metrics
from montage_pipeline.cli.report_commands import cancel, export, list_items, status
from montage_pipeline.cli.system_commands import up
from montage_pipeline.cli.terminal import say, write_any_text
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.names import printable
from montage_pipeline.logs import hide_secrets
from montage_pipeline.settings import variable_of

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Turn raw clips into a finished Reel.",
)
# In the order of the help.
app.command()(make)
app.command()(demo)
app.command(epilog=CHANGES_HELP)(change)
app.command()(export)
app.command()(up)
app.command()(status)
app.command("list")(list_items)
app.command()(cancel)
for command in (costs, paid, metrics, migrate, doctor, settings, errors):
    app.command()(command)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"montage {metadata.version('montage-pipeline')}")  # noqa: T201
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Turn raw clips into a finished Reel."""


def main() -> None:
    """Run the command; an expected error is one sentence on stderr, not a stack trace."""
    write_any_text()
    raise_stopped()
    try:
        app()
    except Stopped as stopped:
        # Everything that was started is ended by now, and somebody waits: taking the interpreter
        # down in order takes seconds on a busy machine.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(stopped.exit_status)
    except BrokenPipeError:
        # Whoever read our output has seen enough. What is buffered must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        expected = _expected(error)
        if expected is None:
            raise
        say(Console(stderr=True), expected.message, lead=expected.code, style="red")
        sys.exit(1)


def _expected(error: Exception) -> MontageError | None:
    """What a person is told of an error; None for one that is ours to mend."""
    if isinstance(error, MontageError):
        return error
    if isinstance(error, OSError):
        # Not of a file that was open already: that is named by a number.
        is_named = isinstance(error.filename, str | bytes) and error.filename
        path = f"{printable(os.fsdecode(error.filename))}: " if is_named else ""
        return PermanentError(ErrorCode.FILE_ERROR, f"{path}{error.strerror or error}")
    if isinstance(error, ValidationError) and error.title == "Settings":
        problems = [
            f"{variable_of(str(problem['loc'][0]))}: {problem['msg']}" for problem in error.errors()
        ]
        return PermanentError(ErrorCode.BAD_SETTING, "; ".join(problems))
    if type(error).__module__.startswith("sqlalchemy."):
        reason = " ".join(hide_secrets(str(getattr(error, "orig", None) or error)).split())
        return MontageError(ErrorCode.DATABASE_UNAVAILABLE, f"The database failed: {reason}")
    return None
