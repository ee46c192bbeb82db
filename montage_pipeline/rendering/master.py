"""The mix brought to the target loudness under the true-peak limit, and encoded as AAC.

Belongs here: one constant gain, a true-peak limiter, AAC, and measuring what came out.
Does not belong here: mixing. A constant gain keeps the ducking and the fades as they were mixed.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile
from scipy.ndimage import maximum_filter1d, minimum_filter1d
from scipy.signal import oaconvolve, resample_poly

from montage_pipeline.footage.ffmpeg import run_ffmpeg
from montage_pipeline.footage.loudness import measure_loudness
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.sound_reading import SAMPLE_RATE, Samples

AUDIBLE_LUFS = -50.0
"""A mix below this holds nothing to hear; raising it to the target would only bring up noise."""

LOUDNESS_TOLERANCE_LU = 1.0
"""How far from the target the finished file may be."""

_AIM_LU = 0.3  # good enough to stop
_PEAK_AIM_DB = 0.1
_TRUE_PEAK_MARGIN_DB = 0.5  # AAC overshoots its input
_ENCODINGS, _GAIN_STEPS = 4, 6
_MAX_STEP_DB, _MIN_SLOPE = 50.0, 0.15
_OVERSAMPLING = 4
_PIECE, _PIECE_EDGE = 10 * SAMPLE_RATE, 64
_LIMITER_WINDOW = 289  # 6 ms
_AAC_BITS = "192k"
_AAC_FRAME = 1024


def mastered_sound(mix: Samples, target_lufs: float, max_true_peak_dbtp: float, folder: Path) -> Path:
    """Encode the mix to an ADTS file in `folder` and return it.

    Its first sample is the mix's first sample and its length is the mix's, rounded up to whole AAC frames.
    Raises MontageError with FFmpeg's reason when encoding or measuring fails.
    """
    wav, sound = folder / "mix.wav", folder / "sound.aac"
    _write_wav(wav, mix)
    loudness = measure_loudness(wav)
    if loudness.integrated_lufs < AUDIBLE_LUFS:
        _encode(wav, len(mix), sound)
        return sound
    peaks = true_peaks(mix)
    ceiling_dbtp = max_true_peak_dbtp - _TRUE_PEAK_MARGIN_DB
    aim_lufs = target_lufs
    for _ in range(_ENCODINGS):
        _write_wav(wav, _raised(mix, peaks, loudness.integrated_lufs, aim_lufs, ceiling_dbtp, wav))
        _encode(wav, len(mix), sound)
        after = measure_loudness(sound)
        excess_db = after.true_peak_dbtp - max_true_peak_dbtp + _PEAK_AIM_DB
        short_lu = target_lufs - after.integrated_lufs
        if excess_db <= 0 and abs(short_lu) <= 2 * _AIM_LU:
            break
        # Of sharp, noisy sound AAC loses some loudness and overshoots by more than the margin: leave it that room.
        aim_lufs += short_lu
        ceiling_dbtp -= max(0.0, excess_db + _PEAK_AIM_DB)
    return sound


def _raised(mix: Samples, peaks: NDArray[np.float64], mix_lufs: float, target_lufs: float, ceiling_dbtp: float, wav: Path) -> Samples:
    """The mix with one gain and the limiter, at the target loudness if the limiter lets it get there."""
    gain_db, lufs, slope = 0.0, mix_lufs, 1.0
    raised = mix
    for _ in range(_GAIN_STEPS):
        # The more the limiter works, the less a decibel of gain adds: go by what the last step brought.
        step_db = float(np.clip((target_lufs - lufs) / slope, -_MAX_STEP_DB, _MAX_STEP_DB))
        gain_db += step_db
        gain = 10 ** (gain_db / 20)
        raised = (mix * (gain * limiter_gain(peaks * gain, ceiling_dbtp))[:, None]).astype(np.float32)
        _write_wav(wav, raised)
        before, lufs = lufs, measure_loudness(wav).integrated_lufs
        if abs(lufs - target_lufs) <= _AIM_LU:
            break
        slope = float(np.clip((lufs - before) / step_db, _MIN_SLOPE, 1.0))
    return raised


def true_peaks(sound: Samples) -> NDArray[np.float64]:
    """Per sample, the largest magnitude (4 times oversampled, both channels) between its two neighbours."""
    peaks = np.empty(len(sound))
    # In pieces, because 90 s at four times the rate would take half a gigabyte.
    for begin in range(0, len(sound), _PIECE):
        before = min(begin, _PIECE_EDGE)
        piece = sound[begin - before : begin + _PIECE + _PIECE_EDGE]
        oversampled = np.abs(resample_poly(piece, _OVERSAMPLING, 1, axis=0)).max(axis=1)
        around = maximum_filter1d(oversampled, 2 * _OVERSAMPLING + 1, mode="nearest")[::_OVERSAMPLING]
        peaks[begin : begin + _PIECE] = around[before : before + _PIECE]
    return peaks


def limiter_gain(peaks: NDArray[np.float64], ceiling_dbtp: float) -> NDArray[np.float64]:
    """Gain per sample that holds `peaks` under the ceiling without audible steps."""
    needed = np.minimum(1.0, 10 ** (ceiling_dbtp / 20) / np.maximum(peaks, 1e-9))
    if needed.min() >= 1.0:
        return needed
    # A weighted mean of minima over the same window is never above what any sample in it needs.
    window = np.hanning(_LIMITER_WINDOW + 2)[1:-1]
    lowest = np.pad(minimum_filter1d(needed, _LIMITER_WINDOW, mode="nearest"), _LIMITER_WINDOW // 2, mode="edge")
    return np.asarray(np.minimum(oaconvolve(lowest, window / window.sum(), mode="valid"), 1.0))


def _write_wav(path: Path, sound: Samples) -> None:
    wavfile.write(path, SAMPLE_RATE, np.ascontiguousarray(sound, dtype=np.float32))


def _encode(wav: Path, samples: int, output: Path) -> None:
    """AAC-LC, 192 kbit/s, without the encoder's delay.

    The encoder puts one frame of delay first, and an MP4 needs an edit list to hide it, which Reels forbid.
    Leaving that frame out puts the first sample at time zero; it costs only a rise of the first 21 ms.
    """
    encoded = output.with_suffix(".delayed.aac")
    run_ffmpeg(
        ["-y", "-loglevel", "error", "-i", f"file:{wav}", "-c:a", "aac", "-b:a", _AAC_BITS, "-ac", "2", "-f", "adts", f"file:{encoded}"],
        code="sound_encoding_failed",
    )
    frames = _adts_frames(encoded.read_bytes())
    wanted = -(-samples // _AAC_FRAME)
    if len(frames) < wanted + 1:
        raise RenderError("sound_encoding_failed", f"the AAC encoder gave {len(frames)} frames where {wanted + 1} were due")
    output.write_bytes(b"".join(frames[1 : wanted + 1]))
    encoded.unlink()


def _adts_frames(data: bytes) -> list[bytes]:
    frames: list[bytes] = []
    at = 0
    while at + 7 <= len(data):
        size = (data[at + 3] & 0x03) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        if data[at] != 0xFF or size < 7:
            raise RenderError("sound_encoding_failed", "the AAC encoder wrote a stream that is not ADTS")
        frames.append(data[at : at + size])
        at += size
    return frames
