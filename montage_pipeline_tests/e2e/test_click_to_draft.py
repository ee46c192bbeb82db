"""A click becomes a delivered Reel, and everybody can see how."""

import io
import signal
import time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import av
import httpx
import pytest

from montage_pipeline.local.embedded.keeper import signal_group
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.vocabulary import CostState, Service
from montage_pipeline_tests.e2e.conftest import ORDER, System, click, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

_MATERIALISATIONS = """
query($keys: [AssetKeyInput!]!, $partition: String!) {
  assetNodes(assetKeys: $keys) {
    assetKey { path }
    partitionKeys
    assetMaterializations(partitions: [$partition]) { runId metadataEntries { label } }
  }
}
"""
_RUN = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value } } } }"


def test_click_to_draft(system: System, user: UUID) -> None:
    claude_before, fal_before = system.anthropic.charged_usd, system.fal.charged_usd
    with system.client(user) as client:
        created = click(client, demo_clips())
        assert client.get(f"/api/content-items/{created['id']}").json()["status"] == "generating"
        assert client.post(f"/api/content-items/{created['id']}/generate").status_code == 409
        status, seen = wait_for(client, created["id"])
        assert status["status"] == "draft", status["error"]
        costs = client.get("/api/costs").json()

    # Progress only ever went forward, through the steps in order.
    percents = [percent for _, percent in seen]
    assert percents == sorted(percents)
    steps = [step for step, _ in seen if step is not None]
    assert [ORDER.index(step) for step in steps] == sorted(ORDER.index(step) for step in steps)

    # The Reel is the one that was asked for.
    video = httpx.get(status["generatedMediaUrl"])
    assert video.headers["content-type"] == "video/mp4"
    with av.open(io.BytesIO(video.content), "r") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (1080, 1080)
        assert sum(1 for _ in container.decode(stream)) == 8 * 30
    assert httpx.get(status["musicUrl"]).headers["content-type"].startswith("audio/")
    assert httpx.get(status["posterUrl"]).headers["content-type"] == "image/jpeg"

    # What was charged is what was logged, to the last decimal, once.
    entries = system.services.ledger.entries(UUID(created["requestId"]))
    assert [entry.service for entry in entries] == [Service.CLAUDE, Service.FAL]
    assert all(entry.state is CostState.SETTLED for entry in entries)
    assert entries[0].cost_usd == system.anthropic.charged_usd - claude_before
    assert entries[1].cost_usd == system.fal.charged_usd - fal_before
    assert Decimal(costs["totalUsd"]) == entries[0].cost_usd + entries[1].cost_usd
    reported = system.anthropic.usages[-1].usage
    assert {name: entries[0].usage[name] for name in ("input_tokens", "output_tokens")} == {
        name: reported[name] for name in ("input_tokens", "output_tokens")
    }

    request = system.services.requests.get_request(UUID(created["requestId"]))
    assert request is not None
    partition = request.partition_key

    # People see it in the Dagster UI: the partition, five materialisations with their figures, the
    # run and whose it is.
    nodes = system.graphql(
        _MATERIALISATIONS, keys=[{"path": [name]} for name in ORDER], partition=partition
    )["assetNodes"]
    assert {node["assetKey"]["path"][0] for node in nodes} == set(ORDER)
    labels = {}
    for node in nodes:
        assert partition in node["partitionKeys"]
        [materialisation] = node["assetMaterializations"]
        labels[node["assetKey"]["path"][0]] = {
            entry["label"] for entry in materialisation["metadataEntries"]
        }
    assert {"cost_usd", "input_tokens", "output_tokens", "model", "mood"} <= labels["clip_analysis"]
    assert {"cost_usd", "bpm", "composer", "listen"} <= labels["music_track"]
    assert {"storyboard", "segments", "originality", "why"} <= labels["edit_timeline"]
    assert {"render_seconds", "loudness_lufs", "frames", "watch"} <= labels["rendered_video"]
    assert {"generated_media_url", "request_cost_usd"} <= labels["r2_object"]
    run = system.graphql(_RUN, id=nodes[0]["assetMaterializations"][0]["runId"])["runOrError"]
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    assert tags["montage/request_id"] == created["requestId"]
    assert tags["montage/user_id"] == str(user)
    assert tags["dagster/sensor_name"] == "montage_requests"


@pytest.mark.slow
def test_click_to_draft_though_the_code_server_dies_with_its_run(
    system: System, user: UUID, small_clip: Path
) -> None:
    """The one case of the chaos suite that every change has to pass."""
    with system.client(user) as client:
        created = click(client, [small_clip])
        while client.get(f"/api/content-items/{created['id']}/status").json()["progressStep"] != (
            "rendered_video"
        ):
            time.sleep(0.1)
        server = system.stack.pid_of("code-server")
        assert server is not None
        signal_group(server, signal.SIGKILL)
        status, _ = wait_for(client, created["id"], limit_s=300)
    assert status["status"] == "draft", status["error"]
    request = system.services.requests.get_request(UUID(created["requestId"]))
    assert request is not None
    assert (request.attempt, request.lost_runs) == (2, 1)
    # It went on where it was: what was bought was not bought again.
    entries = system.services.ledger.entries(request.id)
    assert [entry.service for entry in entries] == [Service.CLAUDE, Service.FAL]


@pytest.mark.slow
def test_another_click_on_the_same_item_gives_another_reel(system: System, user: UUID) -> None:
    with system.client(user) as client:
        created = click(client, demo_clips())
        status, _ = wait_for(client, created["id"])
        assert status["status"] == "draft", status["error"]
        again = client.post(f"/api/content-items/{created['id']}/generate")
        assert again.status_code == 202
        assert again.json()["requestId"] != created["requestId"]
        second, _ = wait_for(client, created["id"])
        assert second["status"] == "draft", second["error"]
        assert second["generatedMediaUrl"] != status["generatedMediaUrl"]
