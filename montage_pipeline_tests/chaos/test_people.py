"""People do what they do: click ten times, cancel, delete, materialise again."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.chaos.scene import Scene
from montage_pipeline_tests.e2e.conftest import upload

_DELETE = """
mutation($keys: [String!]!, $repository: RepositorySelector!) {
  deleteDynamicPartitions(
    partitionKeys: $keys, partitionsDefName: "montage_requests", repositorySelector: $repository
  ) { __typename }
}
"""
_LAUNCH = """
mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
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
    run_id = _materialise(scene, request_id)
    scene.wait_for(lambda: scene.run_of(request_id) == run_id, "being made again")
    assert _status(scene) == "draft"
    for worker in scene.system.run_workers():
        worker.kill()
    scene.wait_for(
        lambda: (
            scene.sql(f"SELECT state FROM montage_requests WHERE id = '{request_id}'")
            == [("succeeded",)]
            or _status(scene) != "draft"
        ),
        "made again",
    )
    assert _status(scene) == "draft"
    scene.all_is_well()


def test_canceled_and_materialised_again(scene: Scene) -> None:
    """Whoever stopped it in the UI wants it after all."""
    [request_id] = scene.click()
    scene.wait_for_step(Step.MUSIC_TRACK, request_id)
    run_id = scene.run_of(request_id)
    scene.system.graphql(
        "mutation($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id
    )
    scene.wait_for(lambda: _status(scene) == "failed", "canceled")
    scene.wait_for(lambda: not scene.system.run_workers(), "ended")
    _materialise(scene, request_id)
    scene.wait_for(lambda: _status(scene) == "generating", "begun again")
    scene.all_is_well()


def test_clicked_again_while_materialised(scene: Scene) -> None:
    """The user's wish goes before: what a person makes again by hand gives way."""
    [first] = scene.click()
    scene.all_is_well()
    run_id = _materialise(scene, first)
    scene.wait_for(lambda: scene.run_of(first) == run_id, "being made again")
    with scene.system.client(scene.user) as client:
        answer = client.post(f"/api/content-items/{scene.items[0]['id']}/generate")
    assert answer.status_code == 202, answer.text
    scene.items[0] = answer.json()
    scene.earlier.append(first)
    scene.all_is_well()
    assert scene.sql(f"SELECT state FROM montage_requests WHERE id = '{first}'") == [("canceled",)]


def _status(scene: Scene) -> str:
    with scene.system.client(scene.user) as client:
        answer = client.get(f"/api/content-items/{scene.items[0]['id']}/status").json()
    return str(answer["status"])


def _materialise(scene: Scene, request_id: UUID) -> str:
    """Launch the job for the request's partition, as the UI does; the id of the run."""
    selector = {
        "jobName": "montage",
        "assetSelection": [{"path": [step.value]} for step in Step],
        **_REPOSITORY,
    }
    request = scene.system.services.requests.get_request(request_id)
    assert request is not None
    tags = [{"key": "dagster/partition", "value": request.partition_key}]
    launched = scene.system.graphql(
        _LAUNCH, params={"selector": selector, "executionMetadata": {"tags": tags}}
    )["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return str(launched["run"]["runId"])
