"""The user's own music: fetched as safely as clips, long enough, and cut to its own beats."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import numpy as np
import pytest

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.fetching.fetch import ClipFetcher
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.music.composer import MusicBrief
from montage_pipeline.music.own_music import OwnMusic
from montage_pipeline.settings import Settings
from montage_pipeline_tests.music.pieces import samples_of

BPM, LENGTH_S = 100, 16


@pytest.fixture(scope="module")
def drums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV with a kick on every beat, snares and hats between."""
    rate = 44_100
    time_s = np.arange(LENGTH_S * rate) / rate
    beat_s = 60 / BPM
    rng = np.random.default_rng(1)
    kick = np.sin(2 * np.pi * 60 * time_s) * np.exp(-18 * (time_s % beat_s))
    snare = rng.normal(size=len(time_s)) * np.exp(-22 * ((time_s - beat_s) % (2 * beat_s)))
    hat = rng.normal(size=len(time_s)) * np.exp(-90 * (time_s % (beat_s / 2)))
    sound = np.clip(0.7 * kick + 0.2 * snare + 0.08 * hat, -1, 1)
    path = tmp_path_factory.mktemp("music") / "drums.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(
            (sound * 32000).astype("<i2").reshape(1, -1), format="s16", layout="mono"
        )
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def own_music(
    path: Path, tmp_path: Path, expected_bpm: int | None = None, **limits: Any
) -> OwnMusic:
    fetcher = ClipFetcher(Settings(local_files=True, **limits), None, tmp_path / "cache")
    return OwnMusic(fetcher, path.as_uri(), expected_bpm)


