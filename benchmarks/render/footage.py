"""Footage to render, made from the demo's clips, and timelines over it.

Belongs here: clips, music, timelines. Does not belong here: rendering or measuring them.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from uuid import UUID

from montage_pipeline.editing.framing.crops import middle_crop
from montage_pipeline.editing.timeline import MusicPlacement, Originality, Segment, Timeline
from montage_pipeline.footage.model import ClipFacts, FetchedClip, FrameRate
from montage_pipeline.footage.probe import probe
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.music.composer import MusicBrief
from montage_pipeline.music.synth.composer import LocalComposer
from montage_pipeline.rendering.video.encoding import OUTPUT_TAGS
from montage_pipeline.vocabulary import Format

FPS = 30
CLIP_S, _LOOP_S = 8, 4
"""Every clip is a loop, which spares half of a slow encode."""

_GOP = 60
"""Frames: a keyframe every two seconds, as phones do at most."""

_HOOK_FRAMES, _CUT_FRAMES = 51, 94
"""1.7 s, and about 3.1 s."""

_MAX_IN_S = 4.3
"""Leaves the longest cut before the end of a clip."""

_NOISE = "noise=alls=4:allf=t"
"""Sensors are never still."""

_HEVC = (
    *("-c:v", "libx265", "-preset", "ultrafast", "-b:v", "25M", "-x265-params"),
    f"keyint={_GOP}:min-keyint={_GOP}:bframes=3:open-gop=0:log-level=error",
)
_H264 = (
    *("-c:v", "libx264", "-preset", "fast", "-b:v", "12M"),
    *("-bf", "3", "-g", str(_GOP), "-flags", "+cgop"),
)
_QUIET = ("-y", "-loglevel", "error")


@dataclass(frozen=True)
class Recipe:
    """How to make a clip: which demo clip, panned and scaled to which size, from which frame on.

    Without a size it is the original, looped.
    """

    name: str
    source: int
    size: tuple[int, int] | None = None
    codec: tuple[str, ...] = ()
    first: int = 0
    to_left: bool = False


RECIPES = (
    Recipe("4k-hevc-a", 0, (3840, 2160), _HEVC),
    Recipe("1080p-h264-a", 1, (1920, 1080), _H264),
    Recipe("4k-hevc-b", 1, (3840, 2160), _HEVC, first=40, to_left=True),
    Recipe("small-a", 0),
    Recipe("4k-hevc-c", 0, (3840, 2160), _HEVC, first=60, to_left=True),
    Recipe("1080p-h264-b", 0, (1920, 1080), _H264, first=25),
    Recipe("small-b", 1),
    Recipe("4k-hevc-d", 1, (3840, 2160), _HEVC, first=130),
    Recipe("1080p-h264-c", 0, (1920, 1080), _H264, first=90, to_left=True),
    Recipe("small-c", 2),
)
"""Ten clips: four of 4K HEVC, three of 1080p H.264, three as small as the demo has them."""


@dataclass(frozen=True)
class Clip:
    """A clip on this machine and its probe."""

    path: Path
    facts: ClipFacts


@dataclass(frozen=True)
class Edit:
    """A timeline with everything that rendering it needs."""

    timeline: Timeline
    sources: Mapping[str, Path]
    music: Path


class Footage:
    """Clips and music in a folder: made when they are missing, kept for the next time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    @cached_property
    def clips(self) -> tuple[Clip, ...]:
        """All of `RECIPES`, in order."""
        return tuple(self._clip(recipe) for recipe in RECIPES)

    def music(self, seconds: int, seed: int = 1) -> Path:
        """A piece of the local composer, long enough for a Reel of so many seconds."""
        path = self.folder / f"music-{seconds}-{seed}.flac"
        if not path.is_file():
            brief = MusicBrief(
                request_id="benchmark",
                user_id=UUID(int=0),
                mood="bright",
                style="dynamic",
                prompt="",
                bpm=120,
                duration_s=seconds,
                seed=seed,
            )
            draft = self.folder / f".music-{os.getpid()}"
            draft.mkdir(exist_ok=True)
            LocalComposer().compose(brief, draft).path.replace(path)
            draft.rmdir()
        return path

    def reel(self, seconds: int) -> Edit:
        """The Reel that everything is measured on: a hook of 1.7 s and cuts of about 3.1 s over all
        clips, none from a keyframe on.
        """
        return self.edit(self.clips, _lengths(seconds * FPS), seconds)

    def evenly_cut(self, segments: int, seconds: int) -> Edit:
        """A Reel of as many clips as segments, each of 4K HEVC."""
        large = [clip for clip in self.clips if clip.facts.coded_height == 2160]
        clips = []
        for number in range(segments):
            clip = large[number % len(large)]
            # To the render these are different clips: another name is another clip.
            clips.append(
                Clip(clip.path, clip.facts.model_copy(update={"url": f"{clip.facts.url}#{number}"}))
            )
        bounds = [round(number * seconds * FPS / segments) for number in range(segments + 1)]
        return self.edit(clips, [end - begin for begin, end in pairwise(bounds)], seconds)

    def edit(self, clips: Sequence[Clip], lengths: Sequence[int], seconds: int) -> Edit:
        """One segment of each length in frames, from one clip after the other."""
        used = clips[: len(lengths)]
        size = Format.REEL.frame_size
        in_points = _in_points()
        segments = []
        for number, frames in enumerate(lengths):
            clip = used[number % len(used)]
            segment = Segment(
                clip_url=clip.facts.url,
                clip=number % len(used),
                moment=f"m{number}",
                source_in_s=clip.facts.start_s + next(in_points),
                frames=frames,
                crop=middle_crop(clip.facts, size),
                on_beat=False,
                role="body" if number else "hook",
                why="benchmark",
            )
            segments.append(segment)
        timeline = Timeline(
            request_id="benchmark",
            seed=1,
            style="dynamic",
            format=Format.REEL,
            width=size.width,
            height=size.height,
            fps=FrameRate(num=FPS, den=1),
            total_frames=sum(lengths),
            asked_duration_s=seconds,
            clips=tuple(clip.facts for clip in used),
            segments=tuple(segments),
            music=MusicPlacement(key="music", source_in_s=0.0),
            originality=Originality(score=1.0),
        )
        return Edit(timeline, {clip.facts.url: clip.path for clip in used}, self.music(seconds))

    def _clip(self, recipe: Recipe) -> Clip:
        # The name says how it was made, so that a clip made differently is not taken for it.
        mark = hashlib.sha256(
            repr((CLIP_S, _encoding(recipe), [_digest(clip) for clip in demo_clips()])).encode()
        ).hexdigest()[:8]
        path = self.folder / f"{recipe.name}-{mark}.mp4"
        if not path.is_file():
            print(f"making {path}", flush=True)
            draft, loop = (
                self.folder / f".{recipe.name}-{os.getpid()}-{kind}.mp4"
                for kind in ("whole", "loop")
            )
            _make(recipe, loop, draft)
            draft.replace(path)
        return Clip(
            path,
            probe(
                FetchedClip(
                    url=path.as_uri(), path=path, sha256=_digest(path), bytes=path.stat().st_size
                )
            ),
        )


