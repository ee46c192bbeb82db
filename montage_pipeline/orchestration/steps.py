"""What every step of a montage does around its own work.

It takes the request over from `queued` (or from the crashed run it replaces), shows progress on the
content item, notes how long the step took, and has errors translated.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import AssetExecutionContext
from sqlalchemy.exc import DBAPIError

from montage_pipeline import logs, tracing
from montage_pipeline.composition import Services
from montage_pipeline.orchestration.attempts import Attempt, attempt_of, claim, requested
from montage_pipeline.orchestration.failures import hides_an_interruption, translated
from montage_pipeline.orchestration.lease import Lease, hold
from montage_pipeline.orchestration.watching.outcome import note_outcome
from montage_pipeline.requests.model import MontageRequest
from montage_pipeline.vocabulary import Step

_PROGRESS_PERCENT = {
    Step.CLIP_ANALYSIS: (2, 25),
    Step.MUSIC_TRACK: (25, 38),
    Step.EDIT_TIMELINE: (38, 42),
    Step.RENDERED_VIDEO: (42, 95),
    Step.R2_OBJECT: (95, 99),
}
"""How much of the whole is done when a step begins and when it ends. By the usual shares of time;
100 is the delivered Reel.
"""

_MIN_PROGRESS_INTERVAL_S = 0.5
"""Between two updates of the row: people see no more, and a render reports each frame."""

log = logs.get_logger(__name__)


class StepScope:
    """The request a step works for, what it works with, and a way to say how far it is."""

    def __init__(
        self,
        services: Services,
        request: MontageRequest,
        attempt: Attempt,
        lease: Lease,
        *,
        tracked: bool,
    ) -> None:
        self.services = services
        self.request = request
        self.run_id = attempt.run.run_id
        self.tracked = tracked
        """Whether this run moves the item's status; a run that stops before delivery does not."""
        self.delivers = attempt.delivers
        """Whether the run goes on to deliver a Reel; one that was to plan alone does not."""
        self._attempt = attempt
        self._step = attempt.step
        self._instance = attempt.instance
        self._lease = lease
        self._shown_percent = -1
        self._shown_at_s = -math.inf
        self._shown_detail = ""

    def note_outcome(self, text: str) -> None:
        """What the list of runs shows of this run, in a line."""
        note_outcome(self._instance, self.run_id, text)

    @property
    def is_last_attempt(self) -> bool:
        """Whether the step is not tried again: what may pass has had its time to. Tries count for
        the request, whatever runs they were in.
        """
        made = self.services.tries.count(self.request.id, self._step, self.run_id)
        return max(made + 1, self._attempt.number) > self._attempt.max_retries

    def progress(self, done: float, detail: str = "") -> None:
        """Show on the item that this share of the step is done, 0..1, and what it is at.

        A database that is away for a moment costs people the sight of it, not the Reel.
        """
        self._lease.heard()
        if not self.tracked:
            return
        begin, end = _PROGRESS_PERCENT[self._step]
        percent = max(self._shown_percent, begin + int((end - begin) * min(max(done, 0.0), 1.0)))
        now_s = time.monotonic()
        too_soon = now_s - self._shown_at_s < _MIN_PROGRESS_INTERVAL_S and done < 1
        if detail == self._shown_detail and (percent == self._shown_percent or too_soon):
            return
        self._shown_percent, self._shown_at_s, self._shown_detail = percent, now_s, detail
        try:
            self.services.requests.progress(
                self.request.id, self.run_id, self._step, percent, detail
            )
        except DBAPIError as error:
            if hides_an_interruption(error):
                raise
            log.warning("progress_not_shown", percent=percent)


@contextmanager
def montage_step(context: AssetExecutionContext, services: Services) -> Iterator[StepScope]:
    """Run the body of one asset for one request."""
    logs.configure(services.settings)
    tracing.configure(services.settings, "montage-run")
    attempt = attempt_of(context.get_step_execution_context())
    with translated(attempt, services):
        request = requested(attempt, services)
        tracked = claim(attempt, services, request)
        lease = hold(attempt, services, request, tracked=tracked)

    whose = {
        "request_id": str(request.id),
        "content_item_id": str(request.content_item_id),
        "user_id": str(request.user_id),
    }
    with (
        _traced(attempt, request),
        logs.bind(**whose),
        translated(attempt, services),
        lease.working(),
    ):
        log.info("step_started", attempt=attempt.number)
        started_s = time.monotonic()
        scope = StepScope(services, request, attempt, lease, tracked=tracked)
        scope.progress(0.0)
        yield scope

        seconds = time.monotonic() - started_s
        if tracked:
            services.requests.note_step(request.id, attempt.step, seconds)
        log.info("step_done", seconds=round(seconds, 2))


@contextmanager
def _traced(attempt: Attempt, request: MontageRequest) -> Iterator[None]:
    """The step as a part of the trace that the click began."""
    try:
        with (
            tracing.continued(request.traceparent),
            tracing.span(
                attempt.step.value,
                request_id=str(request.id),
                run_id=attempt.run.run_id,
                attempt=attempt.number,
            ),
        ):
            yield
    finally:
        tracing.flush()
