"""Pitched instruments, synthesised one note at a time and cached, because music repeats itself.

Harmonic instruments are built from partials below 16 kHz, so nothing aliases. The partials come in
groups with an envelope of their own: that is what makes a string lose its brightness as it rings,
without a filter that moves.
"""

import itertools
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

SAMPLE_RATE = 48_000
TOP_PARTIAL_HZ = 16_000.0
_TABLE = 4096
_LOOP = 2**17
_GROUP_EDGES = (1, 2, 5, 12, 4096)

Stereo = NDArray[np.float32]
"""Samples x 2, full scale 1.0."""


@dataclass(frozen=True)
class Patch:
    """One instrument.

    `slope` is the fall of the partials as a power of their number; `odd` the share of the even
    partials removed (1 = square-like, hollow); `pluck` the plucking point as a share of the string
    (0 = no comb). `decay_s` is the ring of the fundamental at middle C, `damping` how much faster
    each higher group dies, `sustain` the level held while the key is down. `detune_cents` spreads
    `unison` voices over `width` (0 mono, 1 wide); only a single voice has vibrato.
    """

    name: str
    kind: Literal["harmonic", "fm", "modal", "sub"] = "harmonic"
    slope: float = 1.0
    odd: float = 0.0
    pluck: float = 0.0
    attack_s: float = 0.004
    decay_s: float = 1.0
    damping: float = 0.6
    sustain: float = 0.0
    release_s: float = 0.12
    unison: int = 1
    detune_cents: float = 0.0
    width: float = 0.3
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.2
    fm_index: float = 1.2
    fm_ratio: float = 1.0
    drive: float = 0.0
    breath: float = 0.0
    knock: float = 0.0
    modes: tuple[tuple[float, float, float], ...] = field(default=())
    """For `modal`: (frequency ratio, level, ring relative to `decay_s`)."""


