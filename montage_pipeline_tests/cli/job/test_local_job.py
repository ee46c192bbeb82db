"""What a person orders at this machine, and what is refused before anything is started."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from montage_pipeline.cli.job.local_job import LocalJob, Progressed
from montage_pipeline.cli.job.order import LocalOrder, LocalWishes
from montage_pipeline.composition import Services
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.local.identity import LOCAL_USER_ID
from montage_pipeline.requests.model import RequestFailure
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import ContentStatus, Format, Look, RequestState, Step


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "beach day.mp4"
    path.write_bytes(b"not looked into yet")
    return path


def order(*clips: Path, **wishes: Any) -> LocalOrder:
    return LocalOrder(
        title="Summer",
        clips=clips,
        style="travel",
        format=Format.SQUARE,
        duration_s=8,
        wishes=LocalWishes(**wishes),
    )


def test_files_become_addresses(clip: Path, tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    song.write_bytes(b"")
    wishes: dict[str, Any] = {
        "hook_clip": clip,
        "must_use": (clip, clip),
        "music": str(song),
        "captions": "Ciao",
        "look": Look.AS_SHOT,
        "short_cuts": True,
        "prompt": " the dog,\n no faces",
    }
    item = order(clip, **wishes).as_item()
    assert item.options.prompt == "the dog, no faces"
    url = clip.as_uri()
    assert " " not in url
    assert (item.clip_urls, item.options.hook_clip, item.options.must_use) == ((url,), url, (url,))
    assert item.options.music_url == song.as_uri()
    assert item.options.look is Look.AS_SHOT
    assert item.options.short_cuts
    remote = order(clip, music="https://example.com/song.mp3").as_item()
    assert remote.options.music_url == "https://example.com/song.mp3"


def test_several_edits_are_planned_before_one_is_rendered_as_ordered(clip: Path) -> None:
    ordered = order(clip, keep_music=True).model_copy(
        update={"formats": (Format.REEL,), "preview": True}
    )
    at_once = ordered.as_item().options
    assert (at_once.preview, at_once.formats, at_once.keep_music) == (True, (Format.REEL,), True)
    assert (at_once.variants, at_once.plan_only) == (1, False)

    planned = ordered.model_copy(update={"variants": 3}).as_item().options
    assert (planned.variants, planned.plan_only, planned.keep_music) == (3, True, True)
    assert (planned.preview, planned.formats) == (False, ())


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ({"music": "/nowhere/song.mp3"}, ErrorCode.NO_SUCH_MUSIC),
        ({"captions": "  "}, ErrorCode.CAPTION_EMPTY),
        ({"prompt": " \n "}, ErrorCode.PROMPT_EMPTY),
        ({"prompt": "x" * 301}, ErrorCode.PROMPT_TOO_LONG),
        ({"captions": "x" * 1000}, ErrorCode.CAPTION_TOO_LONG),
        ({"captions": "ᚠ"}, ErrorCode.CAPTION_UNSUPPORTED),
        ({"hook_clip": Path("/nowhere/other.mp4")}, ErrorCode.HOOK_CLIP_UNKNOWN),
    ],
)
def test_what_cannot_work_is_refused(clip: Path, wishes: dict[str, Any], code: ErrorCode) -> None:
    with pytest.raises(PermanentError) as refused:
        order(clip, **wishes).as_item()
    assert refused.value.code is code


def test_contradictions_name_options_as_they_are_typed(clip: Path) -> None:
    with pytest.raises(PermanentError) as refused:
        order(clip, hook_clip=clip, must_use=(clip,), exclude=(clip,)).as_item()
    for said in ("is both --hook-clip and excluded", "is both in --must-use and excluded"):
        assert said in refused.value.message
    assert "hook_clip" not in refused.value.message
    assert "hookClip" not in refused.value.message


def test_every_missing_clip_is_named(clip: Path) -> None:
    with pytest.raises(
        PermanentError, match=r"no file /nowhere/a\.mp4\. .*no file /nowhere/b\.mp4\."
    ) as refused:
        order(Path("/nowhere/a.mp4"), clip, Path("/nowhere/b.mp4")).as_item()
    assert refused.value.code is ErrorCode.NO_SUCH_CLIP
    with pytest.raises(ValidationError):
        order().as_item()


def test_a_failed_request_is_watched_and_reported(settings: Settings, clip: Path) -> None:
    services = Services(settings)
    job = LocalJob(services)
    created = job.submit(order(clip).as_item())
    assert services.requests.start(created.request_id, "run")
    assert services.requests.progress(
        created.request_id, "run", Step.CLIP_ANALYSIS, 7, "a.mp4 (1 of 2)"
    )
    seen: list[Progressed] = []

    def fail_when_seen(now: Progressed) -> None:
        seen.append(now)
        failure = RequestFailure(
            code=ErrorCode.NO_USABLE_CLIPS, message="None.", step=now.step, attempts=1, run_id="run"
        )
        services.requests.fail(created.request_id, failure)

    item = job.watch(created, fail_when_seen)
    outcome = job.collect(created, item)
    services.close()
    assert seen[0] == (Step.CLIP_ANALYSIS, 7, "a.mp4 (1 of 2)")
    assert item.user_id == LOCAL_USER_ID
    assert (outcome.status, outcome.run_id, outcome.costs) == (ContentStatus.FAILED, "run", ())
    assert outcome.error is not None
    assert outcome.error["code"] == "no_usable_clips"
    assert outcome.video is None
    request = services.requests.get_request(created.request_id)
    assert request is not None
    assert request.state is RequestState.FAILED
    services.close()
