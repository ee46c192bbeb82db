"""Plans before pixels: a request that stops at several edits, one of which another request renders,
as a preview first and then in two shapes, without looking at the clips or composing again.
"""

import io
from pathlib import Path
from uuid import UUID

import av
import dagster as dg
from PIL import Image

from montage_pipeline.composition import Services
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.editing.variants.alternatives import CLEARLY_DIFFERENT, shared_share
from montage_pipeline.orchestration.sensors import _run_request
from montage_pipeline.requests.edit_view import EditView
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import ContentItem, CreatedRequest, MontageRequest
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.requests.variants.model import ChosenPlan, PlanVariants
from montage_pipeline.storage.keys import (
    document_key,
    edit_view_key,
    format_place,
    storyboard_key,
    variant_place,
    variants_key,
)
from montage_pipeline.vocabulary import ContentStatus, Format, RequestState, Step
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.footage.media import filmed, scenery
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    error_of,
    item_of,
    make_clip,
    run_montage,
)

PLAN = MontageOptions(variants=2, plan_only=True)


def _request(services: Services, created: CreatedRequest) -> MontageRequest:
    request = services.requests.get_request(created.request_id)
    assert request is not None
    return request


def _run(services: Services, instance: dg.DagsterInstance, created: CreatedRequest) -> bool:
    """A run of what the sensor would have run."""
    partition = add_partition(instance, created)
    selected = _run_request(instance, _request(services, created), None).asset_selection
    steps = [key.path[-1] for key in selected or []]
    return run_montage(services, instance, partition, *steps).success


def _edit(services: Services, place: str) -> Timeline:
    key = document_key(place, Step.EDIT_TIMELINE)
    return Timeline.model_validate_json(services.store.get_bytes(key))


def _pixels(services: Services, item: ContentItem, number: int) -> tuple[int, int]:
    """The size of a rendition, read from its file."""
    file = item.renditions[number]
    key = file.url.split("/", 4)[-1].split("?")[0]
    content = io.BytesIO(services.reel_store.get_bytes(key))
    with av.open(content, mode="r") as container:
        stream = container.streams.video[0]
        assert stream.frames == 8 * 30
        return stream.width, stream.height


def test_a_plan_is_looked_at_previewed_and_rendered(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    tmp_path: Path,
) -> None:
    shaking = filmed(
        scenery(tmp_path / "view.png", seed=12), "x=300+9*sin(2.1*n):y=45+8*sin(1.7*n)"
    )
    make_clip(tmp_path / "one.mp4", shaking.format(size="320x180", rate=30), 14)
    make_clip(tmp_path / "two.mp4", "mandelbrot=size=192x144:rate=10", 14)
    clips = [(tmp_path / f"{name}.mp4").as_uri() for name in ("one", "two")]
    planned = click(library, user, *clips, options=PLAN)
    assert _run(services, instance, planned)

    # The plan: three steps, two edits, and an item that is nobody's business but its owner's.
    request, item = _request(services, planned), item_of(library, user, planned)
    assert (request.state, set(request.step_seconds)) == (
        RequestState.SUCCEEDED,
        {"clip_analysis", "music_track", "edit_timeline"},
    )
    assert (item.status, item.progress_percent) == (ContentStatus.DRAFT, 100)
    assert (item.generated_media_url, item.renditions) == (None, ())
    assert item.planned_request_id == planned.request_id
    facts = PlanVariants.model_validate_json(
        services.store.get_bytes(variants_key(planned.request_id))
    )
    places = [variant_place(planned.request_id, facts.variant) for facts in facts.variants]
    first, second = (_edit(services, place) for place in places)
    assert shared_share(second, first) <= CLEARLY_DIFFERENT
    boards = [services.store.get_bytes(storyboard_key(place)) for place in places]
    assert boards[0] != boards[1]
    for board in boards:
        with Image.open(io.BytesIO(board)) as image:
            image.verify()

    # A preview of the second: no clip is looked at again, nothing is composed.
    chosen = ChosenPlan(request_id=planned.request_id, variant=2)
    preview = library.request_again(
        user, planned.content_item_id, MontageOptions(preview=True), chosen=chosen
    )
    assert _run(services, instance, preview)
    item = item_of(library, user, preview)
    assert (item.status, item.generated_media_url) == (ContentStatus.DRAFT, None)
    [small] = item.renditions
    assert (small.preview, small.width, small.height) == (True, *Format.SQUARE.preview_size)
    assert _pixels(services, item, 0) == Format.SQUARE.preview_size
    known, again = (
        services.store.get_bytes(document_key(request_id, Step.CLIP_ANALYSIS))
        for request_id in (planned.request_id, preview.request_id)
    )
    assert again == known

    # The Reel of it, in two shapes.
    final = library.request_again(
        user,
        planned.content_item_id,
        MontageOptions(formats=(Format.LANDSCAPE,)),
        chosen=chosen,
    )
    assert _run(services, instance, final)
    item = item_of(library, user, final)
    assert item.generated_media_url == item.renditions[0].url
    assert [(file.format, file.preview) for file in item.renditions] == [
        (Format.SQUARE, False),
        (Format.LANDSCAPE, False),
    ]
    assert _pixels(services, item, 0) == Format.SQUARE.frame_size
    assert _pixels(services, item, 1) == Format.LANDSCAPE.frame_size
    edit = _edit(services, str(final.request_id))
    assert edit.segments == second.segments
    assert services.store.get_bytes(storyboard_key(final.request_id)) == boards[1]
    landscape = _edit(services, format_place(final.request_id, Format.LANDSCAPE))
    for as_planned, framed in zip(edit.segments, landscape.segments, strict=True):
        assert bool(framed.steadying) == bool(as_planned.steadying)
    assert any(segment.steadying for segment in landscape.segments)
    view = EditView.model_validate_json(services.store.get_bytes(edit_view_key(final.request_id)))
    assert all(str(final.request_id) in segment.thumbnail_key for segment in view.segments)
    seen = services.seen.earlier(
        user,
        _request(services, click(library, user)).created_at,
        files={facts.sha256 for facts in edit.clips},
        fingerprints=set(),
    )
    assert len(seen) == len(edit.segments), "what was planned or previewed was not seen"

    # A plan whose files have expired is refused by name.
    services.store.delete(document_key(places[1], Step.EDIT_TIMELINE))
    late = library.request_again(user, planned.content_item_id, MontageOptions(), chosen=chosen)
    assert not _run(services, instance, late)
    assert error_of(library, user, late)["code"] == "plan_expired"
