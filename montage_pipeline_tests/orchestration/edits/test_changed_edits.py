"""An edit that its user changes: what stays is not made again, on whichever machine, and nothing is
bought. Every test runs the steps.
"""

from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest

from montage_pipeline.composition import Services
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.rendering.check import check_file
from montage_pipeline.rendering.model import RenderedVideo
from montage_pipeline.requests.edit_view import EditView
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import CreatedRequest, WantedChanges
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.requests.segment_changes.model import (
    BanSegment,
    CaptionSegment,
    Change,
    LockSegment,
    MuteSegment,
    ReplaceSegment,
)
from montage_pipeline.requests.variants.choosing import Choice, PlanChooser
from montage_pipeline.requests.variants.model import ChosenPlan
from montage_pipeline.storage.keys import alternative_key, document_key, edit_view_key, video_key
from montage_pipeline.vocabulary import ContentStatus, Step
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.footage.fetching.loopback import Server, reply
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    error_of,
    item_of,
    make_clip,
    run_montage,
)

PLAN = (Step.CLIP_ANALYSIS, Step.MUSIC_TRACK, Step.EDIT_TIMELINE)
SOURCES = ("testsrc2", "mandelbrot", "life=mold=10:ratio=0.1")


@pytest.fixture
def clips(tmp_path: Path) -> list[str]:
    for number, source in enumerate(SOURCES):
        mark = ":" if "=" in source else "="
        make_clip(tmp_path / f"{number}.mp4", f"{source}{mark}size=192x144:rate=10", 14)
    return [(tmp_path / f"{number}.mp4").as_uri() for number in range(len(SOURCES))]


def _edit(services: Services, created: CreatedRequest) -> Timeline:
    key = document_key(created.request_id, Step.EDIT_TIMELINE)
    return Timeline.model_validate_json(services.store.get_bytes(key))


def _view(services: Services, created: CreatedRequest) -> EditView:
    return EditView.model_validate_json(services.store.get_bytes(edit_view_key(created.request_id)))


def _changed(
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    base: CreatedRequest,
    *changes: Change,
) -> CreatedRequest:
    wanted = WantedChanges(base_request_id=base.request_id, changes=changes)
    created = library.request_again(user, base.content_item_id, changes=wanted)
    add_partition(instance, created)
    return created


@pytest.mark.slow
def test_one_swapped_segment_is_rendered_and_no_other_even_on_another_machine(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clips: list[str],
    tmp_path: Path,
) -> None:
    base = click(library, user, *clips)
    add_partition(instance, base)
    assert run_montage(services, instance, base.partition_key).success
    before, view = _edit(services, base), _view(services, base)
    shown = view.segments[1]
    assert all(segment.alternatives for segment in view.segments)
    for alternative in shown.alternatives:
        assert services.store.head(alternative.thumbnail_key) is not None
        assert alternative.what
        assert alternative.why

    swap = ReplaceSegment(segment=1, alternative=shown.alternatives[0].id)
    predicted = services.change_outcome(base.request_id, [swap, LockSegment(segment=2)])
    assert [segment.number for segment in predicted.segments if segment.why_rendered] == [1]

    # A machine that has nothing of what the first one made.
    away = Services(services.settings.model_copy(update={"home": tmp_path / "elsewhere"}))
    created = _changed(library, instance, user, base, swap, LockSegment(segment=2))
    result = run_montage(away, instance, created.partition_key)
    assert result.success
    after = _edit(services, created)
    away.close()

    rendered = RenderedVideo.model_validate_json(
        services.store.get_bytes(document_key(created.request_id, Step.RENDERED_VIDEO))
    )
    assert rendered.run.parts - rendered.run.parts_reused == predicted.rendered == 1
    for number, (old, new) in enumerate(zip(before.segments, after.segments, strict=True)):
        same = old.model_copy(update={"why": ""}) == new.model_copy(update={"why": ""})
        assert same is (number != 1), number
    assert after.segments[1].source_in_s == pytest.approx(shown.alternatives[0].start_s, abs=0.2)
    assert after.segments[1].grade is not None
    assert "as you asked" in after.segments[1].why
    assert _view(services, created).segments[2].locked
    services.store.download(video_key(created.request_id), tmp_path / "reel.mp4")
    check_file(tmp_path / "reel.mp4", after)

    # Nothing was analysed, composed or bought; the music is a file of its own.
    assert services.ledger.entries(created.request_id) == []
    documents = [
        services.store.get_bytes(document_key(request.request_id, Step.CLIP_ANALYSIS))
        for request in (base, created)
    ]
    assert documents[0] == documents[1]
    assert after.music.key.startswith(f"work/{created.request_id}/")
    assert after.music.model_copy(update={"key": before.music.key}) == before.music
    item = item_of(library, user, created)
    assert item.status is ContentStatus.DRAFT
    assert item.originality == after.originality.model_dump(mode="json")
    assert "earlier Reel" not in " ".join(segment.why for segment in after.segments)

    # What was locked stays locked; sound alone renders no frame; text renders its segment.
    with pytest.raises(PermanentError) as refusal:
        services.change_outcome(created.request_id, [BanSegment(segment=2)])
    assert refusal.value.code is ErrorCode.SEGMENT_LOCKED
    text = services.change_outcome(created.request_id, [CaptionSegment(text="Sunday")])
    assert [segment.number for segment in text.segments if segment.why_rendered] == [0]
    with pytest.raises(PermanentError, match="no sound of its own"):
        services.change_outcome(created.request_id, [MuteSegment(segment=1)])


