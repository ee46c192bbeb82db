"""What is played: nothing before the start, every part within its instrument, all by the seed."""

import numpy as np
import pytest

from montage_pipeline.music.synth.arrangement import Arrangement, arrange
from montage_pipeline.music.synth.performance import Performance, perform, section_gains_db
from montage_pipeline.styles import STYLES


@pytest.fixture(params=list(STYLES))
def style(request: pytest.FixtureRequest) -> str:
    """Every style."""
    return str(request.param)


def played(style: str, seed: int = 3, reel_s: float = 60.0) -> tuple[Arrangement, Performance]:
    rng = np.random.default_rng(seed)
    piece = arrange(style, "", 110, reel_s, rng)
    return piece, perform(piece, rng)


def test_every_part_plays_within_the_file_and_its_range(style: str) -> None:
    piece, performance = played(style)
    assert performance.notes.keys() == performance.patches.keys()
    for part, notes in performance.notes.items():
        assert notes, part
        assert all(0 <= note.start_s < piece.length_s for note in notes), part
        assert all(0 < note.velocity <= 1.01 for note in notes), part
        assert all(24 <= note.pitch <= 103 for note in notes), part


def test_the_bass_stays_below_the_chords(style: str) -> None:
    _, performance = played(style)
    bass = np.mean([note.pitch for note in performance.notes["bass"]])
    chords = np.mean([note.pitch for note in performance.notes["chords"]])
    assert bass + 12 < chords


def test_the_last_chord_is_struck_together(style: str) -> None:
    piece, performance = played(style)
    for part in ("bass", "chords", "pad", "lead"):
        assert performance.notes[part][-1].start_s == piece.final_s, part
    assert {hit.sound for hit in performance.hits if hit.start_s == piece.final_s} >= {"crash"}


def test_drums_are_silent_in_the_first_half_of_a_break(style: str) -> None:
    piece, performance = played(style, reel_s=90.0)
    section = next(section for section in piece.sections if section.name == "break")
    start_s = section.first_bar * piece.bar_s + 0.1
    half_s = start_s + section.bars * piece.bar_s / 2 - 0.2
    assert not [hit for hit in performance.hits if start_s < hit.start_s < half_s]


def test_the_same_seed_plays_the_same_notes() -> None:
    assert played("dynamic", 5)[1] == played("dynamic", 5)[1]
    assert played("dynamic", 5)[1] != played("dynamic", 6)[1]


def test_the_fader_goes_forward_and_ends_in_silence(style: str) -> None:
    piece, _ = played(style)
    times_s, gains_db = zip(*section_gains_db(piece), strict=True)
    assert list(times_s) == sorted(times_s)
    assert times_s[-1] == piece.length_s
    assert gains_db[-1] < -20
    assert max(gains_db) == 0
