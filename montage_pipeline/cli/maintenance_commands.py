"""`montage migrate`, `paid`, `doctor`, `settings` and `errors`: looking after an installation."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from montage_pipeline.cli.system import running_database
from montage_pipeline.cli.terminal import plain, plain_table, say
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.settings import Settings, get_settings

_MARKS = {True: ("ok ", "green"), False: ("no ", "red"), None: ("   ", "")}


def migrate(
    back_to: Annotated[
        str,
        typer.Option(
            metavar="REVISION",
            help="Undo the migrations after this one, before an earlier version starts.",
        ),
    ] = "",
) -> None:
    """Bring the database of DATABASE_URL to the newest schema, and tell the object store what to
    remove by itself.
    """
    from montage_pipeline.requests.analytics.schema import READER_ROLE
    from montage_pipeline.requests.migrate import downgrade, newest_revision, upgrade

    settings = get_settings()
    if not settings.database_url:
        raise PermanentError(
            ErrorCode.NO_DATABASE, "DATABASE_URL is not set. The embedded database migrates itself."
        )
    if back_to:
        downgrade(settings.sqlalchemy_url, back_to)
        say(Console(), f"The database is at revision {back_to}.")
        return
    has_reader = upgrade(settings.sqlalchemy_url)
    say(Console(), f"The database is at revision {newest_revision()}.")
    if not has_reader:
        say(
            Console(),
            f"note: this database user may not make roles, so nobody but it can read the views of "
            f"the schema analytics. Have an administrator run CREATE ROLE {READER_ROLE} NOLOGIN, "
            "and run `montage migrate` again.",
        )
    if settings.r2_bucket:
        _set_lifecycle(settings)


def _set_lifecycle(settings: Settings) -> None:
    """Not every store has rules for it; the database is migrated all the same."""
    from montage_pipeline.composition import Services
    from montage_pipeline.storage.lifecycle import rules

    services, out = Services(settings), Console()
    days = settings.work_retention_days
    buckets = {services.store.bucket: (services.store, days)}
    buckets.setdefault(services.reel_store.bucket, (services.reel_store, 0))
    for name, (store, work_days) in buckets.items():
        try:
            store.lifecycle.apply(rules(work_days))
        except MontageError as error:
            again = " Then run `montage migrate` again." if error.retryable else ""
            say(out, f"{error} (fix: {error.code.remedy}{again})")
        else:
            kept = f"work/ after {work_days} days" if work_days else "nothing by age"
            say(out, f"Bucket {name} removes {kept}, and uploads that were never finished.")


class Turn(StrEnum):
    """Which way a switch is turned."""

    ON = "on"
    OFF = "off"


def paid(
    turn: Annotated[
        Turn | None, typer.Argument(help="on, or off; without it, how the switch stands.")
    ] = None,
    reason: Annotated[
        str, typer.Option(help="Why, for those whose Reels fail because of it.")
    ] = "",
) -> None:
    """Turn paid calls (Claude, fal) off or on again, in every process at once."""
    from montage_pipeline.costs.switch import read_switch, turn_switch

    with running_database() as services:
        switch = (
            read_switch(services.engine)
            if turn is None
            else turn_switch(services.engine, is_on=turn is Turn.ON, reason=reason)
        )
    since = f" since {switch.changed_at:%Y-%m-%d %H:%M} UTC" if switch.changed_at else ""
    why = f": {switch.reason}" if switch.reason else ""
    say(Console(), f"Paid calls are {'on' if switch.is_on else 'off'}{since}{why}")


def doctor() -> None:
    """Look at this machine and say what is missing."""
    from montage_pipeline.cli.doctor import findings

    console = Console()
    failed = False
    for finding in findings(get_settings()):
        failed = failed or finding.ok is False
        lead, style = _MARKS[finding.ok]
        say(console, f"{finding.name:<14} {finding.message}", lead=lead, style=style)
    if failed:
        raise typer.Exit(1)


def settings(
    markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown table.")] = False,
    env: Annotated[bool, typer.Option("--env", help="As an .env file to copy.")] = False,
) -> None:
    """List every setting with its default and meaning."""
    from montage_pipeline.cli.reference.settings_table import (
        env_file,
        markdown_table,
        setting_lines,
    )

    if markdown or env:
        print(markdown_table() if markdown else env_file(), end="")  # noqa: T201
        return
    table = plain_table("variable", "default", "meaning")
    for line in setting_lines():
        table.add_row(line.name, plain(line.default), plain(line.meaning))
    Console().print(table)


def errors(
    markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown page.")] = False,
) -> None:
    """List every error code with what to do about it."""
    from montage_pipeline.cli.reference.error_table import markdown_page

    if markdown:
        print(markdown_page(), end="")  # noqa: T201
        return
    table = plain_table("code", "what to do")
    for code in ErrorCode:
        table.add_row(code, plain(code.remedy))
    Console().print(table)
