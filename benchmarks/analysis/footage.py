"""The clips and films to look at, made from the demo's clips.

Belongs here: making them, and where their shot changes are. Does not belong here: looking at them.
"""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.spans import Span

CLIPS, CLIP_S = 10, 60
FPS = 30
_LOOP_FRAMES, _GOP_FRAMES = 48, 30

# What phones record: 4K HEVC at 25 Mbit/s.
_LARGE_SIZE = "3840x2160"
_HEVC = ["-c:v", "libx265", "-preset", "ultrafast", "-b:v", "25M", "-tag:v", "hvc1"]
_HEVC_OPTIONS = f"keyint={_GOP_FRAMES}:min-keyint={_GOP_FRAMES}:open-gop=0:log-level=error"

# Keyframes come every two seconds whatever is shown, so that none gives a shot change away.
_FILM_FPS = 25
_FILM_SIZE = "640x360"
_H264 = (
    *("-c:v", "libx264", "-preset", "veryfast", "-crf", "21"),
    *("-g", "50", "-sc_threshold", "0", "-pix_fmt", "yuv420p"),
)
_SCENE_FRAMES = 46
"""What a scene has without a cut of its own; longer ones run forth and back."""

# Which of the demo's clips, from which frame: shots that last long enough.
_VIEWS = ((0, 66), (1, 138), (0, 0))
# Together with the views, no clip shows what another does.
_TURNS = ("null", "hflip", "vflip", "hflip,vflip")
_WIDE = "0.9*min(iw\\,ih*16/9)"
_QUIET = ("-y", "-loglevel", "error")
_DISSOLVES_S = (0.4, 0.6, 0.72)


class Scene(NamedTuple):
    """A piece of a demo clip without a cut of its own: which clip, from when, how it is turned."""

    clip: int
    start_s: float
    turn: str


class Film(NamedTuple):
    """A file and its shot changes, each a span of time; None where only a full-rate pass tells."""

    path: Path
    changes: tuple[Span, ...] | None


def as_fetched(path: Path) -> FetchedClip:
    """A file of this machine as the analyst takes it; its name stands for its hash."""
    return FetchedClip(
        url=path.as_uri(),
        path=path,
        sha256=path.name.encode().hex().ljust(64, "0")[:64],
        bytes=path.stat().st_size,
    )


def long_clips(folder: Path, kept: Path, b_frames: bool) -> list[Path]:
    """CLIPS files of CLIP_S seconds with the sound of the demo, one shot each: a second and a half
    that runs forth and back. The encoded loops stay in `kept` for the next time.
    """
    sound = demo_clips()[0]
    made = []
    for number in range(CLIPS):
        loop = kept / f"forth-and-back-{number}{'-b' if b_frames else ''}.mp4"
        if not loop.is_file():
            print(f"making {loop}", flush=True)
            _encode_loop(number, loop, b_frames)

        path = folder / f"long{number}{'b' if b_frames else ''}.mp4"
        inputs = [
            word for source in (loop, sound) for word in ("-stream_loop", "-1", "-i", str(source))
        ]
        copied = ["-map", "0:v", "-map", "1:a", "-t", str(CLIP_S), "-c", "copy", "-tag:v", "hvc1"]
        run_ffmpeg([*_QUIET, *inputs, *copied, str(path)])
        made.append(path)
    return made


def _encode_loop(number: int, loop: Path, b_frames: bool) -> None:
    clip, first_frame = _VIEWS[number % len(_VIEWS)]
    pan = f"crop={_WIDE}:{_WIDE}*9/16:(iw-ow)*n/{_LOOP_FRAMES}:(ih-oh)/2"
    chain = (
        f"trim=start_frame={first_frame},setpts=N/{FPS}/TB,fps={FPS},{pan},"
        f"{_TURNS[number // len(_VIEWS)]},trim=end_frame={_LOOP_FRAMES},split[forth][way];"
        "[way]reverse[back];[forth][back]concat,"
        "scale=3840:2160:flags=bicubic,setsar=1,noise=alls=4:allf=t,format=yuv420p"
    )
    options = ["-x265-params", f"{_HEVC_OPTIONS}:bframes={3 if b_frames else 0}"]
    source = ["-stream_loop", "-1", "-i", str(demo_clips()[clip])]
    length = ["-an", "-frames:v", str(2 * _LOOP_FRAMES)]

    draft = loop.with_name(f".{loop.name}")
    run_ffmpeg([*_QUIET, *source, "-vf", chain, *_HEVC, *options, *length, str(draft)])
    draft.replace(loop)


