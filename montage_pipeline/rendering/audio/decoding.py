"""An audio track as decoded frames with their times, whatever is damaged on the way.

Belongs here: opening, seeking, decoding, joining frames to runs, downmixing to stereo.
Does not belong here: resampling, and placing sound on the output's clock (reading).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.container import rewind
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.logs import get_logger
from montage_pipeline.media.opening import CLIP_FORMATS, open_media, reason_of
from montage_pipeline.media.packets import demuxed
from montage_pipeline.media.plausible import is_plausible_sound
from montage_pipeline.rendering.audio.samples import Samples
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.spans import Span

JITTER_S = 0.003
"""Sound this little off its place continues what came before: some containers count in
milliseconds.
"""

_PREROLL_S = 0.25
"""Codecs need a packet or two before they give right samples."""

_LATE_S = 0.1
"""A first frame this late after a seek means that the index led past the place."""

_LEFT, _RIGHT = ("FL", "BL", "SL", "FLC", "TFL", "DL"), ("FR", "BR", "SR", "FRC", "TFR", "DR")
_CENTRE = ("FC", "BC")

_MANY_PLANES = 8  # FFmpeg's AV_NUM_DATA_POINTERS

_SIDE_GAIN = 2**-0.5
"""-3 dB for every channel but the front ones, as ITU-R BS.775 mixes down."""

TimedFrame = tuple[float, AudioFrame]

_log = get_logger(__name__)


@dataclass(frozen=True)
class _Refusal:
    """A packet that the decoder refused: its time on the clip's clock, if known, and why."""

    time_s: float | None
    reason: str


@contextmanager
def opened(
    source: ClipSource, name: str, formats: Sequence[str] = CLIP_FORMATS
) -> Iterator[InputContainer]:
    """Open for reading; music is opened as other `formats` than clips.

    Raises PermanentError("audio_unreadable") when the file cannot be read, here or later, and a
    RenderError of that code when the address it is served from fails.
    """
    try:
        with open_media(source, formats) as container:
            yield container
    except av.FFmpegError as error:
        message = f"the sound of {name} cannot be read: {reason_of(error)}"
        if isinstance(source, Path) or isinstance(error, av.InvalidDataError):
            raise PermanentError(ErrorCode.AUDIO_UNREADABLE, message) from error
        # Whoever serves the clip may be back the next time.
        raise RenderError(ErrorCode.RENDER_FAILED, message) from error


