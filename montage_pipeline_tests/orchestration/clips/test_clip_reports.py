"""Every clip that was given ends in one of two lists, and too little footage is said early."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname
from uuid import UUID

import dagster as dg
import pytest

from montage_pipeline.composition import Services
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode
from montage_pipeline.orchestration.assets.clip_reports import clip_reports
from montage_pipeline.requests.footage import ClipReport
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import CreatedRequest, MontageRequest
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.storage.keys import document_key
from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.editing.footage import clips_of, steady_music
from montage_pipeline_tests.editing.requests import edit_request
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    error_of,
    item_of,
    make_clip,
    run_montage,
)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Addresses by what is the matter with the clip."""
    folder = tmp_path_factory.mktemp("clips")
    paths = {
        name: folder / os.fsdecode(f"{name} [b]100%25 ".encode() + b"\xe9.mp4")
        for name in ("good", "black", "short", "brief", "text", "gone")
    }
    make_clip(paths["good"], "testsrc2=size=192x144:rate=10", 12)
    make_clip(paths["black"], "color=black:size=192x144:rate=10", 5)
    make_clip(paths["short"], "mandelbrot=size=192x144:rate=10", 1)
    make_clip(paths["brief"], "testsrc=size=192x144:rate=10", 2.6)
    paths["text"].write_text("not a video at all, whatever it is called\n" * 100)
    return {name: path.as_uri() for name, path in paths.items()}


def _reports(library: ContentLibrary, user: UUID, created: CreatedRequest) -> dict[str, ClipReport]:
    return {clip.name.split()[0]: clip for clip in item_of(library, user, created).clips}


def _has(services: Services, created: CreatedRequest, step: Step) -> bool:
    return services.store.head(document_key(created.request_id, step)) is not None


def test_every_clip_is_shown_or_not_with_one_reason(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clips: dict[str, str],
) -> None:
    options = MontageOptions(exclude=(clips["short"],), hook_clip=clips["good"], preview=True)
    created = click(library, user, *clips.values(), options=options)
    result = run_montage(services, instance, add_partition(instance, created))
    assert result.success

    found = _reports(library, user, created)
    assert list(found) == list(clips)
    assert found["good"].name == r"good [b]100%25 \xe9.mp4"
    assert found["good"].reason is None
    assert found["good"].segments[0].reel_s == 0
    shown_s = sum(span.end_s - span.start_s for span in found["good"].segments)
    assert shown_s == pytest.approx(8, abs=0.01)
    for name, reason in {
        "black": "black",
        "short": "excluded",
        "brief": "a cut needs 3 s, and another clip opens the Reel; the wish shortCuts would",
        "text": "not a video",
        "gone": "there is no file",
    }.items():
        assert found[name].segments == ()
        assert reason in (found[name].reason or "")
        assert found[name].name not in (found[name].reason or "").removesuffix(found[name].name)

    [planned] = result.asset_materializations_for_node("edit_timeline")
    not_shown: Any = planned.metadata["not_shown"].value
    assert not_shown.count("\n- ") == 4
    assert r"black \[b\]100%25 \\xe9.mp4" in not_shown, "Markdown does not read the name as a link"


@pytest.mark.parametrize(
    ("asked_s", "lengths_s", "reason"),
    [
        (7, (3.5, 3.5, 3.5), "filled the 5.2 s, and with a cut more it would be longer than the 7"),
        (10, (8.0, 8.0, 8.0, 8.0), "better moments of other clips filled the 10 s"),
    ],
)
def test_a_good_clip_that_is_not_shown_is_told_why(
    asked_s: int, lengths_s: tuple[float, ...], reason: str
) -> None:
    analysis = clips_of(*lengths_s)
    timeline = plan_timeline(edit_request(asked_s), analysis, steady_music(120, 20))
    fields: dict[str, Any] = {
        "clip_urls": tuple(clip.facts.url for clip in analysis.clips),
        "options": MontageOptions(),
    }
    request = MontageRequest.model_construct(**fields)
    reasons = [clip.reason for clip in clip_reports(request, analysis, timeline) if clip.reason]
    assert reasons
    assert all(reason in told for told in reasons)


@pytest.mark.slow
def test_what_is_too_short_is_shown_all_the_same_where_it_can_be(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clips: dict[str, str],
) -> None:
    smooth = Path(url2pathname(urlsplit(clips["good"]).path)).with_name("smooth.mp4")
    make_clip(smooth, "testsrc2=size=192x144:rate=60", 2.2)
    options = MontageOptions(hook_clip=clips["good"], short_cuts=True)
    given = (clips["good"], clips["brief"], smooth.as_uri())
    created = click(library, user, *given, options=options)
    assert run_montage(services, instance, add_partition(instance, created)).success

    found = _reports(library, user, created)
    for name, limits_s in {"brief": (1.2, 2.6), "smooth.mp4": (1.5, 2.2)}.items():
        [span] = found[name].segments
        assert limits_s[0] <= span.end_s - span.start_s <= limits_s[1]
    timeline = Timeline.model_validate_json(
        services.store.get_bytes(document_key(created.request_id, "edit_timeline"))
    )
    speeds = {segment.clip_url: segment.speed for segment in timeline.segments}
    assert speeds == {clips["good"]: 1, clips["brief"]: 1, smooth.as_uri(): 0.5}


def test_too_little_is_said_from_the_probes_alone(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clips: dict[str, str],
) -> None:
    created = click(library, user, clips["short"], clips["text"], clips["gone"])
    assert not run_montage(services, instance, add_partition(instance, created)).success
    error = error_of(library, user, created)
    assert error["code"] == ErrorCode.NOT_ENOUGH_FOOTAGE
    assert "1.0 s long all together" in error["message"]
    assert error["step"] == Step.CLIP_ANALYSIS
    found = _reports(library, user, created)
    assert [found[name].reason is not None for name in ("short", "text", "gone")] == [True] * 3
    assert "1.0 s long" in (found["short"].reason or "")


def test_what_was_lost_is_said_before_there_is_music(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clips: dict[str, str],
    tmp_path: Path,
) -> None:
    three = tmp_path / "three seconds.mp4"
    make_clip(three, "testsrc2=size=192x144:rate=10", 3)
    created = click(library, user, three.as_uri(), clips["black"], clips["gone"])
    assert not run_montage(services, instance, add_partition(instance, created)).success
    error = error_of(library, user, created)
    assert (error["code"], error["step"]) == ("not_enough_footage", "clip_analysis")
    assert "5.0 s black" in error["message"]
    assert r"gone [b]100%25 \xe9.mp4: there is no file" in error["message"]
    assert not _has(services, created, Step.MUSIC_TRACK)
    assert len(item_of(library, user, created).clips) == 3


def test_where_no_clip_can_be_used_every_reason_is_told(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clips: dict[str, str],
) -> None:
    created = click(library, user, clips["black"], clips["gone"], clips["text"])
    assert not run_montage(services, instance, add_partition(instance, created)).success
    error = error_of(library, user, created)
    assert error["code"] == ErrorCode.NO_USABLE_CLIPS
    for part in ("black: ", "there is no file", "not a video"):
        assert part in error["message"]
    assert "%5B" not in error["message"]
    assert "file://" not in error["message"]
    assert all(clip.reason for clip in item_of(library, user, created).clips)
