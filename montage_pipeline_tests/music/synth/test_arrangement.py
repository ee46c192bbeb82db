"""The form of a piece: it ends in time, starts with the hook, and leans the way its mood does."""

import numpy as np
import pytest

from montage_pipeline.music.synth.arrangement import arrange, fit_tempo, plan_sections
from montage_pipeline.music.synth.harmony import BRIGHT_MODES
from montage_pipeline.styles import STYLES


@pytest.mark.parametrize("style", list(STYLES))
def test_seeds_differ_in_what_is_played(style: str) -> None:
    pieces = [arrange(style, "", 100, 30.0, np.random.default_rng(seed)) for seed in range(24)]
    assert len({(piece.key, piece.chords, tuple(piece.groove.full)) for piece in pieces}) >= 22
    assert len({piece.key.tonic for piece in pieces}) >= 7
    assert len({piece.chords for piece in pieces}) >= 12


@pytest.mark.parametrize(("mood", "bright"), [("dark and tense", False), ("happy, sunny", True)])
def test_mood_leans_on_the_mode(mood: str, bright: bool) -> None:
    modes = [
        arrange("travel", mood, 100, 20.0, np.random.default_rng(seed)).key.mode
        for seed in range(60)
    ]
    share = sum((mode in BRIGHT_MODES) == bright for mode in modes) / len(modes)
    assert share > 0.6


def test_the_last_chord_rings_at_the_end_of_the_reel_or_the_reel_ends_before_it() -> None:
    heard = 0
    lengths_s, tempos = np.arange(7.0, 90.5, 2.5), range(50, 201, 10)
    for reel_s in lengths_s:
        for bpm in tempos:
            exact, bars = fit_tempo(float(bpm), float(reel_s))
            assert exact == pytest.approx(bpm, rel=0.045)
            # The first downbeat after the hook of 1.7 s falls on its cut.
            bar_s = 240 / exact
            first_s = next(bar * bar_s for bar in (1, 2, 3) if bar * bar_s >= 1.7) - 1.7
            rings_s = first_s + reel_s - bars * bar_s
            assert rings_s < 1.3, (reel_s, bpm)
            heard += rings_s > 0.1
    assert heard > 0.9 * len(lengths_s) * len(tempos)


def test_sections_fill_the_piece_and_start_with_the_hook() -> None:
    for bars in range(1, 130):
        sections = plan_sections(bars)
        assert sections[0].name == "hook"
        assert [section.first_bar for section in sections[1:]] == [
            section.end_bar for section in sections[:-1]
        ]
        assert sections[-1].end_bar == bars
        assert all(section.bars > 0 for section in sections)
