"""Chords sound in their key, move little and never grate."""

import numpy as np
import pytest

from montage_pipeline.music.synth.harmony import (
    CHORD_SHAPES,
    MODES,
    Chord,
    Key,
    bass_pitch,
    settled,
    voice,
)


def test_harmony_keeps_to_the_chord_and_moves_little() -> None:
    key = Key(2, "dorian")
    previous = None
    for root in (0, 3, 4, 1, 6, 0):
        chord = Chord(root, "seventh")
        notes = voice(chord, key, previous, 60)
        assert {note % 12 for note in notes} == set(chord.pitch_classes(key))
        assert list(notes) == sorted(notes)
        assert abs(np.mean(notes) - 60) < 9
        if previous:
            assert np.mean([min(abs(note - old) for old in previous) for note in notes]) <= 4
        assert bass_pitch(chord, key) % 12 == notes[0] % 12 or bass_pitch(chord, key) % 12 in {
            note % 12 for note in notes
        }
        previous = notes


@pytest.mark.parametrize("mode", list(MODES))
def test_no_chord_grates(mode: str) -> None:
    key = Key(4, mode)
    for root in range(7):
        for shape in CHORD_SHAPES:
            chord = settled(Chord(root, shape), key)
            pitches = [key.pitch(degree) - key.pitch(chord.root) for degree in chord.degrees()]
            assert 6 not in pitches, "no tritone on the root"
            assert not {1, 13} & set(pitches), "no minor ninth"
