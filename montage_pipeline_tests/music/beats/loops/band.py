"""The band that plays a loop and keeps the truth about its beats."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from montage_pipeline_tests.music.beats.loops.sounds import RATE, Sound, add, finished, hit, tone

_MINOR, _MAJOR = (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 5, 7, 9, 11)


@dataclass(frozen=True)
class Loop:
    """Mono samples at RATE, and what is known of them, in seconds.

    `returns_s` is where the drums come back after a pause.
    """

    kind: str
    bpm: float
    beats_a_bar: int
    sound: NDArray[np.float32]
    beats_s: tuple[float, ...]
    downbeats_s: tuple[float, ...]
    returns_s: tuple[float, ...] = ()


@dataclass
class Band:
    """Places sounds at beats, and keeps the truth."""

    kind: str
    bpm: float
    seconds: float
    rng: np.random.Generator
    beats_a_bar: int = 4
    swing: float = 0.5
    pauses: tuple[tuple[int, int], ...] = ()
    silent_pauses: bool = False
    drums_until: float = np.inf
    sound: Sound = field(init=False)
    beat_times: Sound = field(init=False)

    def __post_init__(self) -> None:
        self.sound = np.zeros(int(self.seconds * RATE))
        self.start_s = float(self.rng.choice([0.0, self.rng.uniform(0, 0.8)]))
        self.jitter_s = float(self.rng.choice([0.0, 0.003, 0.008]))
        # A machine strikes always alike, and is recorded without a room.
        self.machine = bool(self.rng.random() < 0.3)
        if self.machine:
            self.jitter_s = 0.0
        self.levels = {
            name: float(self.rng.uniform(0.6, 1.3)) for name in ("drums", "hats", "bass", "chords")
        }
        self.tone = int(self.rng.integers(4))
        self.root, self.scale = (
            int(self.rng.integers(12)),
            _MINOR if self.rng.random() < 0.5 else _MAJOR,
        )
        self.chords = [0, *(int(degree) for degree in self.rng.choice([0, 2, 3, 4, 5], 3))]
        if len(set(self.chords)) == 1:
            self.chords[2] = 3
        self.bars_a_chord = float(self.rng.choice([0.5, 1.0, 1.0, 1.0, 2.0, 1000.0]))
        spacing = np.full(int(self.seconds * self.bpm / 60) + 8, 60.0 / self.bpm)
        if self.kind == "live":
            wander = np.cumsum(self.rng.standard_normal(len(spacing)))
            wander = np.convolve(wander, np.ones(9) / 9, mode="same")
            spacing *= 1 + 0.03 * wander / max(float(np.abs(wander).max()), 1e-9)
        self.beat_times = self.start_s + np.concatenate([[0.0], np.cumsum(spacing)])
        self.beats = int(np.sum(self.beat_times < self.seconds - 0.15))
        self.bars = -(-self.beats // self.beats_a_bar)

    def in_three(self) -> None:
        self.beats_a_bar = 3
        self.bars = -(-self.beats // 3)

    def at_s(self, beat: float) -> float:
        """When a (fractional) beat is played, swung."""
        whole, part = int(beat), beat - int(beat)
        part = (
            part * 2 * self.swing
            if part < 0.5
            else self.swing + (part - 0.5) * 2 * (1 - self.swing)
        )
        return float(
            self.beat_times[whole] + part * (self.beat_times[whole + 1] - self.beat_times[whole])
        )

    def paused(self, beat: float) -> bool:
        return any(first <= beat < last for first, last in self.pauses)

    def drum(self, name: str, beat: float, level: float = 1.0) -> None:
        if self.paused(beat):
            return
        part = "hats" if name in ("hat", "open", "ride", "shaker") else "drums"
        self._place(hit(name, self.tone), beat, level * self.levels[part] * self._touch())

    def note(
        self, part: str, timbre: str, pitch: int, beat: float, length: float, level: float
    ) -> None:
        """A note of `length` beats; `pitch` is a MIDI number."""
        if self.silent_pauses and self.paused(beat):
            return
        seconds = length * 60.0 / self.bpm
        self._place(
            tone(timbre, pitch, round(seconds, 2)), beat, level * self.levels[part] * self._touch()
        )

    def _touch(self) -> float:
        return 1.0 if self.machine else float(self.rng.uniform(0.85, 1.1))

    def _place(self, sample: Sound, beat: float, level: float) -> None:
        if 0 <= beat < self.beats:
            add(
                self.sound,
                sample * level,
                int((self.at_s(beat) + self.rng.normal(0, self.jitter_s)) * RATE),
            )

    def degree(self, beat: float, step: int = 0) -> int:
        """The pitch (0 = C) `step` scale steps above the root of the chord at a beat."""
        place = (
            self.chords[int(beat / self.beats_a_bar / self.bars_a_chord) % len(self.chords)] + step
        )
        return self.root + self.scale[place % 7] + 12 * (place // 7)

    def loop(self) -> Loop:
        beats = self.beat_times[: self.beats]
        returns = tuple(
            float(self.beat_times[last]) for _, last in self.pauses if last < self.beats
        )
        return Loop(
            self.kind,
            self.bpm,
            self.beats_a_bar,
            finished(self.sound, self.rng, dry=self.machine),
            tuple(float(beat) for beat in beats),
            tuple(float(beat) for beat in beats[:: self.beats_a_bar]),
            returns,
        )

    # What the band plays

    def hats(self, steps: int, name: str = "hat") -> None:
        """`steps` a beat; the ones between are softer."""
        for place in range(self.beats * steps):
            strong = place % steps == 0
            self.drum(
                name,
                place / steps,
                0.5 if strong or self.machine else float(self.rng.uniform(0.25, 0.5)),
            )

    def fills(self) -> None:
        """A crash at the start of every eighth bar, sometimes toms before."""
        for bar in range(0, self.bars, 8):
            self.drum("crash", bar * self.beats_a_bar, 0.6)
            if bar and self.rng.random() < 0.6:
                for step in range(4):
                    self.drum("tom", bar * self.beats_a_bar - 1 + step / 4, 0.7)

    def bass(self, style: str) -> None:
        bar_beats = self.beats_a_bar
        places = {
            "long": [(0.0, float(bar_beats))],
            "halves": [(0.0, 2.0), (2.0, float(bar_beats) - 2)],
            "eighths": [(step / 2, 0.45) for step in range(2 * bar_beats)],
            "offbeats": [(step + 0.5, 0.45) for step in range(bar_beats)],
            "walking": [(float(step), 0.9) for step in range(bar_beats)],
            "syncopated": [(0.0, 1.4), (1.5, 0.9), (2.5, 1.4)],
        }[style]
        for bar in range(self.bars):
            for place, length in places:
                step = int(self.rng.choice([0, 2, 4])) if style == "walking" and place else 0
                self.note(
                    "bass",
                    "bass",
                    36 + self.degree(bar * bar_beats + place, step),
                    bar * bar_beats + place,
                    length,
                    0.7,
                )

    def comping(self, style: str) -> None:
        bar_beats = self.beats_a_bar
        places = {
            "long": [(0.0, float(bar_beats))],
            "quarters": [(float(step), 0.8) for step in range(bar_beats)],
            "offbeats": [(step + 0.5, 0.3) for step in range(bar_beats)],
            "halves": [(0.0, 1.9), (2.0, 1.9)],
            "strum": [(0.0, 0.9), (1.0, 0.45), (1.5, 0.45), (2.5, 0.45), (3.0, 0.45), (3.5, 0.45)],
            "two-three": [(1.0, 0.7), (2.0, 0.7)],
        }[style]
        timbre = ("keys", "pluck", "organ", "keys")[self.tone]
        for bar in range(self.bars):
            for place, length in places:
                beat = bar * bar_beats + place
                for step in (0, 2, 4):
                    self.note(
                        "chords",
                        timbre,
                        60 + self.degree(beat, step),
                        beat,
                        length,
                        0.22 if place else 0.28,
                    )

    def arpeggio(self, steps: int) -> None:
        """`steps` notes a beat, up and down the bar's chord, the root on the bar's first."""
        order = [0, 2, 4, 7, 4, 2] if self.beats_a_bar == 3 else [0, 2, 4, 7, 9, 7, 4, 2]
        timbre = ("pluck", "keys", "pluck", "keys")[self.tone]
        for place in range(self.beats * steps):
            inside = place % (self.beats_a_bar * steps)
            level = 0.5 if inside == 0 else 0.4 if inside % steps == 0 else 0.3
            self.note(
                "chords",
                timbre,
                60 + self.degree(place / steps, order[inside % len(order)]),
                place / steps,
                1.5,
                level,
            )
