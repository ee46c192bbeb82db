"""Sound of a stretch of a file as samples on the output's clock.

Belongs here: placing by presentation time, resampling to 48 kHz, gaps with soft edges.
Does not belong here: decoding (decoding), mixing (mix).
"""

from math import ceil, inf
from pathlib import Path
from typing import NamedTuple

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget
from montage_pipeline.media.opening import SOUND_FORMATS
from montage_pipeline.rendering.audio.decoding import (
    JITTER_S,
    Track,
    gapless_runs,
    opened,
    runs,
    stereo,
)
from montage_pipeline.rendering.audio.samples import SAMPLE_RATE, Samples, resampled
from montage_pipeline.spans import Span

_MAX_S = 120.0
"""For the sound of a segment: a thousand times what it takes."""

_EDGE_S = 0.02
"""Read beyond both ends, so that resampling has no edge inside."""

_MAX_LEVEL = 4.0
"""12 dB over full scale: floating-point tracks may exceed it, but broken ones hold anything."""

_GAP_FADE_S = 0.01
"""Where sound starts or stops in the middle, so that it does not click."""


class _Placed(NamedTuple):
    """A stretch of 48 kHz, and which samples of it are filled: [begin, end)."""

    sound: Samples
    filled: list[tuple[int, int]]


def read_sound(
    source: ClipSource, stream_index: int, start_s: float, samples: int, name: str | None = None
) -> Samples:
    """`samples` stereo samples of a track from presentation time `start_s` on.

    Silent where the track has nothing. Packets that cannot be decoded leave a gap with soft edges,
    and a warning in the log that calls the clip `name` (else by its file).

    Decoded in another process. Raises PermanentError("audio_unreadable") when there is sound at
    that time and none of it can be decoded, a RenderError of that code when the address it is
    served from fails, and as `isolated` does.
    """
    name = name or Path(source).name
    return isolated(Budget(_MAX_S), None, _sound_of, source, stream_index, start_s, samples, name)


def _sound_of(
    source: ClipSource, stream_index: int, start_s: float, samples: int, name: str
) -> Samples:
    begin_s, duration_s = start_s - _EDGE_S, samples / SAMPLE_RATE + 2 * _EDGE_S
    with opened(source, name) as container:
        stream = container.streams[stream_index]
        assert isinstance(stream, AudioStream)
        track = Track(container, stream, name)
        sound, filled = _placed(track, begin_s, ceil(duration_s * SAMPLE_RATE))

    _soften_edges(sound, filled, round(_GAP_FADE_S * SAMPLE_RATE))
    track.report(Span(begin_s, begin_s + duration_s))
    skip = round(_EDGE_S * SAMPLE_RATE)
    return sound[skip : skip + samples]


def read_whole_sound(path: Path, until_s: float = inf) -> Samples:
    """A file's first audio track from its first sample on, to its end or a little beyond `until_s`.

    What cannot be decoded is left out and reported in the log.

    Raises PermanentError("audio_unreadable") when it has none or it cannot be decoded.
    """
    with opened(path, path.name, SOUND_FORMATS) as container:
        streams = container.streams.audio
        stream = next((found for found in streams if found.codec_context is not None), None)
        if stream is None:
            raise PermanentError(
                ErrorCode.AUDIO_UNREADABLE, f"{path.name} has no audio track that can be decoded"
            )
        track = Track(container, stream, path.name)
        sounds = [_at_48_khz(track, run) for run in gapless_runs(track.frames(), until_s)]

    if not sounds:
        raise PermanentError(ErrorCode.AUDIO_UNREADABLE, f"the audio track of {path.name} is empty")
    track.report()
    return np.concatenate(sounds)


def _at_48_khz(track: Track, run: AudioFrame) -> Samples:
    """A run of any kind: a track may change its rate and its layout on the way."""
    sound = stereo(run)
    if not np.isfinite(sound).all():
        track.refuse("samples that are no numbers")
        sound = np.nan_to_num(sound, nan=0.0, posinf=0.0, neginf=0.0)
    return resampled(np.clip(sound, -_MAX_LEVEL, _MAX_LEVEL), run.sample_rate)


def _placed(track: Track, begin_s: float, length: int) -> _Placed:
    """`length` samples of 48 kHz from `begin_s` on, each at its presentation time."""
    placed = np.zeros((length, 2), np.float32)
    filled: list[tuple[int, int]] = []
    expected: int | None = None
    for run_s, run in runs(track.frames_from(begin_s), begin_s + length / SAMPLE_RATE):
        sound = _at_48_khz(track, run)
        at = round((run_s - begin_s) * SAMPLE_RATE)
        if expected is not None and abs(at - expected) <= JITTER_S * SAMPLE_RATE:
            at = expected
        expected = at + len(sound)

        inside = sound[max(0, -at) : max(0, length - at)]
        begin, end = max(0, at), max(0, at) + len(inside)
        placed[begin:end] = inside
        if filled and filled[-1][1] == begin:
            filled[-1] = (filled[-1][0], end)
        elif end > begin:
            filled.append((begin, end))
    return _Placed(placed, filled)


def _soften_edges(sound: Samples, filled: list[tuple[int, int]], length: int) -> None:
    """Fade each filled stretch in and out where it begins or ends inside; in place."""
    for begin, end in filled:
        fade = min(length, (end - begin) // 2)
        phase = np.pi * (np.arange(fade, dtype=np.float32) + 0.5) / max(1, fade)
        ramp = (0.5 - 0.5 * np.cos(phase))[:, None]
        if begin > 0:
            sound[begin : begin + fade] *= ramp
        if end < len(sound):
            sound[end - fade : end] *= ramp[::-1]
