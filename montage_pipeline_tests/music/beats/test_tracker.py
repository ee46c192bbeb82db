"""Beats are found in loops of every kind from 60 to 180 BPM, and none where there are none."""

import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.errors import PermanentError
from montage_pipeline.music.beats.tracker import RATE, TRUST, find_beats, track_beats
from montage_pipeline.music.composer import ComposedMusic
from montage_pipeline.music.model import BeatGrid
from montage_pipeline.music.synth.arrangement import fit_tempo
from montage_pipeline.styles import style_of
from montage_pipeline_tests.fakes.fal_audio import wav
from montage_pipeline_tests.music.beats.loops.band import Loop
from montage_pipeline_tests.music.beats.loops.beatless import BEATLESS, make_beatless
from montage_pipeline_tests.music.beats.loops.generate import KINDS, make_loop
from montage_pipeline_tests.music.pieces import FEW_STYLES, REEL_S, f_measure


def drum_loop(
    pattern: str, bpm: float, seconds: float, start_s: float = 0.3
) -> tuple[NDArray[np.float32], list[float]]:
    """A loop at 22 050 Hz and its true beats.

    Patterns: `click`, `thump` (kick alone), `four` (kick on each beat), `rock` (kick, snare).
    """
    noise = np.random.default_rng(3)
    t = np.arange(int(0.25 * RATE)) / RATE
    sounds = {
        "click": np.sin(2 * np.pi * 1500 * t) * np.exp(-t / 0.006),
        "kick": np.sin(2 * np.pi * (50 * t + 5 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.1),
        "snare": noise.standard_normal(len(t)) * np.exp(-t / 0.05) * 0.6,
        "hat": np.diff(noise.standard_normal(len(t) + 1)) * np.exp(-t / 0.015) * 0.2,
    }
    sound = noise.standard_normal(int(seconds * RATE)) * 1e-4
    beat_s = 60.0 / bpm

    def strike(name: str, at_s: float) -> None:
        span = sound[int(at_s * RATE) :][: len(t)]
        span += sounds[name][: len(span)]

    beats = list(np.arange(start_s, seconds - 0.3, beat_s))
    for number, at_s in enumerate(beats):
        if pattern in ("click", "thump"):
            strike("kick" if pattern == "thump" else "click", at_s)
            continue
        strike("snare" if number % 2 and pattern == "rock" else "kick", at_s)
        strike("hat", at_s)
        strike("hat", at_s + beat_s / 2)
        if number % 2 and pattern == "four":
            strike("snare", at_s)
    return sound.astype(np.float32), beats


@pytest.fixture(scope="module")
def tracked() -> list[tuple[Loop, BeatGrid]]:
    """Two loops of every kind, and the grids found in them.

    The seeds are not those that the weights were fitted on.
    """
    loops = [make_loop(kind, seed, 16.0) for kind in KINDS for seed in (11, 12)]
    return [(loop, find_beats(loop.sound)) for loop in loops]


@pytest.fixture(scope="module")
def unbeaten() -> dict[str, BeatGrid]:
    """The grids of sounds without a beat."""
    return {
        f"{kind} {seed}": find_beats(make_beatless(kind, seed, 14.0))
        for kind in BEATLESS
        for seed in (11, 12)
    }


def test_loops_of_every_kind_are_followed(tracked: list[tuple[Loop, BeatGrid]]) -> None:
    rightness = {
        kind: np.mean(
            [f_measure(loop.beats_s, grid.beats_s) for loop, grid in tracked if loop.kind == kind]
        )
        for kind in KINDS
    }
    assert np.mean(list(rightness.values())) >= 0.85
    # At most one of two is between the beats, which is 0; half or double the tempo is 0.67.
    assert min(rightness.values()) >= 0.45, rightness


def test_bars_of_four_and_of_three_are_told_apart(tracked: list[tuple[Loop, BeatGrid]]) -> None:
    # A metronome without an accent has no bars.
    followed = [
        (loop, grid)
        for loop, grid in tracked
        if loop.kind != "click" and f_measure(loop.beats_s, grid.beats_s) > 0.9
    ]
    assert all(set(grid.downbeats_s) <= set(grid.beats_s) for _, grid in followed)
    lengths = [
        (
            loop.beats_a_bar,
            grid.beats_s.index(grid.downbeats_s[1]) - grid.beats_s.index(grid.downbeats_s[0]),
        )
        for loop, grid in followed
    ]
    assert {known for known, _ in lengths} == {3, 4}
    assert np.mean([known == found for known, found in lengths]) >= 0.9
    assert (
        np.mean([f_measure(loop.downbeats_s, grid.downbeats_s) for loop, grid in followed]) >= 0.75
    )


@pytest.mark.parametrize(
    "seed", [21, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (22, 23))]
)
def test_beats_go_on_while_the_drums_pause_and_their_return_is_strong(seed: int) -> None:
    loop = make_loop("drop-out", seed, 24.0, bpm=120.0)
    grid = find_beats(loop.sound)
    assert loop.returns_s
    assert f_measure(loop.beats_s, grid.beats_s) >= 0.95
    assert set(grid.strong_s) <= set(grid.beats_s)
    for return_s in loop.returns_s:
        assert min(abs(strong_s - return_s) for strong_s in grid.strong_s) < 0.07
    # A pause begins where something ends, and ends where something starts.
    assert len(grid.strong_s) <= 2 + 2 * len(loop.returns_s)


