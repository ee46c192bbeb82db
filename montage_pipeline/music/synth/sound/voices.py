"""How notes are synthesised: one function for each kind of voice.

Harmonic instruments are built from partials below 16 kHz, so nothing aliases. The partials come in
groups with an envelope each: that makes a string lose its brightness as it rings, without a filter
that moves.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from montage_pipeline.music.synth.sound.patch import Patch
from montage_pipeline.music.synth.sound.samples import SAMPLE_RATE, Stereo

LOOP = 2**17
"""Samples of an ensemble's loop: 2.7 s, too long to be heard as one."""

_TOP_PARTIAL_HZ = 16_000.0
_TABLE = 4096
"""Samples of a wavetable of one period; a power of two, and enough for any partial in the band."""

_GROUP_EDGES = (1, 2, 5, 12, 4096)
"""Partials that share an envelope: the 1st, 2 to 4, 5 to 11, the rest."""

_MIDDLE_C_HZ = 261.6
"""Decays are given for middle C; higher notes ring shorter."""

_MIN_ATTACK_S = 0.0015
"""A faster attack clicks."""

_MONO = np.float32(0.7071)
"""Gain of one voice in each of two channels."""


@dataclass(frozen=True)
class Tone:
    """One note to synthesise: its lengths in samples, `held` of them before the key is let go.

    `brightness` is 0..1.
    """

    patch: Patch
    hz: float
    samples: int
    held: int
    brightness: float

    @property
    def seconds(self) -> NDArray[np.float64]:
        """The time of every sample."""
        return np.arange(self.samples, dtype=np.float64) / SAMPLE_RATE

    def decay_s(self, falls: float) -> float:
        """The ring of the fundamental, shorter by the power `falls` of the frequency."""
        return float(self.patch.decay_s * (_MIDDLE_C_HZ / self.hz) ** falls)


def solo(tone: Tone, rng: np.random.Generator) -> Stereo:
    """One voice with vibrato, read from a wavetable of one period."""
    tables = _wavetables(tone)
    position = (_cycles(tone, rng) % 1.0) * _TABLE
    index = position.astype(np.int32)
    fraction = (position - index).astype(np.float32)

    voice = np.zeros(tone.samples, dtype=np.float32)
    for table, envelope in zip(tables, _envelopes(tone, len(tables)), strict=True):
        low = table[index]
        voice += (low + (table[index + 1] - low) * fraction) * envelope
    return np.stack([voice, voice], axis=1) * _MONO


