"""`montage up`: the whole system on this machine."""

import sys
import threading
import webbrowser
from typing import Annotated

import typer
from rich.console import Console

from montage_pipeline.cli.interrupts import Stopped
from montage_pipeline.cli.system import local_settings
from montage_pipeline.cli.terminal import say
from montage_pipeline.local.identity import LOCAL_USER_EMAIL, LOCAL_USER_ID

_TOKEN_DAYS = 30
"""Long enough to try things out, short enough that a forgotten token dies."""


def up(
    browser: Annotated[
        bool, typer.Option(help="Open the studio, signed in, where there is a browser.")
    ] = True,
) -> None:
    """Run the whole system on this machine until Ctrl-C: stores, Dagster, its UI, the studio."""
    from montage_pipeline.api.auth import issue_token
    from montage_pipeline.local.stack import LocalStack

    console = Console()
    settings = local_settings()
    stack = LocalStack(settings, with_ui=True, with_api=True)

    def tell(line: str) -> None:
        say(console, line)

    try:
        address = stack.start(tell)
        token_s = _TOKEN_DAYS * 24 * 3600
        token = issue_token(settings, LOCAL_USER_ID, email=LOCAL_USER_EMAIL, ttl_s=token_s)
        # In the fragment, which browsers send to no server and the page takes out at once.
        studio_url = f"{address.api_url}/studio#token={token}"
        tell(f"Studio      {address.api_url}/studio")
        tell(f"Dagster UI  {address.ui_url}")
        tell(f"API         {address.api_url}  (documentation at {address.api_url}/docs)")
        tell(f"Token of {LOCAL_USER_EMAIL}, valid for {_TOKEN_DAYS} days:\n{token}")
        tell("Ctrl-C stops everything.")
        if browser and sys.stdout.isatty():
            webbrowser.open(studio_url)
        threading.Event().wait()
    except Stopped:
        # This is how it is meant to end.
        tell("Stopping.")
    finally:
        stack.stop()
