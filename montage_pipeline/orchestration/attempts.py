"""One try of one step, and its claim on the request it works for.

Belongs here: what is the same for a step's inputs, its body and its output. Does not belong here:
what happens when one of them fails (`failures`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from montage_pipeline.composition import Services
from montage_pipeline.orchestration.partitions import REQUEST_TAG, tags_of
from montage_pipeline.orchestration.runs import attempt_number_of
from montage_pipeline.requests.model import MontageRequest
from montage_pipeline.vocabulary import RequestState, Step

if TYPE_CHECKING:
    from dagster._core.execution.context.system import StepExecutionContext

RETRY_NUMBER_TAG = "dagster/retry_number"
"""On a run that Dagster launched by itself because another had failed."""


@dataclass(frozen=True)
class Attempt:
    """One try of one step in one run."""

    step: Step
    partition: str
    """Its key, which should be that of a request."""
    number: int
    """1 for the first try."""
    retry_policy: dg.RetryPolicy | None
    run: dg.DagsterRun
    instance: dg.DagsterInstance

    @property
    def max_retries(self) -> int:
        """How often the step is tried again."""
        return self.retry_policy.max_retries if self.retry_policy else 0

    @property
    def is_last(self) -> bool:
        """Whether no retry is left."""
        return self.number > self.max_retries

    @property
    def delivers(self) -> bool:
        """Whether the run goes on to deliver a Reel."""
        return self._makes(Step.R2_OBJECT)

    def decides(self, request: MontageRequest) -> bool:
        """Whether the run goes on to what the request asks for, or beyond, and so decides what
        becomes of its item.
        """
        return self.delivers or self._makes(request.steps[-1])

    def _makes(self, step: Step) -> bool:
        assets, steps = self.run.asset_selection, self.run.step_keys_to_execute
        selected = assets is None or dg.AssetKey(step.value) in assets
        return selected and (steps is None or step.value in steps)


def attempt_of(context: "StepExecutionContext") -> Attempt:
    """The attempt that Dagster is making."""
    return Attempt(
        step=Step(context.step.key),
        partition=context.partition_key,
        number=context.previous_attempt_count + 1,
        retry_policy=context.op_retry_policy,
        run=context.dagster_run,
        instance=context.instance,
    )


def requested(attempt: Attempt, services: Services) -> MontageRequest:
    """The request of the attempt's partition. Raises a Failure that is not retried for none."""
    request = services.requests.of_partition(attempt.partition)
    if request is None:
        raise dg.Failure(
            f"There is no montage request with the partition {attempt.partition!r} in the "
            "database.",
            allow_retries=False,
        )
    return request


def claim(attempt: Attempt, services: Services, request: MontageRequest) -> bool:
    """Make the request the attempt's run's own; nothing changes when it is already.

    False: the run works on a finished request without delivering, or has delivered it already, and
    so changes nothing of it. Raises a Failure that is not retried when it is another run's.
    """
    run_id, earlier_runs = attempt.run.run_id, _earlier_runs(attempt)
    if REQUEST_TAG not in attempt.run.tags:
        # A person launched the run. From now on the sensors know whose it is, and people find it.
        title = services.requests.titles([request.content_item_id]).get(request.content_item_id)
        attempt.instance.add_run_tags(run_id, tags_of(request, title))
    if services.requests.start(request.id, run_id, earlier_runs=earlier_runs):
        return True
    if request.state is RequestState.SUCCEEDED and (
        request.run_id == run_id
        # Dagster retried a run that died after it had delivered. Nobody asked for another Reel.
        or (RETRY_NUMBER_TAG in attempt.run.tags and request.run_id in earlier_runs)
    ):
        return False
    wanted = _is_wanted(attempt, request)
    if wanted and attempt.decides(request) and services.requests.reopen(request.id, run_id):
        return True

    now = services.requests.get_request(request.id)
    if wanted and now is not None and now.state.is_terminal and not attempt.decides(request):
        return False
    state = f"{now.state.value} under run {now.run_id}" if now else "gone"
    raise dg.Failure(
        f"Montage request {request.id} is {state}, or another request of its content item is "
        "under way. Wait until that is done.",
        allow_retries=False,
    )


def _is_wanted(attempt: Attempt, request: MontageRequest) -> bool:
    """Whether the run may take up a request that has ended.

    Not one of the request sensor: it was made for a request that waited, and when that ends while
    Dagster makes the run, the run is the younger of the two and still nobody's wish.
    """
    if attempt_number_of(attempt.run) is not None and attempt.run.parent_run_id is None:
        return False
    return request.state is not RequestState.CANCELED or _launched_after(attempt, request)


def _launched_after(attempt: Attempt, request: MontageRequest) -> bool:
    """Whether a person launched the run after the request was canceled, and so wants it again.

    Runs that waited in the queue, and retries that Dagster makes by itself, are of before.
    """
    if RETRY_NUMBER_TAG in attempt.run.tags:
        return False
    record = attempt.instance.get_run_record_by_id(attempt.run.run_id)
    canceled_at = request.finished_at
    return record is None or canceled_at is None or record.create_timestamp > canceled_at


def _earlier_runs(attempt: Attempt) -> list[str]:
    """The runs that this one retries, from which it may take the request over."""
    if attempt.run.root_run_id is None:
        return []
    group = attempt.instance.get_run_group(attempt.run.run_id)
    runs = group[1] if group else []
    return [run.run_id for run in runs if run.run_id != attempt.run.run_id]
