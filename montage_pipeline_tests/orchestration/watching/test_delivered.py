"""The daily look at the bucket, and what the list of runs says of a run."""

import re
from pathlib import Path
from uuid import UUID

import dagster as dg

from montage_pipeline.composition import Services
from montage_pipeline.definitions import build_definitions
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import FinishedReel
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.storage.keys import reel_key
from montage_pipeline_tests.clicks import click, finish
from montage_pipeline_tests.orchestration.conftest import add_partition, run_montage


def _check(services: Services, instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation:
    job = build_definitions(services.settings).resolve_job_def("delivered_objects")
    [evaluation] = job.execute_in_process(instance=instance).get_asset_check_evaluations()
    return evaluation


def _outcome(instance: dg.DagsterInstance, run_id: str) -> str:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.tags["montage/outcome"]


def test_a_reel_that_is_gone_from_the_bucket_is_noticed(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user)
    key = reel_key(user, created.content_item_id, "0" * 64)
    names = (key, f"{key}.music", f"{key}.poster")
    for name in names:
        services.reel_store.put_bytes(name, b"made", content_type="video/mp4")
    urls = [services.reel_store.media_url(name) for name in names]
    reel = FinishedReel(media_url=urls[0], music_url=urls[1], poster_url=urls[2])
    finish(services.requests, created.request_id, reel=reel)
    click(library, user)  # has no Reel yet

    whole = _check(services, instance)
    assert whole.passed
    assert whole.metadata["objects"].value == 3
    services.reel_store.delete(key)
    broken = _check(services, instance)
    assert not broken.passed
    assert broken.metadata["missing"].value == 1
    assert str(created.content_item_id) in str(broken.metadata["which"].value)


def test_a_run_says_what_it_made(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
) -> None:
    preview = MontageOptions(preview=True)
    created = click(library, user, clip.as_uri(), title="A walk", options=preview)
    result = run_montage(services, instance, add_partition(instance, created))
    assert result.success
    outcome = _outcome(instance, result.run_id)
    assert re.fullmatch(r"\d\.\d s, \d segments, \d\.\d MB, \$0\.0000(, warnings: \d)?", outcome)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags["montage/title"] == "A walk", "launched by hand, and found like the others"
    checks = result.get_asset_check_evaluations()
    assert {check.partition for check in checks} == {created.partition_key}


def test_bad_input_is_told_apart_in_the_list_of_runs(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user, "file:///nowhere/at-all.mp4")
    result = run_montage(services, instance, add_partition(instance, created))
    assert not result.success
    assert _outcome(instance, result.run_id) == "the user's input: no_usable_clips"
