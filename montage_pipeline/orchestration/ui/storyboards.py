"""Storyboards in the pages of Dagster's UI, at once instead of behind a link.

The UI shows Markdown in place when it is shorter than a thousand characters; longer, it becomes a
link to a dialog. So the Markdown has only the address of the image, and `Storyboards` answers that
address with the thumbnail that the same event carries as a second, long entry. It takes no link
that expires, no key of the object store, and lives exactly as long as the event.
"""

import asyncio
import base64
import hashlib
import io
import re
from binascii import Error as Base64Error
from collections.abc import Iterable, Sequence

import dagster as dg
from dagster import MetadataValue

from montage_pipeline.orchestration.ui.guard import AsgiApp, Receive, Scope, Send

_FOLDER = "montage-storyboards"
_ADDRESS = re.compile(rf"/{_FOLDER}/([0-9a-f-]{{36}})/([0-9a-f]{{32}})\.jpg$")
"""Of whatever folder: pages name it relative to their own, so that it holds under any path that a
proxy puts before the UI.
"""

_EMBEDDED = re.compile(r"!\[[^]]*\]\(data:image/jpeg;base64,([A-Za-z0-9+/=]+)\)")

_SHOWN_WIDTH = 390
"""Pixels: what the page of an asset has room for on a laptop's screen (1440 wide)."""
_SHOWN_QUALITY = 88

_Headers = Sequence[tuple[bytes, bytes]]

_HEADERS: _Headers = (
    (b"content-type", b"image/jpeg"),
    # The address has the image's own digest: another image has another address.
    (b"cache-control", b"private, max-age=31536000, immutable"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
)
_HEADERS_GONE: _Headers = ((b"content-type", b"text/plain; charset=utf-8"),)


def storyboard_metadata(
    run_id: str, thumbnail: bytes, address: str, label: str = "storyboard"
) -> dict[str, MetadataValue]:
    """What an edit's event shows of its storyboard: the thumbnail (JPEG) in place under `label`,
    and under `<label>_file` the thumbnail itself and where the whole of it lies.

    Where Dagster's own server shows the UI instead of ours, the first is a broken image, and the
    second has it.
    """
    embedded = base64.b64encode(thumbnail).decode()
    return {
        label: MetadataValue.md(f"![storyboard]({_FOLDER}/{run_id}/{_digest(thumbnail)}.jpg)"),
        f"{label}_file": MetadataValue.md(
            f"![storyboard](data:image/jpeg;base64,{embedded})\n\n`{address}`"
        ),
    }


class Storyboards:
    """Wraps Dagster's UI: answers for storyboards, and hands everything else on."""

    def __init__(self, app: AsgiApp, instance: dg.DagsterInstance) -> None:
        self._app = app
        self._instance = instance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the image, or 404 when its run's events are gone."""
        asked = _ADDRESS.search(scope["path"]) if scope["type"] == "http" else None
        if asked is None or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return

        image = await asyncio.to_thread(_shown_image, self._instance, *asked.groups())
        if image is None:
            await _answer(send, 404, _HEADERS_GONE, b"The run's events are gone.")
        else:
            await _answer(send, 200, _HEADERS, image if scope["method"] == "GET" else b"")


async def _answer(send: Send, status: int, headers: _Headers, body: bytes) -> None:
    length = [] if status == 200 and not body else [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})


def _shown_image(instance: dg.DagsterInstance, run_id: str, digest: str) -> bytes | None:
    """The image as the page has room for it; the dialog has the whole of it."""
    from PIL import Image

    kept = _kept_image(instance, run_id, digest)
    if kept is None:
        return None
    with Image.open(io.BytesIO(kept)) as image:
        if image.width <= _SHOWN_WIDTH:
            return kept
        size = _SHOWN_WIDTH, max(1, round(image.height * _SHOWN_WIDTH / image.width))
        fitted = io.BytesIO()
        image.resize(size, Image.Resampling.LANCZOS).save(fitted, "JPEG", quality=_SHOWN_QUALITY)
    return fitted.getvalue()


def _kept_image(instance: dg.DagsterInstance, run_id: str, digest: str) -> bytes | None:
    """The image with this digest among what the run's events carry."""
    records = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    ).records
    for record in records:
        materialization = record.event_log_entry.asset_materialization
        for image in _embedded(materialization.metadata.values() if materialization else ()):
            if _digest(image) == digest:
                return image
    return None


def _embedded(values: Iterable[MetadataValue]) -> Iterable[bytes]:
    for value in values:
        if not isinstance(value, dg.MarkdownMetadataValue):
            continue
        if (found := _EMBEDDED.match(value.md_str or "")) is None:
            continue
        try:
            yield base64.b64decode(found[1], validate=True)
        except Base64Error:  # somebody else's
            continue


def _digest(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()[:32]
