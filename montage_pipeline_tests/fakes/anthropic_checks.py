"""What the Anthropic API refuses in a request, for `anthropic_server`."""

import base64
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

MAX_BODY_BYTES = 32_000_000
MAX_IMAGE_BYTES = 5_000_000
MAX_SIDE_PX = 8000
MAX_SIDE_OF_MANY_PX = 2000
MANY_IMAGES = 20
MAX_IMAGE_TOKENS = 4784
_PAGE_LIGHT = 0.8
_MIN_FRAME_PX = 40  # less is a letter of a label

_EFFORTS = {"low", "medium", "high", "xhigh", "max"}
_THINKING = {"enabled", "disabled", "adaptive", "between_tools"}
_SAMPLING = {"temperature", "top_p", "top_k"}
_KNOWN_FIELDS = {
    "cache_control",
    "container",
    "inference_geo",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "service_tier",
    "speed",
    "stop_sequences",
    "stream",
    "system",
    "thinking",
    "tool_choice",
    "tools",
}
_UNSUPPORTED_IN_SCHEMA = {
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
}
_OLD_CONTEXT = re.compile(r"-4-5(-\d{8})?$")
_NO_EFFORT = re.compile(r"(sonnet|haiku)-4-5")


class ApiError(Exception):
    """An error answer."""

    def __init__(
        self, status: int, error_type: str, message: str, details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message
        self.details = details


@dataclass(frozen=True)
class Region:
    """A part of an image: where it is (pixels), and its brightness, contrast and colour, 0..1."""

    x: int
    y: int
    width_px: int
    height_px: int
    brightness: float
    contrast: float
    colour: float


@dataclass(frozen=True)
class SentImage:
    """A decoded image of a request.

    `frames` are those on it, if it is a white page with frames, in the order one reads.
    """

    width_px: int
    height_px: int
    jpeg: bytes
    whole: Region
    frames: tuple[Region, ...]

    @property
    def tokens(self) -> int:
        """One for each patch of 28 pixels, up to the limit of one image."""
        return min(MAX_IMAGE_TOKENS, ceil(self.width_px / 28) * ceil(self.height_px / 28))


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise ApiError unless the request has a key and a version."""
    bearer = headers.get("authorization", "").removeprefix("Bearer ").strip()
    key = bearer or headers.get("x-api-key", "")
    if not key or key == "invalid":
        raise ApiError(
            401,
            "authentication_error",
            "invalid x-api-key" if key else "Authentication is required",
        )
    if "anthropic-version" not in headers:
        raise _invalid("anthropic-version: header is required")


def check_request(body: Any) -> Iterator[SentImage]:
    """The images of a valid request; ApiError for what the API would refuse."""
    if not isinstance(body, dict):
        raise _invalid("The request body must be an object")
    if sampling := _SAMPLING & body.keys():
        raise _invalid(f"{sorted(sampling)[0]}: this parameter was removed")
    if extra := body.keys() - _KNOWN_FIELDS:
        raise _invalid(f"{sorted(extra)[0]}: Extra inputs are not permitted")
    model = body.get("model")
    if not isinstance(model, str) or not model.startswith("claude-"):
        raise ApiError(404, "not_found_error", f"model: {model}")
    if not isinstance(body.get("max_tokens"), int) or not 0 <= body["max_tokens"] <= 128_000:
        raise _invalid("max_tokens: a whole number up to 128000 is required")
    if body.get("stream"):
        raise _invalid("stream: this test server does not stream")
    _check_options(model, body)
    yield from _check_messages(model, body.get("messages"))


def _check_options(model: str, body: dict[str, Any]) -> None:
    output = body.get("output_config") or {}
    effort = output.get("effort")
    if effort is not None and (effort not in _EFFORTS or _NO_EFFORT.search(model)):
        raise _invalid(f"output_config.effort: {effort!r} is not supported on this model")
    thinking = (body.get("thinking") or {}).get("type")
    if thinking is not None and thinking not in _THINKING:
        raise _invalid(f"thinking.type: Input should be one of {sorted(_THINKING)}")
    if model.startswith("claude-sonnet-5-5") and thinking in {"disabled", "enabled"}:
        raise _invalid(
            f'thinking.type: "{thinking}" is not supported on this model; use "between_tools"'
        )
    if thinking == "between_tools" and (
        not model.startswith("claude-sonnet-5-5") or effort in {"xhigh", "max"}
    ):
        raise _invalid('thinking.type: "between_tools" is not supported here')
    if model.startswith("claude-haiku-5-5") and (
        thinking == "enabled" or (thinking == "disabled" and effort in {"xhigh", "max"})
    ):
        raise _invalid(f'thinking.type: "{thinking}" is not supported here')
    asked = output.get("format")
    if (
        not isinstance(asked, dict)
        or asked.get("type") != "json_schema"
        or not isinstance(asked.get("schema"), dict)
    ):
        raise _invalid("output_config.format: this test server wants a json_schema with a schema")
    _check_schema(asked["schema"], "output_config.format.schema")


def _check_schema(schema: Any, where: str) -> None:
    if not isinstance(schema, dict):
        return
    if unsupported := _UNSUPPORTED_IN_SCHEMA & schema.keys():
        raise _invalid(f"{where}: {sorted(unsupported)[0]} is not supported")
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        raise _invalid(f"{where}: additionalProperties must be false")
    for name, inner in schema.get("properties", {}).items():
        _check_schema(inner, f"{where}.{name}")
    _check_schema(schema.get("items"), f"{where}.items")
    for inner in schema.get("anyOf", []):
        _check_schema(inner, f"{where}.anyOf")


def _check_messages(model: str, messages: Any) -> Iterator[SentImage]:
    if not isinstance(messages, list) or not messages:
        raise _invalid("messages: at least one message is required")
    if messages[0].get("role") != "user" or messages[-1].get("role") != "user":
        raise _invalid("messages: the conversation must begin and end with a user message")

    images = [
        image
        for index, message in enumerate(messages)
        for image in _images_of(message, f"messages.{index}")
    ]
    _check_images(model, images)
    yield from images


def _images_of(message: dict[str, Any], where: str) -> Iterator[SentImage]:
    if message.get("role") not in {"user", "assistant"}:
        raise _invalid(f"{where}.role: user or assistant")
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(blocks, list) or not blocks:
        raise _invalid(f"{where}.content: at least one block is required")

    for position, block in enumerate(blocks):
        place = f"{where}.content.{position}"
        if block.get("type") == "text":
            if not isinstance(block.get("text"), str) or not block["text"].strip():
                raise _invalid(f"{place}: text content blocks must be non-empty")
        elif block.get("type") == "image" and message["role"] == "user":
            yield _decoded(block, place)
        else:
            raise _invalid(f"{place}.type: {block.get('type')!r} is not expected here")


def _check_images(model: str, images: list[SentImage]) -> None:
    limit = 100 if _OLD_CONTEXT.search(model) else 600
    if len(images) > limit:
        raise _invalid(f"messages: too many images: {len(images)} > {limit}")
    max_side_px = MAX_SIDE_OF_MANY_PX if len(images) > MANY_IMAGES else MAX_SIDE_PX
    if any(max(image.width_px, image.height_px) > max_side_px for image in images):
        raise ApiError(
            400,
            "invalid_request_error",
            f"At least one of the image dimensions exceeds {max_side_px} pixels",
            {
                "error_code": "image_dimensions_too_large",
                "max_side_length_pixels": max_side_px,
                "paths": [],
            },
        )


def _decoded(block: dict[str, Any], place: str) -> SentImage:
    source = block.get("source") or {}
    if source.get("type") != "base64":
        raise _invalid(f"{place}.source.type: this test server takes base64 only")
    try:
        data = base64.b64decode(source["data"], validate=True)
        image = Image.open(io.BytesIO(data))
        image.load()
    except (KeyError, ValueError, OSError) as error:
        raise _invalid(f"{place}.source: Could not process image") from error
    if len(data) > MAX_IMAGE_BYTES:
        raise _invalid(f"{place}.source: image exceeds {MAX_IMAGE_BYTES} bytes")
    if source.get("media_type") != Image.MIME.get(image.format or ""):
        raise _invalid(
            f"{place}.source.media_type: the image is {Image.MIME.get(image.format or '')}"
        )
    pixels = np.asarray(image.convert("RGB"), dtype=np.float64) / 255
    whole = _measured(pixels, 0, 0)
    return SentImage(*image.size, data, whole, tuple(_frames(pixels)))


def _frames(pixels: NDArray[np.float64]) -> list[Region]:
    printed, _ = ndimage.label(pixels.min(axis=2) < _PAGE_LIGHT)
    boxes = [
        (down.start, across.start, down.stop, across.stop)
        for down, across in ndimage.find_objects(printed)
    ]
    large = sorted(box for box in boxes if min(box[2] - box[0], box[3] - box[1]) >= _MIN_FRAME_PX)
    large = [
        box for box in large if not any(box != other and _within(box, other) for other in large)
    ]
    rows: list[list[tuple[int, int, int, int]]] = []
    for box in large:
        if rows and box[0] - rows[-1][0][0] < _MIN_FRAME_PX:
            rows[-1].append(box)
        else:
            rows.append([box])
    in_order = [box for row in rows for box in sorted(row, key=lambda box: box[1])]
    return [
        _measured(pixels[top:bottom, left:right], left, top)
        for top, left, bottom, right in in_order
    ]


def _within(box: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return other[0] <= box[0] and other[1] <= box[1] and box[2] <= other[2] and box[3] <= other[3]


def _measured(pixels: NDArray[np.float64], x: int, y: int) -> Region:
    grey = pixels.mean(axis=2)
    colour = float((pixels.max(axis=2) - pixels.min(axis=2)).mean())
    return Region(
        x, y, pixels.shape[1], pixels.shape[0], float(grey.mean()), float(grey.std()), colour
    )


def _invalid(message: str) -> ApiError:
    return ApiError(400, "invalid_request_error", message)
