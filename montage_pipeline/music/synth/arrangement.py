"""The form of a piece: how many bars, at what exact tempo, and what plays where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal, TypeVar

import numpy as np

from montage_pipeline.music.composer import SPARE_S
from montage_pipeline.music.moods import brightness_of, is_calm
from montage_pipeline.music.synth.harmony import BRIGHT_MODES, Chord, Key, settled
from montage_pipeline.rules import HOOK_S
from montage_pipeline.styles import style_of
from montage_pipeline.styles.model import Groove, MusicTaste

BEATS_A_BAR = 4

RING_OUT_S = 0.8
"""The last chord falls about this long before the end of the Reel: it rings, and nothing after it
is near silence under a full picture.
"""

_CUT_OFF_S = 0.15
"""A last chord this near to the end, or behind it, is not heard as an ending."""

_MAX_STRETCH = 0.04
"""Nobody hears a tempo that is 4 % off, but everybody hears a piece cut off."""

_MAX_BARS = 400
"""Far more than a Reel has: 90 s at 200 BPM are 75 bars."""

_FILE_TAIL_S = 2.5
"""The file goes on for this long after the last chord at least, for it to ring out."""

T = TypeVar("T")

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
class Bar:
    """A bar and the section it belongs to. `number` counts from the start of the piece."""

    number: int
    section: Section

    @property
    def place(self) -> int:
        """Where in the section the bar is, from 0."""
        return self.number - self.section.first_bar

    @property
    def is_last(self) -> bool:
        """Whether the section ends with this bar."""
        return self.place == self.section.bars - 1

    @property
    def in_second_half(self) -> bool:
        """Whether half of the section, rounded down, is over."""
        return self.place >= self.section.bars // 2


@dataclass(frozen=True)
class Arrangement:
    """Everything that is decided before a note is played.

    `bars` whole bars come before the final chord, which falls at beat `bars * 4`. `chords` holds
    one chord a bar, the final one last. `length_s` is the length of the file. `swing` delays every
    second sixteenth by that share of a sixteenth. `is_gentle` softens drums and tone.
    """

    style: str
    taste: MusicTaste
    key: Key
    bpm: float
    bars: int
    length_s: float
    sections: tuple[Section, ...]
    chords: tuple[Chord, ...]
    groove: Groove
    second_groove: Groove
    swing: float
    is_gentle: bool

    @property
    def beat_s(self) -> float:
        """Length of a beat in seconds."""
        return 60.0 / self.bpm

    @property
    def bar_s(self) -> float:
        """Length of a bar in seconds."""
        return BEATS_A_BAR * self.beat_s

    @property
    def final_s(self) -> float:
        """When the last chord falls."""
        return self.bars * BEATS_A_BAR * self.beat_s

    def each_bar(self) -> Iterator[Bar]:
        """The bars in order, without the final chord."""
        for section in self.sections:
            for number in range(section.first_bar, section.end_bar):
                yield Bar(number, section)


def arrange(
    style: str, mood: str, bpm: int, reel_s: float, rng: np.random.Generator
) -> Arrangement:
    """Decide the whole form of a piece for a Reel of `reel_s` seconds."""
    taste = style_of(style).music
    key = Key(int(rng.integers(12)), _draw_mode(taste, brightness_of(mood), rng))
    exact_bpm, bars = fit_tempo(bpm, reel_s)
    bar_s = BEATS_A_BAR * 60.0 / exact_bpm
    sections = plan_sections(bars)
    chords = _draw_chords(taste, key, sections, rng)
    groove, second_groove = draw_two(taste.grooves, rng)
    # The Reel plays the piece from `start_s(bar_s)` on.
    needed_s = max(reel_s + max(SPARE_S, start_s(bar_s)), bars * bar_s + _FILE_TAIL_S)

    return Arrangement(
        style=style,
        taste=taste,
        key=key,
        bpm=exact_bpm,
        bars=bars,
        length_s=needed_s + 0.5,
        sections=sections,
        chords=chords,
        groove=groove,
        second_groove=second_groove,
        swing=float(rng.uniform(*taste.swing)),
        is_gentle=is_calm(mood),
    )


def start_s(bar_s: float) -> float:
    """Where a Reel starts in the piece: its first possible downbeat falls on the hook's cut.

    It is what the planner likes best (`editing.beats`), and what it does unless the footage is in
    the way.
    """
    return ceil(HOOK_S / bar_s) * bar_s - HOOK_S


def fit_tempo(bpm: float, reel_s: float) -> tuple[float, int]:
    """A tempo near `bpm` and a number of bars that end in time for the last chord to ring out.

    Where none does, the Reel ends before the last chord, on some beat of the piece: silence after
    an early ending would be worse. The tempo moves by _MAX_STRETCH at most.
    """
    best: tuple[float, float, int] | None = None
    for bars in range(1, _MAX_BARS):
        bars_s = bars * (BEATS_A_BAR * 60.0 / bpm)
        for stretch in np.linspace(-_MAX_STRETCH, _MAX_STRETCH, 17):
            bar_s = bars_s / bars * (1 + stretch)
            rings_s = start_s(bar_s) + reel_s - bars * bar_s
            cost = _ending_cost(rings_s) + (abs(stretch) * 14) ** 2
            if best is None or cost < best[0]:
                best = (cost, bpm / (1 + stretch), bars)
        if bars_s * (1 - _MAX_STRETCH) > reel_s + 2 * bars_s / bars:
            break  # too long even at the fastest tempo
    assert best is not None
    return round(best[1], 4), best[2]


def _ending_cost(rings_s: float) -> float:
    """What a last chord costs that the Reel lets ring for so long; below 0: it comes too late."""
    if rings_s < _CUT_OFF_S:
        # It is as if the music went on; the nearer it is, the more of the form has been played.
        return 1.0 + 0.1 * (_CUT_OFF_S - rings_s)
    return 4.0 * (rings_s - RING_OUT_S) ** 2


# By the number of bars up to which a form is used: (section, share of the bars, energy).
# Every form starts with the hook and ends at full energy; longer pieces have more to tell.
_FORMS: tuple[tuple[int, tuple[tuple[SectionName, float, float], ...]], ...] = (
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
        _MAX_BARS,
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
    form = next(parts for max_bars, parts in _FORMS if bars <= max_bars)
    phrase = 2 if bars // 2 >= len(form) else 1
    phrases = [1] * len(form)
    for _ in range(bars // phrase - len(form)):
        lacking = [
            share * bars / phrase - held for (_, share, _), held in zip(form, phrases, strict=True)
        ]
        phrases[lacking.index(max(lacking))] += 1
    lengths = [count * phrase for count in phrases]
    lengths[-1] += bars - sum(lengths)

    sections = []
    first_bar = 0
    for (name, _, energy), length in zip(form, lengths, strict=True):
        sections.append(Section(name, first_bar, length, energy))
        first_bar += length
    return tuple(sections)


def draw_two(choices: Sequence[T], rng: np.random.Generator) -> tuple[T, T]:
    """Two different ones of the choices."""
    first, second = rng.permutation(len(choices))[:2]
    return choices[int(first)], choices[int(second)]


def _draw_mode(taste: MusicTaste, brightness: int, rng: np.random.Generator) -> str:
    """A mode of the style; one that agrees with the mood is about ten times as likely."""
    weights = np.ones(len(taste.modes))
    for place, mode in enumerate(taste.modes):
        if brightness:
            agrees = (mode in BRIGHT_MODES) == (brightness > 0)
            weights[place] = 4.0 if agrees else 0.35
    return str(rng.choice(taste.modes, p=weights / weights.sum()))


def _draw_chords(
    taste: MusicTaste, key: Key, sections: tuple[Section, ...], rng: np.random.Generator
) -> tuple[Chord, ...]:
    """A chord for each bar, and the final one.

    A piece has two progressions: the second one is for breaks and some verses.
    """
    progressions = (
        taste.bright_progressions if key.mode in BRIGHT_MODES else taste.dark_progressions
    )
    main, second = draw_two(progressions, rng)
    shapes = [str(rng.choice(taste.shapes)) for _ in range(4)]

    chords: list[Chord] = []
    for section in sections:
        departs = section.name == "break" or (section.name == "verse" and rng.random() < 0.3)
        progression = second if departs else main
        chords += [
            Chord(progression[bar % len(progression)], shapes[bar % 4])
            for bar in range(section.bars)
        ]

    before_last, last = _cadence(key, taste)
    if len(chords) > 1:
        chords[-1] = before_last
    return tuple(settled(chord, key) for chord in (*chords, last))


def _cadence(key: Key, taste: MusicTaste) -> tuple[Chord, Chord]:
    """The chord of the bar before the end, and that of the end.

    Each mode has its own way home: the dominant in major and lydian, the flat second in phrygian,
    the flat seventh in the others.
    """
    if key.mode in ("major", "lydian"):
        before_last = Chord(4, "sus4")
    elif key.mode == "phrygian":
        before_last = Chord(1, "triad")
    else:
        before_last = Chord(6, "triad")
    has_ninths = bool({"add9", "ninth"} & set(taste.shapes))
    return before_last, Chord(0, "add9" if has_ninths else "triad")
