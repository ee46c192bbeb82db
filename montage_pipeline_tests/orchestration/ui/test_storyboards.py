"""The address in an edit's metadata leads to the image that the same event carries."""

import io
import re

import anyio
import dagster as dg
import httpx
import pytest
from PIL import Image

from montage_pipeline.orchestration.ui.guard import Receive, Scope, Send
from montage_pipeline.orchestration.ui.storyboards import Storyboards, storyboard_metadata

_PLACE_IN_A_PAGE = 397
"""Pixels in the overview of an asset, in a window of 1440."""
_SHOWN_IN_PLACE = 1000
"""Characters of Markdown that Dagster's UI shows without a click (`MetadataEntry.tsx`)."""


def _jpeg(width: int, colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, width // 2), colour).save(buffer, "JPEG")
    return buffer.getvalue()


_IMAGES = (_jpeg(300, "teal"), _jpeg(720, "orange"))


def _seen(image: bytes) -> tuple[int, float, tuple[int, ...]]:
    """Its width, its shape, and its colour to within what JPEG does to it."""
    with Image.open(io.BytesIO(image)) as opened:
        pixel = opened.convert("RGB").getpixel((5, 5))
        assert isinstance(pixel, tuple)
        return opened.width, opened.width / opened.height, tuple(value // 16 for value in pixel)


async def _dagster(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"Dagster's own"})


def _materialised(instance: dg.DagsterInstance) -> tuple[str, dict[str, str]]:
    """A run that made an edit with two storyboards, and the Markdown it shows."""

    @dg.asset
    def edit_timeline(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        first, second = (
            storyboard_metadata(context.run.run_id, image, "s3://bucket/key", label)
            for image, label in zip(_IMAGES, ("storyboard", "storyboard_2"), strict=True)
        )
        return dg.MaterializeResult(metadata={"segments": 3, "why": "because", **first, **second})

    result = dg.materialize([edit_timeline], instance=instance)
    [event] = result.get_asset_materialization_events()
    return result.run_id, {
        label: value.md_str or ""
        for label, value in event.materialization.metadata.items()
        if isinstance(value, dg.MarkdownMetadataValue)
    }


def _answers(instance: dg.DagsterInstance, *urls: str) -> list[httpx.Response]:
    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=Storyboards(_dagster, instance))
        async with httpx.AsyncClient(transport=transport, base_url="http://ui") as client:
            return [await client.get(url) for url in urls]

    return anyio.run(ask)


def test_a_storyboard_is_shown_in_place_under_every_page(instance: dg.DagsterInstance) -> None:
    _, shown = _materialised(instance)
    for label, image in zip(("storyboard", "storyboard_2"), _IMAGES, strict=True):
        assert len(shown[label]) < _SHOWN_IN_PLACE
        assert "s3://bucket/key" in shown[f"{label}_file"]
        address = re.fullmatch(r"!\[storyboard\]\((.+)\)", shown[label])
        assert address is not None

        # As a browser resolves it: without a path of its own, a page's folder comes first.
        pages = ("/assets/edit_timeline?view=overview", "/behind/a/proxy/runs/1", "/")
        urls = [str(httpx.URL(f"http://ui{page}").join(address[1])) for page in pages]
        for answer in _answers(instance, *urls):
            assert answer.status_code == 200
            width, shape, colour = _seen(answer.content)
            assert (shape, colour) == _seen(image)[1:]
            assert width == min(_seen(image)[0], 390) < _PLACE_IN_A_PAGE
            assert answer.headers["content-type"] == "image/jpeg"
            assert "immutable" in answer.headers["cache-control"]


def test_nothing_else_is_answered(instance: dg.DagsterInstance) -> None:
    run_id, shown = _materialised(instance)
    address = f"/assets/{shown['storyboard'].split('(')[1].rstrip(')')}"
    other_run, other_image = (
        address.replace(run_id, "0" * 36),
        address.replace(address[-36:-4], "0" * 32),
    )
    assert [answer.status_code for answer in _answers(instance, other_run, other_image)] == [
        404,
        404,
    ]
    for page in ("/", "/assets/edit_timeline", f"{address}x", address.replace(run_id, "../..")):
        assert _answers(instance, page)[0].status_code == 418, page


@pytest.mark.parametrize("broken", ["![x](data:image/jpeg;base64,A===)", "![x](data:text/html,no)"])
def test_markdown_of_others_hides_no_storyboard(instance: dg.DagsterInstance, broken: str) -> None:
    @dg.asset
    def edit_timeline(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        metadata = storyboard_metadata(context.run.run_id, _IMAGES[0], "key")
        return dg.MaterializeResult(metadata={"a": dg.MetadataValue.md(broken), **metadata})

    result = dg.materialize([edit_timeline], instance=instance)
    [event] = result.get_asset_materialization_events()
    shown = event.materialization.metadata["storyboard"]
    assert isinstance(shown, dg.MarkdownMetadataValue)
    url = f"/assets/{(shown.md_str or '').split('(')[1].rstrip(')')}"
    assert _answers(instance, url)[0].content == _IMAGES[0]