def _wavetables(tone: Tone) -> NDArray[np.float32]:
    """One period of each group of partials, its first sample once more at the end."""
    level = _partials(tone.patch, tone.hz)
    groups = _groups(len(level))
    spectrum = np.zeros((len(groups), _TABLE // 2 + 1), dtype=np.complex128)
    rotated = level * np.exp(1j * _phases(len(level)))
    for group, chosen in enumerate(groups):
        spectrum[group, chosen.start + 1 : chosen.stop + 1] = rotated[chosen]
    tables = (np.fft.irfft(spectrum, axis=1) * (_TABLE / 2)).astype(np.float32)
    return np.concatenate([tables, tables[:, :1]], axis=1)


def _cycles(tone: Tone, rng: np.random.Generator) -> NDArray[np.float64]:
    """Periods gone by at each sample. Vibrato sets in after the note has spoken."""
    patch, t = tone.patch, tone.seconds
    cycles = t * tone.hz
    if patch.vibrato_cents:
        depth = tone.hz * (2 ** (patch.vibrato_cents / 1200) - 1) / (2 * np.pi * patch.vibrato_hz)
        cycles += (
            np.clip((t - 0.15) / 0.35, 0.0, 1.0)
            * depth
            * np.sin(2 * np.pi * patch.vibrato_hz * t + rng.uniform(0, 6))
        )
    return cycles


def ensemble_loop(patch: Patch, hz: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Detuned voices as one seamless loop: groups x 2 x samples.

    Every partial of every voice is a line in one long spectrum, so any number of voices costs the
    same, and nothing can alias.
    """
    level = _partials(patch, hz)
    groups = _groups(len(level))
    spectrum = np.zeros((len(groups), 2, LOOP // 2 + 1), dtype=np.complex64)
    number = np.arange(1, len(level) + 1)
    for place, offset in enumerate(np.linspace(-1.0, 1.0, patch.unison)):
        first_bin = hz * 2 ** (offset * patch.detune_cents / 1200) * LOOP / SAMPLE_RATE
        lines = level * np.exp(1j * (_phases(len(level)) + number * rng.uniform(0, 2 * np.pi)))
        bins = np.rint(first_bin * number).astype(np.int64)
        # Neighbours in pitch go to opposite sides, so that neither side sounds sharp.
        side = patch.width * (abs(offset) if place % 2 else -abs(offset))
        angle = (side + 1.0) * np.pi / 4
        for group, chosen in enumerate(groups):
            for channel, gain in enumerate((np.cos(angle), np.sin(angle))):
                np.add.at(
                    spectrum[group, channel],
                    bins[chosen],
                    (lines[chosen] * gain).astype(np.complex64),
                )
    loop = scipy.fft.irfft(spectrum, axis=2) * np.float32(LOOP / 2 / np.sqrt(patch.unison))
    return np.asarray(loop, dtype=np.float32)


def from_loop(tone: Tone, loop: NDArray[np.float32], start: int) -> Stereo:
    """A note of an ensemble, cut from its loop at sample `start`."""
    out = np.zeros((2, tone.samples), dtype=np.float32)
    envelopes = _envelopes(tone, len(loop))
    done = 0
    while done < tone.samples:
        count = min(tone.samples - done, LOOP - start)
        for voices, envelope in zip(loop, envelopes, strict=True):
            out[:, done : done + count] += (
                voices[:, start : start + count] * envelope[done : done + count]
            )
        done, start = done + count, 0
    return np.ascontiguousarray(out.T)


def fm(tone: Tone) -> Stereo:
    """Electric piano: two operators, and a quiet tine where it stays below the top of the band."""
    patch, hz, t = tone.patch, tone.hz, tone.seconds
    decay_s = tone.decay_s(0.4)
    # High notes are modulated less, or they would whistle.
    index = (
        patch.fm_index
        * (0.35 + tone.brightness)
        * min(1.0, 600.0 / hz)
        * np.exp(-t / (0.35 * decay_s))
    )
    sound = np.sin(2 * np.pi * hz * t + index * np.sin(2 * np.pi * hz * patch.fm_ratio * t))
    if hz * 14 < _TOP_PARTIAL_HZ:
        sound += 0.10 * tone.brightness * np.sin(2 * np.pi * hz * 14 * t) * np.exp(-t / 0.07)
    shaped = (sound * 0.5).astype(np.float32) * _shape(tone, decay_s)
    # The slow pan of a suitcase piano.
    sway = (0.18 * patch.width * np.sin(2 * np.pi * 1.7 * t)).astype(np.float32)
    return np.stack([shaped * (0.7071 + sway), shaped * (0.7071 - sway)], axis=1)


def modal(tone: Tone, rng: np.random.Generator) -> Stereo:
    """Bars, bells and tines: a few partials that need not be harmonic."""
    patch, hz, t = tone.patch, tone.hz, tone.seconds
    decay_s = tone.decay_s(0.5)
    out = np.zeros((tone.samples, 2), dtype=np.float32)
    for number, (ratio, level, ring) in enumerate(patch.modes):
        if hz * ratio > _TOP_PARTIAL_HZ:
            continue
        loud = level * (1.0 if number == 0 else 0.3 + 0.9 * tone.brightness)
        partial = (
            loud * 0.5 * np.sin(2 * np.pi * hz * ratio * t) * np.exp(-t / (decay_s * ring))
        ).astype(np.float32)
        angle = (1.0 + patch.width * rng.uniform(-0.6, 0.6)) * np.pi / 4
        out[:, 0] += partial * np.float32(np.cos(angle))
        out[:, 1] += partial * np.float32(np.sin(angle))

    rise = int(SAMPLE_RATE * max(patch.attack_s, _MIN_ATTACK_S))
    out[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)[:, None]
    fade = min(tone.samples, int(0.03 * SAMPLE_RATE))
    out[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    return out


def modal_ring_s(patch: Patch, hz: float) -> float:
    """How long a struck bar is heard, whoever lets go: 30 dB down, at most 3 s."""
    return float(min(3.0, 3.5 * patch.decay_s * (_MIDDLE_C_HZ / hz) ** 0.5))


def sub(tone: Tone) -> Stereo:
    """A deep bass: a sine that falls into its pitch, pressed into warm overtones."""
    t, hz = tone.seconds, tone.hz
    cycles = hz * t + hz * 0.5 * 0.02 * (1 - np.exp(-t / 0.02))
    sound = np.sin(2 * np.pi * cycles) + 0.25 * np.sin(4 * np.pi * cycles) * np.exp(-t / 0.25)
    push = 1.0 + tone.patch.drive * (0.5 + tone.brightness)
    sound = np.tanh(sound * push) / np.tanh(push)
    mono = (0.6 * sound).astype(np.float32) * _shape(tone, tone.patch.decay_s)
    return np.stack([mono, mono], axis=1) * _MONO


def _partials(patch: Patch, hz: float) -> NDArray[np.float64]:
    """Levels of the partials below the top of the band, the first one first.

    All of them together have RMS 0.32, whatever the instrument.
    """
    top = _TOP_PARTIAL_HZ / (hz * 2 ** (patch.detune_cents / 1200))
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
    """The partials (by index from 0) that share an envelope."""
    return [
        slice(low - 1, min(high - 1, count))
        for low, high in itertools.pairwise(_GROUP_EDGES)
        if low <= count
    ]


def _group_gain(group: int, brightness: float) -> float:
    """Dull notes lose their higher partials."""
    return float((1.4 * _GROUP_EDGES[group]) ** (-0.9 * (1.0 - brightness))) if group else 1.0


def _envelopes(tone: Tone, groups: int) -> list[NDArray[np.float32]]:
    """The envelope of each group of partials: the higher, the shorter."""
    patch = tone.patch
    decay_s = tone.decay_s(0.35)
    shapes = []
    for group in range(groups):
        shape = _shape(tone, max(decay_s * (1.0 - patch.damping) ** group, 0.01))
        shape *= np.float32(_group_gain(group, tone.brightness))
        if patch.attack_s > 0.05 and group:
            # Bowed and blown sounds open up: the higher the partials, the later they come.
            bloom = int(patch.attack_s * (1 + 0.5 * group) * SAMPLE_RATE)
            shape[:bloom] *= np.linspace(0, 1, bloom, dtype=np.float32)[: len(shape)]
        shapes.append(shape)
    return shapes


def _shape(tone: Tone, decay_s: float) -> NDArray[np.float32]:
    """Attack, decay to sustain, release: one gain a sample."""
    patch = tone.patch
    envelope = np.arange(tone.samples, dtype=np.float32)
    envelope *= np.float32(-1.0 / (decay_s * SAMPLE_RATE))
    np.exp(envelope, out=envelope)
    envelope *= np.float32(1.0 - patch.sustain)
    envelope += np.float32(patch.sustain)
    rise = envelope[: int(max(patch.attack_s, _MIN_ATTACK_S) * SAMPLE_RATE)]
    rise *= np.sin(np.linspace(0, np.pi / 2, len(rise), dtype=np.float32)) ** 2
    released = tone.samples - tone.held
    if released > 0:
        u = np.linspace(0.0, 1.0, released, dtype=np.float32)
        envelope[tone.held :] *= np.exp(-4.5 * u) * (1.0 - u)
    return np.asarray(envelope, dtype=np.float32)