def test_confidence_tells_right_grids_from_wrong_ones(
    tracked: list[tuple[Loop, BeatGrid]], unbeaten: dict[str, BeatGrid]
) -> None:
    assert {
        name
        for name, grid in unbeaten.items()
        if grid.source != "onsets" or grid.confidence >= TRUST
    } == set()
    by_confidence = sorted(
        (grid.confidence, f_measure(loop.beats_s, grid.beats_s)) for loop, grid in tracked
    )
    trusted = [rightness for confidence, rightness in by_confidence if confidence >= TRUST]
    assert len(trusted) >= 0.9 * len(tracked)
    assert np.mean(trusted) >= 0.85
    # The surer half is right more often than the less sure one.
    half = len(by_confidence) // 2
    assert np.mean([rightness for _, rightness in by_confidence[half:]]) > np.mean(
        [rightness for _, rightness in by_confidence[:half]]
    )


def test_the_tracker_needs_no_scipy_and_no_librosa() -> None:
    code = """
import sys
import montage_pipeline.music.beats.tracker
print(sorted({"scipy", "librosa", "numba"} & set(sys.modules)))
"""
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert loaded.strip() == "[]"


@pytest.mark.parametrize("pattern", ["click", "thump", "four", "rock"])
@pytest.mark.parametrize(
    "bpm", [60, 120, 180, *(pytest.param(bpm, marks=pytest.mark.slow) for bpm in (72.5, 90, 150))]
)
def test_plain_loops_are_followed(pattern: str, bpm: float) -> None:
    sound, beats = drum_loop(pattern, bpm, 16.0)
    grid = find_beats(sound)
    assert grid.source == "tracked"
    assert f_measure(beats, grid.beats_s) >= 0.95
    assert grid.bpm == pytest.approx(bpm, rel=0.005)
    nearest_ms = [
        1000 * (found - min(beats, key=lambda beat: abs(beat - found))) for found in grid.beats_s
    ]
    assert abs(float(np.median(nearest_ms))) < 12


@pytest.mark.parametrize("silence_s", [0.37, 2.0])
def test_music_that_starts_later_has_its_beats_later(silence_s: float) -> None:
    sound = make_loop("rock", 3, 16.0, bpm=97.0).sound
    later = np.concatenate([np.zeros(round(silence_s * RATE), np.float32), sound])
    before, after = find_beats(sound), find_beats(later)
    assert after.bpm == pytest.approx(before.bpm, rel=0.001)
    for name in ("beats_s", "downbeats_s"):
        shifted = [float(second) + silence_s for second in getattr(before, name)]
        assert (
            f_measure(
                shifted,
                [second for second in getattr(after, name) if second > shifted[0] - 0.1],
                0.01,
            )
            >= 0.97
        )