def films(folder: Path) -> list[Film]:
    """The demo's clips with their real cuts; generated cuts, dissolves, dips to black and flashes;
    and cuts as large as phones film.
    """
    scenes = [
        Scene(clip, start_s, turn)
        for turn in _TURNS
        for clip, start_s in ((0, 0.0), (1, 3.2), (2, 1.0), (1, 5.5), (0, 2.7), (1, 7.5))
    ][:16]
    made = [Film(path, None) for path in demo_clips()]

    lengths_s = [1.2 + 0.08 * (place * 7 % 9) for place in range(len(scenes))]
    lengths_s = [round(length_s * _FILM_FPS) / _FILM_FPS for length_s in lengths_s]
    made.append(_cuts(folder / "cuts.mp4", scenes, lengths_s, _FILM_SIZE))
    made.append(_cuts(folder / "large-cuts.mp4", scenes[:5], lengths_s, _LARGE_SIZE))

    lengths_s = [3.6 - 0.04 * (place % 9) for place in range(len(scenes))]
    made.append(_dissolves(folder / "dissolves.mp4", scenes, lengths_s, "fade"))
    made.append(_dissolves(folder / "dips.mp4", scenes, lengths_s, "fadeblack"))

    flashes = folder / "flashes.mp4"
    flash = "fps=25,eq=brightness='if(lt(mod(n,40),2),0.5,0)':eval=frame,format=yuv420p"
    source = ["-i", str(demo_clips()[0])]
    run_ffmpeg([*_QUIET, *source, "-vf", flash, *_H264, "-an", str(flashes)])
    return [*made, Film(flashes, ())]


def _cuts(path: Path, scenes: Sequence[Scene], lengths_s: Sequence[float], size: str) -> Film:
    """Scenes back to back."""
    inputs, chains = _scene_inputs(scenes, lengths_s, size)
    labels = "".join(f"[v{place}]" for place in range(len(scenes)))
    chains.append(f"{labels}concat=n={len(scenes)}:v=1[film]")
    large = [*_HEVC, "-x265-params", f"{_HEVC_OPTIONS}:bframes=3:scenecut=0"]
    encoder = large if size == _LARGE_SIZE else _H264
    _write_film(path, inputs, chains, "film", encoder)

    ends_s = list(accumulate(lengths_s[: len(scenes)]))[:-1]
    return Film(path, tuple(Span(end_s, end_s) for end_s in ends_s))


def _dissolves(path: Path, scenes: Sequence[Scene], lengths_s: Sequence[float], mix: str) -> Film:
    """Scenes mixed into each other over 0.4 to 0.72 s."""
    inputs, chains = _scene_inputs(scenes, lengths_s, _FILM_SIZE)
    changes, joined, end_s = [], "v0", lengths_s[0]
    for place in range(1, len(scenes)):
        mix_s = _DISSOLVES_S[place % len(_DISSOLVES_S)]
        transition = f"xfade=transition={mix}:duration={mix_s}:offset={end_s - mix_s:.2f}"
        chains.append(f"[{joined}][v{place}]{transition}[x{place}]")
        changes.append(Span(end_s - mix_s, end_s))
        joined, end_s = f"x{place}", end_s - mix_s + lengths_s[place]
    _write_film(path, inputs, chains, joined, _H264)
    return Film(path, tuple(changes))


def _scene_inputs(
    scenes: Sequence[Scene], lengths_s: Sequence[float], size: str
) -> tuple[list[str], list[str]]:
    """FFmpeg's inputs, and a chain for each scene that makes it exactly that long: `[v0]`, …"""
    inputs: list[str] = []
    chains: list[str] = []
    for place, (scene, length_s) in enumerate(zip(scenes, lengths_s, strict=False)):
        source = str(demo_clips()[scene.clip])
        inputs += ["-ss", str(scene.start_s), "-t", str(length_s + 0.08), "-i", source]
        frames = round(length_s * _FILM_FPS)
        scaled = f"scale={size.replace('x', ':')},setsar=1,format=yuv420p,settb=1/{_FILM_FPS}"
        look = f"{scene.turn},{scaled}"
        start = f"fps={_FILM_FPS}:start_time=0"
        if frames > _SCENE_FRAMES:
            forth_and_back = (
                f"[{place}:v]{start},trim=end_frame={_SCENE_FRAMES},split[a{place}][b{place}];"
                f"[b{place}]reverse[c{place}];[a{place}][c{place}]concat"
            )
            chains.append(f"{forth_and_back},trim=end_frame={frames},{look}[v{place}]")
        else:
            exact = f"{start},tpad=stop_mode=clone:stop=50,trim=end_frame={frames}"
            chains.append(f"[{place}:v]{exact},{look}[v{place}]")
    return inputs, chains


def _write_film(
    path: Path, inputs: list[str], chains: list[str], label: str, encoder: Sequence[str]
) -> None:
    graph = ["-filter_complex", ";".join(chains), "-map", f"[{label}]"]
    run_ffmpeg([*_QUIET, *inputs, *graph, *encoder, "-an", str(path)])
