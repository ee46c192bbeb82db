"""The music of every style can be played: whatever it names exists, and every line is a bar."""

from collections.abc import Iterator

import numpy as np
import pytest

from montage_pipeline.music.synth.harmony import BRIGHT_MODES, CHORD_SHAPES, MODES
from montage_pipeline.music.synth.sound.drums import KITS, kit
from montage_pipeline.music.synth.sound.patches import PATCHES
from montage_pipeline.styles import STYLES
from montage_pipeline.styles.model import STEPS_A_BAR, Line, MusicTaste

BUSES = {"kick", "drums", "perc", "bass", "chords", "pad", "arp", "lead", "fx"}
VELOCITIES = "123456789."


@pytest.fixture(params=list(STYLES))
def taste(request: pytest.FixtureRequest) -> MusicTaste:
    """The music of each style."""
    return STYLES[request.param].music


def drum_lines(taste: MusicTaste) -> Iterator[tuple[str, Line]]:
    """Every drum and what it plays in the grooves."""
    for groove in taste.grooves:
        yield from groove.full.items()
        yield from groove.light.items()


def test_no_two_styles_draw_the_same_music_from_one_seed() -> None:
    salts = [style.music.salt for style in STYLES.values()]
    assert len(set(salts)) == len(salts)


def test_every_mode_and_chord_shape_exists(taste: MusicTaste) -> None:
    assert set(taste.modes) <= MODES.keys()
    assert set(taste.shapes) <= CHORD_SHAPES.keys()


def test_every_instrument_exists(taste: MusicTaste) -> None:
    named = {*taste.basses, *taste.chords, *taste.pads, *taste.arps, *taste.leads}
    assert named <= PATCHES.keys()
    assert all((taste.basses, taste.chords, taste.pads, taste.arps, taste.leads))


def test_the_kit_and_every_drum_of_it_exist(taste: MusicTaste) -> None:
    assert taste.kit in KITS
    drums = kit(np.random.default_rng(1), taste.kit).keys()
    fills = {name for fill in taste.fills for name in fill}
    assert {name for name, _ in drum_lines(taste)} | fills <= drums


def test_every_bus_has_a_level(taste: MusicTaste) -> None:
    assert taste.levels_db.keys() == BUSES


def test_there_are_two_progressions_for_every_mode(taste: MusicTaste) -> None:
    """A piece has a main progression and another for its breaks."""
    for mode in taste.modes:
        is_bright = mode in BRIGHT_MODES
        progressions = taste.bright_progressions if is_bright else taste.dark_progressions
        assert len(set(progressions)) >= 2
        assert all(0 <= degree <= 6 for chords in progressions for degree in chords)


def test_there_are_two_of_whatever_a_piece_draws_twice(taste: MusicTaste) -> None:
    for choices in (taste.grooves, taste.bass_lines, taste.chord_lines, taste.lead_rhythms):
        assert len(choices) >= 2


def test_every_drum_line_is_a_whole_bar_of_velocities(taste: MusicTaste) -> None:
    for _, line in drum_lines(taste):
        assert len(line) == STEPS_A_BAR
        assert set(line) <= set(VELOCITIES)


def test_every_fill_is_at_most_a_bar(taste: MusicTaste) -> None:
    for fill in taste.fills:
        for line in fill.values():
            assert 0 < len(line) <= STEPS_A_BAR
            assert set(line) <= set(VELOCITIES)


def test_every_pitched_line_is_a_whole_bar_in_its_own_letters(taste: MusicTaste) -> None:
    for letters, lines in (
        ("ROFA", taste.bass_lines),
        ("Xx", taste.chord_lines),
        ("Xx", taste.lead_rhythms),
    ):
        for line in lines:
            assert len(line) == STEPS_A_BAR
            assert set(line) <= set(letters + ".-")
            assert not line.startswith("-"), "nothing was struck that could be held"
