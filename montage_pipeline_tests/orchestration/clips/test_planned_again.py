"""A clip that decodes otherwise for the Reel than for its analysis: that span is left out, and the
edit planned again, by the render step itself. Every test runs the steps.
"""

from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest

from montage_pipeline.analysis.model import ClipAnalysis, RejectedSpan
from montage_pipeline.composition import Services
from montage_pipeline.editing.timeline import (
    CropRect,
    MusicPlacement,
    Originality,
    Segment,
    Timeline,
)
from montage_pipeline.footage.model import FrameRate, Miniature
from montage_pipeline.orchestration.assets.rendered_video import spans_at_fault
from montage_pipeline.rendering.check import check_file
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import CreatedRequest
from montage_pipeline.storage.keys import document_key, edit_key, video_key
from montage_pipeline.vocabulary import Format, Step
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.editing.footage import facts
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    item_of,
    make_clip,
    retries_of,
    run_montage,
)

SOUND = "testsrc2=size=192x144:rate=10"
ODD = "mandelbrot=size=192x144:rate=10"


def _edit(services: Services, created: CreatedRequest) -> Timeline:
    key = document_key(created.request_id, Step.EDIT_TIMELINE)
    return Timeline.model_validate_json(services.store.get_bytes(key))


def _analysed_otherwise(services: Services, created: CreatedRequest, url: str) -> None:
    """Have the analysis have seen a clip upside down: the decoder that it used, and the one that
    renders, are then at odds, whether one seeks or not.
    """
    key = document_key(created.request_id, Step.CLIP_ANALYSIS)
    analysis = ClipAnalysis.model_validate_json(services.store.get_bytes(key))
    clips = tuple(
        clip.model_copy(update={"miniatures": tuple(_turned(seen) for seen in clip.miniatures)})
        if clip.facts.url == url
        else clip
        for clip in analysis.clips
    )
    changed = analysis.model_copy(update={"clips": clips}).model_dump_json().encode()
    services.store.put_bytes(key, changed, content_type="application/json")


def _turned(seen: Miniature) -> Miniature:
    return seen.model_copy(update={"luma": seen.luma[::-1]})


def _materialised(instance: dg.DagsterInstance, step: Step) -> list[dg.EventLogRecord]:
    """Newest first."""
    return list(instance.fetch_materializations(dg.AssetKey(step.value), limit=10).records)


@pytest.mark.slow
def test_the_reel_is_made_without_the_span_and_says_so(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    tmp_path: Path,
) -> None:
    make_clip(tmp_path / "sound.mp4", SOUND, 12)
    make_clip(tmp_path / "odd.mp4", ODD, 12)
    sound, odd = ((tmp_path / f"{name}.mp4").as_uri() for name in ("sound", "odd"))
    created = click(library, user, sound, odd)
    partition = add_partition(instance, created)
    assert run_montage(services, instance, partition).success
    assert odd in {segment.clip_url for segment in _edit(services, created).segments}
    _analysed_otherwise(services, created, odd)

    rest = (Step.EDIT_TIMELINE, Step.RENDERED_VIDEO, Step.R2_OBJECT)
    result = run_montage(services, instance, partition, *rest)
    assert result.success
    assert retries_of(result) == 0

    # What is stored is what was rendered: the file holds to it in every frame.
    edit = _edit(services, created)
    services.store.download(video_key(created.request_id), tmp_path / "reel.mp4")
    check_file(tmp_path / "reel.mp4", edit)
    assert {segment.clip_url for segment in edit.segments} == {sound}
    assert {part.url for part in edit.left_out} == {odd}
    assert odd.encode() not in services.store.get_bytes(edit_key(created.request_id))

    item = item_of(library, user, created)
    assert any(
        "odd.mp4 was left out from" in line and "does not show what was seen" in line
        for line in item.warnings
    )
    reports = {clip.name: clip for clip in item.clips}
    assert "were left out: decoded again for the Reel" in (reports["odd.mp4"].reason or "")
    assert reports["sound.mp4"].segments

    # Nothing else was made, or bought, twice; and the UI shows the edit of the Reel.
    assert len(_materialised(instance, Step.CLIP_ANALYSIS)) == 1
    assert len(_materialised(instance, Step.MUSIC_TRACK)) == 1
    newest = _materialised(instance, Step.EDIT_TIMELINE)[0]
    assert newest.run_id == result.run_id
    assert newest.asset_materialization is not None
    assert newest.asset_materialization.metadata["segments"].value == len(edit.segments)

    made_of = _materialised(instance, Step.RENDERED_VIDEO)[0].event_log_entry.tags or {}
    assert made_of["dagster/input_event_pointer/edit_timeline"] == str(newest.storage_id)

    # Rendered again by hand, it is the same Reel of the same edit.
    assert run_montage(services, instance, partition, Step.RENDERED_VIDEO).success
    assert _edit(services, created) == edit

    # At last there is too little: the run fails, and says what was lost to what. The Reel that was
    # delivered stays.
    _analysed_otherwise(services, created, sound)
    result = run_montage(services, instance, partition, *rest)
    assert not result.success
    assert retries_of(result) == 0
    kept = item_of(library, user, created)
    assert (kept.status, kept.error) == (item.status, None)
    assert kept.generated_media_url == item.generated_media_url
    failed = next(event for event in result.all_events if event.is_step_failure)
    assert failed.step_key == Step.RENDERED_VIDEO
    said = str(failed.step_failure_data.error_display_string)
    assert "not_enough_footage" in said
    for name in ("odd.mp4", "sound.mp4"):
        assert f"{name} was left out from" in said
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks["reel_frames"] is False


FACTS = (facts("one", 60.0), facts("two", 60.0, start_s=5.0))


def _cut(number: int, source_in_s: float, frames: int, speed: float = 1.0) -> Segment:
    return Segment(
        clip_url=FACTS[number].url,
        clip=number,
        moment="m",
        source_in_s=source_in_s,
        frames=frames,
        speed=speed,
        crop=CropRect(x=0, y=0, width=10, height=10),
        on_beat=True,
        role="body",
        why="",
    )


def test_first_the_span_is_left_out_then_the_clip() -> None:
    cuts = (_cut(0, 3.0, 90), _cut(1, 10.0, 120, speed=0.5), _cut(1, 20.0, 90))
    plan = Timeline.model_validate(
        {
            "request_id": "r",
            "seed": 1,
            "style": "dynamic",
            "format": Format.REEL,
            "width": 1080,
            "height": 1920,
            "fps": FrameRate(num=30, den=1),
            "total_frames": 300,
            "asked_duration_s": 10,
            "clips": FACTS,
            "segments": cuts,
            "music": MusicPlacement(key="music", source_in_s=0.0),
            "originality": Originality(score=1.0),
        }
    )
    first = spans_at_fault(plan, {1: "it differs"})
    assert first == (
        RejectedSpan(url=FACTS[1].url, start_s=10.0, end_s=12.0, message="it differs"),
    )

    again = spans_at_fault(plan.model_copy(update={"left_out": first}), {0: "it ends", 2: "too"})
    assert again == (
        RejectedSpan(url=FACTS[0].url, start_s=3.0, end_s=6.0, message="it ends"),
        RejectedSpan(url=FACTS[1].url, start_s=5.0, end_s=65.0, message="too"),
    )
