"""The sound of a Reel: the clips' own sound joined at the cuts, over music that makes room for it.

Belongs here: joining, gains, fades.
Does not belong here: when the music dips (ducking), loudness of the whole and encoding (master).
"""

from collections.abc import Mapping
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.editing.timeline import MusicPlacement, Segment, Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.footage.names import shown_url
from montage_pipeline.logs import get_logger
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget
from montage_pipeline.rendering.audio.ducking import duck_gain
from montage_pipeline.rendering.audio.reading import read_sound, read_whole_sound
from montage_pipeline.rendering.audio.samples import SAMPLE_RATE, Samples
from montage_pipeline.rendering.audio.tempo import slowed

_CROSSFADE_SAMPLES = 960
"""20 ms around each cut: no click, and nothing of the neighbour is heard."""

_END_FADE_SAMPLES = 480
"""10 ms: a Reel that loops must not click."""

_MISSING_S = 0.1
"""By which music may end before the Reel: files are as long as their codec's frames, and lengths
are rounded. It is fading out by then.
"""

_MAX_S = 180.0
"""For decoding the music, which takes a second or two."""

_SPARE_S = 0.1
"""Of music beyond the end, for the resampler."""


_log = get_logger(__name__)


def sample_at(timeline: Timeline, frame: int) -> int:
    """The sample at which an output frame begins.

    Counted from the start, so that cuts never drift.
    """
    return round(frame * SAMPLE_RATE / timeline.fps.fraction)


def segment_bounds(timeline: Timeline) -> list[int]:
    """The samples at which segments begin, and the end."""
    return [
        sample_at(timeline, frame) for frame in (0, *timeline.cut_frames, timeline.total_frames)
    ]


class Mix(NamedTuple):
    """Sound before mastering, exactly as long as the video, and what its user must know of it."""

    sound: Samples
    warnings: tuple[str, ...]


def mixed_sound(timeline: Timeline, sources: Mapping[str, ClipSource], music_path: Path) -> Mix:
    """The clips' own sound over the music.

    Raises PermanentError("music_too_short") when the music ends before the video: it is never
    looped.
    """
    clips, warnings = clip_sound(timeline, sources)
    until_s = timeline.music.source_in_s + len(clips) / SAMPLE_RATE
    music = placed_music(
        timeline.music,
        isolated(Budget(_MAX_S), None, read_whole_sound, music_path, until_s + _SPARE_S),
        len(clips),
    )

    # In place: ninety seconds are 35 MB each time they are copied.
    music *= duck_gain(clips, segment_bounds(timeline), timeline.music.duck_db)[:, None]
    clips += music
    clips[-_END_FADE_SAMPLES:] *= _ramp(_END_FADE_SAMPLES)[::-1, None]
    return Mix(clips, warnings)


def clip_sound(timeline: Timeline, sources: Mapping[str, ClipSource]) -> Mix:
    """The clips' own sound, crossfaded at the cuts; clips without sound and slow motion are silent.

    So is a segment of whose sound nothing can be decoded, with a warning: its picture is good.
    """
    bounds = segment_bounds(timeline)
    bus = np.zeros((bounds[-1], 2), np.float32)
    unreadable: set[str] = set()
    for segment, (begin, end) in zip(timeline.segments, pairwise(bounds), strict=True):
        facts = timeline.clips[segment.clip]
        if facts.audio_stream is None or not segment.is_heard:
            continue

        half = min(_CROSSFADE_SAMPLES, end - begin) // 2
        # The first and the last edge have no neighbour to fade over: they fade inside.
        before, after = half * (begin > 0), half * (end < len(bus))
        samples = end - begin + before + after
        try:
            sound = _segment_sound(segment, sources[facts.url], facts, before, samples)
        except PermanentError as error:
            _log.warning("clip_sound_left_out", clip=facts.url, reason=error.message)
            unreadable.add(facts.url)
            continue
        sound[: 2 * half] *= _ramp(2 * half)[:, None]
        sound[len(sound) - 2 * half :] *= _ramp(2 * half)[::-1, None]
        bus[begin - before : end + after] += sound * _gain(segment)
    return Mix(bus, tuple(map(_unheard, sorted(unreadable))))


def _segment_sound(
    segment: Segment, source: ClipSource, facts: ClipFacts, before: int, samples: int
) -> Samples:
    """`samples` samples of a segment's own sound, the first of them `before` its beginning."""
    assert facts.audio_stream is not None
    start_s = segment.source_in_s - segment.speed * before / SAMPLE_RATE
    if segment.speed == 1:
        return read_sound(source, facts.audio_stream, start_s, samples, facts.url)
    needed = ceil(samples * segment.speed)
    sound = read_sound(source, facts.audio_stream, start_s, needed, facts.url)
    return slowed(sound, segment.speed, samples)


def _unheard(url: str) -> str:
    return f"The sound of {shown_url(url)} cannot be decoded where it is shown: it is silent there."


def placed_music(placement: MusicPlacement, music: Samples, samples: int) -> Samples:
    """The stretch of the music that plays under the Reel, with its gain and fades.

    It may end a moment early, softly; that is filled with silence.
    """
    begin = round(placement.source_in_s * SAMPLE_RATE)
    stretch = music[begin : begin + samples]
    if samples - len(stretch) > _MISSING_S * SAMPLE_RATE:
        have_s, need_s = len(music) / SAMPLE_RATE, placement.source_in_s + samples / SAMPLE_RATE
        raise PermanentError(
            ErrorCode.MUSIC_TOO_SHORT,
            f"the music is {have_s:.2f} s long and the Reel needs it until {need_s:.2f} s; "
            "compose longer music or start it earlier",
            music_s=have_s,
            needed_s=need_s,
        )

    placed = np.zeros((samples, 2), np.float32)
    placed[: len(stretch)] = stretch
    if len(stretch) < samples:
        soft = min(_END_FADE_SAMPLES, len(stretch))
        placed[len(stretch) - soft : len(stretch)] *= _ramp(soft)[::-1, None]
    placed *= _music_gain(placement, samples)[:, None]
    return placed


def _music_gain(placement: MusicPlacement, samples: int) -> NDArray[np.float32]:
    gain = np.full(samples, 10 ** (placement.gain_db / 20), np.float32)
    fade_in = min(samples, round(placement.fade_in_s * SAMPLE_RATE))
    fade_out = min(samples, round(placement.fade_out_s * SAMPLE_RATE))
    if fade_in > 0:
        gain[:fade_in] *= _ramp(fade_in)
    if fade_out > 0:
        gain[samples - fade_out :] *= _ramp(fade_out)[::-1]
    return gain


def _gain(segment: Segment) -> float:
    return 10 ** (segment.clip_gain_db / 20)


def _ramp(samples: int) -> NDArray[np.float32]:
    """A rise from 0 to 1; with its mirror image it adds up to 1 everywhere."""
    phase = np.pi * (np.arange(samples) + 0.5) / max(1, samples)
    return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
