"""Sound counts where it is, and talk is told from noise."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.measuring.sound import Sound
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.spans import Span
from montage_pipeline_tests.footage.media import H264, indexed
from montage_pipeline_tests.rendering.audio.sounds import RATE, coloured_noise, voice

pytestmark = pytest.mark.usefixtures("bare_footage")


def with_sound(path: Path, sound: list[str], seconds: int) -> Path:
    """A clip with a sound; `sound` are FFmpeg's words for the input."""
    card = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=15"]
    run_ffmpeg(["-y", *card, *sound, "-t", str(seconds), *H264, "-c:a", "aac", str(path)])
    return path


def test_sound_counts_where_it_is(tmp_path: Path) -> None:
    tone = "sine=f=700:r=44100,volume='if(gt(t,2),0.9,0)':eval=frame"
    path = with_sound(tmp_path / "tone.mp4", ["-f", "lavfi", "-i", tone], 4)
    measures = measure(indexed(path))
    assert measures.between(Span(0, 1.7)).loud < 0.1
    assert measures.between(Span(2.3, 4)).loud > 0.9
    assert measures.between(Span(2.3, 4)).speech < 0.1


def test_talk_is_told_from_noise_and_tones(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(6 * RATE) / RATE) * 0.3
    sounds = {"talk": voice(6.0, 0.15), "noise": coloured_noise(6.0, 1) * 0.1, "tone": tone}
    shares = {}
    for name, sound in sounds.items():
        wav = tmp_path / f"{name}.wav"
        wavfile.write(wav, RATE, np.asarray(sound, dtype=np.float32))
        path = with_sound(tmp_path / f"{name}.mp4", ["-i", str(wav)], 6)
        shares[name] = measure(indexed(path)).between(Span(0, 6)).speech
    assert shares["talk"] > 0.25, shares
    assert max(shares["noise"], shares["tone"]) < 0.02, shares


def test_a_phrase_goes_on_over_a_short_stop_and_ends_at_a_pause() -> None:
    times_s = np.asarray((np.arange(200) + 0.5) * 0.032, dtype=np.float64)
    said = np.zeros(200)
    for first, last in ((10, 40), (44, 70), (95, 120), (150, 151)):
        said[first:last] = 0.9
    sound = Sound(times_s, np.full(200, -20.0), said)
    # 4 blocks of silence are a stop, 25 a pause; one block is a click.
    ends = [(span.start_s / 0.032, span.end_s / 0.032) for span in sound.phrases()]
    assert np.allclose(ends, [(10, 70), (95, 120)])
