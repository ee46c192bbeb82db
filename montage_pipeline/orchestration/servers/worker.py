"""A worker of Celery, which makes Reels that the launcher sends (`celery_launcher`):

    celery --app montage_pipeline.orchestration.servers.worker worker

The worker imports everything once and forks a child for each run, which ends with it: a run starts
in milliseconds, and neither its memory nor its harm outlive it. Code is read when the worker
starts, so a new version needs a new worker.

All of it is set here. Dagster's command for workers reads a YAML file and ignores it in silence
unless it is nested just so; there is none.
"""

import multiprocessing
import signal
from typing import Any

from celery import Celery, signals
from dagster_celery.config import TASK_EXECUTE_JOB_NAME
from dagster_celery.tasks import create_execute_job_task

from montage_pipeline import logs
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.orchestration import lease
from montage_pipeline.settings import get_settings

QUEUE = "dagster"


def make_app() -> Celery:
    """The application. Raises PermanentError(NO_BROKER) when the settings name no broker."""
    broker_url = get_settings().celery_broker_url.get_secret_value()
    if not broker_url:
        raise PermanentError(
            ErrorCode.NO_BROKER,
            "MONTAGE_CELERY_BROKER_URL is not set: a worker needs to know where runs are sent",
        )
    made = Celery("montage", broker=broker_url)
    made.conf.update(
        task_default_queue=QUEUE,
        # One render uses every core of its machine.
        worker_concurrency=1,
        # What a worker took and does not work on, no other can.
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=1,
        # A run whose worker is killed is found by its heartbeat and given to another run; a broker
        # that sent the same one again as well would only have it refused.
        task_acks_late=False,
        task_ignore_result=True,
        broker_connection_retry_on_startup=True,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        # A broker that was away is found again, however long it was.
        broker_connection_max_retries=None,
    )
    create_execute_job_task(made)
    return made


@signals.worker_init.connect
def _import_everything(**_: Any) -> None:
    """Before any child is forked."""
    logs.configure(get_settings())
    from montage_pipeline.orchestration.servers import preload  # noqa: F401


@signals.worker_process_init.connect
def _become_a_run(**_: Any) -> None:
    """In each child. Celery has it ignore interrupts, which is how a run is told to stop."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lease.own_process()
    # Celery says that its children are daemons, which may have no children; a run's process may.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]


app = make_app()
assert TASK_EXECUTE_JOB_NAME in app.tasks
