"""The edits of a plan: side by side, chosen once, by their owner alone."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from montage_pipeline.requests.lifecycle import FinishedReel, RequestLifecycle
from montage_pipeline.requests.variants.model import PlanVariants, Rendition, VariantFacts
from montage_pipeline.requests.variants.unfinished import UnfinishedReel
from montage_pipeline.storage.keys import storyboard_key, variant_place, variants_key
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Format, Step
from montage_pipeline_tests.api.contract import ApiClient, new_item

ClientFor = Callable[[UUID | None], ApiClient]
PLAN = {"variants": 2, "planOnly": True}


def planned(
    client: ApiClient, requests: RequestLifecycle, store: ObjectStore, **wishes: Any
) -> dict[str, Any]:
    """A click whose request has ended with a plan of two edits."""
    made: dict[str, Any] = client.post("/api/content-items", new_item(**PLAN, **wishes)).json()
    request = UUID(made["requestId"])
    facts = tuple(
        VariantFacts(variant=number, segments=3, clips=2, duration_s=8, shared=0.1, originality=0.9)
        for number in (1, 2)
    )
    plan = PlanVariants(request_id=request, variants=facts)
    for number in (1, 2):
        store.put_bytes(
            storyboard_key(variant_place(request, number)),
            b"board %d" % number,
            content_type="image/png",
        )
    store.put_bytes(
        variants_key(request), plan.model_dump_json().encode(), content_type="application/json"
    )
    assert requests.start(request, "run")
    assert requests.succeed_without_reel(request, "run", UnfinishedReel(step=Step.EDIT_TIMELINE))
    return made


def rendition(request: UUID, *, preview: bool) -> Rendition:
    return Rendition(
        request_id=request,
        format=Format.REEL,
        preview=preview,
        width=540 if preview else 1080,
        height=960 if preview else 1920,
        bytes=1,
        url="https://x/preview.mp4" if preview else "https://x/reel.mp4",
        poster_url="https://x/p.jpg",
    )


def test_a_plan_is_chosen_from(
    client: ApiClient,
    client_for: ClientFor,
    requests: RequestLifecycle,
    object_store: ObjectStore,
) -> None:
    made = planned(client, requests, object_store, captions="Sea")
    item = f"/api/content-items/{made['id']}"
    status = client.get(f"{item}/status").json()
    assert (status["status"], status["progressPercent"]) == ("draft", 100)
    assert (status["generatedMediaUrl"], status["planRequestId"]) == (None, made["requestId"])

    found = client.get(f"{item}/variants").json()
    assert (found["requestId"], found["chosen"]) == (made["requestId"], None)
    boards = [httpx.get(each["storyboardUrl"]).content for each in found["variants"]]
    assert boards == [b"board 1", b"board 2"]

    # Chosen, and chosen again: one request, with the wishes of the plan but to stop there.
    path = f"{item}/variants/2/render"
    first = client.post(path, {"preview": True})
    assert first.status_code == 202
    again = client.post(path, {"preview": True})
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replay"] == "true"
    assert client.get(f"{item}/variants").json()["chosen"] == 2
    wishes = client.get(item).json()["wishes"]
    assert (wishes["captions"], wishes["preview"]) == ("Sea", True)
    assert (wishes["planOnly"], wishes["variants"]) == (False, 1)
    # Another choice has to wait.
    assert client.post(f"{item}/variants/1/render").json()["error"]["code"] == "already_generating"

    preview_id = UUID(first.json()["requestId"])
    request = requests.get_request(preview_id)
    assert request is not None
    assert request.chosen is not None
    assert (str(request.chosen.request_id), request.chosen.variant) == (made["requestId"], 2)
    made_preview = UnfinishedReel(
        step=Step.R2_OBJECT, previews=(rendition(preview_id, preview=True),)
    )
    assert requests.start(preview_id, "run 2")
    assert requests.succeed_without_reel(preview_id, "run 2", made_preview)
    assert client.post(path, {"preview": True}).json() == first.json()

    final = client.post(path, {"formats": ["square", "square"]})
    assert final.json()["requestId"] != first.json()["requestId"]
    final_id = UUID(final.json()["requestId"])
    reel = FinishedReel(
        media_url="https://x/reel.mp4",
        music_url="u",
        poster_url="p",
        renditions=(rendition(final_id, preview=False),),
    )
    assert requests.start(final_id, "run 3")
    assert requests.succeed(final_id, "run 3", reel)
    done = client.get(item).json()
    assert done["wishes"]["formats"] == ["square"]
    assert [file["preview"] for file in done["renditions"]] == [False]

    # A later preview stands beside the Reel, and takes the place of an earlier one.
    for number in (4, 5):
        another = client.post(path, {"preview": True}).json()["requestId"]
        if number == 4:
            later = UUID(another)
            assert requests.start(later, "run 4")
            shown = UnfinishedReel(step=Step.R2_OBJECT, previews=(rendition(later, preview=True),))
            assert requests.succeed_without_reel(later, "run 4", shown)
    done = client.get(item).json()
    assert [file["preview"] for file in done["renditions"]] == [False, True]
    assert done["generatedMediaUrl"] is not None

    stranger = client_for(uuid4())
    for answer in (
        stranger.get(f"{item}/variants"),
        stranger.post(path),
        client.post(f"{item}/variants/3/render"),
        client.get(f"{item}/variants", params={"requestId": str(uuid4())}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_plan_whose_files_are_gone_says_so(
    client: ApiClient, requests: RequestLifecycle, object_store: ObjectStore
) -> None:
    made = planned(client, requests, object_store)
    object_store.delete(variants_key(made["requestId"]))
    for answer in (
        client.get(f"/api/content-items/{made['id']}/variants"),
        client.post(f"/api/content-items/{made['id']}/variants/1/render"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "plan_expired")


@pytest.mark.parametrize(
    "wishes", [{"variants": 0}, {"variants": 4}, {"formats": ["round"]}, {"planOnly": "yes please"}]
)
def test_what_cannot_be_asked_for_is_refused(client: ApiClient, wishes: dict[str, Any]) -> None:
    answer = client.post("/api/content-items", new_item(**wishes))
    assert answer.status_code == 422
    assert next(iter(wishes)) in answer.text


def test_contradictions_are_refused(client: ApiClient) -> None:
    for wishes, code in (
        ({"planOnly": True, "preview": True}, "plan_only_contradicted"),
        ({"keepMusic": True, "targetBpm": 120}, "keep_music_contradicted"),
    ):
        answer = client.post("/api/content-items", new_item(**wishes))
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
