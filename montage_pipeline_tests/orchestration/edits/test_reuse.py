"""A second Reel of the same clips buys nothing again: analysis and, when asked, music are used
again for their owner, whatever the clips' addresses, and for nobody else.
"""

import json
import shutil
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg
import pytest

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.analysis.scan.workers import Workers
from montage_pipeline.composition import Services
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.requests.model import CreatedRequest, WantedChanges
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.requests.segment_changes.model import ChangeMusic
from montage_pipeline.settings import Settings
from montage_pipeline.storage.keys import document_key
from montage_pipeline_tests.clicks import click, new_user
from montage_pipeline_tests.fakes import anthropic_server as claude
from montage_pipeline_tests.fakes import fal_server as fal
from montage_pipeline_tests.fakes.fal_audio import wav
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    error_of,
    make_clip,
    run_montage,
    store_analysis,
)
from montage_pipeline_tests.rendering.edits import music_of

ANALYSIS = ("clip_analysis",)
KEEP = MontageOptions(keep_music=True)


def _made(
    services: Services, instance: dg.DagsterInstance, created: CreatedRequest, *assets: str
) -> bool:
    return run_montage(services, instance, add_partition(instance, created), *assets).success


def _composed(
    services: Services, instance: dg.DagsterInstance, created: CreatedRequest, clip: Path
) -> bool:
    """The request's music is made; what comes before it is there."""
    store_analysis(services, created, clip)
    return _made(services, instance, created, "music_track")


def _made_again(
    services: Services, instance: dg.DagsterInstance, created: CreatedRequest, *assets: str
) -> bool:
    request = services.requests.get_request(created.request_id)
    assert request is not None
    assert services.requests.requeue(request.id, attempt=request.attempt, run_id=request.run_id)
    return run_montage(services, instance, request.partition_key, *assets).success


def _analysis(services: Services, created: CreatedRequest) -> ClipAnalysis:
    key = document_key(created.request_id, "clip_analysis")
    return ClipAnalysis.model_validate_json(services.store.get_bytes(key))


def _music(services: Services, created: CreatedRequest) -> MusicTrack:
    key = document_key(created.request_id, "music_track")
    return MusicTrack.model_validate_json(services.store.get_bytes(key))


def test_an_analysis_is_bought_once_for_its_owner(
    with_claude: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    tmp_path: Path,
    anthropic: claude.AnthropicServer,
) -> None:
    services = Services(with_claude)
    # The same content under another address and another name.
    renamed = Path(shutil.copy(clip, tmp_path / "holiday.mp4"))
    first = click(services.library, user, clip.as_uri())
    again = click(services.library, user, renamed.as_uri())
    assert _made(services, instance, first, *ANALYSIS)
    assert _made(services, instance, again, *ANALYSIS)

    assert len(anthropic.requests) == 1
    [entry] = services.ledger.entries(again.request_id)
    assert (entry.cost_usd, entry.reused) == (Decimal(0), True)
    assert entry.usage["reused_from"] == str(first.request_id)
    one, other = _analysis(services, first), _analysis(services, again)
    assert [each.facts.url for each in other.clips] == [renamed.as_uri()]
    assert clip.name not in other.model_dump_json()
    assert other.clips[0].moments == one.clips[0].moments

    # Another style is another question; another user's clips are their own.
    for who, style in ((user, "travel"), (new_user(services.library), "dynamic")):
        bought = len(anthropic.requests)
        other_click = click(services.library, who, clip.as_uri(), style=style)
        assert _made(services, instance, other_click, *ANALYSIS)
        assert len(anthropic.requests) == bought + 1

    # What is materialised again asks for the very same.
    assert _made_again(services, instance, first, *ANALYSIS)
    assert len(anthropic.requests) == 3
    assert _analysis(services, first) == one
    assert len(services.ledger.entries(first.request_id)) == 1
    services.close()


def test_a_bought_answer_serves_a_request_whose_first_failed(
    with_claude: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    anthropic: claude.AnthropicServer,
) -> None:
    services = Services(with_claude)
    first, again = (click(services.library, user, clip.as_uri()) for _ in range(2))
    assert _made(services, instance, first, *ANALYSIS)
    # Its document is gone, as of a step that failed after it had paid; the answer is there.
    services.store.delete(document_key(first.request_id, "clip_analysis"))
    assert _made(services, instance, again, *ANALYSIS)
    assert len(anthropic.requests) == 1
    [entry] = services.ledger.entries(again.request_id)
    assert (entry.cost_usd, entry.reused) == (Decimal(0), True)
    services.close()


