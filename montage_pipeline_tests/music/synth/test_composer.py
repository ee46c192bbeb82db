"""The local composer's pieces are in time, at the right level, long enough, and differ by seed."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from montage_pipeline.media.loudness import measure_loudness
from montage_pipeline.music.composer import SPARE_S, ComposedMusic
from montage_pipeline.music.listening import listen_to
from montage_pipeline.music.synth.composer import LocalComposer, render
from montage_pipeline.music.synth.sound.mixing import integrated_lufs
from montage_pipeline.music.synth.sound.samples import SAMPLE_RATE
from montage_pipeline_tests.music.pieces import FEW_STYLES, REEL_S, brief_for, samples_of


@pytest.mark.parametrize("style", FEW_STYLES)
def test_a_piece_can_go_under_a_reel_as_it_is(pieces: dict[str, ComposedMusic], style: str) -> None:
    music = pieces[style]
    loudness = measure_loudness(music.path)
    assert loudness.integrated_lufs == pytest.approx(-14.0, abs=0.5)
    assert loudness.true_peak_dbtp < -1.0
    sound = samples_of(music.path)
    assert len(sound) / SAMPLE_RATE == pytest.approx(music.duration_s, abs=1e-3)
    assert music.duration_s >= REEL_S + SPARE_S
    assert np.abs(sound.mean(axis=0)).max() < 1e-3, "no DC"
    assert not np.allclose(sound[:, 0], sound[:, 1]), "stereo"
    together = sound.sum(axis=1)
    assert np.square(together).mean() > 1.5 * np.square(sound[:, 0] - sound[:, 1]).mean(), (
        "survives a phone's single loudspeaker"
    )

    def level_db(first_s: float, last_s: float) -> float:
        excerpt = sound[int(first_s * SAMPLE_RATE) : int(last_s * SAMPLE_RATE)]
        return float(10 * np.log10(np.square(excerpt).mean() + 1e-12))

    assert level_db(0.0, 0.4) > -24, "hits at once"
    assert level_db(music.duration_s - 0.05, music.duration_s) < -55, "rings out"
    assert (
        max(level_db(start, start + 1) for start in range(int(REEL_S) - 1))
        - level_db(REEL_S, REEL_S + 1)
        < 14
    ), "still sounds at the Reel's end"


@pytest.mark.parametrize("style", FEW_STYLES)
def test_a_piece_is_balanced(pieces: dict[str, ComposedMusic], style: str) -> None:
    mono = samples_of(pieces[style].path).mean(axis=1)
    whole = mono[: len(mono) // 8192 * 8192].reshape(-1, 8192) * np.hanning(8192)
    power = np.square(np.abs(np.fft.rfft(whole, axis=1))).mean(axis=0)
    hz = np.fft.rfftfreq(8192, 1 / SAMPLE_RATE)

    def share_db(low: float, high: float) -> float:
        return float(10 * np.log10(power[(hz >= low) & (hz < high)].sum() / power.sum()))

    assert share_db(0, 25) < -22, "no rumble"
    assert -9 < share_db(30, 250) < -0.5, "a bottom"
    assert share_db(250, 2000) > -9, "a body"
    assert -30 < share_db(2000, 8000) < -9, "neither dull nor harsh"
    assert share_db(17_500, 24_000) < -34, "nothing above the band"


def test_grid_is_known_and_covers_the_file(pieces: dict[str, ComposedMusic]) -> None:
    for music in pieces.values():
        grid = music.grid
        assert (grid.source, grid.confidence, grid.beats_s[0]) == ("composed", 1.0, 0.0)
        assert np.diff(grid.beats_s) == pytest.approx(60 / grid.bpm, abs=1e-4)
        # The last beat is the last chord's: it can be heard to set in, and nothing does after it.
        power = (samples_of(music.path)[:, 0] ** 2).cumsum()
        last = round(grid.beats_s[-1] * SAMPLE_RATE)
        window = SAMPLE_RATE // 2
        struck, after = power[last + window] - power[last], power[-1] - power[-1 - window]
        assert struck > 30 * after
        assert 2.0 < music.duration_s - grid.beats_s[-1] < 5.0
        assert grid.downbeats_s == grid.beats_s[::4]


def test_same_seed_same_file_other_seed_another_piece(tmp_path: Path) -> None:
    files = []
    for number, seed in enumerate((8, 8, 9)):
        folder = tmp_path / str(number)
        folder.mkdir()
        files.append(
            LocalComposer().compose(brief_for("food", seed=seed, duration_s=8.0), folder).path
        )
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    assert digests[0] == digests[1] != digests[2]
    first, last = listen_to(files[0]).mono, listen_to(files[2]).mono
    count = min(len(first), len(last))
    assert abs(np.corrcoef(first[:count], last[:count])[0, 1]) < 0.3


def test_the_shortest_slowest_piece_still_works() -> None:
    piece, sound = render(brief_for("minimal", duration_s=7.0, bpm=50, mood="calm"))
    assert len(sound) / SAMPLE_RATE >= 7.0 + SPARE_S
    assert 0 < piece.final_s < len(sound) / SAMPLE_RATE
    assert integrated_lufs(sound) == pytest.approx(-14, abs=0.5)
