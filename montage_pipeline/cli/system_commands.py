"""`montage up`: the whole system on this machine."""

import signal
import threading

from rich.console import Console

from montage_pipeline.cli.system import local_settings
from montage_pipeline.local.identity import LOCAL_USER_EMAIL, LOCAL_USER_ID

_TOKEN_DAYS = 30
"""Long enough to try things out, short enough that a forgotten token dies."""


def up() -> None:
    """Run the whole system on this machine until Ctrl-C: stores, Dagster, its UI and the API."""
    from montage_pipeline.api.auth import issue_token
    from montage_pipeline.local.stack import LocalStack

    console = Console()
    settings = local_settings()
    stack = LocalStack(settings, with_ui=True, with_api=True)
    stopped = _on_signals()

    def say(line: str) -> None:
        console.print(line, highlight=False, soft_wrap=True)

    try:
        address = stack.start(say)
        token_s = _TOKEN_DAYS * 24 * 3600
        token = issue_token(settings, LOCAL_USER_ID, email=LOCAL_USER_EMAIL, ttl_s=token_s)
        say(f"Dagster UI  {address.ui_url}")
        say(f"API         {address.api_url}  (documentation at {address.api_url}/docs)")
        say(f"Token of {LOCAL_USER_EMAIL}, valid for {_TOKEN_DAYS} days:\n{token}")
        say("Ctrl-C stops everything.")
        stopped.wait()
    finally:
        say("Stopping.")
        stack.stop()


def _on_signals() -> threading.Event:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped
