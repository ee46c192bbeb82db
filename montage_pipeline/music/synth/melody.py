"""A motif and what becomes of it: statement, answer, variation, cadence."""

from dataclasses import dataclass

import numpy as np

from montage_pipeline.music.synth.harmony import Chord, nearest_chord_degree
from montage_pipeline.styles.model import STEPS_A_BAR, Line, MusicTaste

_LOWEST_DEGREE, _HIGHEST_DEGREE = -3, 9


@dataclass(frozen=True)
class MelodyNote:
    """A note inside a bar: start and length in steps (sixteenths), scale degree, velocity 0..1."""

    step: int
    steps: int
    degree: int
    velocity: float


def line_notes(line: Line) -> list[tuple[int, int, bool]]:
    """(step, length in steps, accented) of each strike of a line such as `X--x..X-`.

    Capital letters are accents, and so is every strike on a beat.
    """
    notes = []
    for step, mark in enumerate(line):
        if mark in ".-":
            continue
        end = step + 1
        while end < len(line) and line[end] == "-":
            end += 1
        notes.append((step, end - step, mark.isupper() or step % 4 == 0))
    return notes


class Motif:
    """Two rhythms and a contour, drawn once and then developed over the piece.

    A phrase has four bars: statement, statement with another end, the same upside down in some
    pieces, answer.
    """

    def __init__(self, taste: MusicTaste, rng: np.random.Generator) -> None:
        picks = rng.permutation(len(taste.lead_rhythms))
        self._statement = line_notes(taste.lead_rhythms[int(picks[0])])
        self._answer = line_notes(taste.lead_rhythms[int(picks[1])])
        self._contour = self._draw_contour(max(len(self._statement), len(self._answer)), rng)
        self._start = int(rng.choice([0, 2, 4, 4, 7]))
        self._inverts = bool(rng.random() < 0.4)
        self._tail = int(rng.choice([-2, -1, 1, 2]))

    @staticmethod
    def _draw_contour(count: int, rng: np.random.Generator) -> list[int]:
        """Offsets from the first note: mostly steps, a leap is answered by steps back."""
        offsets = [0]
        leapt = 0
        for _ in range(count - 1):
            if leapt:
                step, leapt = -int(np.sign(leapt)), 0
            else:
                step = int(rng.choice([-3, -2, -1, -1, 0, 1, 1, 2, 3, 4]))
                leapt = step if abs(step) > 2 else 0
            offsets.append(int(np.clip(offsets[-1] + step, -4, 5)))
        if len(set(offsets)) == 1:
            offsets[-1] += 2
        return offsets

    def bar(self, place: int, chord: Chord, sparse: bool = False) -> list[MelodyNote]:
        """The melody in bar `place` of a phrase of four, fitted to the chord sounding there."""
        place %= 4
        rhythm = self._answer if place == 3 else self._statement
        contour = self._contour_of(place, len(rhythm))
        notes = []
        for (step, steps, accented), offset in zip(rhythm, contour, strict=False):
            if sparse and step % 4 and steps < 3:
                continue
            degree = self._start + offset
            if step % 8 == 0 or steps >= 3:
                # What is heard longest, and on the strong beats, belongs to the chord.
                degree = nearest_chord_degree(degree, chord)
            degree = _in_range(degree)
            notes.append(MelodyNote(step, steps, degree, 0.9 if accented else 0.7))
        if place == 3 and notes:
            # A phrase breathes out on a chord tone.
            last = notes[-1]
            degree = nearest_chord_degree(last.degree, chord)
            notes[-1] = MelodyNote(last.step, STEPS_A_BAR - last.step, degree, 0.85)
        return notes

    def _contour_of(self, place: int, notes: int) -> list[int]:
        """The contour as it is varied in a bar of the phrase."""
        contour = self._contour[:notes]
        if place == 2 and self._inverts:
            contour = [-offset for offset in contour]
        if place == 1:
            contour[-1] += self._tail
        return contour


def _in_range(degree: int) -> int:
    """The same note of the scale between a fourth below the tonic and a tenth above it."""
    while degree > _HIGHEST_DEGREE:
        degree -= 7
    while degree < _LOWEST_DEGREE:
        degree += 7
    return degree


# How an arpeggio goes through the notes of a chord, by their number from the lowest.
_ORDERS = (
    (0, 1, 2, 3),
    (0, 2, 1, 3),
    (3, 2, 1, 0),
    (0, 1, 2, 3, 2, 1),
    (0, 2, 3, 2),
    (0, 3, 1, 3, 2, 3),
    (0, 1, 3),
)


class Arpeggio:
    """A broken chord with a fixed order and a fixed pattern of accents and gaps."""

    def __init__(self, taste: MusicTaste, rng: np.random.Generator) -> None:
        self._order = _ORDERS[int(rng.integers(len(_ORDERS)))]
        self._rate = int(rng.choice(taste.arp_rates))
        gaps = 0.12 if self._rate == 2 else 0.22  # sixteenths breathe more than eighths
        self._plays = rng.random(STEPS_A_BAR) > gaps
        self._plays[0] = True
        self._accents = rng.choice([0.55, 0.7, 0.9], STEPS_A_BAR)

    def bar(self, voicing: tuple[int, ...]) -> list[tuple[int, int, int, float]]:
        """(step, steps, pitch, velocity) over one bar, an octave above the voicing."""
        ladder = sorted({pitch + 12 for pitch in voicing})
        while len(ladder) < 4:
            ladder.append(ladder[len(ladder) - len(voicing)] + 12)
        notes = []
        for count, step in enumerate(range(0, STEPS_A_BAR, self._rate)):
            if self._plays[step]:
                pitch = ladder[self._order[count % len(self._order)] % len(ladder)]
                notes.append((step, self._rate, pitch, float(self._accents[step])))
        return notes
