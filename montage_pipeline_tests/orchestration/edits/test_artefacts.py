"""What a run leaves for a page to show: the plan before the render, covers after it."""

import io
import json
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import dagster as dg
import opentimelineio as otio
from PIL import Image

from montage_pipeline.composition import Services
from montage_pipeline.requests.edit_view import EditView
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.storage.keys import document_key, edit_key, edit_view_key
from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    item_of,
    make_clip,
    run_montage,
)


def test_the_plan_is_announced_whole_and_the_reel_has_three_covers(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    tmp_path: Path,
) -> None:
    make_clip(tmp_path / "one.mp4", "testsrc2=size=192x144:rate=10", 6)
    make_clip(tmp_path / "two.mp4", "mandelbrot=size=192x144:rate=10", 6)
    created = click(
        library, user, *((tmp_path / f"{name}.mp4").as_uri() for name in ("one", "two"))
    )
    result = run_montage(services, instance, add_partition(instance, created))
    assert result.success

    item = item_of(library, user, created)
    assert item.planned_request_id == created.request_id
    # Noted while the item was still generating: before the render, and before it was delivered.
    assert item.plan_revision is not None
    assert item.plan_revision < item.revision

    store = services.store
    view = EditView.model_validate_json(store.get_bytes(edit_view_key(created.request_id)))
    timeline = json.loads(store.get_bytes(document_key(created.request_id, Step.EDIT_TIMELINE)))
    assert [segment.why for segment in view.segments] == [
        segment["why"] for segment in timeline["segments"]
    ]
    for segment in view.segments:
        moments = {moment.id: moment for moment in view.clips[segment.clip].moments}
        assert moments[segment.moment].shown
        crop = segment.crop
        assert 0 <= crop.x <= crop.x + crop.width <= 1
        assert 0 <= crop.y <= crop.y + crop.height <= 1
        with Image.open(io.BytesIO(store.get_bytes(segment.thumbnail_key))) as thumbnail:
            assert thumbnail.size == (192, 144)
    ends = [segment.reel_s + segment.end_s - segment.start_s for segment in view.segments]
    assert abs(ends[-1] - view.duration_s) < 1e-6
    assert any(abs(beat_s - ends[0]) < 0.05 for beat_s in view.music.beats_s)

    # Other editing programs read the same cuts.
    exported = {
        name: store.get_bytes(edit_key(created.request_id, name)).decode()
        for name in ("otio", "edl", "xml")
    }
    read = otio.adapters.read_from_string
    for edit in (
        read(exported["otio"], "otio_json"),
        read(exported["edl"], "cmx_3600", rate=view.fps),
    ):
        assert len(list(edit.video_tracks()[0].find_clips())) == len(view.segments)
    clips = ElementTree.fromstring(exported["xml"]).findall(".//video/track/clipitem")
    assert len(clips) == len(view.segments)

    assert len(item.covers) == 3
    assert item.poster_url is not None
    assert item.covers[0].key in item.poster_url
    stills = [store.get_bytes(cover.key) for cover in item.covers]
    assert len(set(stills)) == 3
    for still in stills:
        with Image.open(io.BytesIO(still)) as image:
            assert (image.format, image.size) == ("JPEG", (1080, 1080))

    # Signed links are made when they are asked for, and kept nowhere.
    kept = [timeline, view, item.covers, *exported.values()]
    for step in Step:
        [made] = result.asset_materializations_for_node(step.value)
        kept += [entry.value for entry in made.metadata.values()]
    assert "X-Amz" not in "".join(map(str, kept))