@pytest.mark.parametrize("gain", [0.02, 0.5])
def test_how_loud_music_is_does_not_matter(gain: float) -> None:
    sound = make_loop("odd", 3, 16.0).sound
    assert (
        f_measure(find_beats(sound).beats_s, find_beats(sound * np.float32(gain)).beats_s, 0.005)
        == 1.0
    )


@pytest.mark.parametrize("style", FEW_STYLES)
def test_the_local_composers_own_grid_is_found_in_its_sound(
    style: str, pieces: dict[str, ComposedMusic]
) -> None:
    music = pieces[style]
    grid = track_beats(music.path)
    # Nothing strikes any more after the last chord.
    until_s = fit_tempo(style_of(style).music.home_bpm, REEL_S)[1] * 4 * 60 / music.grid.bpm + 0.1
    assert (
        f_measure(
            [b for b in music.grid.beats_s if b < until_s], [b for b in grid.beats_s if b < until_s]
        )
        >= 0.9
    )
    assert (
        f_measure(
            [b for b in music.grid.downbeats_s if b < until_s],
            [b for b in grid.downbeats_s if b < until_s],
        )
        >= 0.85
    )


@pytest.mark.parametrize("style", FEW_STYLES)
def test_the_local_composer_tells_where_its_sections_start(
    style: str, pieces: dict[str, ComposedMusic]
) -> None:
    grid = pieces[style].grid
    assert grid.strong_s[0] == 0.0
    assert len(grid.strong_s) >= 2
    assert set(grid.strong_s) <= set(grid.downbeats_s)
    assert list(grid.strong_s) == sorted(grid.strong_s)


def test_bars_start_where_the_harmony_changes(tmp_path: Path) -> None:
    (tmp_path / "m.wav").write_bytes(wav(30.0, 104.0))
    grid = track_beats(tmp_path / "m.wav")
    assert set(grid.downbeats_s) <= set(grid.beats_s)
    assert f_measure(list(np.arange(0, 30, 4 * 60 / 104)), grid.downbeats_s) >= 0.9


def test_a_tempo_that_was_asked_for_settles_half_or_double() -> None:
    sound, beats = drum_loop("rock", 172, 16.0)
    assert find_beats(sound, 172.0).bpm == pytest.approx(172, rel=0.005)
    assert find_beats(sound, 86.0).bpm == pytest.approx(86, rel=0.005)
    assert len(beats) > 40


def test_sound_without_a_beat_gives_onsets_and_says_so() -> None:
    noise = np.random.default_rng(4)
    sound = noise.standard_normal(20 * RATE).astype(np.float32) * 1e-3
    struck = np.cumsum(noise.uniform(0.35, 1.6, 18))
    for at_s in struck[struck < 19]:
        span = sound[int(at_s * RATE) :][:4000]
        span += (np.sin(np.arange(len(span)) * 0.3) * np.exp(-np.arange(len(span)) / 800)).astype(
            np.float32
        )
    grid = find_beats(sound)
    assert grid.source == "onsets"
    assert grid.downbeats_s == ()
    assert f_measure(list(struck[struck < 19]), grid.beats_s) > 0.9


@pytest.mark.parametrize("seconds", [0.2, 20.0])
def test_silence_has_no_beats(seconds: float) -> None:
    grid = find_beats(np.zeros(int(seconds * RATE), dtype=np.float32))
    assert (grid.beats_s, grid.confidence, grid.source) == ((), 0.0, "onsets")


def test_what_is_not_audio_is_named(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_bytes(b"not a song")
    with pytest.raises(PermanentError, match=r"song\.mp3"):
        track_beats(tmp_path / "song.mp3")
    with wave.open(str(tmp_path / "empty.wav"), "wb") as file:
        file.setparams((1, 2, 22_050, 0, "NONE", ""))
    with pytest.raises(PermanentError, match=r"empty\.wav"):
        track_beats(tmp_path / "empty.wav")


def test_a_minute_takes_little_time() -> None:
    sound, _ = drum_loop("rock", 117, 60.0)
    start_s = time.process_time()
    find_beats(sound)
    # 0.05 s on an idle core; the rest is room for a busy machine.
    assert time.process_time() - start_s < 1.0
