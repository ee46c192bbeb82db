"""The mixing desk: levels, pump, reverb, delay, master. Sounds are samples x 2 at 48 kHz."""

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.signal import butter, oaconvolve, sosfilt

from montage_pipeline.music.synth.sound.samples import SAMPLE_RATE, Stereo

TARGET_LUFS = -14.0
"""What streaming services and the app play music at."""

CEILING_DB = -1.4
"""A true peak of -1 dBTP, less what the limiter's estimate between samples may be off."""

_BLOCK = 48
"""The limiter works in blocks of 1 ms."""

_RECOVERY = 0.0125
"""Share of the lowered gain that the limiter gives back in each block: 80 ms."""

_TENTH = SAMPLE_RATE // 10
"""Samples in 100 ms, the step of BS.1770's blocks."""

_LOUDNESS_OFFSET = -0.691
"""From BS.1770: a 997 Hz sine at full scale in one channel reads -3.01 LUFS."""

_SILENCE_LUFS = -70.0
"""BS.1770's absolute gate."""

# A sinc of eight taps, windowed: the sample halfway between two others.
_HALFWAY = (np.sinc(np.arange(-4, 4) + 0.5) * np.hanning(10)[1:9]).astype(np.float32)
_HALFWAY /= _HALFWAY.sum()

# BS.1770's two filters at 48 kHz as (b0, b1, b2, a1, a2): a shelf for the head, then a high-pass.
_K_FILTERS = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585),
    (1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621),
)


def db(value: float) -> float:
    """Decibels to a factor."""
    return float(10.0 ** (value / 20))


def lowpass(sound: Stereo, hz: float) -> Stereo:
    """Second-order low-pass."""
    sos = butter(2, hz, "lowpass", fs=SAMPLE_RATE, output="sos").astype(np.float32)
    return np.asarray(sosfilt(sos, sound, axis=0), dtype=np.float32)