def brief(duration_s: float) -> MusicBrief:
    return MusicBrief(
        request_id=str(uuid4()),
        user_id=uuid4(),
        mood="calm",
        style="travel",
        prompt="x",
        bpm=120,
        duration_s=duration_s,
        seed=1,
    )


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("song.wav", []),
        ("song.mp3", ["-c:a", "libmp3lame", "-id3v2_version", "3"]),
        ("song.m4a", ["-c:a", "aac"]),
        pytest.param("song.ogg", ["-c:a", "libvorbis"], marks=pytest.mark.slow),
        pytest.param("song.aac", ["-c:a", "aac"], marks=pytest.mark.slow),
        pytest.param("song.aiff", [], marks=pytest.mark.slow),
        ("song.wma", ["-c:a", "wmav2"]),
        pytest.param("song.webm", ["-c:a", "libopus"], marks=pytest.mark.slow),
    ],
)
def test_music_of_any_kind_becomes_a_track_with_its_beats(
    name: str, encoding: list[str], drums: Path, tmp_path: Path
) -> None:
    path = tmp_path / name
    run_ffmpeg(["-i", str(drums), "-metadata", "title=Secret", *encoding, str(path)])
    out = tmp_path / "out"
    out.mkdir()
    composed = own_music(path, tmp_path, BPM).compose(brief(12), out)
    asked_of = composed.model, composed.prompt, composed.provider_request_id
    assert (composed.composer, *asked_of) == ("user", "", "", None)
    assert composed.warnings == ()
    assert composed.duration_s == pytest.approx(LENGTH_S, abs=0.1)
    assert composed.grid.source == "tracked"
    assert composed.grid.bpm == pytest.approx(BPM, rel=0.02)
    with av.open(str(composed.path)) as container:
        assert len(container.streams) == 1
        [stream] = container.streams.audio
        codec = stream.codec_context
        assert (codec.name, codec.sample_rate, codec.channels) == ("flac", 48_000, 2)
        assert "Secret" not in str(container.metadata)
    sound = samples_of(composed.path)[:, 0]
    # The beats of the grid are where the kicks of the stored file are, whatever delay the codec
    # adds.
    envelope = np.abs(sound[: len(sound) // 480 * 480]).reshape(-1, 480).max(axis=1)
    on, between = (
        np.mean([envelope[int((beat + shift) * 100)] for beat in composed.grid.beats_s[2:-3]])
        for shift in (0.03, 0.45)
    )
    assert on > 2 * between


def test_an_unexpected_tempo_is_a_warning(drums: Path, tmp_path: Path) -> None:
    warnings = own_music(drums, tmp_path, 130).compose(brief(10), tmp_path).warnings
    assert len(warnings) == 1
    assert "130 BPM" in warnings[0]


def test_too_short_says_how_much_is_missing(drums: Path, tmp_path: Path) -> None:
    with pytest.raises(
        PermanentError, match=r"16\.0 s long, the Reel 30 s: 14\.0 s of music are missing"
    ) as caught:
        own_music(drums, tmp_path).require(30.0)
    assert caught.value.code is ErrorCode.MUSIC_TOO_SHORT
    assert caught.value.details["missing_s"] == pytest.approx(14, abs=0.05)
    assert own_music(drums, tmp_path).require(LENGTH_S) == pytest.approx(LENGTH_S, abs=0.01)
    with pytest.raises(PermanentError) as caught:
        own_music(drums, tmp_path).compose(brief(30), tmp_path)
    assert caught.value.code is ErrorCode.MUSIC_TOO_SHORT


def _with_silence(music: Path, path: Path, before_s: float, after_s: float) -> Path:
    pad = f"adelay={before_s * 1000:.0f}:all=1,apad=pad_dur={after_s}"
    run_ffmpeg(["-i", str(music), "-af", pad, str(path)])
    return path


def test_silence_before_the_music_has_no_beats_and_does_not_count(
    drums: Path, tmp_path: Path
) -> None:
    late = _with_silence(drums, tmp_path / "late.mp3", 20, 4)
    composed = own_music(late, tmp_path, BPM).compose(brief(12), tmp_path)
    assert composed.duration_s == pytest.approx(20 + LENGTH_S + 4, abs=0.1)
    assert composed.grid.source == "tracked"
    assert composed.grid.bpm == pytest.approx(BPM, rel=0.02)
    assert composed.grid.beats_s[0] == pytest.approx(20, abs=0.1)
    assert composed.grid.beats_s[-1] < 20 + LENGTH_S + 0.1
    with pytest.raises(PermanentError, match=r"40\.\d s long and 24\.\d s of it silent") as caught:
        own_music(late, tmp_path).require(30.0)
    assert caught.value.code is ErrorCode.MUSIC_TOO_SHORT
    assert caught.value.details["missing_s"] == pytest.approx(30 - LENGTH_S, abs=0.2)


@pytest.mark.parametrize(
    ("sound", "faint"),
    [
        ("anullsrc=r=44100:cl=stereo:d=20", "digital silence"),
        ("anoisesrc=d=20:amplitude=0.0005", "hiss"),
        ("anoisesrc=d=20:amplitude=0.006", "hiss that is heard on headphones"),
        ("aevalsrc=0.3:d=20", "a constant voltage"),
    ],
)
def test_a_file_without_music_is_refused_by_its_own_code(
    sound: str, faint: str, tmp_path: Path
) -> None:
    path = tmp_path / "quiet.flac"
    run_ffmpeg(["-f", "lavfi", "-i", sound, str(path)])
    with pytest.raises(PermanentError, match=r"quiet\.flac is silent") as caught:
        own_music(path, tmp_path).require(10.0)
    assert caught.value.code is ErrorCode.MUSIC_SILENT, faint


def test_what_will_not_do_is_refused_by_name(drums: Path, tmp_path: Path) -> None:
    long, silent, page = tmp_path / "long.flac", tmp_path / "silent.mp4", tmp_path / "page.mp3"
    run_ffmpeg(["-f", "lavfi", "-i", "anullsrc=r=8000:d=960", str(long)])
    frames = "testsrc2=size=64x64:rate=5:duration=20"
    run_ffmpeg(["-f", "lavfi", "-i", frames, "-pix_fmt", "yuv420p", str(silent)])
    page.write_text("<!DOCTYPE html><html>sign in</html>")
    damaged = tmp_path / "damaged.mp3"
    damaged.write_bytes(b"ID3\x03\x00\x00\x00\x00\x00\x00" + bytes(5000))
    missing = tmp_path / "none.mp3"
    for path, code, message in (
        (long, ErrorCode.MUSIC_TOO_LONG, "16 minutes"),
        (silent, ErrorCode.MUSIC_NOT_AUDIO, "no sound"),
        (page, ErrorCode.MUSIC_NOT_AUDIO, "a web page"),
        (damaged, ErrorCode.MUSIC_NOT_AUDIO, "damaged.mp3"),
        (missing, ErrorCode.MUSIC_NOT_FOUND, "none.mp3"),
    ):
        with pytest.raises(PermanentError, match=message) as caught:
            own_music(path, tmp_path).require(10.0)
        assert caught.value.code is code, path
        # A person knows the file by its name, not by where a copy of it is read.
        assert str(tmp_path / "cache") not in caught.value.message
        assert "Errno" not in caught.value.message
    with pytest.raises(PermanentError, match="the limit for music") as caught:
        own_music(drums, tmp_path, max_music_bytes=1000).require(10.0)
    assert caught.value.code is ErrorCode.MUSIC_TOO_LARGE


def test_local_files_are_not_for_everybody(drums: Path, tmp_path: Path) -> None:
    with pytest.raises(MontageError) as caught:
        OwnMusic(ClipFetcher(Settings(), None, tmp_path), drums.as_uri()).require(10.0)
    assert caught.value.code is ErrorCode.MUSIC_BAD_URL
