"""Sound of a stretch of a file as samples on the output's clock.

Belongs here: decoding, downmixing to stereo, resampling to 48 kHz, placing by presentation time,
gaps and their report.
Does not belong here: mixing (mix).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, inf
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.container import rewind
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.footage.source import open_source
from montage_pipeline.logs import get_logger
from montage_pipeline.rendering.errors import RenderError

SAMPLE_RATE = 48_000
"""Samples per second of everything that is mixed."""

Samples = NDArray[np.float32]
"""Shape (samples, 2), full scale 1.0, 48 kHz."""

_PREROLL_S = 0.25  # codecs need a packet or two before they give right samples
_EDGE_S = 0.02  # read beyond both ends, so that resampling has no edge inside
_JITTER_S = 0.003  # containers that count in milliseconds
_LATE_S = 0.1
_LOUDEST = 4.0  # tracks of floating point may go beyond full scale, but not to the moon
_GAP_FADE_S = 0.01  # where sound starts or stops in the middle, so that it does not click
_LEFT, _RIGHT = ("FL", "BL", "SL", "FLC", "TFL", "DL"), ("FR", "BR", "SR", "FRC", "TFR", "DR")
_CENTRE = ("FC", "BC")
_SIDE_GAIN = 2**-0.5

_log = get_logger(__name__)

_TimedFrame = tuple[float, AudioFrame]


@dataclass(frozen=True)
class _Refusal:
    """A packet that the decoder refused: where it was on the clip's clock, if that is known, and
    why.
    """

    time_s: float | None
    reason: str


def read_sound(
    source: ClipSource, stream_index: int, start_s: float, samples: int, name: str | None = None
) -> Samples:
    """`samples` stereo samples of a track from presentation time `start_s` on; silence where the
    track has nothing.

    Packets that cannot be decoded leave a gap with soft edges, and a warning in the log that calls
    the clip `name` (else by its file).
    Raises PermanentError("audio_unreadable") when there is sound at that time and none of it can be
    decoded, and a RenderError of that
    code when the address it is served from fails.
    """
    name = name or Path(source).name
    first_s, duration_s = start_s - _EDGE_S, samples / SAMPLE_RATE + 2 * _EDGE_S
    refused: list[_Refusal] = []
    with _opened(source, name) as container:
        stream = container.streams[stream_index]
        assert isinstance(stream, AudioStream)
        rate = stream.codec_context.sample_rate
        native = np.zeros((ceil(duration_s * rate) + 1, 2), np.float32)
        runs: list[tuple[int, int]] = []  # what is filled, from sample to sample
        expected: int | None = None
        for run_s, run in _runs(
            _frames_from(container, stream, name, first_s, refused), first_s + len(native) / rate
        ):
            sound = _stereo(run)
            at = round((run_s - first_s) * rate)
            if expected is not None and abs(at - expected) <= _JITTER_S * rate:
                at = expected
            expected = at + len(sound)
            inside = sound[max(0, -at) : max(0, len(native) - at)]
            begin, end = max(0, at), max(0, at) + len(inside)
            native[begin:end] = inside
            if runs and runs[-1][1] == begin:
                runs[-1] = (runs[-1][0], end)
            elif end > begin:
                runs.append((begin, end))
    if not np.isfinite(native).all():
        refused.append(_Refusal(None, "samples that are no numbers"))
        native = np.nan_to_num(native, nan=0.0, posinf=0.0, neginf=0.0)
    np.clip(native, -_LOUDEST, _LOUDEST, out=native)
    _soften_edges(native, runs, round(_GAP_FADE_S * rate))
    _report(refused, name, first_s, first_s + duration_s)
    at_rate = resampled(native, rate)
    skip = round(_EDGE_S * SAMPLE_RATE)
    return at_rate[skip : skip + samples]


def read_whole_sound(path: Path, until_s: float = inf) -> Samples:
    """A file's first audio track from its first sample on, to its end or a little beyond `until_s`.

    What cannot be decoded is left out and reported in the log.

    Raises PermanentError("audio_unreadable") when it has none or it cannot be decoded.
    """
    refused: list[_Refusal] = []
    with _opened(path, path.name) as container:
        stream = next(
            (one for one in container.streams.audio if one.codec_context is not None), None
        )
        if stream is None:
            raise PermanentError(
                ErrorCode.AUDIO_UNREADABLE, f"{path.name} has no audio track that can be decoded"
            )
        parts = [
            _stereo(run)
            for _, run in _runs(
                _decoded(container, stream, path.name, refused), until_s, gapless=True
            )
        ]
        rate = stream.codec_context.sample_rate
    if not parts:
        raise PermanentError(ErrorCode.AUDIO_UNREADABLE, f"the audio track of {path.name} is empty")
    _report(refused, path.name, None, None)
    return resampled(np.concatenate(parts), rate)


def resampled(sound: Samples, rate: int) -> Samples:
    """The sound at 48 kHz, in step with itself: sample 0 stays at time 0."""
    if rate == SAMPLE_RATE or not len(sound):
        return sound
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(sound.T), format="fltp", layout="stereo")
    frame.sample_rate = rate
    resampler = AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE)
    parts = [part.to_ndarray() for given in (frame, None) for part in resampler.resample(given)]
    at_rate = np.concatenate(parts, axis=1).T
    due = ceil(len(sound) * SAMPLE_RATE / rate)
    return cast(Samples, np.pad(at_rate, ((0, max(0, due - len(at_rate))), (0, 0)))[:due])


@contextmanager
def _opened(source: ClipSource, name: str) -> Iterator[InputContainer]:
    try:
        with open_source(source) as container:
            yield container
    except av.FFmpegError as error:
        message = f"the sound of {name} cannot be read: {error}"
        if isinstance(source, Path) or isinstance(error, av.InvalidDataError):
            raise PermanentError(ErrorCode.AUDIO_UNREADABLE, message) from error
        # Whoever serves the clip may be back the next time.
        raise RenderError(ErrorCode.RENDER_FAILED, message) from error


def _runs(
    frames: Iterator[_TimedFrame], until_s: float, *, gapless: bool = False
) -> Iterator[_TimedFrame]:
    """Frames before `until_s`, joined to long ones for as long as each begins where the one before
    ends.

    When `gapless`, wherever it begins; then `until_s` counts from the first sample.
    """
    fifo: AudioFifo | None = None
    kind: tuple[object, ...] = ()
    begin_s = end_s = read_s = 0.0
    for time_s, frame in frames:
        if (read_s if gapless else time_s) >= until_s:
            break
        read_s += frame.samples / frame.sample_rate
        this_kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if fifo is not None and (
            this_kind != kind or not (gapless or abs(time_s - end_s) <= _JITTER_S)
        ):
            yield begin_s, _all_of(fifo)
            fifo = None
        if fifo is None:
            fifo, kind, begin_s, end_s = AudioFifo(), this_kind, time_s, time_s
        end_s += frame.samples / frame.sample_rate
        frame.pts = None  # judged here already, and more kindly
        fifo.write(frame)
    if fifo is not None:
        yield begin_s, _all_of(fifo)


def _all_of(fifo: AudioFifo) -> AudioFrame:
    frame = fifo.read()
    assert frame is not None
    return frame


def _frames_from(
    container: InputContainer,
    stream: AudioStream,
    name: str,
    start_s: float,
    refused: list[_Refusal],
) -> Iterator[_TimedFrame]:
    """Frames from a little before `start_s` on."""
    begin_s = start_s - _PREROLL_S
    if begin_s <= 0:
        yield from _decoded(container, stream, name, refused)
        return
    container.seek(int(begin_s / float(stream.time_base or 1)), stream=stream, backward=True)
    frames = _decoded(container, stream, name, refused)
    first = next(frames, None)
    if first is None or first[0] > start_s + _LATE_S:
        # The index led past the place, or the track starts later: only reading from the start
        # tells.
        rewind(container)
        refused.clear()
        yield from _decoded(container, stream, name, refused)
        return
    yield first
    yield from frames


def _decoded(
    container: InputContainer, stream: AudioStream, name: str, refused: list[_Refusal]
) -> Iterator[_TimedFrame]:
    """Each frame with its time.

    A damaged packet is added to `refused`; a track of which nothing decodes is an error.
    """
    decoded, expected_s = 0, 0.0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.InvalidDataError as error:
            # The container itself ends in rubbish: what was read so far is what there is.
            refused.append(_Refusal(expected_s, str(error.strerror)))
            break
        if packet is None:
            break
        try:
            frames = packet.decode()
        # Decoders call damage by many names: invalid data, not implemented, a bad argument.
        except av.FFmpegError as error:
            base = float(packet.time_base or 0)
            refused.append(
                _Refusal(None if packet.pts is None else packet.pts * base, str(error.strerror))
            )
            expected_s += (packet.duration or 0) * base
            continue
        for frame in frames:
            time_s = expected_s if frame.time is None else frame.time
            expected_s = time_s + frame.samples / frame.sample_rate
            decoded += 1
            yield time_s, frame
    if refused and not decoded:
        raise PermanentError(
            ErrorCode.AUDIO_UNREADABLE,
            f"the sound of {name} cannot be decoded: {refused[0].reason}",
        )


def _report(refused: list[_Refusal], name: str, begin_s: float | None, end_s: float | None) -> None:
    """Say in the log what could not be decoded of the stretch that was asked for."""
    # Right after a seek some codecs refuse packets that need the ones before: those are not heard.
    heard = [
        one
        for one in refused
        if one.time_s is None
        or begin_s is None
        or end_s is None
        or begin_s - _LATE_S <= one.time_s < end_s
    ]
    if heard:
        times_s = [one.time_s for one in heard if one.time_s is not None]
        _log.warning(
            "damaged sound is left out",
            clip=name,
            packets=len(heard),
            from_s=round(min(times_s), 3) if times_s else None,
            to_s=round(max(times_s), 3) if times_s else None,
            reason=heard[0].reason,
        )


def _soften_edges(sound: Samples, runs: list[tuple[int, int]], length: int) -> None:
    """Fade each run in and out where it begins or ends inside; in place."""
    for begin, end in runs:
        fade = min(length, (end - begin) // 2)
        ramp = (
            0.5 - 0.5 * np.cos(np.pi * (np.arange(fade, dtype=np.float32) + 0.5) / max(1, fade))
        )[:, None]
        if begin > 0:
            sound[begin : begin + fade] *= ramp
        if end < len(sound):
            sound[end - fade : end] *= ramp[::-1]


def _stereo(frame: AudioFrame) -> Samples:
    """Left and right of a frame of any sample format and layout.

    Mono keeps its level on both sides.
    """
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
