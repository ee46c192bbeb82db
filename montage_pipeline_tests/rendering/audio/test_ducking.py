"""The music makes room for what a listener wants to hear, and for nothing else."""

import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.rendering.audio.ducking import duck_gain
from montage_pipeline_tests.rendering.audio.sounds import (
    RATE,
    Sound,
    claps,
    coloured_noise,
    gusts,
    hum,
    seconds,
    stereo,
    voice,
)

_NOISE_S = 4.0


def _dip_db(sound: Sound, bounds: list[int] | None = None) -> NDArray[np.float64]:
    clips = stereo(sound)
    gain = duck_gain(clips, bounds or [0, len(clips)], -9.0)
    assert gain.shape == (len(clips),)
    return 20 * np.log10(gain.astype(np.float64))


@pytest.mark.parametrize(
    ("name", "noise"),
    [
        ("white noise", 0.1 * coloured_noise(_NOISE_S, 0)),
        ("wind", 0.15 * coloured_noise(_NOISE_S, 2) * gusts(_NOISE_S, 0.8)),
        ("gusts", 0.15 * coloured_noise(_NOISE_S, 1.5) * gusts(_NOISE_S, 0.3)),
        (
            "a car that passes",
            0.2 * coloured_noise(_NOISE_S, 1.2) * np.exp(-(((seconds(_NOISE_S) - 2) / 0.6) ** 2)),
        ),
        ("traffic hum", 0.1 * hum(_NOISE_S) + 0.05 * coloured_noise(_NOISE_S, 1)),
        ("an engine", 0.1 * hum(_NOISE_S, 120.0)),
        ("a tone", 0.1 * np.sin(2 * np.pi * 2000 * seconds(_NOISE_S))),
        ("faint speech", voice(_NOISE_S, 0.001)),
    ],
)
def test_noise_does_not_duck(name: str, noise: Sound) -> None:
    assert _dip_db(noise).min() > -0.5, name


@pytest.mark.parametrize("noise", [0.0, 0.02], ids=["clean", "in traffic"])
def test_speech_ducks_while_it_lasts(noise: float) -> None:
    sound = noise * coloured_noise(9.0, 1)
    begin, end = 3 * RATE, 6 * RATE
    sound[begin:end] += voice(3.0, 0.15)
    dip = _dip_db(sound)
    assert dip[: begin - RATE].min() > -0.5
    assert np.median(dip[begin + RATE // 2 : end - RATE // 2]) == pytest.approx(-9.0, abs=0.3)
    assert dip[begin + RATE // 2 : end - RATE // 2].max() < -7  # no pumping between words
    assert dip[end + RATE :].min() > -0.5


def test_sudden_loud_moments_duck_and_the_noise_around_does_not() -> None:
    dip = _dip_db(0.02 * coloured_noise(6.0, 1) + claps(6.0, (3.0,)))
    assert dip[round(2.99 * RATE)] < -6  # it gives way before the clap
    assert dip[round(3.2 * RATE)] < -8.5
    assert dip[: 2 * RATE].min() > -0.5
    assert dip[round(4.7 * RATE) :].min() > -0.5


def test_a_cut_from_silence_to_noise_is_not_a_sudden_sound() -> None:
    noise = 0.1 * coloured_noise(2.0, 1)
    sound = np.concatenate([np.zeros(2 * RATE), noise, np.zeros(2 * RATE)])
    assert _dip_db(sound, [0, 2 * RATE, 4 * RATE, 6 * RATE]).min() > -0.5


def test_speech_on_one_side_or_in_opposite_phase_is_heard() -> None:
    sound = voice(4.0, 0.15)
    for sides in ((1.0, 0.0), (0.0, 1.0), (1.0, -1.0)):
        clips = (sound[:, None] * np.array(sides)).astype(np.float32)
        gain = duck_gain(clips, [0, len(clips)], -9.0)
        assert 20 * np.log10(np.median(gain)) < -8, sides


def test_ramps_are_soft_and_short_sounds_are_no_trouble() -> None:
    dip = _dip_db(np.concatenate([np.zeros(RATE), voice(2.0, 0.15), np.zeros(RATE)]))
    assert np.abs(np.diff(dip)).max() * RATE < 60  # dB per second
    for count in (1, 479, 481, 1_000):
        assert np.isfinite(_dip_db(0.1 * coloured_noise(1.0, 0)[:count])).all()
