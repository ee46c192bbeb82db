"""Tries of a step count for the request, in whatever runs they were made, and begin anew with the
next Reel.
"""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.engine import Engine

from montage_pipeline.errors import ErrorCode
from montage_pipeline.requests.attempts.tries import StepTries, Try
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.clicks import REEL, click


def failed(run_id: str, step: Step = Step.MUSIC_TRACK) -> Try:
    code = ErrorCode.MUSIC_RATE_LIMITED
    return Try(step=step, number=1, code=code, message="m", run_id=run_id, at=datetime.now(UTC))


def test_tries_count_across_runs_and_begin_anew_when_a_reel_is_made_again(
    library: ContentLibrary, requests: RequestLifecycle, engine: Engine, user: UUID
) -> None:
    tries, request_id = StepTries(engine), click(library, user).request_id
    assert requests.start(request_id, "one")
    assert tries.note(request_id, failed("one")) == 1
    assert tries.note(request_id, failed("one", Step.CLIP_ANALYSIS)) == 1
    assert requests.requeue(request_id, attempt=1, run_id="one", lost=False)
    assert tries.note(request_id, failed("one")) is None, "the request is no longer that run's"

    assert requests.start(request_id, "two")
    assert tries.count(request_id, Step.MUSIC_TRACK, "two") == 1
    assert tries.note(request_id, failed("two")) == 2
    assert tries.count(request_id, Step.MUSIC_TRACK, "one") == 0

    # A delivered Reel that is made again by hand has all its tries before it.
    assert requests.succeed(request_id, "two", REEL)
    assert requests.reopen(request_id, "by hand")
    assert tries.count(request_id, Step.MUSIC_TRACK, "by hand") == 0
    assert tries.note(request_id, failed("by hand")) == 1
    assert requests.requeue(request_id, attempt=2, run_id="by hand", lost=False)
    assert requests.start(request_id, "three")
    assert tries.note(request_id, failed("three")) == 2
