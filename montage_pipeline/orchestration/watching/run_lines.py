"""What Dagster's runs log, in the form of everything else.

The loggers of `Definitions` count only for runs whose configuration names one. All others, that is
those of sensors, schedules and people, log as Dagster has it: coloured text, from DEBUG on.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster import InitLoggerContext
from dagster._core.execution import context_creation_job

from montage_pipeline import logs
from montage_pipeline.settings import Settings

_DEFAULT = "default_system_loggers"
"""Which loggers a run has whose configuration names none; Dagster has no setting for it."""


@dg.logger
def our_lines(context: InitLoggerContext) -> logging.Logger:
    """Through the handler that `logs.configure` gave the process: JSON, context first, no secrets.

    The event itself, with all that it carries, is in Dagster's storage.
    """
    return logging.getLogger("dagster_run")


def log_runs_as_all_else(settings: Settings) -> None:
    """Have the runs of this process log JSON where everything does, from the level of the settings.

    Raises RuntimeError where this version of Dagster chooses its loggers otherwise.
    """
    if not hasattr(context_creation_job, _DEFAULT):
        raise RuntimeError(f"Dagster has no {_DEFAULT}: its runs would log as they like")
    if logs.in_json(settings):
        logging.getLogger("dagster_run").setLevel(settings.log_level)
        setattr(context_creation_job, _DEFAULT, _ours)


def _ours(
    _instance: dg.DagsterInstance | None,
) -> Sequence[tuple[dg.LoggerDefinition, Mapping[str, Any]]]:
    return [(our_lines, {})]
