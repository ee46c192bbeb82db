"""Starts runs as tasks of Celery, on whatever machines have a worker (`worker`).

Dagster's own launcher, without what it does badly: it asks the store of Celery's results whether a
run lives, which says "pending" of a run whose result was lost, so that a restart of Redis fails
runs that are well, and says "started" for ever of one whose worker was killed. Here heartbeats
alone tell (`lease`), as they do of every run, and no results are kept.
"""

from celery.exceptions import CeleryError
from dagster import DagsterRun
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import LaunchRunContext
from dagster_celery.launcher import CeleryRunLauncher
from kombu.exceptions import KombuError


class CeleryLauncher(CeleryRunLauncher):
    """`run_launcher` of deploy/dagster-celery.yaml."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Send the task. While the broker is away the run goes back to the queue, as it does when
        the code server is: nothing is wrong with the run.
        """
        try:
            super().launch_run(context)
        except (KombuError, CeleryError, OSError) as error:
            raise DagsterUserCodeUnreachableError(
                f"The broker did not take the run: {error}"
            ) from error

    def terminate(self, run_id: str) -> bool:
        """Nothing is killed: the run's process sees that it is to end, within seconds (`lease`)."""
        run: DagsterRun | None = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return True

    @property
    def supports_resume_run(self) -> bool:
        """No: a request whose run died gets another, which begins with the step that was lost."""
        return False

    @property
    def supports_check_run_worker_health(self) -> bool:
        """No: see above."""
        return False
