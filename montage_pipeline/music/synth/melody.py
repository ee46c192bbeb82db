"""A motif and what becomes of it: statement, answer, variation, cadence."""

from dataclasses import dataclass

import numpy as np

from montage_pipeline.music.synth.harmony import Chord, nearest_chord_degree
from montage_pipeline.styles.model import MusicTaste


@dataclass(frozen=True)
class MelodyNote:
    """A note inside a bar: start and length in steps (sixteenths), scale degree, velocity 0..1."""

    step: int
    steps: int
    degree: int
    velocity: float


def line_notes(line: str) -> list[tuple[int, int, bool]]:
    """(step, length in steps, accented) of each strike of a line such as `X--x..X-`."""
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
    """Two rhythms and a contour, drawn once and then developed over the piece."""

    def __init__(self, score: MusicTaste, rng: np.random.Generator) -> None:
        picks = rng.permutation(len(score.lead_rhythms))
        self._statement = line_notes(score.lead_rhythms[int(picks[0])])
        self._answer = line_notes(score.lead_rhythms[int(picks[1])])
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
        contour = list(self._contour[: len(rhythm)])
        if place == 2 and self._inverts:
            contour = [-offset for offset in contour]
        if place == 1:
            contour[-1] += self._tail
        notes = []
        for (step, steps, accented), offset in zip(rhythm, contour, strict=False):
            if sparse and step % 4 and steps < 3:
                continue
            degree = self._start + offset
            if step % 8 == 0 or steps >= 3:
                degree = nearest_chord_degree(degree, chord)
            while degree > 9:
                degree -= 7
            while degree < -3:
                degree += 7
            notes.append(MelodyNote(step, steps, degree, 0.9 if accented else 0.7))
        if place == 3 and notes:
            # A phrase breathes out on a chord tone.
            last = notes[-1]
            notes[-1] = MelodyNote(
                last.step, 16 - last.step, nearest_chord_degree(last.degree, chord), 0.85
            )
        return notes


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

    def __init__(self, score: MusicTaste, rng: np.random.Generator) -> None:
        self._order = _ORDERS[int(rng.integers(len(_ORDERS)))]
        self._rate = int(rng.choice(score.arp_rates))
        gaps = 0.12 if self._rate == 2 else 0.22
        self._plays = rng.random(16) > gaps
        self._plays[0] = True
        self._accents = rng.choice([0.55, 0.7, 0.9], 16)

    def bar(self, voicing: tuple[int, ...]) -> list[tuple[int, int, int, float]]:
        """(step, steps, pitch, velocity) over one bar, an octave above the voicing."""
        ladder = sorted({pitch + 12 for pitch in voicing})
        while len(ladder) < 4:
            ladder.append(ladder[len(ladder) - len(voicing)] + 12)
        notes = []
        for count, step in enumerate(range(0, 16, self._rate)):
            if self._plays[step]:
                pitch = ladder[self._order[count % len(self._order)] % len(ladder)]
                notes.append((step, self._rate, pitch, float(self._accents[step])))
        return notes
