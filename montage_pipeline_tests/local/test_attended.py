"""A request whose command died is canceled by whoever comes next; one that is waited for is not."""

import subprocess
import sys
from pathlib import Path
from uuid import UUID

from montage_pipeline.local.attended import any_attended, attended, cancel_abandoned
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.model import CreatedRequest
from montage_pipeline.vocabulary import RequestState
from montage_pipeline_tests.clicks import click

WAITS = """
import sys, time
from pathlib import Path
from uuid import UUID
from montage_pipeline.local.attended import attended
with attended(Path(sys.argv[1]), UUID(sys.argv[2])):
    print("waiting", flush=True)
    time.sleep(600)
"""


def _state(requests: RequestLifecycle, created: CreatedRequest) -> RequestState:
    request = requests.get_request(created.request_id)
    assert request is not None
    return request.state


def test_only_what_nobody_waits_for_is_canceled(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID, tmp_path: Path
) -> None:
    assert not any_attended(tmp_path)
    killed, waited_for, over = (click(library, user) for _ in range(3))
    assert requests.start(killed.request_id, "its run")
    with subprocess.Popen(
        [sys.executable, "-c", WAITS, str(tmp_path), str(killed.request_id)],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert cancel_abandoned(tmp_path, requests) == 0
        process.kill()
    with attended(tmp_path, over.request_id):
        pass
    with attended(tmp_path, waited_for.request_id):
        assert any_attended(tmp_path)
        assert cancel_abandoned(tmp_path, requests) == 1
        assert cancel_abandoned(tmp_path, requests) == 0
    assert _state(requests, killed) is RequestState.CANCELED
    assert _state(requests, waited_for) is RequestState.QUEUED
    assert _state(requests, over) is RequestState.QUEUED
