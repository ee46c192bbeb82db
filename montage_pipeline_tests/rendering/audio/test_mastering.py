"""The finished sound: as loud as it should be, under the peak limit, and honest where both cannot
be had.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.typing import EventDict

from montage_pipeline.media.loudness import Loudness, measure_loudness
from montage_pipeline.rendering.audio import master
from montage_pipeline.rendering.audio.aac import encode_aac
from montage_pipeline.rendering.audio.levels import (
    integrated_lufs,
    peak_decibels,
    step_peaks,
    true_peak_dbtp,
    weighted_powers,
)
from montage_pipeline.rendering.audio.limiter import (
    Aim,
    drive_for,
    limited,
    limiter_gain,
    no_spots,
)
from montage_pipeline.rendering.audio.master import loudness_verdict, mastered_sound
from montage_pipeline.rendering.audio.reading import read_whole_sound
from montage_pipeline.rendering.model import LoudnessVerdict
from montage_pipeline_tests.rendering.audio.sounds import (
    RATE,
    claps,
    coloured_noise,
    faded,
    hum,
    seconds,
    stereo,
    voice,
)
from montage_pipeline_tests.rendering.edits import music_of

_TARGET, _LIMIT = -14.0, -1.0


def _tone(hertz: float, duration_s: float, level: float) -> NDArray[np.float64]:
    return faded(level * np.sin(2 * np.pi * hertz * seconds(duration_s) + 0.3))


def _music(duration_s: float, level: float) -> NDArray[np.float64]:
    time_s = seconds(duration_s)
    chord = sum(np.sin(2 * np.pi * hertz * time_s) for hertz in (110, 220, 277.2, 329.6)) / 4
    beat = 10 ** (-0.4 * (time_s % 0.5) / 0.05)
    return level * (chord * (0.3 + 0.7 * beat**0.2) + 0.5 * coloured_noise(duration_s, 0.5) * beat)


def _write(path: Path, sound: NDArray[np.float32]) -> Path:
    """A 32-bit float WAV."""
    import soundfile

    soundfile.write(path, sound, RATE, subtype="FLOAT")
    return path


SOUNDS = {
    "white noise": stereo(faded(0.1 * coloured_noise(6, 0))),
    "two noises": np.stack(
        [faded(0.1 * coloured_noise(6, 1, 5)), faded(0.2 * coloured_noise(6, 0, 6))], axis=1
    ).astype(np.float32),
    "40 Hz": stereo(_tone(40, 6, 0.8)),
    "997 Hz, then silence": stereo(np.concatenate([_tone(997, 3, 0.2), np.zeros(3 * RATE)])),
    "15 kHz": stereo(_tone(15_000, 4, 0.4)),
    "12 kHz between the samples": stereo(
        faded(0.9 * np.sin(2 * np.pi * 12_000 * seconds(4) + np.pi / 4))
    ),
    "clipped": stereo(faded(np.clip(4 * hum(4, 300), -1, 1))),
    "voice": stereo(voice(6, 0.1)),
    "claps": stereo(claps(6, (0.5, 1.7, 3.2, 5.0))),
    "left only": np.stack([_tone(440, 4, 0.3), np.zeros(4 * RATE)], axis=1).astype(np.float32),
    "an odd length": stereo(faded(0.1 * coloured_noise(0.9, 1)))[:43_211],
    "faint": stereo(voice(6, 0.0004)),
}

_RARE = ("two noises", "40 Hz", "15 kHz", "left only", "white noise", "faint")
_EACH = [pytest.param(name, marks=pytest.mark.slow) if name in _RARE else name for name in SOUNDS]


@pytest.mark.parametrize("name", _EACH)
def test_figures_agree_with_ffmpeg(name: str, tmp_path: Path) -> None:
    sound = SOUNDS[name]
    theirs = measure_loudness(_write(tmp_path / "sound.wav", sound))
    rounding = 0.051  # FFmpeg prints tenths
    assert integrated_lufs(weighted_powers(sound)) == pytest.approx(
        theirs.integrated_lufs, abs=0.05 + rounding
    )
    assert true_peak_dbtp(sound) == pytest.approx(theirs.true_peak_dbtp, abs=0.1 + rounding)


def test_silence_and_blinks_have_no_loudness() -> None:
    for count in (0, 1, 10_000):
        sound = np.zeros((count, 2), np.float32)
        assert integrated_lufs(weighted_powers(sound)) == -70
        assert true_peak_dbtp(sound) == -70


@pytest.mark.parametrize("name", _EACH)
def test_limiter_holds_the_true_peak(name: str) -> None:
    sound = SOUNDS[name]
    peaks = step_peaks(sound, 0.0)
    raised = limited(sound, peaks, 12.0, -2.0, no_spots(peaks))
    assert raised.shape == sound.shape
    assert true_peak_dbtp(raised) <= -1.9


def test_the_limiter_gives_way_before_a_peak_without_a_step() -> None:
    peaks_dbtp = np.full(400, -20.0)
    peaks_dbtp[200] = 5.0
    gain = limiter_gain(peaks_dbtp, 0.0, -1.0, np.zeros(400))
    assert gain[200:202].max() <= 10 ** (-6 / 20) + 1e-9
    assert gain[150] == pytest.approx(1)
    # Half of the way in a third of the lookahead: faster is heard as a click.
    assert np.abs(np.diff(gain)).max() < 0.1


@pytest.mark.parametrize("name", ["claps", "40 Hz", "voice"])
def test_the_limiter_takes_off_no_more_than_leaves_the_mix_as_it_is(name: str) -> None:
    """By the levels alone: what is asked for is far beyond what can be had."""
    sound = SOUNDS[name]
    powers, peaks = weighted_powers(sound), step_peaks(sound, 0.0)
    drive = drive_for(powers, peaks, Aim(-3.0, -2.0), 60.0, no_spots(peaks))
    edges = limiter_gain(peak_decibels(peaks), drive.gain_db, -2.0, no_spots(peaks))
    reduction = (edges[:-1] + edges[1:]) / 2
    heard = powers * reduction**2
    taken_db = -20 * float(np.log10(reduction) @ heard) / float(heard.sum())
    assert drive.at_limit
    assert 6 < taken_db <= 12.1


@pytest.mark.parametrize(
    ("mix", "verdict"),
    [
        pytest.param(stereo(_music(10, 0.01)), "on_target", id="quiet music"),
        pytest.param(stereo(_music(10, 0.9)), "on_target", id="loud music"),
        pytest.param(
            stereo(_music(7, 0.2)), "on_target", id="seven seconds", marks=pytest.mark.slow
        ),
        pytest.param(stereo(voice(10, 0.05)), "on_target", id="voice", marks=pytest.mark.slow),
        pytest.param(
            stereo(0.1 * coloured_noise(8, 0)),
            "on_target",
            id="white noise",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            stereo(0.1 * coloured_noise(8, 1)), "on_target", id="pink noise", marks=pytest.mark.slow
        ),
        pytest.param(stereo(_tone(40, 8, 0.8)), "on_target", id="40 Hz"),
        pytest.param(
            stereo(np.sign(_music(8, 0.5)) * 0.99),
            "on_target",
            id="clipped to squares",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            stereo(np.clip(4 * _music(8, 0.5), -1, 1)),
            "on_target",
            id="clipped",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            stereo(_music(8, 0.3)) * np.array([1, -1], np.float32), "on_target", id="opposite phase"
        ),
        pytest.param(
            stereo((np.arange(8 * RATE) % RATE == 2_000) * 0.9),
            "peak_limited",
            id="a click a second",
        ),
        pytest.param(
            stereo(claps(8, (1.0, 3.0, 5.0, 7.0))),
            "peak_limited",
            id="claps in silence",
            marks=pytest.mark.slow,
        ),
        pytest.param(stereo(_tone(12, 8, 0.8)), "peak_limited", id="below hearing"),
        pytest.param(stereo(_music(8, 0.0003)), "silent", id="nothing to hear"),
        pytest.param(np.zeros((7 * RATE, 2), np.float32), "silent", id="silence"),
    ],
)
def test_finished_sound(
    mix: NDArray[np.float32], verdict: LoudnessVerdict, tmp_path: Path, logged: list[EventDict]
) -> None:
    path = mastered_sound(mix, _TARGET, _LIMIT, tmp_path).path
    loudness = measure_loudness(path)
    assert loudness.true_peak_dbtp <= _LIMIT
    assert loudness_verdict(loudness, _TARGET, _LIMIT) == verdict
    if verdict == "on_target":
        assert loudness.integrated_lufs == pytest.approx(_TARGET, abs=0.5)
        assert logged == []
    else:
        assert [entry["log_level"] for entry in logged] == ["warning"]
    assert len(read_whole_sound(path)) == -(-len(mix) // 1024) * 1024
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def _hostile_mix(seed: int, duration_s: float = 0.6) -> NDArray[np.float32]:
    """Noise with clicks, bursts, squares, tones, sweeps at random, up to 12 dB over full scale."""
    rng = np.random.default_rng(seed)
    count = len(seconds(duration_s))
    sides = []
    for _ in range(2):
        level = 10 ** rng.uniform(-3, -0.5)
        side = level * coloured_noise(duration_s, rng.uniform(0, 2), int(rng.integers(2**30)))
        for _ in range(int(rng.integers(1, 9))):
            length = int(10 ** rng.uniform(0, 4))
            burst = _hostile_burst(rng, length) * 10 ** rng.uniform(-1, 0.6)
            after = side[int(rng.integers(count - 200)) :][:length]
            after += burst[: len(after)]
        sides.append(side)
    if rng.random() < 0.4:
        sides[1] = sides[0] * rng.choice([-1.0, 1.0, 0.3])
    mix = np.stack(sides, axis=1)
    return (np.clip(mix, -1, 1) if rng.random() < 0.3 else mix).astype(np.float32)


def _hostile_burst(rng: np.random.Generator, length: int) -> NDArray[np.float64]:
    time_s = np.arange(length) / RATE
    kinds = (
        lambda: np.full(length, rng.choice([-1.0, 1.0])),
        lambda: rng.normal(size=length),
        lambda: np.sign(np.sin(2 * np.pi * rng.uniform(20, 12_000) * time_s)),
        lambda: np.sin(2 * np.pi * rng.uniform(20, 20_000) * time_s + rng.uniform(0, 6)),
        lambda: rng.normal(size=length) * np.exp(-np.arange(length) / max(1, length / 6)),
        lambda: np.sin(2 * np.pi * np.cumsum(np.geomspace(20_000, 40, length)) / RATE),
    )
    return np.asarray(kinds[int(rng.integers(len(kinds)))]())


@pytest.mark.parametrize(
    "seeds", [range(10), pytest.param(range(10, 200), marks=pytest.mark.slow)], ids=str
)
def test_no_mix_fails_by_its_peaks(seeds: range, tmp_path: Path) -> None:
    for seed in seeds:
        mastered = mastered_sound(_hostile_mix(seed), _TARGET, _LIMIT, tmp_path)
        loudness = measure_loudness(mastered.path)
        verdict = loudness_verdict(loudness, _TARGET, _LIMIT, mastered.lowered_lu)
        assert loudness.true_peak_dbtp <= _LIMIT, seed
        assert verdict is not None, (seed, loudness)


def test_an_overshoot_at_one_place_lowers_that_place_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder is real; what it is given gains 4 dB in one frame, as some encoders do there."""
    mix, at = stereo(_music(6, 0.3)), 3 * RATE

    def overshooting(sound: NDArray[np.float32], output: Path, quality: int) -> None:
        sound = sound.copy()
        sound[at : at + 1024] *= np.float32(1.6)
        encode_aac(sound, output, quality)

    monkeypatch.setattr(master, "encode_aac", overshooting)
    mastered = mastered_sound(mix, _TARGET, _LIMIT, tmp_path)
    loudness = measure_loudness(mastered.path)
    assert loudness.true_peak_dbtp <= _LIMIT
    assert loudness.integrated_lufs == pytest.approx(_TARGET, abs=0.5)


