"""Links to what shows an edit, made when they are asked for, for its owner alone."""

from collections.abc import Callable
from uuid import UUID, uuid4

import httpx
from sqlalchemy import text
from sqlalchemy.engine import Engine

from montage_pipeline.requests.edit_view import (
    ClipView,
    CoverImage,
    CropShare,
    EditView,
    MomentView,
    MusicView,
    SegmentView,
)
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import FinishedReel, RequestLifecycle
from montage_pipeline.requests.model import WantedChanges
from montage_pipeline.requests.plans import note_plan
from montage_pipeline.requests.segment_changes.model import MuteSegment
from montage_pipeline.storage.keys import (
    document_key,
    edit_key,
    edit_view_key,
    storyboard_key,
    thumbnail_key,
)
from montage_pipeline.storage.model import DeliveredObject
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.api.contract import ApiClient, new_item
from montage_pipeline_tests.clicks import REEL, finish

ClientFor = Callable[[UUID | None], ApiClient]


def view_of(request: UUID) -> EditView:
    """A Reel of one segment."""
    crop = CropShare(x=0.25, y=0, width=0.5, height=1)
    segment = SegmentView(
        number=0,
        clip=0,
        moment="m1",
        start_s=1.5,
        end_s=9.5,
        reel_s=0,
        frames=240,
        role="hook",
        on_beat=True,
        score=0.8,
        why="It opens well.",
        crop=crop,
        crop_end=None,
        caption="",
        clip_gain_db=-3,
        thumbnail_key=thumbnail_key(request, 0),
    )
    moment = MomentView(
        id="m1",
        start_s=1,
        end_s=10,
        quality=0.9,
        interest=0.7,
        hook=0.6,
        scores={"sharpness": 0.9},
        description="A wave breaks.",
        role=None,
        mood=None,
        shown=True,
        rejects=(),
    )
    clip = ClipView(
        url="https://x/a.mp4",
        name="a.mp4",
        width=1920,
        height=1080,
        duration_s=12,
        fps=30,
        moments=(moment,),
    )
    music = MusicView(
        composer="local", mood="bright", bpm=120, beats_s=(0.0, 0.5), downbeats_s=(0.0,)
    )
    return EditView(
        request_id=request,
        width=1080,
        height=1920,
        fps=30,
        duration_s=8,
        analyst="local",
        mood="bright",
        segments=(segment,),
        clips=(clip,),
        left_out=(),
        music=music,
    )


def plan(store: ObjectStore, request: UUID) -> None:
    """What `edit_timeline` leaves in the store."""
    files = {
        storyboard_key(request): b"storyboard",
        edit_key(request): b"otio",
        edit_key(request, "edl"): b"edl",
        edit_key(request, "xml"): b"xml",
        f"work/{request}/edit_timeline.json": b"{}",
        thumbnail_key(request, 0): b"thumbnail",
        edit_view_key(request): view_of(request).model_dump_json().encode(),
    }
    for key, data in files.items():
        store.put_bytes(key, data, content_type="application/octet-stream")


def covers(store: ObjectStore, item: str) -> tuple[CoverImage, ...]:
    found = []
    for rank in (1, 2, 3):
        key = f"reels/u/{item}/abc.cover-{rank}.jpg"
        store.put_bytes(key, b"cover %d" % rank, content_type="image/jpeg")
        found.append(CoverImage(key=key, time_s=rank + 0.5, score=1 / rank, why="sharp"))
    return tuple(found)


def test_everything_that_shows_the_edit_can_be_fetched_before_the_reel_is_rendered(
    client: ApiClient,
    client_for: ClientFor,
    requests: RequestLifecycle,
    engine: Engine,
    object_store: ObjectStore,
) -> None:
    made = client.post("/api/content-items", new_item()).json()
    path, request = f"/api/content-items/{made['id']}/artefacts", UUID(made["requestId"])
    assert client.get(path).status_code == 404  # nothing is planned yet

    requests.start(request, "run")
    plan(object_store, request)
    assert note_plan(engine, request, "run")
    found = client.get(path).json()
    assert found["requestId"] == str(request)
    for name, content in (
        ("storyboardUrl", b"storyboard"),
        ("otioUrl", b"otio"),
        ("edlUrl", b"edl"),
        ("xmlUrl", b"xml"),
        ("timelineUrl", b"{}"),
    ):
        assert httpx.get(found[name]).content == content
    [segment] = found["edit"]["segments"]
    assert httpx.get(segment["thumbnailUrl"]).content == b"thumbnail"
    assert (segment["startSec"], segment["crop"]["width"]) == (1.5, 0.5)
    assert found["edit"]["clips"][segment["clip"]]["moments"][0]["id"] == segment["moment"]
    assert found["edit"]["music"]["beatsSec"] == [0.0, 0.5]
    assert found["covers"] == []

    assert client_for(uuid4()).get(path).status_code == 404
    other = client.post("/api/content-items", new_item()).json()
    foreign = f"/api/content-items/{other['id']}/artefacts"
    assert client.get(foreign, params={"requestId": str(request)}).status_code == 404
    named = client.get(path, params={"requestId": str(request)}).json()
    assert named["edit"]["clips"] == found["edit"]["clips"]