def test_music_is_kept_when_asked_and_never_bought_for_it(
    with_fal: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    queue: fal.FalServer,
) -> None:
    services = Services(with_fal)
    library = services.library
    nothing_yet = click(library, user, clip.as_uri(), options=KEEP)
    assert not _made(services, instance, nothing_yet, "clip_analysis", "music_track")
    assert error_of(library, user, nothing_yet)["code"] == "music_none_to_keep"
    assert not queue.jobs

    first = click(library, user, clip.as_uri())
    assert _composed(services, instance, first, clip)
    kept = click(library, user, clip.as_uri(), options=KEEP)
    assert _composed(services, instance, kept, clip)
    another = click(library, user, clip.as_uri())
    assert _composed(services, instance, another, clip)
    assert len(queue.jobs) == 2

    one, same = _music(services, first), _music(services, kept)
    assert (one.sha256, one.grid) == (same.sha256, same.grid)
    assert str(kept.request_id) in same.key
    assert services.store.stored_sha256(same.key) == one.sha256
    [entry] = services.ledger.entries(kept.request_id)
    assert (entry.cost_usd, entry.usage["reused_from"]) == (Decimal(0), str(first.request_id))

    # The same step again, when fal has long lost the job: the file is ours.
    queue.jobs.clear()
    assert _made_again(services, instance, first, "music_track")
    assert not queue.jobs
    assert _music(services, first) == one
    assert len(services.ledger.entries(first.request_id)) == 1
    services.close()


def test_music_that_was_kept_gives_way_to_other_music(
    with_fal: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    queue: fal.FalServer,
    tmp_path: Path,
) -> None:
    """Composed as fast as that which the cuts were made for, or the user's own."""
    services = Services(with_fal)
    first = click(services.library, user, clip.as_uri())
    kept = click(services.library, user, clip.as_uri(), options=KEEP)
    assert _composed(services, instance, first, clip)
    assert _composed(services, instance, kept, clip)
    song = music_of(tmp_path / "song.wav", 14)

    def with_other_music(change: ChangeMusic) -> MusicTrack:
        item = kept.content_item_id
        wanted = WantedChanges(base_request_id=kept.request_id, changes=(change,))
        for under_way in (kept.request_id, *changed):
            services.requests.withdraw(under_way)
        created = services.library.request_again(user, item, changes=wanted)
        changed.append(created.request_id)
        assert _composed(services, instance, created, clip)
        return _music(services, created)

    changed: list[UUID] = []
    queue.plan(fal.JobPlan(file_body=wav(30.0, 101.0)))
    composed = with_other_music(ChangeMusic())
    was = _music(services, kept)
    assert len(queue.jobs) == 2
    assert f"Tempo: {round(was.grid.bpm)} BPM" in queue.jobs[1].arguments["prompt"]
    assert composed.sha256 != was.sha256
    assert (composed.composer, composed.kept_from) == ("fal", "")

    own = with_other_music(ChangeMusic(url=song.as_uri()))
    assert len(queue.jobs) == 2
    assert own.composer == "user"
    assert own.sha256 not in (was.sha256, composed.sha256)
    services.close()


@pytest.mark.parametrize("other", [{"music_url": "https://x/m.mp3"}, {"target_bpm": 100}])
def test_kept_music_is_no_other_music(other: dict[str, object]) -> None:
    from montage_pipeline.requests.options import contradictions

    wishes = MontageOptions.model_validate({"keep_music": True} | other)
    [found] = contradictions(["https://x/a.mp4"], wishes)
    assert found.code == "keep_music_contradicted"


@pytest.mark.parametrize(
    ("fault", "is_of_the_moment"),
    [
        pytest.param((0.3, time.sleep, 60), True, id="a busy machine"),
        pytest.param(
            (60, json.loads, "not JSON"), True, id="a fault of ours", marks=pytest.mark.slow
        ),
        pytest.param(None, False, id="the clip's own"),
    ],
)
def test_what_was_left_out_by_a_fault_of_the_moment_is_looked_at_again(
    services: Services,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: tuple[float, Callable[[Any], Any], Any] | None,
    is_of_the_moment: bool,
) -> None:
    """An analysis is used again with what it left out, unless another look may well take that."""
    other = tmp_path / "other.mp4"
    if is_of_the_moment:
        make_clip(other, "mandelbrot=size=192x144:rate=10", 4)
    else:
        make_clip(other, "testsrc2=size=192x144:rate=10", 5)  # the same footage again
    urls = (clip.as_uri(), other.as_uri())
    look: Any = Workers.look
    looked_at: list[str] = []
    faults = [fault]

    def disturbed(workers: Workers, url: str, max_s: float, function: Any, *args: Any) -> Any:
        looked_at.append(url)
        if faults[0] is not None and url == other.as_uri():
            return look(workers, url, *faults[0])
        return look(workers, url, max_s, function, *args)

    monkeypatch.setattr(Workers, "look", disturbed)
    first, again = (click(services.library, user, *urls) for _ in range(2))
    assert _made(services, instance, first, *ANALYSIS)
    assert [clip.url for clip in _analysis(services, first).rejected_clips] == [other.as_uri()]

    faults[0] = None
    looked_at.clear()
    assert _made(services, instance, again, *ANALYSIS)
    assert bool(looked_at) is is_of_the_moment
    assert len(_analysis(services, again).clips) == (2 if is_of_the_moment else 1)
