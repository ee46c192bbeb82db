"""The music that the fake of fal delivers."""

import io
import wave
from functools import lru_cache

import numpy as np

RATE = 44_100


@lru_cache(maxsize=8)
def wav(seconds: float, bpm: float, music_s: float | None = None) -> bytes:
    """A drum loop over a bass line with a chord a bar.

    16-bit stereo at 44.1 kHz, the first beat at 0 s. After `music_s` it is silent.
    """
    samples = int(seconds * RATE)
    t = np.arange(samples) / RATE
    beat_s = 60.0 / bpm
    place = t % beat_s
    number = (t / beat_s).astype(int)
    drum = np.where(number % 2 == 0, np.sin(2 * np.pi * 55 * place) * np.exp(-place / 0.09), 0.0)
    noise = np.random.default_rng(1).standard_normal(samples)
    drum += np.where(number % 2 == 1, noise * 0.5 * np.exp(-place / 0.05), 0.0)
    drum += 0.12 * noise * np.exp(-(t % (beat_s / 2)) / 0.012)
    root = np.choose(number // 4 % 4, [110.0, 87.3, 130.8, 98.0])
    tone = sum(np.sin(2 * np.pi * root * ratio * t) for ratio in (1.0, 2.0, 2.5, 3.0)) * 0.05
    whole = np.clip((drum * 0.6 + tone) * 0.8 * 32767, -32768, 32767).astype("<i2")
    if music_s is not None:
        whole[int(music_s * RATE) :] = 0
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.repeat(whole, 2).tobytes())
    return out.getvalue()