def test_what_expired_or_was_never_made_has_no_link(
    client: ApiClient, requests: RequestLifecycle
) -> None:
    made = client.post("/api/content-items", new_item()).json()
    finish(requests, UUID(made["requestId"]))  # a Reel of an earlier release
    found = client.get(f"/api/content-items/{made['id']}/artefacts").json()
    assert found == {
        "requestId": made["requestId"],
        "baseRequestId": None,
        "reelUrl": None,
        "storyboardUrl": None,
        "timelineUrl": None,
        "otioUrl": None,
        "edlUrl": None,
        "xmlUrl": None,
        "edit": None,
        "covers": [],
    }


def test_the_reel_before_a_change_can_still_be_watched(
    client: ApiClient,
    requests: RequestLifecycle,
    library: ContentLibrary,
    engine: Engine,
    object_store: ObjectStore,
) -> None:
    made = client.post("/api/content-items", new_item()).json()
    path, first = f"/api/content-items/{made['id']}", UUID(made["requestId"])
    finish(requests, first)
    _deliver(object_store, first, b"first")
    item = library.find_item(UUID(made["id"]))
    assert item is not None
    changes = WantedChanges(base_request_id=first, changes=(MuteSegment(segment=0, muted=True),))
    second = library.request_again(item.user_id, item.id, changes=changes).request_id

    # Planned, not rendered yet: the Reel that is there is the first one's.
    requests.start(second, "run")
    plan(object_store, second)
    assert note_plan(engine, second, "run")
    now = client.get(path).json()
    ids = [now[name] for name in ("requestId", "planRequestId", "reelRequestId")]
    assert ids == [str(second), str(second), str(first)]
    planned = client.get(f"{path}/artefacts").json()
    assert (planned["baseRequestId"], planned["reelUrl"]) == (str(first), None)

    assert requests.succeed(second, "run", REEL)
    _deliver(object_store, second, b"second")
    assert client.get(path).json()["reelRequestId"] == str(second)
    for request, content in ((second, b"second"), (first, b"first")):
        found = client.get(f"{path}/artefacts", params={"requestId": str(request)}).json()
        assert httpx.get(found["reelUrl"]).content == content


def _deliver(store: ObjectStore, request: UUID, content: bytes) -> None:
    """What `r2_object` leaves in the store."""
    key = f"reels/u/i/{content.decode()}.mp4"
    stored = store.put_bytes(key, content, content_type="video/mp4")
    document = DeliveredObject(
        bucket=store.bucket,
        key=key,
        etag=stored.etag,
        bytes=len(content),
        content_type="video/mp4",
        sha256="0" * 64,
        generated_media_url="m",
        music_url="u",
        poster_url="p",
        uploaded=True,
    )
    data = document.model_dump_json().encode()
    store.put_bytes(document_key(request, Step.R2_OBJECT), data, content_type="application/json")


def test_a_cover_becomes_the_poster(
    client: ApiClient,
    client_for: ClientFor,
    requests: RequestLifecycle,
    object_store: ObjectStore,
    engine: Engine,
) -> None:
    made = client.post("/api/content-items", new_item()).json()
    path = f"/api/content-items/{made['id']}"
    assert client.put(f"{path}/poster", {"rank": 1}).status_code == 422
    stills = covers(object_store, made["id"])
    poster_url = object_store.media_url(stills[0].key)
    reel = FinishedReel(media_url="m", music_url="u", poster_url=poster_url, covers=stills)
    finish(requests, UUID(made["requestId"]), reel=reel)

    def shown() -> list[tuple[int, float, bytes, bool]]:
        found = client.get(f"{path}/artefacts").json()["covers"]
        return [
            (each["rank"], each["timeSec"], httpx.get(each["url"]).content, each["chosen"])
            for each in found
        ]

    first = [(1, 1.5, b"cover 1", True), (2, 2.5, b"cover 2", False), (3, 3.5, b"cover 3", False)]
    assert shown() == first
    assert client_for(uuid4()).put(f"{path}/poster", {"rank": 3}).status_code == 404
    for wrong in ({"rank": 0}, {"rank": 4}, {"rank": "2"}, {}):
        assert client.put(f"{path}/poster", wrong).status_code == 422
    assert shown() == first

    chosen = client.put(f"{path}/poster", {"rank": 3}).json()["posterUrl"]
    assert httpx.get(chosen).content == b"cover 3"
    assert httpx.get(client.get(f"{path}/status").json()["posterUrl"]).content == b"cover 3"
    assert [chosen for *_, chosen in shown()] == [False, False, True]
    with engine.connect() as connection:
        stored = connection.scalar(
            text("SELECT covers::text FROM content_items WHERE id = :id"), {"id": made["id"]}
        )
    assert "X-Amz" not in stored
