"""The desk: levels, pump, reverb, delay, and the master. Sounds are samples x 2 at 48 kHz."""

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.signal import butter, oaconvolve, sosfilt

from montage_pipeline.music.synth.instruments import SAMPLE_RATE, Stereo

TARGET_LUFS = -14.0
CEILING_DB = -1.4

_BLOCK = 48
_HALFWAY = (np.sinc(np.arange(-4, 4) + 0.5) * np.hanning(10)[1:9]).astype(np.float32)
_HALFWAY /= _HALFWAY.sum()
_K_FILTERS = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585),
    (1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621),
)


def db(value: float) -> float:
    """Decibels to a factor."""
    return float(10.0 ** (value / 20))


def lowpass(sound: Stereo, hz: float) -> Stereo:
    """Second-order low-pass."""
    return np.asarray(
        sosfilt(
            butter(2, hz, "lowpass", fs=SAMPLE_RATE, output="sos").astype(np.float32), sound, axis=0
        ),
        dtype=np.float32,
    )


def _k_weighting(hz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Power response of the BS.1770 filters (shelf, then high-pass) at 48 kHz."""
    shelf, high = _K_FILTERS
    z = np.exp(-2j * np.pi * hz / SAMPLE_RATE)
    response = np.ones_like(z)
    for b0, b1, b2, a1, a2 in (shelf, high):
        response *= (b0 + b1 * z + b2 * z * z) / (1 + a1 * z + a2 * z * z)
    return np.asarray(np.square(np.abs(response)), dtype=np.float64)


def block_powers(sound: Stereo) -> NDArray[np.float64]:
    """K-weighted power of 400 ms blocks, every 100 ms, both channels summed."""
    hop = SAMPLE_RATE // 10
    tenths = len(sound) // hop
    if not tenths:
        return np.zeros(1)
    spectrum = scipy.fft.rfft(sound[: tenths * hop].reshape(tenths, hop, 2), axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    weight = (
        _k_weighting(np.arange(hop // 2 + 1, dtype=np.float64) * (SAMPLE_RATE / hop)) * 2 / hop**2
    )
    tenth_powers = np.asarray(power.sum(axis=2) @ weight.astype(np.float32), dtype=np.float64)
    return np.convolve(tenth_powers, np.ones(4) / 4, mode="valid") if tenths >= 4 else tenth_powers


def integrated_lufs(sound: Stereo) -> float:
    """Loudness by BS.1770 with both gates; -70 for silence."""
    power = block_powers(sound)
    loud = power[power > 10 ** ((-70 + 0.691) / 10)]
    if not len(loud):
        return -70.0
    kept = loud[loud > loud.mean() * 0.1]
    return float(-0.691 + 10 * np.log10(kept.mean()))


def busy_lufs(sound: Stereo) -> float:
    """Loudness of a part where it plays out: the 80th percentile of its blocks that are not silent.
    """
    power = block_powers(sound)
    power = power[power > max(1e-9, float(power.max(initial=0.0)) * 1e-3)]
    return float(-0.691 + 10 * np.log10(np.percentile(power, 80))) if len(power) else -70.0


def pump_curve(
    samples: int, kicks_s: list[tuple[float, float]], depth: float, beat_s: float
) -> NDArray[np.float32]:
    """Gain that dips by up to `depth` under each kick (seconds, velocity) and swells back within a
    beat.
    """
    recovery = int(min(0.75 * beat_s, 0.42) * SAMPLE_RATE)
    u = np.arange(recovery) / recovery
    dip = (1.0 - u) ** 2 * (1.0 + 2.0 * u)
    rise = int(0.003 * SAMPLE_RATE)
    dip[:rise] *= np.linspace(0.0, 1.0, rise)
    press = np.zeros(samples)
    for start_s, velocity in kicks_s:
        first = int(start_s * SAMPLE_RATE)
        span = press[first : first + recovery]
        np.maximum(span, dip[: len(span)] * velocity, out=span)
    return (1.0 - depth * press).astype(np.float32)


def room_response(length_s: float, rng: np.random.Generator) -> Stereo:
    """An impulse response: a few early echoes, then a diffuse tail whose treble dies first.

    Unit energy a side.
    """
    samples = int(length_s * 1.1 * SAMPLE_RATE)
    t = np.arange(samples) / SAMPLE_RATE
    tail = np.zeros((samples, 2))
    for low, high, share, weight in (
        (180, 900, 1.0, 0.8),
        (900, 3500, 0.8, 1.0),
        (3500, 9000, 0.5, 0.55),
    ):
        band = sosfilt(
            butter(1, [low, high], "bandpass", fs=SAMPLE_RATE, output="sos"),
            rng.standard_normal((samples, 2)),
            axis=0,
        )
        tail += weight * np.asarray(band) * np.exp(-6.9 * t / (length_s * share))[:, None]
    tail *= np.minimum(t / 0.03, 1.0)[:, None]
    response = np.zeros((samples + SAMPLE_RATE // 40, 2))
    response[SAMPLE_RATE // 40 :][:samples] = tail
    for _ in range(8):
        at = int(rng.uniform(0.008, 0.06) * SAMPLE_RATE)
        response[at, int(rng.integers(2))] += (
            rng.choice([-1, 1]) * np.abs(tail).max() * rng.uniform(0.8, 1.6)
        )
    response /= np.sqrt(np.square(response).sum(axis=0)).mean()
    return response.astype(np.float32)


def reverberate(send: Stereo, response: Stereo) -> Stereo:
    """The send as heard in the room, as long as the send."""
    out = np.empty_like(send)
    for side in range(2):
        out[:, side] = oaconvolve(send[:, side], response[:, side])[: len(send)]
    return out


def ping_pong(send: Stereo, delay_s: float, repeats: int = 4, feedback: float = 0.45) -> Stereo:
    """Echoes that change sides, thinner every time."""
    mono = send.mean(axis=1)
    mono = np.asarray(
        sosfilt(
            butter(1, [350, 4200], "bandpass", fs=SAMPLE_RATE, output="sos").astype(np.float32),
            mono,
        ),
        dtype=np.float32,
    )
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


def _glue(sound: Stereo) -> Stereo:
    """Slow, gentle compression: 2:1 above the piece's own average."""
    hop = SAMPLE_RATE // 100
    count = len(sound) // hop
    power = np.square(sound[: count * hop]).reshape(count, hop, 2).mean(axis=(1, 2)) + 1e-10
    level = 10 * np.log10(power)
    threshold = float(np.percentile(level, 70)) - 2.0
    reduction = np.maximum(0.0, level - threshold) * 0.4
    smooth = np.empty(count)
    state = 0.0
    for number in range(count):
        rate = 0.45 if reduction[number] > state else 0.06
        state += (reduction[number] - state) * rate
        smooth[number] = state
    gain = 10 ** (-smooth / 20)
    curve = np.interp(np.arange(len(sound)), np.arange(count) * hop + hop / 2, gain)
    return sound * curve[:, None].astype(np.float32)


def limit(sound: Stereo, ceiling_db: float = CEILING_DB) -> Stereo:
    """Look-ahead limiter on the peaks between samples too; recovers within about 80 ms."""
    ceiling = db(ceiling_db)
    peaks = np.maximum(np.abs(sound[:, 0]), np.abs(sound[:, 1]))
    for side in range(2):
        between = np.abs(
            np.convolve(sound[:, side], _HALFWAY, mode="full")[len(_HALFWAY) // 2 - 1 :][
                : len(sound)
            ]
        )
        np.maximum(peaks, between, out=peaks)
    count = -(-len(peaks) // _BLOCK)
    peaks = np.pad(peaks, (0, count * _BLOCK - len(peaks))).reshape(count, _BLOCK).max(axis=1)
    needed = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    padded = np.pad(needed, 4, constant_values=1.0)
    ahead = np.min([padded[shift : shift + count] for shift in range(2, 9)], axis=0)
    held = ahead.tolist()
    state = 1.0
    for number, target in enumerate(held):
        state = min(target, state + (1.0 - state) * 0.0125)
        held[number] = state
    # Averaging what the window above already lowered cannot lift any block over its need.
    smooth = np.convolve(np.pad(np.asarray(held), 1, mode="edge"), np.ones(3) / 3, mode="valid")
    curve = np.interp(np.arange(len(sound)), np.arange(count) * _BLOCK + _BLOCK / 2, smooth)
    return sound * curve[:, None].astype(np.float32)


def _without_rumble(sound: Stereo) -> Stereo:
    """What lies below 28 Hz only takes room from what can be heard."""
    return np.asarray(
        sosfilt(
            butter(2, 28.0, "highpass", fs=SAMPLE_RATE, output="sos").astype(np.float32),
            sound,
            axis=0,
        ),
        dtype=np.float32,
    )


def master(mix: Stereo) -> Stereo:
    """Glue, a little warmth, then loudness and ceiling: about -14 LUFS, below -1 dBTP."""
    sound = _glue(_without_rumble(mix))
    sound *= np.float32(db(TARGET_LUFS + 1.5 - integrated_lufs(sound)))
    sound = np.tanh(sound * np.float32(0.9)) / np.float32(0.9)
    for _ in range(2):
        sound = limit(sound * np.float32(db(TARGET_LUFS - integrated_lufs(sound))))
    return sound
