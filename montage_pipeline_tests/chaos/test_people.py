"""People do what they do: click ten times, cancel, delete, materialise again."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.chaos.scene import Scene
from montage_pipeline_tests.e2e.conftest import upload

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(2400)]

_DELETE = """
mutation($keys: [String!]!, $repository: RepositorySelector!) {
  deleteDynamicPartitions(
    partitionKeys: $keys, partitionsDefName: "montage_requests", repositorySelector: $repository
  ) { __typename }
}
"""
_REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "montage_pipeline"}


def test_the_same_click_ten_times(scene: Scene) -> None:
    key = str(uuid4())
    with scene.system.client(scene.user) as client:
        body = {
            "type": "reel",
            "clipUrls": [upload(client, scene.clip)],
            "style": "dynamic",
            "format": "square",
            "durationSec": 8,
        }

        def one(_: int) -> dict[str, str]:
            answer = client.post("/api/content-items", json=body, headers={"Idempotency-Key": key})
            assert answer.status_code in {200, 202}, answer.text
            made: dict[str, str] = answer.json()
            return made

        with ThreadPoolExecutor(10) as clicks:
            made = list(clicks.map(one, range(10)))
    assert len({item["requestId"] for item in made}) == 1
    scene.items.append(made[0])
    scene.all_is_well()


def test_canceled_while_rendering(scene: Scene) -> None:
    stopped, _ = scene.click(2)
    scene.wait_for_step(Step.RENDERED_VIDEO, stopped)
    assert scene.system.services.requests.withdraw(stopped)
    scene.all_is_well(**{str(stopped): "canceled"})


def test_stopped_in_the_ui(scene: Scene) -> None:
    stopped, _ = scene.click(2)
    scene.wait_for_step(Step.CLIP_ANALYSIS, stopped)
    request = scene.system.services.requests.get_request(stopped)
    assert request is not None
    scene.system.graphql(
        "mutation($id: String!) { terminateRun(runId: $id) { __typename } }", id=request.run_id
    )
    scene.all_is_well(**{str(stopped): "canceled"})


def test_partition_deleted(scene: Scene) -> None:
    robbed, _ = scene.click(2)
    scene.wait_for_step(Step.CLIP_ANALYSIS, robbed)
    request = scene.system.services.requests.get_request(robbed)
    assert request is not None
    scene.system.graphql(_DELETE, keys=[request.partition_key], repository=_REPOSITORY)
    scene.all_is_well(**{str(robbed): "partition_deleted"})


def test_materialised_again_and_killed(scene: Scene) -> None:
    """The finished Reel stays a draft all the while."""
    [request_id] = scene.click()
    scene.all_is_well()
    item = scene.items[0]
    assert scene.system.services.requests.reopen(request_id, "a run that never was")
    with scene.system.client(scene.user) as client:

        def status() -> str:
            answer = client.get(f"/api/content-items/{item['id']}/status").json()
            return str(answer["status"])

        assert status() == "draft"
        scene.wait_for(
            lambda: (
                scene.sql(f"SELECT state FROM montage_requests WHERE id = '{request_id}'")
                == [("succeeded",)]
                or status() != "draft"
            ),
            "made again",
        )
        assert status() == "draft"
    assert UUID(item["requestId"]) == request_id
    scene.all_is_well()
