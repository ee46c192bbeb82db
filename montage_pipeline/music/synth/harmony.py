"""Keys, modes, chords and voice leading. Pitches are MIDI note numbers (60 = middle C)."""

import itertools
from dataclasses import dataclass

import numpy as np

MODES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
}
"""Semitones above the tonic of the seven degrees."""

BRIGHT_MODES = frozenset({"major", "lydian", "mixolydian"})
NOTE_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

CHORD_SHAPES: dict[str, tuple[int, ...]] = {
    "triad": (0, 2, 4),
    "sus2": (0, 1, 4),
    "sus4": (0, 3, 4),
    "power": (0, 4, 7),
    "seventh": (0, 2, 4, 6),
    "ninth": (0, 2, 4, 6, 8),
    "add9": (0, 2, 4, 8),
    "sixth": (0, 2, 4, 5),
}
"""Scale steps above the chord's root."""


_TRITONE = 6

_LOWEST_BASS = 33
"""A1, 55 Hz: of lower notes small loudspeakers leave nothing."""

_WIDE = 16
"""Semitones, an octave and a third: a wider voicing falls apart."""


@dataclass(frozen=True)
class Key:
    """A tonic (pitch class 0..11) and a mode."""

    tonic: int
    mode: str

    @property
    def name(self) -> str:
        """For people, e.g. `D minor`."""
        return f"{NOTE_NAMES[self.tonic]} {self.mode}"

    def pitch(self, degree: int, octave_base: int = 60) -> int:
        """MIDI pitch of a scale degree.

        Degree 0 is the tonic in the octave that starts at `octave_base`; degrees may leave 0..6
        either way.
        """
        octave, step = divmod(degree, 7)
        return octave_base + self.tonic + 12 * octave + MODES[self.mode][step]


@dataclass(frozen=True)
class Chord:
    """A chord on a scale degree: `root` 0..6 and a shape of `CHORD_SHAPES`."""

    root: int
    shape: str

    def degrees(self) -> tuple[int, ...]:
        """Scale degrees of the chord's notes, root first."""
        return tuple(self.root + step for step in CHORD_SHAPES[self.shape])

    def pitch_classes(self, key: Key) -> tuple[int, ...]:
        """Pitch classes 0..11, root first."""
        return tuple(key.pitch(degree) % 12 for degree in self.degrees())


def settled(chord: Chord, key: Key) -> Chord:
    """The chord without its harsh forms in this key.

    A diminished chord gives way to the one a third below, of which it is the upper part. A ninth,
    second or fourth that grates on the root or makes a tritone with it is left out.
    """
    root = chord.root
    if key.pitch(root + 4) - key.pitch(root) == _TRITONE:
        root = (root - 2) % 7

    shape = chord.shape
    ninth = key.pitch(root + 1) - key.pitch(root)
    fourth = key.pitch(root + 3) - key.pitch(root)
    if ninth == 1 and shape in ("sus2", "add9"):
        shape = "triad"
    if ninth == 1 and shape == "ninth":
        shape = "seventh"
    if fourth == _TRITONE and shape == "sus4":
        shape = "triad"
    return Chord(root, shape)


def voice(chord: Chord, key: Key, previous: tuple[int, ...] | None, centre: int) -> tuple[int, ...]:
    """Close voicing near `centre` that moves as little as possible from `previous`, ascending."""

    def cost(notes: tuple[int, ...]) -> float:
        off_centre = abs(float(np.mean(notes)) - centre)
        semitones = sum(1 for low, high in itertools.pairwise(notes) if high - low == 1)
        too_wide = max(0, notes[-1] - notes[0] - _WIDE)
        move = 0.0
        if previous:
            move = float(np.mean([min(abs(note - old) for old in previous) for note in notes]))
        return 0.5 * off_centre + 1.6 * move + 2.0 * semitones + too_wide

    return min(_inversions(chord, key, centre), key=cost)


def _inversions(chord: Chord, key: Key, centre: int) -> list[tuple[int, ...]]:
    """Each note of the chord at the bottom, from three heights."""
    classes = chord.pitch_classes(key)
    voicings: list[tuple[int, ...]] = []
    for lowest in range(len(classes)):
        order = classes[lowest:] + classes[:lowest]
        for base in (centre - 14, centre - 8, centre - 2):
            notes = [base + (order[0] - base) % 12]
            for pitch_class in order[1:]:
                notes.append(notes[-1] + ((pitch_class - notes[-1]) % 12 or 12))
            voicings.append(tuple(notes))
    return voicings


def bass_pitch(chord: Chord, key: Key) -> int:
    """The chord's root as a bass note: the first at or above _LOWEST_BASS."""
    root = key.pitch(chord.root) % 12
    return _LOWEST_BASS + (root - _LOWEST_BASS) % 12


def nearest_chord_degree(degree: int, chord: Chord) -> int:
    """The chord tone (as a scale degree) nearest to `degree`, the lower one on a tie."""
    tones = {tone % 7 for tone in chord.degrees()}
    for distance in range(7):
        for candidate in (degree - distance, degree + distance):
            if candidate % 7 in tones:
                return candidate
    return degree
