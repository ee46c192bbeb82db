"""Plans before pixels: a request that stops at several edits, one of which another request renders,
as a preview first and then in two shapes, without looking at the clips or composing again.
"""

import io
from pathlib import Path
from uuid import UUID

import av
import dagster as dg
import pytest
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


def _plan(
    services: Services, instance: dg.DagsterInstance, user: UUID, folder: Path
) -> CreatedRequest:
    """A request that stopped at two edits of shaking and of steady footage."""
    shaking = filmed(scenery(folder / "view.png", seed=12), "x=300+9*sin(2.1*n):y=45+8*sin(1.7*n)")
    make_clip(folder / "one.mp4", shaking.format(size="320x180", rate=30), 10)
    make_clip(folder / "two.mp4", "mandelbrot=size=192x144:rate=10", 10)
    clips = [(folder / f"{name}.mp4").as_uri() for name in ("one", "two")]
    planned = click(services.library, user, *clips, options=PLAN)
    assert _run(services, instance, planned)
    return planned


def _in_two_shapes(
    services: Services,
    instance: dg.DagsterInstance,
    user: UUID,
    planned: CreatedRequest,
    *,
    preview: bool,
) -> CreatedRequest:
    """The second of two plans, rendered as a preview or for good."""
    made = services.library.request_again(
        user,
        planned.content_item_id,
        MontageOptions(preview=preview, formats=(Format.LANDSCAPE,)),
        chosen=ChosenPlan(request_id=planned.request_id, variant=2),
    )
    assert _run(services, instance, made)
    item = item_of(services.library, user, made)
    assert item.status is ContentStatus.DRAFT
    for number, shape in enumerate((Format.SQUARE, Format.LANDSCAPE)):
        file, size = item.renditions[number], shape.preview_size if preview else shape.frame_size
        assert (file.format, file.preview, file.width, file.height) == (shape, preview, *size)
        assert _pixels(services, item, number) == size
    assert len(item.renditions) == 2

    edit = _edit(services, str(made.request_id))
    landscape = _edit(services, format_place(made.request_id, Format.LANDSCAPE))
    for as_planned, framed in zip(edit.segments, landscape.segments, strict=True):
        assert bool(framed.steadying) == bool(as_planned.steadying)
    assert any(segment.steadying for segment in landscape.segments)
    return made


def _seen_of(services: Services, user: UUID, edit: Timeline) -> int:
    """How many segments of its clips were shown to the user before, for one who asks now."""
    return len(
        services.seen.earlier(
            user,
            _request(services, click(services.library, user)).created_at,
            files={facts.sha256 for facts in edit.clips},
            fingerprints=set(),
        )
    )


def test_a_plan_is_looked_at_and_previewed(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    tmp_path: Path,
) -> None:
    planned = _plan(services, instance, user, tmp_path)

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
    preview = _in_two_shapes(services, instance, user, planned, preview=True)
    assert item_of(library, user, preview).generated_media_url is None
    known, again = (
        services.store.get_bytes(document_key(request_id, Step.CLIP_ANALYSIS))
        for request_id in (planned.request_id, preview.request_id)
    )
    assert again == known
    edit = _edit(services, str(preview.request_id))
    assert edit.segments == second.segments
    assert services.store.get_bytes(storyboard_key(preview.request_id)) == boards[1]
    assert _seen_of(services, user, edit) == 0, "what was planned or previewed was not seen"

    # A plan whose files have expired is refused by name.
    services.store.delete(document_key(places[1], Step.EDIT_TIMELINE))
    chosen = ChosenPlan(request_id=planned.request_id, variant=2)
    late = library.request_again(user, planned.content_item_id, MontageOptions(), chosen=chosen)
    assert not _run(services, instance, late)
    assert error_of(library, user, late)["code"] == "plan_expired"


@pytest.mark.slow
def test_a_plan_that_was_previewed_becomes_a_reel(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    tmp_path: Path,
) -> None:
    planned = _plan(services, instance, user, tmp_path)
    _in_two_shapes(services, instance, user, planned, preview=True)
    final = _in_two_shapes(services, instance, user, planned, preview=False)

    item = item_of(library, user, final)
    assert item.generated_media_url == item.renditions[0].url
    edit = _edit(services, str(final.request_id))
    place = variant_place(planned.request_id, 2)
    assert edit.segments == _edit(services, place).segments
    board, chosen = (
        services.store.get_bytes(storyboard_key(place)) for place in (final.request_id, place)
    )
    assert board == chosen
    view = EditView.model_validate_json(services.store.get_bytes(edit_view_key(final.request_id)))
    assert all(str(final.request_id) in segment.thumbnail_key for segment in view.segments)
    seen = _seen_of(services, user, edit)
    assert seen == len(edit.segments), "what was planned or previewed was not seen"