def test_a_base_whose_files_are_gone_is_refused_by_name(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clips: list[str],
) -> None:
    base = click(library, user, *clips)
    library_again = _finished(services, library, user, base)
    created = _changed(library, instance, user, library_again, BanSegment(segment=1))
    assert not run_montage(services, instance, created.partition_key).success
    assert error_of(library, user, created)["code"] == ErrorCode.CHANGES_UNAVAILABLE
    with pytest.raises(PermanentError) as refusal:
        services.change_outcome(base.request_id, [BanSegment(segment=1)])
    assert refusal.value.code is ErrorCode.CHANGES_UNAVAILABLE


def _finished(
    services: Services, library: ContentLibrary, user: UUID, created: CreatedRequest
) -> CreatedRequest:
    """A request that ended long ago."""
    assert services.requests.withdraw(created.request_id)
    assert item_of(library, user, created).status is not ContentStatus.GENERATING
    return created


@pytest.mark.slow
def test_thumbnails_of_alternatives_fetch_no_clip_that_the_edit_does_not_show(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clips: list[str],
    tmp_path: Path,
) -> None:
    server = Server()
    names = [f"/{number}.mp4" for number in range(len(clips))]
    for name in names:
        server.answers[name] = reply((tmp_path / name[1:]).read_bytes())
    base = click(library, user, *map(server.url, names))
    add_partition(instance, base)
    assert run_montage(services, instance, base.partition_key, *PLAN).success
    before, view = _edit(services, base), _view(services, base)

    swaps: list[Change] = []
    for number, segment in enumerate(before.segments):
        if segment.clip == 0:
            elsewhere = (each for each in view.segments[number].alternatives if each.clip != 0)
            swaps.append(ReplaceSegment(segment=number, alternative=next(elsewhere).id))
    for alternative in (each for segment in view.segments for each in segment.alternatives):
        services.store.delete(alternative_key(base.request_id, alternative.id))
    away = Services(services.settings.model_copy(update={"home": tmp_path / "elsewhere"}))
    _finished(services, library, user, base)
    created = _changed(library, instance, user, base, *swaps)
    server.seen.clear()
    assert run_montage(away, instance, created.partition_key, *PLAN).success
    away.close()
    server.http.shutdown()

    after, view = _edit(services, created), _view(services, created)
    assert {segment.clip for segment in after.segments} == {1, 2}
    drawn = {
        found.clip: services.store.head(alternative_key(created.request_id, found.id)) is not None
        for segment in view.segments
        for found in segment.alternatives
    }
    assert drawn == {0: False, 1: True, 2: True}
    assert {path for path, _ in server.seen} == set(names[1:])


@pytest.mark.slow
def test_a_plan_that_was_chosen_can_be_changed(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clips: list[str],
) -> None:
    """Only the first edit of a plan has a room; a chosen one gets its own, and it fits the edit."""
    planned = click(library, user, *clips, options=MontageOptions(variants=2, plan_only=True))
    add_partition(instance, planned)
    assert run_montage(services, instance, planned.partition_key, *PLAN).success

    chosen = PlanChooser(services.engine, library).choose(
        user,
        planned.content_item_id,
        Choice(ChosenPlan(request_id=planned.request_id, variant=2)),
    )
    add_partition(instance, chosen)
    assert run_montage(services, instance, chosen.partition_key).success
    edit, view = _edit(services, chosen), _view(services, chosen)
    assert all(segment.alternatives for segment in view.segments)
    for shown, segment in zip(view.segments, edit.segments, strict=True):
        assert shown.start_s == pytest.approx(segment.source_in_s)

    swap = ReplaceSegment(segment=1, alternative=view.segments[1].alternatives[0].id)
    changed = _changed(library, instance, user, chosen, swap, LockSegment(segment=0))
    assert run_montage(services, instance, changed.partition_key).success
    after = _edit(services, changed)
    assert after.segments[1] != edit.segments[1]
    for number in (0, *range(2, len(edit.segments))):
        assert after.segments[number].source_in_s == edit.segments[number].source_in_s
        assert after.segments[number].grade == edit.segments[number].grade
    rendered = RenderedVideo.model_validate_json(
        services.store.get_bytes(document_key(changed.request_id, Step.RENDERED_VIDEO))
    )
    assert rendered.run.parts - rendered.run.parts_reused == 1
    assert item_of(library, user, changed).status is ContentStatus.DRAFT
