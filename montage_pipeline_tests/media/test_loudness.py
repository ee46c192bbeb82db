"""Loudness of sounds whose loudness is known."""

from pathlib import Path

import pytest

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.media.loudness import SILENCE_LUFS, measure_loudness
from montage_pipeline_tests.footage.media import make_clip


def sound(path: Path, source: str) -> Path:
    run_ffmpeg(["-y", "-f", "lavfi", "-i", source, "-t", "5", str(path)])
    return path


def test_a_tone_at_full_scale_is_as_loud_as_defined(tmp_path: Path) -> None:
    tone = "sine=f=1000:r=48000,volume=18.06dB,pan=stereo|c0=c0|c1=c0"
    loudness = measure_loudness(sound(tmp_path / "tone.wav", tone))
    # A 1 kHz sine at full scale in both channels is 0 LUFS by definition (BS.1770: -3.01 for a
    # single channel).
    assert loudness.integrated_lufs == pytest.approx(0.0, abs=0.3)
    assert loudness.true_peak_dbtp == pytest.approx(0.0, abs=0.3)


def test_silence_has_a_loudness(tmp_path: Path) -> None:
    silence = sound(tmp_path / "none.wav", "anullsrc=r=48000:cl=stereo")
    assert measure_loudness(silence).integrated_lufs == SILENCE_LUFS


def test_a_clip_without_sound_has_none(tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as caught:
        measure_loudness(make_clip(tmp_path / "mute.mp4", duration_s=0.2))
    assert caught.value.code == ErrorCode.NO_AUDIO
