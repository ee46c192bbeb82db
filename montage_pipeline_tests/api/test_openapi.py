"""The document is complete and true."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from jsonschema import Draft202012Validator, FormatChecker


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_operations_have_their_own_names_and_say_who_may_call_them(app: FastAPI) -> None:
    document = app.openapi()
    assert {name: operation["operationId"] for name, operation in operations(document)} == {
        "POST /api/content-items": "createContentItem",
        "GET /api/content-items": "listContentItems",
        "GET /api/content-items/{contentItemId}": "getContentItem",
        "PATCH /api/content-items/{contentItemId}": "changeContentItem",
        "DELETE /api/content-items/{contentItemId}": "deleteContentItem",
        "GET /api/content-items/{contentItemId}/status": "getContentItemStatus",
        "GET /api/content-items/{contentItemId}/artefacts": "getArtefacts",
        "GET /api/content-items/{contentItemId}/variants": "listVariants",
        "POST /api/content-items/{contentItemId}/variants/{variant}/render": "renderVariant",
        "PUT /api/content-items/{contentItemId}/poster": "choosePoster",
        "POST /api/content-items/{contentItemId}/changes/preview": "previewChanges",
        "POST /api/content-items/{contentItemId}/changes": "changeSegments",
        "GET /api/content-items/{contentItemId}/events": "watchContentItem",
        "POST /api/content-items/{contentItemId}/generate": "generateAgain",
        "PUT /api/webhook": "putWebhook",
        "GET /api/webhook": "getWebhook",
        "DELETE /api/webhook": "removeWebhook",
        "POST /api/webhook/secret": "changeWebhookSecret",
        "POST /api/webhook/test": "testWebhook",
        "GET /api/webhook/deliveries": "listDeliveries",
        "POST /api/webhook/deliveries/{deliveryId}/repeat": "repeatDelivery",
        "POST /api/content-items/{contentItemId}/cancel": "cancelGeneration",
        "POST /api/uploads": "createUpload",
        "GET /api/uploads/{uploadId}/thumbnail": "getUploadThumbnail",
        "POST /api/uploads/multipart": "beginMultipartUpload",
        "GET /api/uploads/multipart": "listMultipartUploads",
        "GET /api/uploads/multipart/{uploadId}": "getMultipartUpload",
        "POST /api/uploads/multipart/{uploadId}/parts": "signUploadParts",
        "POST /api/uploads/multipart/{uploadId}/complete": "completeMultipartUpload",
        "DELETE /api/uploads/multipart/{uploadId}": "abortMultipartUpload",
        "GET /api/options": "getOptions",
        "GET /api/costs": "getCosts",
        "GET /healthz": "isAlive",
        "GET /readyz": "isReady",
    }
    assert document["components"]["securitySchemes"]["bearerAuth"]["scheme"] == "bearer"
    for name, operation in operations(document):
        if name.split()[1].startswith("/api/"):
            assert operation["security"] == [{"bearerAuth": []}]
            assert {"401", "500", "503"} <= set(operation["responses"])
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert response["content"]["application/json"]["schema"] == {
                    "$ref": "#/components/schemas/ErrorEnvelope"
                }


def test_the_limits_of_this_installation_are_in_it(app: FastAPI) -> None:
    schemas = app.openapi()["components"]["schemas"]
    assert schemas["NewContentItemBody"]["properties"]["clipUrls"]["maxItems"] == 5
    limits = {
        medium["properties"]["contentType"]["pattern"][1:6]: medium["properties"]["bytes"]
        for medium in schemas["UploadBody"]["oneOf"]
    }
    assert limits == {"video": {"maximum": 1_000_000}, "audio": {"maximum": 200_000_000}}
    duration = schemas["NewContentItemBody"]["properties"]["durationSec"]
    assert (duration["type"], duration["minimum"], duration["maximum"]) == ("integer", 7, 90)


def test_the_examples_are_valid(app: FastAPI) -> None:
    document = app.openapi()
    shown = 0
    for schema in document["components"]["schemas"].values():
        for example in schema.get("examples", []):
            Draft202012Validator(
                {**schema, "components": document["components"]}, format_checker=FormatChecker()
            ).validate(example)
            shown += 1
    assert shown >= 8


def test_the_pages_for_people_load(http: Any) -> None:
    assert http.get("/openapi.json").json()["info"]["title"] == "Montage API"
    docs = http.get("/docs")
    assert docs.status_code == 200
    assert "Content-Security-Policy" not in docs.headers
