"""When a clip's own sound matters: someone talks, or it is loud."""

from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.packet import Packet
from numpy.typing import NDArray

_RATE_HZ = 16_000
_BLOCK = 320  # 20 ms
_BLOCK_S = _BLOCK / _RATE_HZ
_LOUD_DBFS = -22.0
_QUIET_DBFS = -50.0
_ABOVE_FLOOR_DB = 9.0
_SPEECH_BAND_HZ = (250.0, 3600.0)


class SoundMeter:
    """Takes the audio packets of a clip in order and remembers levels, 50 a second."""

    def __init__(self) -> None:
        self._resampler = AudioResampler(format="s16", layout="mono", rate=_RATE_HZ)
        self._rest: NDArray[np.float32] = np.zeros(0, dtype=np.float32)
        self._next_s: float | None = None
        self._times: list[float] = []
        self._levels: list[float] = []
        self._speech_levels: list[float] = []
        frequencies = np.fft.rfftfreq(_BLOCK, 1 / _RATE_HZ)
        self._band = (frequencies >= _SPEECH_BAND_HZ[0]) & (frequencies <= _SPEECH_BAND_HZ[1])

    def add(self, packet: "Packet[Any]") -> None:
        """Decode one packet; damaged ones are skipped."""
        try:
            for frame in packet.decode():
                if isinstance(frame, AudioFrame):
                    for mono in self._resampler.resample(frame):
                        self._add_samples(mono)
        except av.FFmpegError:
            return

    def _add_samples(self, frame: AudioFrame) -> None:
        starts_s = frame.time if frame.time is not None else (self._next_s or 0.0)
        # After a seek or a gap, start counting from the new time.
        if self._next_s is None or abs(starts_s - (self._next_s + len(self._rest) / _RATE_HZ)) > 0.1:
            self._rest = self._rest[:0]
            self._next_s = starts_s
        samples = np.concatenate([self._rest, frame.to_ndarray().ravel().astype(np.float32) / 32768])
        count = len(samples) // _BLOCK
        blocks = samples[: count * _BLOCK].reshape(count, _BLOCK)
        self._rest = samples[count * _BLOCK :]
        if not count:
            return
        power = (blocks**2).mean(axis=1)
        spectrum = np.abs(np.fft.rfft(blocks * np.hanning(_BLOCK), axis=1)) ** 2
        in_band = spectrum[:, self._band].sum(axis=1) / np.maximum(spectrum.sum(axis=1), 1e-12)
        self._times.extend(self._next_s + _BLOCK_S * np.arange(count))
        self._levels.extend(_decibels(power))
        self._speech_levels.extend(_decibels(power * in_band))
        self._next_s += count * _BLOCK_S

    def shares(self, times_s: NDArray[np.float64], window_s: float) -> NDArray[np.float64]:
        """For each time, the share (0..1) of the window about it in which someone talks or the sound is loud."""
        if not self._times:
            return np.zeros(len(times_s))
        times = np.array(self._times)
        levels, speech = np.array(self._levels), np.array(self._speech_levels)
        floor = max(float(np.percentile(speech, 10)), -75.0)
        # Speech stands above the room's hum and dips between syllables; steady noise does neither.
        matters = (levels > _LOUD_DBFS) | ((speech > floor + _ABOVE_FLOOR_DB) & (speech > _QUIET_DBFS))
        total = np.concatenate([[0], np.cumsum(matters)])
        first = np.searchsorted(times, times_s - window_s / 2)
        last = np.searchsorted(times, times_s + window_s / 2)
        shares = (total[last] - total[first]) / np.maximum(last - first, 1)
        return np.asarray(np.clip(shares * 1.3, 0, 1))  # pauses between words are part of talking


def _decibels(power: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-10)))
