"""A person who makes another Reel of the same item gets another Reel, and the same request gives
the same one.
"""

from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest

from montage_pipeline.composition import Services
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import CreatedRequest
from montage_pipeline.spans import Span, covered_s
from montage_pipeline.storage.keys import document_key
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.orchestration.conftest import add_partition, make_clip, run_montage


def _edit(services: Services, instance: dg.DagsterInstance, created: CreatedRequest) -> Timeline:
    assert run_montage(services, instance, created.partition_key).success
    return Timeline.model_validate_json(
        services.store.get_bytes(document_key(created.request_id, "edit_timeline"))
    )


def _shared(timeline: Timeline, earlier: Timeline) -> float:
    """Share of a Reel's seconds that an earlier one showed."""
    shared_s = 0.0
    for segment in timeline.segments:
        spans = [
            Span(e.source_in_s, e.source_in_s + e.frames / 30)
            for e in earlier.segments
            if e.clip_url == segment.clip_url
        ]
        end_s = segment.source_in_s + segment.frames / 30
        shared_s += covered_s(Span(segment.source_in_s, end_s), spans)
    return shared_s / float(timeline.duration)


@pytest.mark.slow
def test_another_attempt_shows_other_footage(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    tmp_path: Path,
) -> None:
    make_clip(tmp_path / "one.mp4", "testsrc2=size=192x144:rate=10", 15)
    make_clip(tmp_path / "two.mp4", "mandelbrot=size=192x144:rate=10", 15)
    first = click(library, user, *((tmp_path / f"{name}.mp4").as_uri() for name in ("one", "two")))
    add_partition(instance, first)
    one = _edit(services, instance, first)
    second = library.request_again(user, first.content_item_id)
    add_partition(instance, second)
    other = _edit(services, instance, second)
    assert _shared(other, one) <= 0.3
    assert all(segment.grade is not None for segment in (*one.segments, *other.segments))
    new = {
        timeline.seed: next(
            part for part in timeline.originality.parts if part.name == "new footage"
        )
        for timeline in (one, other)
    }
    assert new[one.seed].note == "No earlier Reel of this user was compared."
    assert new[other.seed].note != new[one.seed].note
    item = library.get_item(user, first.content_item_id)
    assert item is not None
    assert item.originality == other.originality.model_dump(mode="json")
    # The first request, made again after both: what came later does not change it.
    again = _edit(services, instance, first)
    assert again == one
