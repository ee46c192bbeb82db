"""Sound of a stretch of a file as samples on the output's clock.

Belongs here: decoding, downmixing to stereo, resampling to 48 kHz, placing by presentation time.
Does not belong here: mixing (mix).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray
from scipy.signal import resample_poly

from montage_pipeline.records import PermanentError

SAMPLE_RATE = 48_000
"""Samples per second of everything that is mixed."""

Samples = NDArray[np.float32]
"""Shape (samples, 2), full scale 1.0, 48 kHz."""

_PREROLL_S = 0.25  # codecs need a packet or two before they give right samples
_EDGE_S = 0.02  # read beyond both ends, so that resampling has no edge inside
_JITTER_S = 0.003  # containers that count in milliseconds
_LATE_S = 0.1
_LEFT, _RIGHT = ("FL", "BL", "SL", "FLC", "TFL", "DL"), ("FR", "BR", "SR", "FRC", "TFR", "DR")
_CENTRE = ("FC", "BC")
_SIDE_GAIN = 2**-0.5


def read_sound(path: Path, stream_index: int, start_s: float, samples: int) -> Samples:
    """`samples` stereo samples of a track from presentation time `start_s` on; silence where the track has nothing.

    Raises PermanentError("audio_unreadable") when there is sound at that time and none of it can be decoded.
    """
    first_s, duration_s = start_s - _EDGE_S, samples / SAMPLE_RATE + 2 * _EDGE_S
    with _opened(path) as container:
        stream = container.streams[stream_index]
        assert isinstance(stream, AudioStream)
        rate = stream.codec_context.sample_rate
        native = np.zeros((ceil(duration_s * rate) + 1, 2), np.float32)
        expected: int | None = None
        for frame_s, sound in _frames_from(container, stream, path, first_s):
            at = round((frame_s - first_s) * rate)
            if expected is not None and abs(at - expected) <= _JITTER_S * rate:
                at = expected
            if at >= len(native):
                break
            expected = at + len(sound)
            source = sound[max(0, -at) : len(native) - at]
            native[max(0, at) : max(0, at) + len(source)] = source
    at_rate = _resampled(native, rate)
    skip = round(_EDGE_S * SAMPLE_RATE)
    return at_rate[skip : skip + samples]


def read_whole_sound(path: Path) -> Samples:
    """All of a file's first audio track, from its first sample on.

    Raises PermanentError("audio_unreadable") when it has none or it cannot be decoded.
    """
    with _opened(path) as container:
        stream = next((one for one in container.streams.audio if one.codec_context is not None), None)
        if stream is None:
            raise PermanentError("audio_unreadable", f"{path.name} has no audio track that can be decoded")
        parts = [sound for _, sound in _decoded(container, stream, path)]
        return _resampled(np.concatenate(parts), stream.codec_context.sample_rate)


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    try:
        with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
            yield container
    except av.FFmpegError as error:
        raise PermanentError("audio_unreadable", f"the sound of {path.name} cannot be read: {error}") from error


def _frames_from(container: InputContainer, stream: AudioStream, path: Path, start_s: float) -> Iterator[tuple[float, Samples]]:
    """Frames from a little before `start_s` on."""
    begin_s = start_s - _PREROLL_S
    if begin_s <= 0:
        yield from _decoded(container, stream, path)
        return
    container.seek(int(begin_s / float(stream.time_base or 1)), stream=stream, backward=True)
    frames = _decoded(container, stream, path)
    first = next(frames, None)
    if first is None or first[0] > start_s + _LATE_S:
        # The index led past the place, or the track starts later: only reading from the start tells.
        container.seek(0)
        yield from _decoded(container, stream, path)
        return
    yield first
    yield from frames


def _decoded(container: InputContainer, stream: AudioStream, path: Path) -> Iterator[tuple[float, Samples]]:
    """Time and stereo sound of each frame. A damaged packet becomes a gap; a track of which nothing decodes is an error."""
    decoded, refused, expected_s = 0, "", 0.0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError as error:
            refused = str(error.strerror)
            continue
        for frame in frames:
            time_s = expected_s if frame.pts is None else float(frame.pts * (frame.time_base or Fraction(0)))
            expected_s = time_s + frame.samples / frame.sample_rate
            decoded += 1
            yield time_s, _stereo(frame)
    if refused and not decoded:
        raise PermanentError("audio_unreadable", f"the sound of {path.name} cannot be decoded: {refused}")


def _stereo(frame: AudioFrame) -> Samples:
    """Left and right of a frame of any sample format and layout. Mono keeps its level on both sides."""
    array = frame.to_ndarray()
    channels = frame.layout.nb_channels
    sound = array.T if frame.format.is_planar else array.reshape(-1, channels)
    if array.dtype.kind in "iu":
        bits = 8 * array.dtype.itemsize
        offset = 128 if array.dtype == np.uint8 else 0
        sound = (sound.astype(np.float32) - offset) / float(2 ** (bits - 1))
    if channels == 2:
        return cast(Samples, sound.astype(np.float32))
    names = [channel.name for channel in frame.layout.channels]
    weights = np.zeros((channels, 2), np.float32)
    if channels > 2 and "FL" in names and "FR" in names:
        for row, name in enumerate(names):
            side = 1.0 if name in ("FL", "FR") else _SIDE_GAIN
            weights[row, 0] = side * (name in _LEFT or name in _CENTRE)
            weights[row, 1] = side * (name in _RIGHT or name in _CENTRE)
    else:
        weights[:] = 1 / channels
    return cast(Samples, sound.astype(np.float32) @ weights)


def _resampled(sound: Samples, rate: int) -> Samples:
    if rate == SAMPLE_RATE:
        return sound
    ratio = Fraction(SAMPLE_RATE, rate)
    return cast(Samples, resample_poly(sound, ratio.numerator, ratio.denominator, axis=0).astype(np.float32))