def test_an_encoder_that_always_overshoots_makes_the_reel_quieter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes in, a click over the limit goes out with it, until it is far lower."""
    calls = 0

    def overshooting(sound: NDArray[np.float32], output: Path, quality: int) -> None:
        nonlocal calls
        calls += 1
        clicking = sound.copy()
        if np.abs(sound).max() > 0.3:
            clicking[calls * 9_000 % len(sound)] = 1.6
        encode_aac(clicking, output, quality)

    monkeypatch.setattr(master, "encode_aac", overshooting)
    mastered = mastered_sound(stereo(_music(3, 0.3)), _TARGET, _LIMIT, tmp_path)
    loudness = measure_loudness(mastered.path)
    assert loudness.true_peak_dbtp <= _LIMIT
    assert mastered.lowered_lu > 1
    verdict = loudness_verdict(loudness, _TARGET, _LIMIT, mastered.lowered_lu)
    assert verdict == "peak_limited"
    assert loudness_verdict(loudness, _TARGET, _LIMIT) is None


def test_the_edge_of_silence_gets_a_verdict(tmp_path: Path) -> None:
    music = stereo(_music(4, 0.1))
    at_edge_db = -50.0 - integrated_lufs(weighted_powers(music))
    for off_db in (-0.06, -0.01, 0.01, 0.06):
        path = mastered_sound(
            music * np.float32(10 ** ((at_edge_db + off_db) / 20)), _TARGET, _LIMIT, tmp_path
        ).path
        assert loudness_verdict(measure_loudness(path), _TARGET, _LIMIT) in ("silent", "on_target")


def test_noise_between_clicks_is_not_brought_up_to_the_target(tmp_path: Path) -> None:
    clicks = (np.arange(8 * RATE) % RATE == 2_000) * 0.9
    loudness = measure_loudness(
        mastered_sound(
            stereo(clicks + 0.0003 * coloured_noise(8, 0)), _TARGET, _LIMIT, tmp_path
        ).path
    )
    assert loudness.integrated_lufs < -20
    assert loudness_verdict(loudness, _TARGET, _LIMIT) == "peak_limited"


def test_verdict_knows_what_is_wrong() -> None:
    def verdict(lufs: float, peak_dbtp: float, lowered_lu: float = 0.0) -> LoudnessVerdict | None:
        loudness = Loudness(integrated_lufs=lufs, true_peak_dbtp=peak_dbtp, range_lu=3)
        return loudness_verdict(loudness, _TARGET, _LIMIT, lowered_lu)

    assert verdict(-14.4, -6) == "on_target"
    assert verdict(-14.7, -6) is None  # room above, and not used
    assert verdict(-14.7, -1.5) == "peak_limited"
    assert verdict(-13.3, -1.5) is None
    assert verdict(-49, -20) is None
    assert verdict(-51, -20) == "silent"
    assert verdict(-17.0, -4.0) is None
    assert verdict(-17.0, -4.0, lowered_lu=3.0) == "peak_limited"
    assert verdict(-18.0, -4.0, lowered_lu=3.0) is None  # lower than the mastering left it


def test_a_constant_gain_keeps_what_was_mixed(tmp_path: Path) -> None:
    steps = np.repeat([1.0, 0.35, 1.0, 0.35], 2 * RATE)
    finished = read_whole_sound(
        mastered_sound(stereo(0.1 * steps * coloured_noise(8, 1)), _TARGET, _LIMIT, tmp_path).path
    )[: 8 * RATE]
    levels = [
        10 * np.log10((finished[number * 2 * RATE + 12_000 :][: RATE * 3 // 2] ** 2).mean())
        for number in range(4)
    ]
    assert levels[0] - levels[1] == pytest.approx(9.1, abs=0.7)
    assert levels[2] - levels[3] == pytest.approx(9.1, abs=0.7)


def test_music_file_in_memory_is_as_long_as_it_says(tmp_path: Path) -> None:
    assert len(read_whole_sound(music_of(tmp_path / "music.wav", 3))) == 3 * RATE


def test_sound_is_made_without_importing_scipy() -> None:
    modules = "montage_pipeline.rendering.audio.mix, montage_pipeline.rendering.audio.master"
    code = (
        f"import sys, {modules}; print([name for name in sys.modules if name.startswith('scipy')])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )
