"""What the user wished for reaches the assets: clips left out, own music, tempo, hook, caption."""

from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.composition import Services
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import CreatedRequest
from montage_pipeline.storage.keys import document_key
from montage_pipeline.vocabulary import Format, Step
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    error_of,
    item_of,
    make_clip,
    run_montage,
    store_analysis,
)

NOWHERE = "http://127.0.0.1:9/never-asked-for.mp4"
PLANNING = (Step.CLIP_ANALYSIS, Step.MUSIC_TRACK, Step.EDIT_TIMELINE)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips that move, and sixteen seconds of music at 120 BPM."""
    made = tmp_path_factory.mktemp("wishes")
    make_clip(made / "one.mp4", "testsrc2=size=192x144:rate=10", 6)
    make_clip(made / "two.mp4", "mandelbrot=size=192x144:rate=10", 6)
    kick = "0.6*sin(2*PI*60*t)*exp(-16*mod(t,0.5))+0.2*(random(0)-0.5)*exp(-120*mod(t,0.5))"
    snare_and_hat = (
        "0.4*(random(1)-0.5)*exp(-22*mod(t+0.5,1))+0.08*(random(2)-0.5)*exp(-90*mod(t,0.25))"
    )
    beat = f"{kick}+{snare_and_hat}"
    run_ffmpeg(["-f", "lavfi", "-i", f"aevalsrc='{beat}':s=44100:d=16", str(made / "song.mp3")])
    return made


def wish(library: ContentLibrary, user: UUID, urls: list[str], **wishes: object) -> CreatedRequest:
    return click(library, user, *urls, format=Format.SQUARE, options=wishes)


def run(
    services: Services, instance: dg.DagsterInstance, created: CreatedRequest, *assets: str
) -> bool:
    return run_montage(services, instance, add_partition(instance, created), *assets).success


def music_of(services: Services, created: CreatedRequest) -> MusicTrack:
    return MusicTrack.model_validate_json(
        services.store.get_bytes(document_key(created.request_id, "music_track"))
    )


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(PLANNING, id="edit"),
        pytest.param((), id="finished reel", marks=pytest.mark.slow),
    ],
)
def test_every_wish_is_granted(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    folder: Path,
    steps: tuple[Step, ...],
) -> None:
    """In the edit, which is rendered as it is; and in a Reel made from beginning to end."""
    one, two = ((folder / name).as_uri() for name in ("one.mp4", "two.mp4"))
    wishes = {
        "hook_clip": two,
        "must_use": [one],
        "exclude": [NOWHERE],
        "music_url": (folder / "song.mp3").as_uri(),
        "captions": "Ciao 🌊",
        "look": "asShot",
    }
    created = wish(library, user, [one, NOWHERE, two], **wishes)
    assert run(services, instance, created, *steps), error_of(library, user, created)
    timeline = Timeline.model_validate_json(
        services.store.get_bytes(document_key(created.request_id, "edit_timeline"))
    )
    assert [segment.caption for segment in timeline.segments] == ["Ciao 🌊"] + [""] * (
        len(timeline.segments) - 1
    )
    assert timeline.segments[0].clip_url == two
    assert all(segment.grade is None for segment in timeline.segments)
    assert one in {segment.clip_url for segment in timeline.segments}
    notes = {part.name: part for part in timeline.originality.parts}
    assert notes["music made for this Reel"].score < 1
    assert "Composed" not in notes["music made for this Reel"].note
    item = item_of(library, user, created)
    if not steps:
        assert item.music_url is not None
    assert not any("never-asked-for" in warning for warning in item.warnings)


def test_own_music_costs_nothing_and_keeps_its_beats(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    folder: Path,
    clip: Path,
) -> None:
    created = wish(
        library,
        user,
        [clip.as_uri()],
        music_url=(folder / "song.mp3").as_uri(),
        target_bpm=120,
    )
    store_analysis(services, created, clip)
    assert run(services, instance, created, "music_track")
    track = music_of(services, created)
    assert (track.composer, track.content_type) == ("user", "audio/flac")
    away_s = [abs((beat + 0.25) % 0.5 - 0.25) for beat in track.grid.beats_s]
    assert len(away_s) >= 14
    assert max(away_s) < 0.05, "beats are where the low tones begin"
    assert services.ledger.entries(created.request_id) == []


def test_the_tempo_asked_for_is_composed(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
) -> None:
    created = wish(library, user, [clip.as_uri()], target_bpm=84, prompt="the dog, no faces")
    assert run(services, instance, created, "clip_analysis", "music_track")
    assert music_of(services, created).grid.bpm == pytest.approx(84, rel=0.08)

    # Measuring cannot go by words: that is said, not left out in silence.
    analysis = ClipAnalysis.model_validate_json(
        services.store.get_bytes(document_key(created.request_id, "clip_analysis"))
    )
    assert any("Nobody went by the prompt" in warning for warning in analysis.warnings)


def test_wishes_that_cannot_be_granted_fail_before_anything_else(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    folder: Path,
    tmp_path: Path,
) -> None:
    clip, short, notes = (
        (folder / "one.mp4").as_uri(),
        tmp_path / "short.wav",
        tmp_path / "notes.mp4",
    )
    run_ffmpeg(["-f", "lavfi", "-i", "sine=d=5", str(short)])
    notes.write_text("<html>" * 100)
    for urls, wishes, code, told in (
        ([NOWHERE], {"music_url": short.as_uri()}, "music_too_short", "3.0 s of music are missing"),
        ([NOWHERE], {"music_url": (tmp_path / "none.mp3").as_uri()}, "music_not_found", "none.mp3"),
        ([NOWHERE], {"captions": "ᚠ"}, "caption_unsupported", "U+16A0"),
        (
            [clip, notes.as_uri()],
            {"must_use": [notes.as_uri()]},
            "wished_clip_unusable",
            "notes.mp4 was to appear",
        ),
    ):
        created = wish(library, user, urls, **wishes)
        assert not run(services, instance, created)
        error = error_of(library, user, created)
        assert (error["code"], error["step"], error["attempts"]) == (code, "clip_analysis", 1)
        assert told in str(error["message"])
