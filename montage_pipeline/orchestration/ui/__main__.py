"""Dagster's `dagster-webserver`, with all of its options and our storyboards, behind the guard."""

from typing import Any

from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster_webserver import cli
from dagster_webserver.app import create_app_from_workspace_process_context

from montage_pipeline import logs
from montage_pipeline.orchestration.ui.guard import UiGuard
from montage_pipeline.orchestration.ui.storyboards import Storyboards
from montage_pipeline.settings import get_settings

_FACTORY = create_app_from_workspace_process_context.__name__


def guarded_app(context: IWorkspaceProcessContext[Any], *args: Any, **kwargs: Any) -> UiGuard:
    """Dagster's application behind the guard; takes what Dagster's own factory takes."""
    hosts = get_settings().ui_allowed_hosts.split(",")
    app = create_app_from_workspace_process_context(context, *args, **kwargs)
    return UiGuard(Storyboards(app, context.instance), hosts=hosts)


def main() -> None:
    """Run Dagster's command, which has no place for middleware, with our factory for its own."""
    if _FACTORY not in vars(cli):
        raise RuntimeError(f"dagster_webserver.cli has no {_FACTORY}: the UI would be unguarded")
    logs.configure(get_settings(), in_dagsters_program=True)
    vars(cli)[_FACTORY] = guarded_app
    cli.main()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
