"""Dagster's `dagster`, with all of its commands; the code server it runs starts each run in a
process that has everything imported.

Dagster's server starts an interpreter for each run, which imports Dagster, this product and its
libraries: a second or two of a whole core. Here one helper process imports them once, before any
run, and each run is a fork of it, made in milliseconds and gone with the run. The helper has one
thread and opens nothing, so that a fork of it is as good as a new interpreter; should it die,
Python starts it again, and should an import fail there, the run imports for itself.
"""

import multiprocessing
from multiprocessing import forkserver
from typing import Any

from dagster._cli import main as dagster_command
from dagster._grpc.server import DagsterApiServer

_PRELOADED = "montage_pipeline.orchestration.servers.preload"

_CONTEXT = "_mp_ctx"
"""What Dagster's server makes the processes of runs with."""


def serve_warm() -> None:
    """From now on, servers of this process start runs as forks of the warm helper."""
    original = DagsterApiServer.__init__

    def warm(server: DagsterApiServer, *args: Any, **kwargs: Any) -> None:
        original(server, *args, **kwargs)
        if not hasattr(server, _CONTEXT):
            raise RuntimeError(f"DagsterApiServer has no {_CONTEXT}: its runs would start cold")
        setattr(server, _CONTEXT, multiprocessing.get_context("forkserver"))
        # Now, while the server still loads its definitions, and not with the first run.
        forkserver.ensure_running()

    multiprocessing.set_forkserver_preload([_PRELOADED])
    DagsterApiServer.__init__ = warm  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    serve_warm()
    dagster_command()  # type: ignore[no-untyped-call]