def midi_to_hz(pitch: float) -> float:
    """Equal temperament, A4 = 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


def _partials(patch: Patch, hz: float) -> NDArray[np.float64]:
    """Levels of the partials below the top of the band, the first one first; a full chord of them
    has RMS 0.32.
    """
    top = TOP_PARTIAL_HZ / (hz * 2 ** (patch.detune_cents / 1200))
    number = np.arange(1, int(max(1, min(top, _TABLE // 4))) + 1, dtype=np.float64)
    level = number**-patch.slope
    level[1::2] *= 1.0 - patch.odd
    if patch.pluck:
        level *= np.abs(np.sin(np.pi * number * patch.pluck)) + 0.03
    return np.asarray(level * 0.455 / np.sqrt(np.square(level).sum()))


def _phases(count: int) -> NDArray[np.float64]:
    """Starting phases: in step, the partials would add up to a click at the start of every note."""
    phase = np.random.default_rng(7).uniform(0, 2 * np.pi, count)
    phase[0] = -np.pi / 2
    return phase


def _groups(count: int) -> list[slice]:
    """The partials (by index from 0) that share an envelope: 1, 2-4, 5-11, the rest."""
    return [
        slice(low - 1, min(high - 1, count))
        for low, high in itertools.pairwise(_GROUP_EDGES)
        if low <= count
    ]


def _group_gain(group: int, brightness: float) -> float:
    """Dull notes lose their higher partials."""
    return float((1.4 * _GROUP_EDGES[group]) ** (-0.9 * (1.0 - brightness))) if group else 1.0


def _shape(samples: int, held: int, patch: Patch, decay_s: float) -> NDArray[np.float32]:
    """Attack, decay to sustain, release: samples x 1."""
    envelope = np.arange(samples, dtype=np.float32)
    envelope *= np.float32(-1.0 / (decay_s * SAMPLE_RATE))
    np.exp(envelope, out=envelope)
    envelope *= np.float32(1.0 - patch.sustain)
    envelope += np.float32(patch.sustain)
    rise = envelope[: int(max(patch.attack_s, 0.0015) * SAMPLE_RATE)]
    rise *= np.sin(np.linspace(0, np.pi / 2, len(rise), dtype=np.float32)) ** 2
    fall = samples - held
    if fall > 0:
        u = np.linspace(0.0, 1.0, fall, dtype=np.float32)
        envelope[held:] *= np.exp(-4.5 * u) * (1.0 - u)
    return np.asarray(envelope, dtype=np.float32)


def _envelopes(
    patch: Patch, hz: float, samples: int, held: int, brightness: float, groups: int
) -> list[NDArray[np.float32]]:
    decay_s = patch.decay_s * (261.6 / hz) ** 0.35
    shapes = []
    for group in range(groups):
        shape = _shape(samples, held, patch, max(decay_s * (1.0 - patch.damping) ** group, 0.01))
        shape *= np.float32(_group_gain(group, brightness))
        if patch.attack_s > 0.05 and group:
            # Bowed and blown sounds open up: the higher the partials, the later they come.
            bloom = int(patch.attack_s * (1 + 0.5 * group) * SAMPLE_RATE)
            shape[:bloom] *= np.linspace(0, 1, bloom, dtype=np.float32)[: len(shape)]
        shapes.append(shape)
    return shapes


def _solo(
    patch: Patch, hz: float, samples: int, held: int, brightness: float, rng: np.random.Generator
) -> Stereo:
    """One voice with vibrato, read from a wavetable of one period."""
    level = _partials(patch, hz)
    spectrum = np.zeros((len(_groups(len(level))), _TABLE // 2 + 1), dtype=np.complex128)
    rotated = level * np.exp(1j * _phases(len(level)))
    for group, chosen in enumerate(_groups(len(level))):
        spectrum[group, chosen.start + 1 : chosen.stop + 1] = rotated[chosen]
    tables = (np.fft.irfft(spectrum, axis=1) * (_TABLE / 2)).astype(np.float32)
    tables = np.concatenate([tables, tables[:, :1]], axis=1)
    t = np.arange(samples, dtype=np.float64) / SAMPLE_RATE
    cycles = t * hz
    if patch.vibrato_cents:
        depth = hz * (2 ** (patch.vibrato_cents / 1200) - 1) / (2 * np.pi * patch.vibrato_hz)
        cycles += (
            np.clip((t - 0.15) / 0.35, 0.0, 1.0)
            * depth
            * np.sin(2 * np.pi * patch.vibrato_hz * t + rng.uniform(0, 6))
        )
    position = (cycles % 1.0) * _TABLE
    index = position.astype(np.int32)
    fraction = (position - index).astype(np.float32)
    voice = np.zeros(samples, dtype=np.float32)
    for table, envelope in zip(
        tables, _envelopes(patch, hz, samples, held, brightness, len(tables)), strict=True
    ):
        low = table[index]
        voice += (low + (table[index + 1] - low) * fraction) * envelope
    return np.stack([voice, voice], axis=1) * np.float32(0.7071)


def _ensemble_loop(patch: Patch, hz: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Detuned voices as one seamless loop: groups x 2 x samples.

    Every partial of every voice is a line in one long spectrum, so any number of voices costs the
    same, and nothing can alias.
    """
    level = _partials(patch, hz)
    groups = _groups(len(level))
    spectrum = np.zeros((len(groups), 2, _LOOP // 2 + 1), dtype=np.complex64)
    number = np.arange(1, len(level) + 1)
    for place, offset in enumerate(np.linspace(-1.0, 1.0, patch.unison)):
        first_bin = hz * 2 ** (offset * patch.detune_cents / 1200) * _LOOP / SAMPLE_RATE
        lines = level * np.exp(1j * (_phases(len(level)) + number * rng.uniform(0, 2 * np.pi)))
        bins = np.rint(first_bin * number).astype(np.int64)
        # Neighbours in pitch go to opposite sides, so that neither side sounds sharp.
        side = patch.width * (abs(offset) if place % 2 else -abs(offset))
        angle = (side + 1.0) * np.pi / 4
        for group, chosen in enumerate(groups):
            np.add.at(
                spectrum[group, 0],
                bins[chosen],
                (lines[chosen] * np.cos(angle)).astype(np.complex64),
            )
            np.add.at(
                spectrum[group, 1],
                bins[chosen],
                (lines[chosen] * np.sin(angle)).astype(np.complex64),
            )
    loop = scipy.fft.irfft(spectrum, axis=2) * np.float32(_LOOP / 2 / np.sqrt(patch.unison))
    return np.asarray(loop, dtype=np.float32)


def _from_loop(
    loop: NDArray[np.float32],
    patch: Patch,
    hz: float,
    samples: int,
    held: int,
    brightness: float,
    start: int,
) -> Stereo:
    """A note of an ensemble, cut from its loop at `start`."""
    out = np.zeros((2, samples), dtype=np.float32)
    envelopes = _envelopes(patch, hz, samples, held, brightness, len(loop))
    done = 0
    while done < samples:
        count = min(samples - done, _LOOP - start)
        for voices, envelope in zip(loop, envelopes, strict=True):
            out[:, done : done + count] += (
                voices[:, start : start + count] * envelope[done : done + count]
            )
        done, start = done + count, 0
    return np.ascontiguousarray(out.T)


def _fm(patch: Patch, hz: float, samples: int, held: int, brightness: float) -> Stereo:
    """Electric piano: two operators, and a quiet tine where it stays below the top of the band."""
    t = np.arange(samples, dtype=np.float64) / SAMPLE_RATE
    decay_s = patch.decay_s * (261.6 / hz) ** 0.4
    index = (
        patch.fm_index * (0.35 + brightness) * min(1.0, 600.0 / hz) * np.exp(-t / (0.35 * decay_s))
    )
    tone = np.sin(2 * np.pi * hz * t + index * np.sin(2 * np.pi * hz * patch.fm_ratio * t))
    if hz * 14 < TOP_PARTIAL_HZ:
        tone += 0.10 * brightness * np.sin(2 * np.pi * hz * 14 * t) * np.exp(-t / 0.07)
    tone = (tone * 0.5).astype(np.float32) * _shape(samples, held, patch, decay_s)
    # The slow pan of a suitcase piano.
    sway = (0.18 * patch.width * np.sin(2 * np.pi * 1.7 * t)).astype(np.float32)
    return np.stack([tone * (0.7071 + sway), tone * (0.7071 - sway)], axis=1)


def _modal(
    patch: Patch, hz: float, samples: int, brightness: float, rng: np.random.Generator
) -> Stereo:
    """Bars, bells and tines: a few partials that need not be harmonic."""
    t = np.arange(samples, dtype=np.float64) / SAMPLE_RATE
    decay_s = patch.decay_s * (261.6 / hz) ** 0.5
    out = np.zeros((samples, 2), dtype=np.float32)
    for number, (ratio, level, ring) in enumerate(patch.modes):
        if hz * ratio > TOP_PARTIAL_HZ:
            continue
        loud = level * (1.0 if number == 0 else 0.3 + 0.9 * brightness)
        partial = (
            loud * 0.5 * np.sin(2 * np.pi * hz * ratio * t) * np.exp(-t / (decay_s * ring))
        ).astype(np.float32)
        angle = (1.0 + patch.width * rng.uniform(-0.6, 0.6)) * np.pi / 4
        out[:, 0] += partial * np.float32(np.cos(angle))
        out[:, 1] += partial * np.float32(np.sin(angle))
    rise = int(SAMPLE_RATE * max(patch.attack_s, 0.0015))
    out[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)[:, None]
    fade = min(samples, int(0.03 * SAMPLE_RATE))
    out[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    return out


def _sub(patch: Patch, hz: float, samples: int, held: int, brightness: float) -> Stereo:
    """A deep bass: a sine that falls into its pitch, pressed into warm overtones."""
    t = np.arange(samples, dtype=np.float64) / SAMPLE_RATE
    cycles = hz * t + hz * 0.5 * 0.02 * (1 - np.exp(-t / 0.02))
    tone = np.sin(2 * np.pi * cycles) + 0.25 * np.sin(4 * np.pi * cycles) * np.exp(-t / 0.25)
    push = 1.0 + patch.drive * (0.5 + brightness)
    tone = np.tanh(tone * push) / np.tanh(push)
    mono = (0.6 * tone).astype(np.float32) * _shape(samples, held, patch, patch.decay_s)
    return np.stack([mono, mono], axis=1) * np.float32(0.7071)


class Instrument:
    """A patch with a memory of the notes it has played."""

    def __init__(self, patch: Patch, seed: int) -> None:
        self.patch = patch
        self._seed = seed
        self._played: dict[tuple[int, int, int], Stereo] = {}
        self._loops: dict[int, NDArray[np.float32]] = {}

    def note(self, pitch: int, length_s: float, brightness: float) -> Stereo:
        """The sound of one note at full velocity, release included: samples x 2.

        `brightness` 0..1 is taken in steps of a quarter, lengths in steps of 10 ms.
        """
        patch = self.patch
        step = int(np.clip(round(brightness * 4), 0, 4))
        centis = max(3, round(length_s * 100))
        known = self._played.get((pitch, centis, step))
        if known is not None:
            return known
        hz = midi_to_hz(pitch)
        held = centis * SAMPLE_RATE // 100
        if patch.kind == "modal":
            # A struck bar rings on, whoever lets go.
            held = int(max(held, min(3.0, 3.5 * patch.decay_s * (261.6 / hz) ** 0.5) * SAMPLE_RATE))
        samples = held + int(patch.release_s * SAMPLE_RATE)
        rng = np.random.default_rng((self._seed, pitch, centis, step))
        bright = step / 4
        if patch.kind == "harmonic" and patch.unison > 1:
            loop = self._loops.get(pitch)
            if loop is None:
                loop = self._loops[pitch] = _ensemble_loop(patch, hz, rng)
            sound = _from_loop(loop, patch, hz, samples, held, bright, int(rng.integers(_LOOP)))
        elif patch.kind == "harmonic":
            sound = _solo(patch, hz, samples, held, bright, rng)
        elif patch.kind == "fm":
            sound = _fm(patch, hz, samples, held, bright)
        elif patch.kind == "modal":
            sound = _modal(patch, hz, samples, bright, rng)
        else:
            sound = _sub(patch, hz, samples, held, bright)
        if patch.drive and patch.kind == "harmonic":
            sound = np.tanh(sound * np.float32(1 + patch.drive)) / np.float32(
                np.tanh(1 + patch.drive)
            )
        if patch.knock:
            _add_knock(sound, patch.knock * (0.4 + bright), rng)
        if patch.breath:
            _add_breath(sound, patch.breath, hz, held, rng)
        self._played[(pitch, centis, step)] = sound
        return sound


def _add_knock(sound: Stereo, level: float, rng: np.random.Generator) -> None:
    """The hammer or finger before the string speaks: 15 ms of dull noise."""
    count = min(len(sound), int(0.015 * SAMPLE_RATE))
    noise = np.convolve(rng.standard_normal(count), np.hanning(24) / 8, mode="same")
    sound[:count] += (0.05 * level * noise * np.hanning(count))[:, None].astype(np.float32)


def _add_breath(
    sound: Stereo, level: float, hz: float, held: int, rng: np.random.Generator
) -> None:
    """Air around a blown note: noise centred on its pitch."""
    count = min(len(sound), held)
    t = np.arange(count) / SAMPLE_RATE
    air = np.convolve(rng.standard_normal(count), np.hanning(48) / 12, mode="same")
    ring = air * np.cos(2 * np.pi * hz * 2 * t) * np.sin(np.pi * np.arange(count) / count)
    sound[:count] += (0.03 * level * ring)[:, None].astype(np.float32)
