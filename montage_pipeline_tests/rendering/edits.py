"""Small timelines over generated clips, and reading a finished file back."""

import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from montage_pipeline.editing.timeline import (
    CropRect,
    MusicPlacement,
    Originality,
    Segment,
    Timeline,
)
from montage_pipeline.footage.model import ClipFacts, FetchedClip, FrameRate
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.rendering.counters import facts_of

WIDTH, HEIGHT = 180, 320


@dataclass(frozen=True)
class Cut:
    """One segment to be: from `after_s` behind the clip's first frame, `frames` output frames."""

    clip: FetchedClip
    after_s: float
    frames: int
    gain_db: float = 0.0
    crop: CropRect | None = None
    speed: float = 1.0


def timeline_of(
    cuts: Sequence[Cut],
    *,
    fps: tuple[int, int] = (30, 1),
    width: int = WIDTH,
    height: int = HEIGHT,
    **music: float,
) -> Timeline:
    """A timeline of these cuts."""
    facts: dict[str, ClipFacts] = {}
    for cut in cuts:
        if cut.clip.url not in facts:
            facts[cut.clip.url] = facts_of(cut.clip)
    order = list(facts)
    segments = tuple(
        Segment(
            clip_url=cut.clip.url,
            clip=order.index(cut.clip.url),
            moment=f"m{number}",
            source_in_s=facts[cut.clip.url].start_s + cut.after_s,
            speed=cut.speed,
            frames=cut.frames,
            crop=cut.crop or middle_crop(facts[cut.clip.url], width, height),
            on_beat=True,
            role="body" if number else "hook",
            clip_gain_db=cut.gain_db,
            why="test",
        )
        for number, cut in enumerate(cuts)
    )
    return Timeline(
        request_id="request",
        seed=1,
        style="dynamic",
        format=Format.REEL,
        width=width,
        height=height,
        fps=FrameRate(num=fps[0], den=fps[1]),
        total_frames=sum(cut.frames for cut in cuts),
        asked_duration_s=10,
        clips=tuple(facts.values()),
        segments=segments,
        music=MusicPlacement.model_validate({"key": "music", "source_in_s": 0.0, **music}),
        originality=Originality(score=1.0),
    )


def paths_of(cuts: Sequence[Cut]) -> Mapping[str, Path]:
    """Where the clips are."""
    return {cut.clip.url: cut.clip.path for cut in cuts}


def middle_crop(facts: ClipFacts, width: int, height: int) -> CropRect:
    """The largest crop of that shape in the middle."""
    wide = min(facts.width, round(facts.height * width / height))
    high = min(facts.height, round(facts.width * height / width))
    return CropRect(
        x=(facts.width - wide) // 2, y=(facts.height - high) // 2, width=wide, height=high
    )


def frames_of(path: Path) -> Iterator[NDArray[np.uint8]]:
    """RGB frames of a finished file, in order."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def bt709_frames(path: Path) -> Iterator[NDArray[np.uint8]]:
    """RGB frames decoded as the BT.709 that the tags promise."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(
                frame.to_ndarray(format="rgb24", src_colorspace=Colorspace.ITU709), np.uint8
            )


def sound_of(path: Path) -> NDArray[np.float32]:
    """Stereo float samples of a file's audio, shape (samples, 2)."""
    with av.open(str(path)) as container:
        samples = [frame.to_ndarray().T for frame in container.decode(audio=0)]
    return np.concatenate(samples)


def write_wav(path: Path, sound: NDArray[np.floating], rate: int = 48_000) -> Path:
    """A 16-bit WAV of float samples, shape (samples,) or (samples, channels)."""
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def music_of(path: Path, seconds: float, level: float = 0.2) -> Path:
    """Chords with a beat, quiet enough to be raised."""
    time_s = np.arange(round(seconds * 48_000)) / 48_000
    beat = np.exp(-8 * (time_s % 0.5))
    tone = sum(np.sin(2 * np.pi * hertz * time_s) for hertz in (220, 277.2, 329.6)) / 3
    return write_wav(path, level * tone * (0.3 + 0.7 * beat))