def _make(recipe: Recipe, loop: Path, output: Path) -> None:
    """The video of one demo clip, with the sound of the only one that has any."""
    video, sound = demo_clips()[recipe.source], demo_clips()[0]
    if recipe.size is not None:
        source = ["-stream_loop", "-1", "-i", str(video)]
        run_ffmpeg([*_QUIET, *source, *_encoding(recipe), str(loop)])
        video = loop
    looped = [
        *("-stream_loop", "-1", "-i", str(video)),
        *("-stream_loop", "-1", "-i", str(sound)),
    ]
    tagged = ["-tag:v", "hvc1"] if "libx265" in recipe.codec else []
    mapped = ["-map", "0:v", "-map", "1:a", "-t", str(CLIP_S), "-c", "copy"]
    run_ffmpeg([*_QUIET, *looped, *mapped, *tagged, str(output)])
    loop.unlink(missing_ok=True)


def _encoding(recipe: Recipe) -> list[str]:
    if recipe.size is None:
        return []
    width, height = recipe.size
    frames, wide = _LOOP_S * FPS, "0.9*min(iw\\,ih*16/9)"
    # Every frame differs, and moves: frames that repeat would be too easy for both codecs.
    share = f"n/{frames}"
    pan = f"(1-{share})" if recipe.to_left else share
    chain = [
        f"trim=start_frame={recipe.first},setpts=N/{FPS}/TB,fps={FPS}",
        f"crop={wide}:{wide}*9/16:(iw-ow)*{pan}:(ih-oh)/2",
        f"scale={width}:{height}:flags=bicubic,setsar=1,{_NOISE},format=yuv420p",
    ]
    return ["-vf", ",".join(chain), *recipe.codec, *OUTPUT_TAGS, "-an", "-frames:v", str(frames)]


def _lengths(frames: int) -> list[int]:
    """The hook, then cuts of about the same length (3.0 to 3.3 s in a Reel of 30 s) whose lengths
    still differ.
    """
    rest = frames - _HOOK_FRAMES
    count = max(1, round(rest / _CUT_FRAMES))
    wobble = [(-3, 2, 1)[number % 3] for number in range(count)]
    shares = list(accumulate([0, *(rest / count + off - sum(wobble) / count for off in wobble)]))
    bounds = [round(share) for share in shares]
    return [_HOOK_FRAMES, *(end - begin for begin, end in pairwise(bounds))]


def _in_points() -> Iterator[float]:
    """Seconds into a clip, each between two frames and at least half a second after a keyframe."""
    step = 0
    while True:
        at_s = (0.71 + step * 1.13) % _MAX_IN_S
        step += 1
        if at_s % (_GOP / FPS) >= 0.5:
            yield at_s


@cache
def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
