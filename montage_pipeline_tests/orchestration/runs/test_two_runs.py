"""Two runs of one request, as when a pod outlives the moment in which it was given up: the one
whose row was taken stops before it pays or delivers.
"""

from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest

from montage_pipeline.composition import Services
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import ContentStatus, RequestState, Step
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.fakes.fal_server import FalServer
from montage_pipeline_tests.orchestration.conftest import add_partition, item_of, run_montage
from montage_pipeline_tests.orchestration.runs.test_outcomes import Disturbed

OTHER_RUN = "the-run-that-took-it-over"


@pytest.mark.parametrize("taken_after", [Step.CLIP_ANALYSIS, Step.RENDERED_VIDEO])
def test_a_run_whose_request_was_taken_neither_pays_nor_delivers(
    with_fal: Settings,
    queue: FalServer,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    taken_after: Step,
) -> None:
    services = Services(with_fal)
    # A preview is delivered as a Reel is.
    created = click(library, user, clip.as_uri(), options=MontageOptions(preview=True))

    def given_up() -> None:
        """What the reconciler does, and then the run that the sensor starts."""
        request = services.requests.get_request(created.request_id)
        assert request is not None
        requests = services.requests
        assert requests.requeue(request.id, attempt=request.attempt, run_id=request.run_id)
        assert requests.start(request.id, OTHER_RUN)

    documents = Disturbed(services, taken_after, given_up)
    result = run_montage(services, instance, add_partition(instance, created), documents=documents)
    assert not result.success

    bought = 0 if taken_after is Step.CLIP_ANALYSIS else 1
    assert len(queue.jobs) == bought
    assert len(services.ledger.entries(created.request_id)) == bought
    item = item_of(library, user, created)
    assert (item.status, item.generated_media_url) == (ContentStatus.GENERATING, None)
    assert list(services.store.list_keys("reels/")) == []
    request = services.requests.get_request(created.request_id)
    assert request is not None
    assert (request.state, request.run_id) == (RequestState.RUNNING, OTHER_RUN)
    services.close()
