"""The `montage` command: every command, by its group."""

import signal
import sys

import typer
from rich.console import Console

from montage_pipeline.cli.maintenance_commands import doctor, errors, migrate, settings
from montage_pipeline.cli.make_commands import demo, make
from montage_pipeline.cli.report_commands import costs, export, status
from montage_pipeline.cli.system_commands import up
from montage_pipeline.errors import MontageError

_STOPPED_BY_SIGTERM = 128 + signal.SIGTERM
"""The exit status that a shell reports for a program that a signal ended."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turn raw clips into a finished Reel.",
)
# In the order of the help.
for command in (make, demo, export, up, status, costs, migrate, doctor, settings, errors):
    app.command()(command)


def main() -> None:
    """Run the command; an expected error is one sentence on stderr, not a stack trace."""
    # Left alone, SIGTERM would end this process before it could stop what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_STOPPED_BY_SIGTERM))
    try:
        app()
    except MontageError as error:
        Console(stderr=True).print(
            f"[red]{error.code}[/red] {error.message}", highlight=False, soft_wrap=True
        )
        sys.exit(1)