def _k_weighting(hz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Power response of the BS.1770 filters at the frequencies."""
    z = np.exp(-2j * np.pi * hz / SAMPLE_RATE)
    response = np.ones_like(z)
    for b0, b1, b2, a1, a2 in _K_FILTERS:
        response *= (b0 + b1 * z + b2 * z * z) / (1 + a1 * z + a2 * z * z)
    return np.asarray(np.square(np.abs(response)), dtype=np.float64)


def block_powers(sound: Stereo) -> NDArray[np.float64]:
    """K-weighted power of 400 ms blocks, every 100 ms, both channels summed."""
    tenths = len(sound) // _TENTH
    if not tenths:
        return np.zeros(1)
    # Side by side in memory, each channel is transformed and summed three times as fast.
    channels = np.ascontiguousarray(sound[: tenths * _TENTH].T).reshape(2, tenths, _TENTH)
    spectrum = scipy.fft.rfft(channels)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    hz = np.arange(_TENTH // 2 + 1, dtype=np.float64) * (SAMPLE_RATE / _TENTH)
    weight = _k_weighting(hz) * 2 / _TENTH**2
    tenth_powers = np.asarray(power.sum(axis=0) @ weight.astype(np.float32), dtype=np.float64)
    return np.convolve(tenth_powers, np.ones(4) / 4, mode="valid") if tenths >= 4 else tenth_powers


def integrated_lufs(sound: Stereo) -> float:
    """Loudness by BS.1770 with both gates; -70 for silence."""
    power = block_powers(sound)
    loud = power[power > 10 ** ((_SILENCE_LUFS - _LOUDNESS_OFFSET) / 10)]
    if not len(loud):
        return _SILENCE_LUFS
    kept = loud[loud > loud.mean() * 0.1]  # the relative gate: 10 LU below the mean
    return _lufs(kept.mean())


def busy_lufs(sound: Stereo) -> float:
    """Loudness of a part where it plays out: the 80th percentile of the blocks that are heard.

    Silence, -70, counts for nothing, so a part that plays only in drops is as loud there as one
    that plays throughout.
    """
    power = block_powers(sound)
    loudest = float(power.max(initial=0.0))
    heard = power[power > max(1e-9, loudest * 1e-3)]  # 30 dB below the loudest block
    return _lufs(np.percentile(heard, 80)) if len(heard) else _SILENCE_LUFS


def _lufs(power: float | np.floating) -> float:
    return float(_LOUDNESS_OFFSET + 10 * np.log10(power))


def pump_curve(
    samples: int, kicks_s: list[tuple[float, float]], depth: float, beat_s: float
) -> NDArray[np.float32]:
    """Gain that dips by up to `depth` under each kick and swells back within a beat.

    Kicks are (seconds, velocity).
    """
    dip = _dip(int(min(0.75 * beat_s, 0.42) * SAMPLE_RATE))
    press = np.zeros(samples)
    for start_s, velocity in kicks_s:
        first = int(start_s * SAMPLE_RATE)
        span = press[first : first + len(dip)]
        np.maximum(span, dip[: len(span)] * velocity, out=span)
    return (1.0 - depth * press).astype(np.float32)


def _dip(length: int) -> NDArray[np.float64]:
    """One kick's dip: in within 3 ms, which does not click, out along a smooth slope."""
    u = np.arange(length) / length
    dip = (1.0 - u) ** 2 * (1.0 + 2.0 * u)
    attack = int(0.003 * SAMPLE_RATE)
    dip[:attack] *= np.linspace(0.0, 1.0, attack)
    return dip


# The tail of the room in bands: low Hz, high Hz, share of the reverb time, level.
_ROOM_BANDS = (
    (180, 900, 1.0, 0.8),
    (900, 3500, 0.8, 1.0),
    (3500, 9000, 0.5, 0.55),
)

_ROOM_PREDELAY = SAMPLE_RATE // 40
"""25 ms before the tail sets in keep the attack of a sound clear of its reverb."""

_EARLY_ECHOES = 8


def room_response(length_s: float, rng: np.random.Generator) -> Stereo:
    """An impulse response: a few early echoes, then a diffuse tail whose treble dies first.

    Unit energy a side. `length_s` is the time in which the tail falls by 60 dB.
    """
    samples = int(length_s * 1.1 * SAMPLE_RATE)
    tail = _room_tail(samples, length_s, rng)
    response = np.zeros((samples + _ROOM_PREDELAY, 2))
    response[_ROOM_PREDELAY:][:samples] = tail
    for _ in range(_EARLY_ECHOES):
        at = int(rng.uniform(0.008, 0.06) * SAMPLE_RATE)
        response[at, int(rng.integers(2))] += (
            rng.choice([-1, 1]) * np.abs(tail).max() * rng.uniform(0.8, 1.6)
        )
    response /= np.sqrt(np.square(response).sum(axis=0)).mean()
    return response.astype(np.float32)


def _room_tail(samples: int, length_s: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Bands of noise that fade in over 30 ms and out by e**-6.9, which is -60 dB."""
    t = np.arange(samples) / SAMPLE_RATE
    tail = np.zeros((samples, 2))
    for low_hz, high_hz, share, level in _ROOM_BANDS:
        sos = butter(1, [low_hz, high_hz], "bandpass", fs=SAMPLE_RATE, output="sos")
        band = np.asarray(sosfilt(sos, rng.standard_normal((samples, 2)), axis=0))
        tail += level * band * np.exp(-6.9 * t / (length_s * share))[:, None]
    tail *= np.minimum(t / 0.03, 1.0)[:, None]
    return tail


def reverberate(send: Stereo, response: Stereo) -> Stereo:
    """The send as heard in the room, as long as the send."""
    out = np.empty_like(send)
    for side in range(2):
        out[:, side] = oaconvolve(send[:, side], response[:, side])[: len(send)]
    return out


def ping_pong(send: Stereo, delay_s: float, repeats: int = 4, feedback: float = 0.45) -> Stereo:
    """Echoes that change sides, thinner every time."""
    # Echoes without bass and treble stay behind what they repeat.
    sos = butter(1, [350, 4200], "bandpass", fs=SAMPLE_RATE, output="sos").astype(np.float32)
    mono = np.asarray(sosfilt(sos, send.mean(axis=1)), dtype=np.float32)
    out = np.zeros_like(send)
    lag = int(delay_s * SAMPLE_RATE)
    for number in range(1, repeats + 1):
        shift = lag * number
        if shift >= len(mono):
            break
        near, far = (0, 1) if number % 2 else (1, 0)
        echo = mono[: len(mono) - shift] * np.float32(feedback**number)
        out[shift:, near] += echo
        out[shift:, far] += echo * np.float32(0.25)
    return out


def master(mix: Stereo) -> Stereo:
    """Glue, a little warmth, then loudness and ceiling: about -14 LUFS, below -1 dBTP."""
    sound = _glue(_without_rumble(mix))
    # 1.5 dB above the target, so that the saturation has something to round off.
    sound *= np.float32(db(TARGET_LUFS + 1.5 - integrated_lufs(sound)))
    sound = np.tanh(sound * np.float32(0.9)) / np.float32(0.9)
    # Limiting costs loudness; the second round makes up for what the first one took.
    for _ in range(2):
        sound = limit(sound * np.float32(db(TARGET_LUFS - integrated_lufs(sound))))
    return sound


def _without_rumble(sound: Stereo) -> Stereo:
    """Nothing below 28 Hz, which only takes room from what can be heard."""
    sos = butter(2, 28.0, "highpass", fs=SAMPLE_RATE, output="sos").astype(np.float32)
    return np.asarray(sosfilt(sos, sound, axis=0), dtype=np.float32)


def _glue(sound: Stereo) -> Stereo:
    """Slow, gentle compression: about 2:1 above the piece's own usual level."""
    hop = SAMPLE_RATE // 100
    count = len(sound) // hop
    power = np.square(sound[: count * hop]).reshape(count, hop, 2).mean(axis=(1, 2)) + 1e-10
    level_db = 10 * np.log10(power)
    threshold_db = float(np.percentile(level_db, 70)) - 2.0
    reduction_db = np.maximum(0.0, level_db - threshold_db) * 0.4

    smooth_db = np.empty(count)
    state_db = 0.0
    for number in range(count):
        # Down within 20 ms, up again within 170 ms.
        rate = 0.45 if reduction_db[number] > state_db else 0.06
        state_db += (reduction_db[number] - state_db) * rate
        smooth_db[number] = state_db

    gain = 10 ** (-smooth_db / 20)
    curve = np.interp(np.arange(len(sound)), np.arange(count) * hop + hop / 2, gain)
    return sound * curve[:, None].astype(np.float32)


def limit(sound: Stereo, ceiling_db: float = CEILING_DB) -> Stereo:
    """Look-ahead limiter, also on the peaks between samples; recovers within about 80 ms."""
    peaks = _block_peaks(sound)
    count = len(peaks)
    needed = np.minimum(1.0, db(ceiling_db) / np.maximum(peaks, 1e-9))

    # The gain is down some blocks before a peak, and stays down as long after it.
    padded = np.pad(needed, 4, constant_values=1.0)
    gains = np.min([padded[shift : shift + count] for shift in range(2, 9)], axis=0).tolist()
    state = 1.0
    for number, target in enumerate(gains):
        state = min(target, state + (1.0 - state) * _RECOVERY)
        gains[number] = state

    # Averaging what the window above already lowered cannot lift any block over its need.
    smooth = np.convolve(np.pad(np.asarray(gains), 1, mode="edge"), np.ones(3) / 3, mode="valid")
    curve = np.interp(np.arange(len(sound)), np.arange(count) * _BLOCK + _BLOCK / 2, smooth)
    return sound * curve[:, None].astype(np.float32)


def _block_peaks(sound: Stereo) -> NDArray[np.float32]:
    """The highest peak of either side in each block, at the samples and halfway between them."""
    peaks = np.maximum(np.abs(sound[:, 0]), np.abs(sound[:, 1]))
    first = len(_HALFWAY) // 2 - 1
    for side in range(2):
        halfway = np.convolve(sound[:, side], _HALFWAY, mode="full")[first:][: len(sound)]
        np.maximum(peaks, np.abs(halfway), out=peaks)
    count = -(-len(peaks) // _BLOCK)
    padded = np.pad(peaks, (0, count * _BLOCK - len(peaks)))
    return np.asarray(padded.reshape(count, _BLOCK).max(axis=1))
