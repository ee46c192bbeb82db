"""Loops with known beats, to measure beat tracking by: drums, bass and chords, synthesised here
from a seed.

Shares nothing with the local composer, so that the tracker is not measured on the sounds of its own
house.
Belongs here: the sounds, the patterns, what is true of them. Does not belong here: any tracker.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE = 22_050
Sound = NDArray[np.float64]

KINDS = (
    "click",
    "rock",
    "four-on-floor",
    "broken",
    "swing",
    "drop-out",
    "chords",
    "arpeggio",
    "half-time",
    "waltz",
    "live",
    "odd",
)
"""Kinds of loop with a beat. `live` drifts in tempo by up to 3 %, all others keep time; `chords`
and `arpeggio` have no drums, `odd`
has sounds of any kind in the places of drums."""
BEATLESS = ("noise", "pad", "speech", "rain", "hum")
"""Kinds of sound without one."""

_TEMPI = {"half-time": (110.0, 180.0), "waltz": (80.0, 180.0), "swing": (70.0, 180.0)}
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


def make_loop(kind: str, seed: int, seconds: float = 24.0, bpm: float | None = None) -> Loop:
    """A loop of one of KINDS. The seed decides everything that is not given."""
    rng = np.random.default_rng((seed, KINDS.index(kind)))
    low, high = _TEMPI.get(kind, (60.0, 180.0))
    drawn = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    # Half of all music made to order has a whole number of beats a minute.
    tempo = bpm or (float(round(drawn)) if rng.random() < 0.5 else drawn)
    band = _Band(kind, tempo, seconds, rng)
    _PATTERNS[kind](band)
    return band.loop()


def make_beatless(kind: str, seed: int, seconds: float = 24.0) -> NDArray[np.float32]:
    """A sound of one of BEATLESS: mono samples at RATE."""
    rng = np.random.default_rng((seed, 100 + BEATLESS.index(kind)))
    count = int(seconds * RATE)
    t = np.arange(count) / RATE
    if kind == "noise":
        sound = _tilted(rng.standard_normal(count), float(rng.uniform(0, 1)))
    elif kind == "hum":
        sound = np.asarray(
            sum(np.sin(2 * np.pi * 50 * k * t) / k for k in (1, 2, 3, 5))
        ) + 0.05 * rng.standard_normal(count)
    elif kind == "rain":
        sound = 0.02 * rng.standard_normal(count)
        for at in rng.integers(0, count, int(seconds * rng.uniform(4, 25))):
            _add(sound, _hit("hat", int(rng.integers(4))) * rng.exponential(0.5), int(at))
    elif kind == "pad":
        sound = _swells(rng, count)
    else:
        sound = _syllables(rng, count)
    return _finished(sound, rng)


@dataclass
class _Band:
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
        self._place(_hit(name, self.tone), beat, level * self.levels[part] * self._touch())

    def note(
        self, part: str, timbre: str, pitch: int, beat: float, length: float, level: float
    ) -> None:
        """A note of `length` beats; `pitch` is a MIDI number."""
        if self.silent_pauses and self.paused(beat):
            return
        seconds = length * 60.0 / self.bpm
        self._place(
            _tone(timbre, pitch, round(seconds, 2)), beat, level * self.levels[part] * self._touch()
        )

    def _touch(self) -> float:
        return 1.0 if self.machine else float(self.rng.uniform(0.85, 1.1))

    def _place(self, sample: Sound, beat: float, level: float) -> None:
        if 0 <= beat < self.beats:
            _add(
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
            _finished(self.sound, self.rng, dry=self.machine),
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


def _one(band: _Band, *choices: str) -> str:
    return str(band.rng.choice(choices))


def _steps(band: _Band) -> int:
    """Hats a beat: sixteenths only where a player could."""
    if band.bpm < 100:
        return int(band.rng.choice([2, 2, 4]))
    return int(band.rng.choice([1, 2, 2])) if band.bpm > 130 else 2


def _click(band: _Band) -> None:
    """One sound on every beat, on some metronomes another on the first of the bar."""
    plain = _one(band, "beep", "beep", "hat", "tom", "clap", "kick", "ride")
    first = _one(band, plain, plain, "tom", "clap", "beep")
    for beat in range(band.beats):
        band.drum(plain if beat % 4 else first, beat)


def _rock(band: _Band) -> None:
    kicks = [[0.0, 2.0], [0.0, 2.0, 2.5], [0.0, 1.5, 2.0], [0.0, 2.0, 3.5]][
        int(band.rng.integers(4))
    ]
    for bar in range(band.bars):
        for place in kicks:
            band.drum("kick", 4 * bar + place)
        for place in (1, 3):
            band.drum("snare", 4 * bar + place, 0.9)
    band.hats(_steps(band))
    if band.machine and band.rng.random() < 0.5:
        return
    band.fills()
    if band.rng.random() < 0.7:
        band.bass(_one(band, "eighths", "halves", "walking", "syncopated"))
    if band.rng.random() < 0.7:
        band.comping(_one(band, "long", "quarters", "halves", "strum"))


def _four(band: _Band) -> None:
    for beat in range(band.beats):
        band.drum("kick", beat)
        if beat % 2 and band.tone:
            band.drum("clap", beat, 0.7)
    if band.rng.random() < 0.6:
        for beat in range(band.beats):
            band.drum("open", beat + 0.5, 0.6)
    else:
        band.hats(_steps(band))
    if band.rng.random() < 0.25:
        return
    band.fills()
    band.bass(_one(band, "offbeats", "eighths", "long"))
    band.comping(_one(band, "offbeats", "long", "quarters"))


def _broken(band: _Band) -> None:
    kicks = [[0.0, 2.5], [0.0, 0.75, 2.5], [0.0, 1.75, 2.25, 2.5], [0.0, 1.5, 2.75]][
        int(band.rng.integers(4))
    ]
    for bar in range(band.bars):
        for place in kicks:
            band.drum("kick", 4 * bar + place)
        for place in (1, 3):
            band.drum("snare", 4 * bar + place, 0.9)
        for place in (1.75, 2.25, 3.75):
            if band.rng.random() < 0.5:
                band.drum("snare", 4 * bar + place, 0.3)
    band.hats(_steps(band))
    band.fills()
    band.bass(_one(band, "long", "syncopated", "halves"))
    if band.rng.random() < 0.6:
        band.comping(_one(band, "long", "offbeats"))


def _swing(band: _Band) -> None:
    band.swing = float(band.rng.uniform(0.57, 0.68))
    if band.rng.random() < 0.5:
        for bar in range(band.bars):
            for place in (0.0, 1.0, 1.5, 2.0, 3.0, 3.5):
                band.drum("ride", 4 * bar + place, 0.8 if place in (1.0, 3.0) else 0.6)
            for place in (1, 3):
                band.drum("hat", 4 * bar + place, 0.7)
            for place in (0, 2):
                band.drum("kick", 4 * bar + place, 0.5)
            if band.rng.random() < 0.3:
                band.drum("snare", 4 * bar + float(band.rng.choice([1.5, 2.5, 3.5])), 0.5)
        band.bass("walking")
    else:
        for bar in range(band.bars):
            for place in (0.0, 2.0, 2.5) if band.tone < 2 else (0.0, 1.5, 2.0):
                band.drum("kick", 4 * bar + place)
            for place in (1, 3):
                band.drum("snare", 4 * bar + place, 0.9)
        band.hats(2)
        band.bass(_one(band, "eighths", "halves"))
    band.comping(_one(band, "long", "offbeats", "quarters"))


def _drop_out(band: _Band) -> None:
    length = int(band.rng.choice([4, 6, 8]))
    first = int(band.rng.integers(2, max(3, band.bars // 3))) * 4
    second = first + 8 + int(band.rng.integers(2, 5)) * 4
    # The drums come back on a bar's first beat.
    pauses = [(start + (-length) % 4, start + (-length) % 4 + length) for start in (first, second)]
    band.pauses = tuple(pause for pause in pauses if pause[1] < band.beats - 4)
    band.silent_pauses = bool(band.rng.random() < 0.4)
    (_rock, _four, _broken)[int(band.rng.integers(3))](band)


def _chords(band: _Band) -> None:
    band.bars_a_chord = min(band.bars_a_chord, 2.0)
    band.comping(_one(band, "quarters", "halves", "strum"))
    if band.rng.random() < 0.7:
        band.bass(_one(band, "halves", "long", "walking"))


def _arpeggio(band: _Band) -> None:
    band.bars_a_chord = min(band.bars_a_chord, 2.0)
    band.arpeggio(2 if band.bpm > 100 else int(band.rng.choice([2, 4])))
    if band.rng.random() < 0.7:
        band.bass(_one(band, "halves", "long"))


def _half_time(band: _Band) -> None:
    kicks = [[0.0], [0.0, 1.5], [0.0, 0.5, 3.5], [0.0, 2.75]][int(band.rng.integers(4))]
    for bar in range(band.bars):
        for place in kicks:
            band.drum("kick", 4 * bar + place)
        band.drum("clap" if band.tone < 2 else "snare", 4 * bar + 2)
    # Slower, and with hats on the beats only, it would be the rock loop of half the tempo.
    band.hats(2 if band.bpm < 140 else int(band.rng.choice([1, 2, 2])))
    band.fills()
    if band.rng.random() < 0.8:
        band.bass(_one(band, "long", "syncopated", "halves"))
    if band.rng.random() < 0.7:
        band.comping(_one(band, "long", "quarters"))


def _waltz(band: _Band) -> None:
    band.in_three()
    if band.rng.random() < 0.7:
        for bar in range(band.bars):
            band.drum("kick", 3 * bar)
            for place in (1, 2):
                band.drum("snare" if band.tone < 2 else "hat", 3 * bar + place, 0.5)
        if band.rng.random() < 0.5:
            band.hats(2 if band.bpm < 140 else 1)
    band.bass("long")
    if band.rng.random() < 0.7:
        band.comping("two-three")
    else:
        band.arpeggio(2)


def _live(band: _Band) -> None:
    band.jitter_s = 0.008
    (_rock, _swing, _broken)[int(band.rng.integers(3))](band)


def _odd(band: _Band) -> None:
    """Something on 1 and 3, something else on 2 and 4, a third sound between: no kick, no snare."""
    sounds = [
        str(name) for name in band.rng.permutation(["beep", "tom", "clap", "ride", "shaker"])[:3]
    ]
    firsts = [[0.0, 2.0], [0.0, 2.0, 2.5], [0.0, 1.5, 2.0]][int(band.rng.integers(3))]
    for bar in range(band.bars):
        for place in firsts:
            band.drum(sounds[0], 4 * bar + place)
        for place in (1, 3):
            band.drum(sounds[1], 4 * bar + place, 0.8)
    for place in range(2 * band.beats):
        band.drum(sounds[2], place / 2, 0.3 if place % 2 else 0.4)
    if band.rng.random() < 0.5:
        band.bass(_one(band, "long", "halves"))


_PATTERNS: dict[str, Callable[[_Band], None]] = {
    "click": _click,
    "rock": _rock,
    "four-on-floor": _four,
    "broken": _broken,
    "swing": _swing,
    "drop-out": _drop_out,
    "chords": _chords,
    "arpeggio": _arpeggio,
    "half-time": _half_time,
    "waltz": _waltz,
    "live": _live,
    "odd": _odd,
}


# Sounds


@cache
def _hit(name: str, variant: int) -> Sound:
    """One stroke on a drum; four variants of each."""
    noise = np.random.default_rng((variant, len(name), ord(name[0])))
    seconds = {"crash": 1.6, "ride": 0.5, "open": 0.3, "kick": 0.4}.get(name, 0.22)
    t = np.arange(int(seconds * RATE)) / RATE
    hiss = noise.standard_normal(len(t))
    bright = np.diff(hiss, prepend=0.0)
    if name == "kick":
        low = 45.0 + 6 * variant
        body = np.sin(2 * np.pi * (low * t + (4 + variant) * (1 - np.exp(-t / 0.03)))) * np.exp(
            -t / (0.08 + 0.03 * variant)
        )
        return np.asarray(0.9 * body + 0.05 * hiss * np.exp(-t / 0.004))
    if name == "snare":
        shell = np.sin(2 * np.pi * (170 + 15 * variant) * t) * np.exp(-t / 0.05)
        return np.asarray(0.45 * shell + 0.35 * hiss * np.exp(-t / (0.04 + 0.02 * variant)))
    if name == "beep":
        return np.asarray(
            0.8
            * np.sin(2 * np.pi * (900 + 350 * variant) * t)
            * np.exp(-t / (0.004 + 0.006 * variant))
        )
    if name == "clap":
        bursts = sum(
            np.where(t >= at, np.exp(-np.maximum(t - at, 0) / 0.006), 0.0)
            for at in (0.0, 0.011, 0.021)
        )
        return np.asarray(0.3 * bright * (bursts + 0.7 * np.exp(-t / 0.06)))
    if name == "tom":
        return np.asarray(
            0.7
            * np.sin(2 * np.pi * (100 + 20 * variant) * t + 3 * (1 - np.exp(-t / 0.02)))
            * np.exp(-t / 0.1)
        )
    if name in ("ride", "crash"):
        bell = sum(
            np.sin(2 * np.pi * f * t) for f in (3170.0, 4410.0 + 90 * variant, 5230.0, 7340.0)
        )
        decay = 0.5 if name == "crash" else 0.14
        return np.asarray(
            (0.06 * bell + (0.35 if name == "crash" else 0.12) * bright) * np.exp(-t / decay)
        )
    return np.asarray(
        0.35 * bright * np.exp(-t / (0.12 if name == "open" else 0.012 + 0.008 * variant))
    )


@cache
def _tone(timbre: str, pitch: int, seconds: float) -> Sound:
    """A note held for `seconds`, with its own release."""
    hz = 440.0 * 2 ** ((pitch - 69) / 12)
    attack_s, decay_s, tilt = {
        "bass": (0.006, 0.6, 1.6),
        "keys": (0.006, 0.9, 1.5),
        "pluck": (0.002, 0.25, 0.9),
        "organ": (0.02, 9.0, 1.2),
    }[timbre]
    t = np.arange(int((seconds + 0.15) * RATE)) / RATE
    wave = np.zeros(len(t))
    for partial in range(1, 13):
        if hz * partial < 9000:
            wave += (
                np.sin(2 * np.pi * hz * partial * t + partial)
                * partial**-tilt
                * np.exp(-t * partial / (decay_s * 4))
            )
    shape = (
        np.minimum(t / attack_s, 1.0)
        * np.exp(-t / decay_s)
        * np.clip((seconds + 0.15 - t) / 0.15, 0.0, 1.0)
    )
    return np.asarray(0.6 * wave * shape)


def _add(sound: Sound, sample: Sound, at: int) -> None:
    at = max(0, at)
    span = sound[at : at + len(sample)]
    span += sample[: len(span)]


def _tilted(noise: Sound, octave_power: float) -> Sound:
    """White noise made to fall by `octave_power` times 6 dB an octave above 50 Hz."""
    hz = np.fft.rfftfreq(len(noise), 1 / RATE)
    return np.asarray(
        np.fft.irfft(np.fft.rfft(noise) / np.maximum(hz / 50, 1.0) ** octave_power, len(noise))
    )


def _swells(rng: np.random.Generator, count: int) -> Sound:
    """Chords that grow and fade over seconds, at no steady distance."""
    sound = np.zeros(count)
    at = 0.0
    while at * RATE < count:
        length = float(rng.uniform(3.0, 8.0))
        t = np.arange(int(length * RATE)) / RATE
        root = int(rng.integers(40, 60))
        chord = np.zeros(len(t))
        for pitch in (root, root + 7, root + 12 + int(rng.choice([3, 4])), root + 19):
            hz = 440.0 * 2 ** ((pitch - 69) / 12)
            chord += sum(
                np.sin(2 * np.pi * hz * k * (1 + d) * t + rng.uniform(0, 6)) / k**1.5
                for k in (1, 2, 3, 4)
                for d in (-0.002, 0.002)
            )
        _add(sound, chord * np.sin(np.pi * t / length) ** 2, int(at * RATE))
        at += length * float(rng.uniform(0.4, 0.7))
    return sound + 0.01 * _tilted(rng.standard_normal(count), 0.5)


def _syllables(rng: np.random.Generator, count: int) -> Sound:
    """Voiced and hissed syllables at the uneven pace of speech, in phrases with pauses."""
    sound = 0.003 * rng.standard_normal(count)
    at = 0.2
    while at * RATE < count:
        for _ in range(int(rng.integers(4, 16))):
            length = float(rng.uniform(0.08, 0.28))
            t = np.arange(int(length * RATE)) / RATE
            if rng.random() < 0.25:
                piece = 0.3 * np.diff(rng.standard_normal(len(t)), prepend=0.0)
            else:
                pitch = 120 * float(rng.uniform(0.8, 1.3)) * (1 - 0.15 * t / length)
                phase = 2 * np.pi * np.cumsum(pitch) / RATE
                formants = rng.uniform([300, 900, 2200], [800, 2000, 3000])
                piece = np.zeros(len(t))
                for k in range(1, 30):
                    piece += np.sin(k * phase) * float(
                        np.sum(1 / (1 + ((120 * k - formants) / 120) ** 2))
                    )
            _add(
                sound,
                piece
                * np.sin(np.pi * t / length) ** float(rng.uniform(0.3, 1))
                * float(rng.uniform(0.3, 1)),
                int(at * RATE),
            )
            at += length * float(rng.uniform(0.9, 1.5))
        at += float(rng.uniform(0.3, 1.2))
    return sound


def _finished(sound: Sound, rng: np.random.Generator, *, dry: bool = False) -> NDArray[np.float32]:
    """A room around it, noise under it, and a soft limit over it."""
    wet = 0.0 if dry else float(rng.choice([0.0, rng.uniform(0.05, 0.4)]))
    if wet:
        t = np.arange(int(0.9 * RATE)) / RATE
        room = rng.standard_normal(len(t)) * np.exp(-t / float(rng.uniform(0.08, 0.3)))
        room /= np.sqrt(np.sum(room**2))
        size = 1 << (len(sound) + len(room)).bit_length()
        sound = (
            sound
            + wet
            * np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(room, size), size)[: len(sound)]
        )
    sound = sound / max(float(np.abs(sound).max()), 1e-9)
    hiss = 10 ** float(rng.uniform(-6, -3) if dry else rng.uniform(-4, -1.7))
    sound = sound + hiss * rng.standard_normal(len(sound)) * float(np.sqrt(np.mean(sound**2)))
    drive = float(rng.uniform(0.8, 2.5))
    return np.asarray(
        np.tanh(drive * sound) / np.tanh(drive) * float(rng.uniform(0.3, 0.98)), dtype=np.float32
    )


def loops(kinds: Sequence[str], seeds: Sequence[int], seconds: float = 24.0) -> list[Loop]:
    """Every kind with every seed."""
    return [make_loop(kind, seed, seconds) for kind in kinds for seed in seeds]
