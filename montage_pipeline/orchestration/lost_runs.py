"""Tells Dagster about runs whose processes are known to be gone, so that their requests go on
before their heartbeats are missed.

Dagster's default launcher cannot find out by itself that a run's process died together with its
code server; whoever ended both can. Run as a program
(`python -m montage_pipeline.orchestration.lost_runs`), on a machine that alone uses the instance.
"""

import dagster as dg

from montage_pipeline.composition import Services
from montage_pipeline.orchestration.runs import request_id_of
from montage_pipeline.settings import get_settings

_UNDER_WAY = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def settle_lost_runs(instance: dg.DagsterInstance, services: Services) -> int:
    """End every run that Dagster believes to be under way: canceled where that was asked for, of
    the run or of its request, else failed, upon which `outcomes` queues the request again.

    Returns how many there were.
    """
    runs = instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY))
    for run in runs:
        request_id = request_id_of(run)
        unwanted = request_id is not None and services.requests.is_canceled(request_id)
        if unwanted or run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(
                run, message="The run was being canceled when its process ended."
            )
        else:
            instance.report_run_failed(
                run, message="The process of this run ended with the system it ran in."
            )
    return len(runs)


if __name__ == "__main__":
    with dg.DagsterInstance.get() as instance:
        settle_lost_runs(instance, Services(get_settings()))
