"""Nobody sees, makes, stops or lists what is another user's: every route, both ways."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline_tests.api.conftest import ClientFor
from montage_pipeline_tests.api.contract import ApiClient, new_item

_ITEM = "{contentItemId}"
_OPEN = {"/healthz", "/readyz"}
_BODIES: dict[str, dict[str, Any]] = {"PUT": {"rank": 1}, "PATCH": {"title": "mine now"}}


def _routes(app: FastAPI) -> list[tuple[str, str]]:
    """Method and path of every route: what is kept out of the document is the page."""
    return [
        (method.upper(), path)
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    ]


@pytest.mark.parametrize("turn", ["first on second", "second on first"])
def test_another_users_item_is_not_there(
    app: FastAPI, client_for: ClientFor, library: ContentLibrary, turn: str
) -> None:
    pair = client_for(uuid4()), client_for(uuid4())
    items = [client.post("/api/content-items", new_item()).json()["id"] for client in pair]
    stranger, theirs = (pair[0], items[1]) if turn == "first on second" else (pair[1], items[0])
    before = library.find_item(UUID(theirs))

    tried = [route for route in _routes(app) if _ITEM in route[1]]
    assert {method for method, _ in tried} == {"GET", "POST", "PUT", "PATCH", "DELETE"}
    for method, path in tried:
        body = _BODIES.get(method)
        path = path.replace("{variant}", "1")
        answer = stranger.request(method, path.replace(_ITEM, theirs), json=body)
        nowhere = stranger.request(method, path.replace(_ITEM, str(uuid4())), json=body)
        assert (answer.status_code, nowhere.status_code) == (404, 404), f"{method} {path}"
        # The same words, so that nobody learns which ids exist.
        assert answer.json()["error"]["code"] == nowhere.json()["error"]["code"] == "not_found"
        assert answer.json()["error"]["details"] == nowhere.json()["error"]["details"]
    assert library.find_item(UUID(theirs)) == before


def test_lists_hold_what_is_ones_own(app: FastAPI, client_for: ClientFor) -> None:
    mine, theirs = client_for(uuid4()), client_for(uuid4())
    own = mine.post("/api/content-items", new_item()).json()["id"]
    other = theirs.post("/api/content-items", new_item()).json()["id"]
    lists = [path for method, path in _routes(app) if method == "GET" and _ITEM not in path]
    assert set(lists) - _OPEN == {
        *("/api/content-items", "/api/costs", "/api/options"),
        *("/api/webhook", "/api/webhook/deliveries"),
        *("/api/uploads/multipart", "/api/uploads/multipart/{uploadId}"),
        "/api/uploads/{uploadId}/thumbnail",
    }
    for path in set(lists) - _OPEN:
        for reader, foreign, foreigner in ((mine, other, theirs), (theirs, own, mine)):
            text = reader.get(path).text
            assert foreign not in text
            assert str(foreigner.user_id) not in text
    assert [item["id"] for item in mine.get("/api/content-items").json()["items"]] == [own]


def test_the_same_key_of_two_users_is_two_keys(client_for: ClientFor) -> None:
    headers = {"Idempotency-Key": "the-same"}
    pair: list[ApiClient] = [client_for(uuid4()), client_for(uuid4())]
    first, second = (
        client.post("/api/content-items", new_item(), headers=headers).json() for client in pair
    )
    assert first["id"] != second["id"]
