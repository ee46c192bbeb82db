"""The form of a piece: how many bars, at what exact tempo, and what plays where."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from montage_pipeline.music.moods import brightness_of, is_calm
from montage_pipeline.music.synth.harmony import BRIGHT_MODES, Chord, Key, settled
from montage_pipeline.styles import style_of
from montage_pipeline.styles.model import Groove, MusicTaste

BEATS_A_BAR = 4
RING_OUT_S = 1.3
"""The last chord falls about this long before the end of the Reel."""

SectionName = Literal["hook", "verse", "build", "drop", "break"]


@dataclass(frozen=True)
class Section:
    """A run of bars with one character. `energy` is 0..1."""

    name: SectionName
    first_bar: int
    bars: int
    energy: float

    @property
    def end_bar(self) -> int:
        """The bar after the last."""
        return self.first_bar + self.bars


@dataclass(frozen=True)
class Arrangement:
    """Everything that is decided before a note is played.

    `bars` whole bars come before the final chord, which falls at beat `bars * 4`. `chords` holds
    one chord a bar, the final one last. `length_s` is the length of the file.
    """

    style: str
    score: MusicTaste
    key: Key
    bpm: float
    bars: int
    length_s: float
    sections: tuple[Section, ...]
    chords: tuple[Chord, ...]
    groove: Groove
    second_groove: Groove
    swing: float
    gentle: float

    @property
    def beat_s(self) -> float:
        """Length of a beat in seconds."""
        return 60.0 / self.bpm

    @property
    def final_s(self) -> float:
        """When the last chord falls."""
        return self.bars * BEATS_A_BAR * self.beat_s

    def section_at(self, bar: int) -> Section:
        """The section that holds a bar."""
        for section in self.sections:
            if section.first_bar <= bar < section.end_bar:
                return section
        return self.sections[-1]


def fit_tempo(bpm: float, reel_s: float) -> tuple[float, int]:
    """A tempo near `bpm` and a number of bars such that the last chord falls well before the Reel's
    end.

    The tempo moves by 4 % at most: nobody hears that, but everybody hears a piece cut off.
    """
    best: tuple[float, float, int] | None = None
    for bars in range(1, 400):
        bar_s = BEATS_A_BAR * 60.0 / bpm
        if bars > 1 and bars * bar_s * 0.95 > reel_s:
            break
        for stretch in np.linspace(-0.04, 0.04, 17):
            final_s = bars * bar_s * (1 + stretch)
            early = (reel_s - RING_OUT_S) - final_s
            cost = early**2 * (3.0 if early < -0.4 else 1.0) + (abs(stretch) * 14) ** 2
            if best is None or cost < best[0]:
                best = (cost, bpm / (1 + stretch), bars)
    if best is None:
        raise ValueError(f"no whole bar at {bpm} BPM")
    return round(best[1], 4), best[2]


_FORMS: tuple[tuple[int, tuple[tuple[SectionName, float, float], ...]], ...] = (
    # up to so many bars: (section, share of the bars, energy)
    (3, (("hook", 1.0, 0.9),)),
    (6, (("hook", 0.4, 0.85), ("drop", 0.6, 1.0))),
    (9, (("hook", 0.25, 0.85), ("verse", 0.3, 0.6), ("drop", 0.45, 1.0))),
    (12, (("hook", 0.16, 0.85), ("verse", 0.3, 0.55), ("build", 0.16, 0.7), ("drop", 0.38, 1.0))),
    (
        22,
        (
            ("hook", 0.12, 0.85),
            ("verse", 0.24, 0.55),
            ("build", 0.1, 0.7),
            ("drop", 0.26, 0.95),
            ("break", 0.1, 0.3),
            ("drop", 0.18, 1.0),
        ),
    ),
    (
        36,
        (
            ("hook", 0.08, 0.85),
            ("verse", 0.2, 0.55),
            ("build", 0.08, 0.7),
            ("drop", 0.24, 0.92),
            ("break", 0.12, 0.3),
            ("build", 0.06, 0.7),
            ("drop", 0.22, 1.0),
        ),
    ),
    (
        400,
        (
            ("hook", 0.05, 0.85),
            ("verse", 0.17, 0.5),
            ("build", 0.05, 0.65),
            ("drop", 0.19, 0.9),
            ("verse", 0.15, 0.6),
            ("break", 0.1, 0.3),
            ("build", 0.05, 0.7),
            ("drop", 0.24, 1.0),
        ),
    ),
)


def plan_sections(bars: int) -> tuple[Section, ...]:
    """Sections that fill `bars` exactly, in phrases of two bars where there is room."""
    form = next(parts for most, parts in _FORMS if bars <= most)
    grain = 2 if bars // 2 >= len(form) else 1
    units = [1] * len(form)
    for _ in range(bars // grain - len(form)):
        wanting = [
            share * bars / grain - held for (_, share, _), held in zip(form, units, strict=True)
        ]
        units[wanting.index(max(wanting))] += 1
    lengths = [unit * grain for unit in units]
    lengths[-1] += bars - sum(lengths)
    sections = []
    first = 0
    for (name, _, energy), length in zip(form, lengths, strict=True):
        sections.append(Section(name, first, length, energy))
        first += length
    return tuple(sections)


def _choose_mode(score: MusicTaste, bright: float, rng: np.random.Generator) -> str:
    weights = np.ones(len(score.modes))
    for place, mode in enumerate(score.modes):
        if bright:
            agrees = (mode in BRIGHT_MODES) == (bright > 0)
            weights[place] = 4.0 if agrees else 0.35
    return str(rng.choice(score.modes, p=weights / weights.sum()))


def _final_chords(key: Key, score: MusicTaste) -> tuple[Chord, Chord]:
    """The cadence: the bar before the end, and the end."""
    before = 4 if key.mode in ("major", "lydian") else 6
    if key.mode == "phrygian":
        before = 1
    colour = "sus4" if before == 4 else "triad"
    last = "add9" if {"add9", "ninth"} & set(score.shapes) else "triad"
    return Chord(before, colour), Chord(0, last)


def arrange(
    style: str, mood: str, bpm: int, reel_s: float, spare_s: float, rng: np.random.Generator
) -> Arrangement:
    """Decide the whole form of a piece for a Reel of `reel_s` seconds."""
    score = style_of(style).music
    bright = float(np.clip(brightness_of(mood), -1, 1))
    gentle = 1.0 if is_calm(mood) else 0.0
    key = Key(int(rng.integers(12)), _choose_mode(score, bright, rng))
    exact_bpm, bars = fit_tempo(bpm, reel_s)
    progressions = (
        score.bright_progressions if key.mode in BRIGHT_MODES else score.dark_progressions
    )
    first, second = (progressions[i] for i in rng.permutation(len(progressions))[:2])
    shapes = [str(rng.choice(score.shapes)) for _ in range(4)]
    sections = plan_sections(bars)
    chords: list[Chord] = []
    for section in sections:
        progression = (
            second
            if section.name == "break" or (section.name == "verse" and rng.random() < 0.3)
            else first
        )
        chords += [
            Chord(progression[bar % len(progression)], shapes[bar % 4])
            for bar in range(section.bars)
        ]
    before_last, last = _final_chords(key, score)
    if bars > 1:
        chords[-1] = before_last
    chords = [settled(chord, key) for chord in (*chords, last)]
    grooves = rng.permutation(len(score.grooves))
    beat_s = 60.0 / exact_bpm
    final_s = bars * BEATS_A_BAR * beat_s
    return Arrangement(
        style=style,
        score=score,
        key=key,
        bpm=exact_bpm,
        bars=bars,
        length_s=max(reel_s + spare_s, final_s + 2.5) + 0.5,
        sections=sections,
        chords=tuple(chords),
        groove=score.grooves[int(grooves[0])],
        second_groove=score.grooves[int(grooves[1])],
        swing=float(rng.uniform(*score.swing)),
        gentle=gentle,
    )