class Track:
    """An audio track that is decoded frame by frame; what the decoder refuses is collected."""

    def __init__(self, container: InputContainer, stream: AudioStream, name: str) -> None:
        self._container = container
        self._stream = stream
        self._name = name
        self._rate_hz = stream.codec_context.sample_rate
        self._said_end: int | None = None
        self._refused: list[_Refusal] = []

    def frames(self) -> Iterator[TimedFrame]:
        """Each frame with its time, from where the container stands.

        Raises PermanentError("audio_unreadable") when nothing of the track decodes.
        """
        decoded, expected_s = 0, 0.0
        self._said_end = None
        packets = demuxed(self._container, self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.InvalidDataError as error:
                # The container itself ends in rubbish: what was read so far is what there is.
                self.refuse(str(error.strerror), expected_s)
                break
            if packet is None:
                break
            counted = self._is_counted(packet)
            try:
                frames = packet.decode()
            # Decoders call damage by many names: invalid data, not implemented, a bad argument.
            except av.FFmpegError as error:
                base = float(packet.time_base or 0)
                time_s = None if packet.pts is None else packet.pts * base
                self.refuse(str(error.strerror), time_s)
                expected_s += (packet.duration or 0) * base
                continue
            for frame in frames:
                if not is_plausible_sound(frame.sample_rate, frame.layout.nb_channels):
                    self.refuse(f"{frame.sample_rate} samples per second")
                    continue
                time_s = self._time_of(frame, expected_s, counted=counted)
                expected_s = time_s + frame.samples / frame.sample_rate
                decoded += 1
                yield time_s, frame

        if self._refused and not decoded:
            raise PermanentError(
                ErrorCode.AUDIO_UNREADABLE,
                f"the sound of {self._name} cannot be decoded: {self._refused[0].reason}",
            )

    def _is_counted(self, packet: "Packet[AudioStream]") -> bool:
        """Whether a packet's time was only counted on from the one before, with which it came.

        FFmpeg counts by the rate that the track had at its beginning.
        """
        end, self._said_end = self._said_end, None
        if packet.pts is None:
            return False
        self._said_end = packet.pts + (packet.duration or 0)
        return end is not None and abs(packet.pts - end) <= 1

    def _time_of(self, frame: AudioFrame, expected_s: float, *, counted: bool) -> float:
        """The frame's time, where the one before ended at `expected_s`."""
        counted_wrong = counted and frame.sample_rate != self._rate_hz
        return expected_s if frame.time is None or counted_wrong else frame.time

    def frames_from(self, start_s: float) -> Iterator[TimedFrame]:
        """Frames from a little before `start_s` on."""
        begin_s = start_s - _PREROLL_S
        if begin_s <= 0:
            yield from self.frames()
            return

        base = float(self._stream.time_base or 1)
        self._container.seek(int(begin_s / base), stream=self._stream, backward=True)
        frames = self.frames()
        first = next(frames, None)
        if first is None or first[0] > start_s + _LATE_S:
            # The index led past the place, or the track starts later: only reading from the start
            # tells.
            rewind(self._container)
            self._refused.clear()
            yield from self.frames()
            return
        yield first
        yield from frames

    def refuse(self, reason: str, time_s: float | None = None) -> None:
        """Note something that is left out."""
        self._refused.append(_Refusal(time_s, reason))

    def report(self, within: Span | None = None) -> None:
        """Log what was left out of the stretch that was asked for; None for the whole track."""
        # Right after a seek some codecs refuse packets that need the ones before: those are not
        # heard.
        missed = [
            refusal
            for refusal in self._refused
            if refusal.time_s is None
            or within is None
            or within.start_s - _LATE_S <= refusal.time_s < within.end_s
        ]
        if not missed:
            return
        times_s = [refusal.time_s for refusal in missed if refusal.time_s is not None]
        _log.warning(
            "damaged_sound_left_out",
            clip=self._name,
            packets=len(missed),
            from_s=round(min(times_s), 3) if times_s else None,
            to_s=round(max(times_s), 3) if times_s else None,
            reason=missed[0].reason,
        )


def runs(frames: Iterator[TimedFrame], until_s: float) -> Iterator[TimedFrame]:
    """Frames before `until_s`, joined for as long as each begins where the one before ends."""
    run: _Run | None = None
    for time_s, frame in frames:
        if time_s >= until_s:
            break
        if run is not None and not (run.is_like(frame) and abs(time_s - run.end_s) <= JITTER_S):
            yield run.joined()
            run = None
        run = run or _Run(time_s, frame)
        run.add(frame)
    if run is not None:
        yield run.joined()


def gapless_runs(frames: Iterator[TimedFrame], until_s: float) -> Iterator[AudioFrame]:
    """The first `until_s` seconds of frames, joined whatever times they bear."""
    run: _Run | None = None
    read_s = 0.0
    for time_s, frame in frames:
        if read_s >= until_s:
            break
        read_s += frame.samples / frame.sample_rate
        if run is not None and not run.is_like(frame):
            yield run.joined()[1]
            run = None
        run = run or _Run(time_s, frame)
        run.add(frame)
    if run is not None:
        yield run.joined()[1]


class _Run:
    """Frames of one kind, one after the other."""

    def __init__(self, begin_s: float, first: AudioFrame) -> None:
        self._begin_s = begin_s
        self._kind = self._kind_of(first)
        self._fifo = AudioFifo()
        self.end_s = begin_s

    def is_like(self, frame: AudioFrame) -> bool:
        """Whether a frame has the format, the layout and the rate of this run."""
        return self._kind_of(frame) == self._kind

    def add(self, frame: AudioFrame) -> None:
        """Append a frame."""
        self.end_s += frame.samples / frame.sample_rate
        frame.pts = None  # the FIFO is stricter about times than we are, and they were judged
        self._fifo.write(frame)

    def joined(self) -> TimedFrame:
        """All of it as one frame, with the time of the first."""
        frame = self._fifo.read()
        assert frame is not None
        return self._begin_s, frame

    @staticmethod
    def _kind_of(frame: AudioFrame) -> tuple[object, ...]:
        return frame.format.name, frame.layout.name, frame.sample_rate


def stereo(frame: AudioFrame) -> Samples:
    """Left and right of a frame of any sample format and layout, at its own rate.

    Mono keeps its level on both sides.
    """
    frame = _packed(frame)
    array = frame.to_ndarray()
    channels = frame.layout.nb_channels
    sound = array.T if frame.format.is_planar else array.reshape(-1, channels)
    if array.dtype.kind in "iu":
        bits = 8 * array.dtype.itemsize
        offset = 128 if array.dtype == np.uint8 else 0
        sound = (sound.astype(np.float32) - offset) / float(2 ** (bits - 1))
    if channels == 2:
        return cast(Samples, sound.astype(np.float32))
    weights = _downmix([channel.name for channel in frame.layout.channels])
    return cast(Samples, sound.astype(np.float32) @ weights)


def _packed(frame: AudioFrame) -> AudioFrame:
    """The frame itself, or one that interleaves its channels where they are many.

    PyAV counts the planes of a frame up to an empty pointer, which a frame with the plane of its
    eighth channel in the last place has none of: it would read memory that is not the frame's.
    """
    if not frame.format.is_planar or frame.layout.nb_channels < _MANY_PLANES:
        return frame
    resampler = AudioResampler(
        format=frame.format.packed, layout=frame.layout, rate=frame.sample_rate
    )
    frame.pts = None
    [packed] = resampler.resample(frame)
    return packed


def _downmix(names: list[str]) -> Samples:
    """How much of each channel goes to the left and to the right, shape (channels, 2)."""
    channels = len(names)
    weights = np.zeros((channels, 2), np.float32)
    if channels > 2 and "FL" in names and "FR" in names:
        for row, name in enumerate(names):
            gain = 1.0 if name in ("FL", "FR") else _SIDE_GAIN
            weights[row, 0] = gain * (name in _LEFT or name in _CENTRE)
            weights[row, 1] = gain * (name in _RIGHT or name in _CENTRE)
    else:
        weights[:] = 1 / channels
    return weights
