"""The sound of a Reel: the clips' own sound joined at the cuts, over music that makes room for it.

Belongs here: joining, gains, fades, ducking.
Does not belong here: loudness of the whole and encoding (master).
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from montage_pipeline.editing.timeline import MusicPlacement, Timeline
from montage_pipeline.records import PermanentError
from montage_pipeline.rendering.sound_reading import SAMPLE_RATE, Samples, read_sound, read_whole_sound

_CROSSFADE_SAMPLES = 960  # 20 ms around each cut: no click, and nothing of the neighbour is heard
_END_FADE_SAMPLES = 480
_LEVEL_STEP = 480  # 10 ms: the clock on which ducking is decided
_LEVEL_WINDOW_STEPS = 20
# Below the first level (dBFS RMS) clip sound is background and the music stays; above the second it gets all of the duck.
_DUCK_FROM_DBFS, _DUCK_FULL_DBFS = -48.0, -34.0
_DUCK_LEAD_STEPS, _DUCK_HOLD_STEPS, _DUCK_RAMP_STEPS = 15, 40, 30


def sample_at(timeline: Timeline, frame: int) -> int:
    """The sample at which an output frame begins; counted from the start, so that cuts never drift."""
    return round(frame * SAMPLE_RATE / timeline.fps.fraction)


def mixed_sound(timeline: Timeline, clip_paths: Mapping[str, Path], music_path: Path) -> Samples:
    """The whole mix, before mastering: exactly as long as the picture, in samples.

    Raises PermanentError("music_too_short") when the music ends before the picture: it is never looped.
    """
    clips = clip_sound(timeline, clip_paths)
    music = placed_music(timeline.music, read_whole_sound(music_path), len(clips), float(1 / timeline.fps.fraction))
    mix = clips + music * duck_gain(clips, timeline.music.duck_db)[:, None]
    mix[-_END_FADE_SAMPLES:] *= _ramp(_END_FADE_SAMPLES)[::-1, None]
    return cast(Samples, mix)


def clip_sound(timeline: Timeline, clip_paths: Mapping[str, Path]) -> Samples:
    """The clips' own sound, crossfaded at the cuts; clips without sound are silent."""
    bounds = [sample_at(timeline, frame) for frame in (0, *timeline.cut_frames, timeline.total_frames)]
    bus = np.zeros((bounds[-1], 2), np.float32)
    for segment, (begin, end) in zip(timeline.segments, pairwise(bounds), strict=True):
        facts = timeline.clips[segment.clip]
        if facts.audio_stream is None:
            continue
        half = min(_CROSSFADE_SAMPLES, end - begin) // 2
        # The first and the last edge have no neighbour to fade over: they fade inside.
        before, after = half * (begin > 0), half * (end < len(bus))
        sound = read_sound(
            clip_paths[facts.url], facts.audio_stream, segment.source_in_s - before / SAMPLE_RATE, end - begin + before + after
        )
        sound[: 2 * half] *= _ramp(2 * half)[:, None]
        sound[len(sound) - 2 * half :] *= _ramp(2 * half)[::-1, None]
        bus[begin - before : end + after] += sound * 10 ** (segment.clip_gain_db / 20)
    return bus


def placed_music(placement: MusicPlacement, music: Samples, samples: int, frame_s: float) -> Samples:
    """The stretch of the music that plays under the Reel, with its gain and fades."""
    begin = round(placement.source_in_s * SAMPLE_RATE)
    stretch = music[begin : begin + samples]
    missing = samples - len(stretch)
    if missing > frame_s * SAMPLE_RATE:
        have_s, need_s = len(music) / SAMPLE_RATE, placement.source_in_s + samples / SAMPLE_RATE
        raise PermanentError(
            "music_too_short",
            f"the music is {have_s:.2f} s long and the Reel needs it until {need_s:.2f} s; compose longer music or start it earlier",
            music_s=have_s,
            needed_s=need_s,
        )
    gain = np.full(samples, 10 ** (placement.gain_db / 20), np.float32)
    fade_in, fade_out = (min(samples, round(fade_s * SAMPLE_RATE)) for fade_s in (placement.fade_in_s, placement.fade_out_s))
    if fade_in > 0:
        gain[:fade_in] *= _ramp(fade_in)
    if fade_out > 0:
        gain[samples - fade_out :] *= _ramp(fade_out)[::-1]
    return cast(Samples, np.pad(stretch, ((0, max(0, missing)), (0, 0))) * gain[:, None])


def duck_gain(clips: Samples, duck_db: float) -> NDArray[np.float32]:
    """Gain of the music, per sample: down by `duck_db` while the clips have something to say, with soft ramps.

    The dip begins before the sound does and holds over short pauses, so that the music does not pump between words.
    """
    steps = -(-len(clips) // _LEVEL_STEP)
    power = np.pad((clips.astype(np.float64) ** 2).mean(axis=1), (0, steps * _LEVEL_STEP - len(clips)))
    power = power.reshape(steps, _LEVEL_STEP).mean(axis=1)
    level_db = 10 * np.log10(uniform_filter1d(power, _LEVEL_WINDOW_STEPS, mode="nearest").clip(1e-12))
    share = np.clip((level_db - _DUCK_FROM_DBFS) / (_DUCK_FULL_DBFS - _DUCK_FROM_DBFS), 0.0, 1.0)
    size = _DUCK_LEAD_STEPS + _DUCK_HOLD_STEPS + 1
    held = maximum_filter1d(share, size, origin=(_DUCK_HOLD_STEPS - _DUCK_LEAD_STEPS) // 2, mode="constant", cval=0.0)
    smooth = uniform_filter1d(held, _DUCK_RAMP_STEPS, mode="nearest")
    centres = (np.arange(steps) + 0.5) * _LEVEL_STEP
    gain_db = np.interp(np.arange(len(clips)), centres, smooth) * -abs(duck_db)
    return np.asarray(10 ** (gain_db / 20), dtype=np.float32)


def _ramp(samples: int) -> NDArray[np.float32]:
    """A rise from 0 to 1; with its mirror image it adds up to 1 everywhere."""
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(samples) + 0.5) / max(1, samples))).astype(np.float32)
