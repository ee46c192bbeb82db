"""A music file as samples, and where in it there is anything to hear.

Belongs here: decoding for whoever listens, and telling music from silence. Does not belong here:
what is heard in it (beats), and what follows for the edit (editing.beats).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget
from montage_pipeline.media.opening import SOUND_FORMATS, open_media, reason_of
from montage_pipeline.media.packets import demuxed
from montage_pipeline.media.resampling import Resampling
from montage_pipeline.spans import Span, joined

RATE = 22_050
"""Samples per second of what is listened to: nothing that tells a beat lies above 11 kHz."""

_BLOCK = RATE // 20
"""Samples whose level is judged together: 50 ms."""

_SILENT_DBFS = -60.0
"""What is below is silence beside any music: the noise of 10 bits, and of most tapes."""

MAX_LISTENING_S = 300.0
"""For reading a file of music: fifteen minutes of it are decoded in five seconds."""

_SILENT_BELOW_MUSIC_DB = 35.0
"""So far below its own usual level nothing of a piece is heard on a phone; a soft verse is 20 dB
below, the last of a chord 30.
"""

_FAINT_DBFS = -50.0
"""A piece whose usual level is below holds nothing that the mastering would raise."""

_PAUSE_S = 1.0
"""Shorter silence belongs to the music: a stop before a drop, a rest between two chords."""

_BLIP_S = 0.5
"""Sound shorter than this, alone in silence, is a click and no music."""

_MIN_MIDDLE_SHARE = 0.2
"""Of the power of the louder side: below it the sides cancel out in the middle."""


class Listened(NamedTuple):
    """A piece as mono samples at RATE, and where there is music in it (seconds, ascending)."""

    mono: NDArray[np.float32]
    sounding: tuple[Span, ...]

    @property
    def duration_s(self) -> float:
        """Length of the file's sound, in seconds."""
        return len(self.mono) / RATE

    @property
    def music_s(self) -> float:
        """Seconds from where the music begins to where it ends; 0 without any."""
        return self.sounding[-1].end_s - self.sounding[0].start_s if self.sounding else 0.0


def listen_to(path: Path) -> Listened:
    """The first audio stream that can be decoded; packets that cannot be are left out.

    Decoded in another process. PermanentError `audio_unreadable` when there is none, or nothing in
    it, and those of `isolated`.
    """
    return isolated(Budget(MAX_LISTENING_S), None, _listened_to, path)


def _listened_to(path: Path) -> Listened:
    blocks: list[NDArray[np.float32]] = []
    try:
        blocks.extend(_decoded(path))
    except av.FFmpegError as error:
        # A file that ends in rubbish is what was read of it until there.
        if not blocks:
            raise _unreadable(path, f"cannot be read as audio: {reason_of(error)}") from error
    if not sum(block.shape[1] for block in blocks):
        raise _unreadable(path, "holds no sound.")
    sides = np.concatenate(blocks, axis=1)
    blocks.clear()  # fifteen minutes are 160 MB
    return Listened(_mono(sides), sounding_spans(sides))


def sounding_spans(sides: NDArray[np.float32]) -> tuple[Span, ...]:
    """Where there is music in samples at RATE, shape (channels, samples); none in silence.

    Each side is judged for itself, so that sides in opposite phase do not count as silence.
    """
    levels_db = _levels_db(sides)
    audible = levels_db[levels_db > _SILENT_DBFS]
    if not len(audible):
        return ()
    usual_db = 10 * float(np.log10((10 ** (audible / 10)).mean()))
    if usual_db < _FAINT_DBFS:
        return ()

    loud = levels_db > max(_SILENT_DBFS, usual_db - _SILENT_BELOW_MUSIC_DB)
    edges = np.flatnonzero(np.diff(loud.astype(np.int8), prepend=0, append=0))
    block_s, end_s = _BLOCK / RATE, sides.shape[1] / RATE
    heard = [
        Span(begin * block_s, min(end_s, end * block_s))
        for begin, end in edges.reshape(-1, 2).tolist()
    ]
    return tuple(span for span in joined(heard, _PAUSE_S) if span.duration_s >= _BLIP_S)


def _levels_db(sides: NDArray[np.float32]) -> NDArray[np.float64]:
    """Level of each block in dBFS, of the louder side; what does not move is no sound."""
    padded = np.pad(sides, ((0, 0), (0, -sides.shape[1] % _BLOCK)))
    blocks = padded.reshape(len(sides), -1, _BLOCK)
    power = blocks.var(axis=2, dtype=np.float64).max(axis=0)
    return np.asarray(10 * np.log10(power + 1e-12))


def _mono(sides: NDArray[np.float32]) -> NDArray[np.float32]:
    """The middle; where the sides cancel out there, the louder side."""
    middle = np.asarray(sides.mean(axis=0), np.float32)
    powers = [float(np.vdot(side, side)) for side in sides]
    if float(np.vdot(middle, middle)) >= _MIN_MIDDLE_SHARE * max(powers):
        return middle
    return np.ascontiguousarray(sides[int(np.argmax(powers))])


def _decoded(path: Path) -> Iterator[NDArray[np.float32]]:
    """Stereo samples at RATE, in the order of the file, shape (2, samples)."""
    resampling = Resampling("fltp", "stereo", RATE)
    with open_media(path, SOUND_FORMATS) as container:
        stream = _decodable_stream(container.streams.audio)
        if stream is None:
            raise _unreadable(path, "has no audio stream that can be decoded.")
        for packet in demuxed(container, stream):
            for frame in _frames(packet):
                yield from _samples(resampling.add(frame))
    yield from _samples(resampling.rest())


def _decodable_stream(streams: "tuple[AudioStream, ...]") -> AudioStream | None:
    return next((stream for stream in streams if stream.codec_context is not None), None)


def _frames(packet: "av.Packet[AudioStream]") -> list[AudioFrame]:
    try:
        return list(packet.decode())
    except av.FFmpegError:
        return []  # damaged: the music goes on behind it


def _samples(frames: list[AudioFrame]) -> Iterator[NDArray[np.float32]]:
    for frame in frames:
        # Broken floating-point files hold anything.
        yield np.nan_to_num(frame.to_ndarray(), nan=0.0, posinf=0.0, neginf=0.0)


def _unreadable(path: Path, fault: str) -> PermanentError:
    return PermanentError(ErrorCode.AUDIO_UNREADABLE, f"{path.name} {fault}", file=path.name)
