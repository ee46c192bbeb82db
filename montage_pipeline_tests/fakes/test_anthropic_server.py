"""The fake Anthropic API refuses what the real one refuses, and runs as a process of its own."""

import base64
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from montage_pipeline.analysis.claude.prompt import answer_schema
from montage_pipeline_tests.fakes.anthropic_server import AnthropicServer

LIST = "Sheet 1.\na | 0.0-3.0 | 1.5 | 50 50 50 50 50 50 50"
HEADERS = {"authorization": "Bearer sk-test", "anthropic-version": "2026-10-21"}


@pytest.fixture(scope="module")
def server() -> Iterator[AnthropicServer]:
    with AnthropicServer() as running:
        yield running


def _image(
    width_px: int = 280, height_px: int = 140, kind: str = "JPEG", media_type: str = "image/jpeg"
) -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((width_px, height_px)).convert("RGB").save(buffer, kind)
    return {
        "type": "image",
        "source": {
            "type": "base64",
            "media_type": media_type,
            "data": base64.b64encode(buffer.getvalue()).decode(),
        },
    }


def _body(*blocks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "model": "claude-sonnet-5-5",
        "max_tokens": 1000,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": LIST}, *(blocks or (_image(),))]}
        ],
        "output_config": {"format": {"type": "json_schema", "schema": answer_schema()}},
        **changes,
    }


def _post(
    server: AnthropicServer, body: dict[str, Any], headers: dict[str, str] | None = None
) -> httpx.Response:
    return httpx.post(
        f"{server.url}/v1/messages", json=body, headers=HEADERS if headers is None else headers
    )


def test_an_answer_has_the_shape_and_the_tokens_of_the_real_one(server: AnthropicServer) -> None:
    with_image = _post(server, _body())
    without = _post(server, _body({"type": "text", "text": "x"}))
    message = with_image.json()
    assert with_image.headers["request-id"].startswith("req_")
    assert (message["type"], message["stop_reason"]) == ("message", "end_turn")
    assert json.loads(message["content"][0]["text"])["hook_moment"] == "a"
    more = message["usage"]["input_tokens"] - without.json()["usage"]["input_tokens"]
    assert 48 <= more <= 50  # 10 x 5 patches, less the x


SMALL_BUT_LONG = _image(2100, 20)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (_body(temperature=0), 400, "temperature"),
        (_body(max_tokens="many"), 400, "max_tokens"),
        (_body(model="gpt"), 404, "gpt"),
        (_body(thinking={"type": "disabled"}), 400, "between_tools"),
        (_body(output_config={"effort": "low"}), 400, "json_schema"),
        (
            _body(
                output_config={
                    "format": {
                        "type": "json_schema",
                        "schema": {"type": "object", "properties": {}},
                    }
                }
            ),
            400,
            "additionalProperties",
        ),
        (
            _body(
                output_config={
                    "format": {"type": "json_schema", "schema": {"type": "integer", "minimum": 0}}
                }
            ),
            400,
            "minimum",
        ),
        (_body(_image(kind="PNG")), 400, "media_type"),
        (
            _body(
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"},
                }
            ),
            400,
            "Could not process",
        ),
        (_body(*[SMALL_BUT_LONG] * 21), 400, "2000 pixels"),
        (_body(messages=[{"role": "assistant", "content": "hi"}]), 400, "user"),
        (_body({"type": "text", "text": " "}), 400, "non-empty"),
    ],
)
def test_a_request_the_api_would_refuse_is_refused(
    server: AnthropicServer, body: dict[str, Any], status: int, said: str
) -> None:
    before = len(server.usages)
    answer = _post(server, body)
    error = answer.json()
    assert answer.status_code == status
    assert error["type"] == "error"
    assert said in error["error"]["message"]
    assert error["request_id"] == answer.headers["request-id"]
    assert len(server.usages) == before


def test_twenty_large_images_are_fine(server: AnthropicServer) -> None:
    assert _post(server, _body(*[SMALL_BUT_LONG] * 20)).status_code == 200


def test_a_key_is_needed_and_either_header_carries_it(server: AnthropicServer) -> None:
    version = {"anthropic-version": "2026-10-21"}
    assert _post(server, _body(), version).status_code == 401
    assert _post(server, _body(), {**version, "x-api-key": "sk-test"}).status_code == 200
    assert _post(server, _body(), {"x-api-key": "sk-test"}).status_code == 400


def test_it_runs_as_a_process_with_scripted_faults() -> None:
    command = [
        sys.executable,
        "-m",
        "montage_pipeline_tests.fakes.anthropic_server",
        "--fault",
        "rate_limited:3",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            limited = httpx.post(f"{url}/v1/messages", json=_body(), headers=HEADERS)
            assert (limited.status_code, limited.headers["retry-after"]) == (429, "3")
            assert (
                httpx.post(f"{url}/v1/messages", json=_body(), headers=HEADERS).status_code == 200
            )
            assert json.loads(process.stdout.readline())["images"] == 1
        finally:
            process.kill()
