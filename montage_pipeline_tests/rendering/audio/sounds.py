"""Sounds with known properties: a voice, noises, claps. Mono, 48 kHz, float."""

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
Sound = NDArray[np.float64]


def seconds(duration_s: float) -> Sound:
    return np.arange(round(duration_s * RATE)) / RATE


def stereo(sound: Sound) -> NDArray[np.float32]:
    return np.repeat(sound[:, None], 2, axis=1).astype(np.float32)


def voice(duration_s: float, level: float = 0.1, seed: int = 1) -> Sound:
    """Syllables of a buzzing, gliding pitch through moving formants, with hissed consonants and
    pauses; `level` is their RMS.
    """
    rng = np.random.default_rng(seed)
    time_s = seconds(duration_s)
    sound = np.zeros(len(time_s))
    at_s = 0.1
    while at_s + 0.3 < duration_s:
        length_s = float(rng.uniform(0.12, 0.25))
        begin, count = round(at_s * RATE), round(length_s * RATE)
        pitch_hz = rng.uniform(100, 150) * (1 + 0.2 * np.linspace(0, rng.uniform(-1, 1), count))
        pulses = np.diff(np.floor(np.cumsum(pitch_hz) / RATE), prepend=0.0)
        hertz = np.fft.rfftfreq(count, 1 / RATE)
        formants = [(rng.uniform(300, 800), 80), (rng.uniform(900, 2200), 120), (2600, 200)]
        response = sum(1 / (1 + ((hertz - centre) / width) ** 2) for centre, width in formants)
        syllable = np.fft.irfft(np.fft.rfft(pulses) * response, count) * np.hanning(count)
        sound[begin : begin + count] += syllable / syllable.std()
        consonant = round(0.05 * RATE)
        hiss = np.diff(rng.normal(0, 0.3, consonant + 1)) * np.hanning(consonant)
        sound[begin : begin + consonant] += hiss
        at_s += length_s + (
            float(rng.uniform(0.25, 0.5))
            if rng.uniform() < 0.25
            else float(rng.uniform(0.02, 0.08))
        )
    return sound * level


def coloured_noise(duration_s: float, slope: float, seed: int = 2) -> Sound:
    """Noise of RMS 1 whose power falls as 1/f**slope above 20 Hz: 0 is white, 1 pink, 1.5 to 2 like
    wind.
    """
    count = len(seconds(duration_s))
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[1:] /= np.maximum(hertz[1:], 20) ** (slope / 2)
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, count)
    return np.asarray(noise / noise.std())


def gusts(duration_s: float, every_s: float, seed: int = 3) -> Sound:
    """A gain that wanders between -15 and 0 dB."""
    knots = np.arange(0, duration_s + every_s, every_s)
    return np.interp(
        seconds(duration_s),
        knots,
        10 ** (np.random.default_rng(seed).uniform(-15, 0, len(knots)) / 20),
    )


def claps(
    duration_s: float, times_s: tuple[float, ...], level: float = 0.4, seed: int = 4
) -> Sound:
    """Bursts of noise that fade within a tenth of a second."""
    sound = np.zeros(len(seconds(duration_s)))
    burst = np.random.default_rng(seed).normal(0, level, 9_600) * np.exp(-np.arange(9_600) / 1_500)
    for time_s in times_s:
        after = sound[round(time_s * RATE) :][: len(burst)]
        after += burst[: len(after)]
    return sound


def hum(duration_s: float, hertz: float = 50.0) -> Sound:
    """A buzz of many harmonics, steady."""
    time_s = seconds(duration_s)
    harmonics = [np.sin(2 * np.pi * hertz * number * time_s) / number for number in range(1, 12)]
    return np.asarray(np.sum(harmonics, axis=0))


def faded(sound: Sound, fade_s: float = 0.02) -> Sound:
    """Soft ends: a true peak at a hard edge depends on what the meter thinks comes before."""
    time_s = np.arange(len(sound)) / RATE
    return sound * np.minimum(1.0, np.minimum(time_s, time_s[::-1]) / fade_s)
