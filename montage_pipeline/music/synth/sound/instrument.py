"""`Instrument`: plays the notes of one patch, each once, because music repeats itself."""

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.music.synth.sound import voices
from montage_pipeline.music.synth.sound.patch import Patch
from montage_pipeline.music.synth.sound.samples import SAMPLE_RATE, Stereo
from montage_pipeline.music.synth.sound.voices import Tone

_BRIGHTNESS_STEPS = 4
_MIN_CENTIS = 3
"""The shortest note, in hundredths of a second."""


def midi_to_hz(pitch: float) -> float:
    """Equal temperament, A4 = 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


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
        step = int(np.clip(round(brightness * _BRIGHTNESS_STEPS), 0, _BRIGHTNESS_STEPS))
        centis = max(_MIN_CENTIS, round(length_s * 100))
        note = (pitch, centis, step)
        if note not in self._played:
            self._played[note] = self._sound(pitch, centis, step)
        return self._played[note]

    def _sound(self, pitch: int, centis: int, step: int) -> Stereo:
        patch = self.patch
        rng = np.random.default_rng((self._seed, pitch, centis, step))
        tone = self._tone(pitch, centis, step)
        sound = self._voiced(tone, pitch, rng)
        if patch.drive and patch.kind == "harmonic":
            push = 1 + patch.drive
            sound = np.tanh(sound * np.float32(push)) / np.float32(np.tanh(push))
        if patch.knock:
            _add_knock(sound, patch.knock * (0.4 + tone.brightness), rng)
        if patch.breath:
            _add_breath(sound, patch.breath, tone, rng)
        return sound

    def _tone(self, pitch: int, centis: int, step: int) -> Tone:
        hz = midi_to_hz(pitch)
        held = centis * SAMPLE_RATE // 100
        if self.patch.kind == "modal":
            held = int(max(held, voices.modal_ring_s(self.patch, hz) * SAMPLE_RATE))
        samples = held + int(self.patch.release_s * SAMPLE_RATE)
        return Tone(self.patch, hz, samples, held, step / _BRIGHTNESS_STEPS)

    def _voiced(self, tone: Tone, pitch: int, rng: np.random.Generator) -> Stereo:
        match self.patch.kind:
            case "fm":
                return voices.fm(tone)
            case "modal":
                return voices.modal(tone, rng)
            case "sub":
                return voices.sub(tone)
            case "harmonic":
                if self.patch.unison == 1:
                    return voices.solo(tone, rng)
                if pitch not in self._loops:
                    self._loops[pitch] = voices.ensemble_loop(self.patch, tone.hz, rng)
                start = int(rng.integers(voices.LOOP))
                return voices.from_loop(tone, self._loops[pitch], start)


def _add_knock(sound: Stereo, level: float, rng: np.random.Generator) -> None:
    """The hammer or finger before the string speaks: 15 ms of dull noise."""
    count = min(len(sound), int(0.015 * SAMPLE_RATE))
    noise = np.convolve(rng.standard_normal(count), np.hanning(24) / 8, mode="same")
    sound[:count] += (0.05 * level * noise * np.hanning(count))[:, None].astype(np.float32)


def _add_breath(sound: Stereo, level: float, tone: Tone, rng: np.random.Generator) -> None:
    """Air around a blown note: noise centred on its octave."""
    count = min(len(sound), tone.held)
    t = np.arange(count) / SAMPLE_RATE
    air = np.convolve(rng.standard_normal(count), np.hanning(48) / 12, mode="same")
    swell = np.sin(np.pi * np.arange(count) / count)
    ring = air * np.cos(2 * np.pi * tone.hz * 2 * t) * swell
    sound[:count] += (0.03 * level * ring)[:, None].astype(np.float32)
