"""Reels rendered as shot and matched: how far neighbouring segments are apart, and what it takes.

Everything is measured on the finished files. The Reels are of two kinds: labelled clips as they
are, whose contents differ whatever a camera does; and one clip as five cameras would have taken it,
where all that differs is what the matching is for.
"""

import tempfile
import wave
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.eye.reels import ReelOrder, analysed, fetched, planned
from benchmarks.look.colour_difference import delta_e_2000
from benchmarks.measuring import Usage, timed
from montage_pipeline.editing.decoded.segment_frames import segment_frames
from montage_pipeline.editing.grading.colours import graded
from montage_pipeline.editing.grading.matching import matched_grades, matched_timeline
from montage_pipeline.editing.grading.measures import mean_hue_deg, skin_mask
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.footage.decoding.sample import frames_at
from montage_pipeline.footage.measuring.boxes import upright_middle
from montage_pipeline.footage.probe import probe
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.settings import Settings
from montage_pipeline.styles import DEFAULT_STYLE, style_of

CAMERAS = (
    (0.0, (1.0, 1.0, 1.0)),
    (0.5, (1.08, 1.0, 0.90)),
    (-0.5, (0.93, 1.0, 1.10)),
    (0.25, (0.96, 1.0, 1.08)),
    (-0.3, (1.06, 1.0, 0.92)),
)
"""Stops of exposure, and gains of red, green and blue light: about what phones differ by."""

_DISPLAY_GAMMA = 2.4
_EVERY = 10  # frames
_WIDTH = 135  # pixels that a frame is measured at
_MIN_SKIN_SHARE = 0.02  # of a segment's pixels, for its hue to count
_PREVIEW = 4  # times smaller each way than a Reel, for its colours; time is taken at full size
_RUNS = 2
_CUT_S, _DECODED_SIDE = 3.0, 640
_WORST, _GOAL = 5, 0.5

_Pixels = NDArray[np.floating]


class Camera(NamedTuple):
    """A clip as the cameras took it: Delta E between neighbours, and how far skin turned."""

    name: str
    before: float
    after: float
    skin_deg: float | None


class Costs(NamedTuple):
    """Processor seconds of rendering as shot and matched; and the time that choosing the grades
    takes by the clock, as a share of rendering: clips are decoded for it in other processes.
    """

    plain_s: float
    graded_s: float
    choosing: float


class Matching(NamedTuple):
    """A Reel as shot and matched."""

    name: str
    segments: int
    before: float
    after: float
    skin_deg: float | None


def measure_costs(order: ReelOrder, folder: Path) -> Costs:
    """What matching takes for a Reel of its real size."""
    timeline = planned(order, analysed(order))
    sources = {path.as_uri(): path for path in order.clips}
    with timed() as matching:
        matched = _matched(timeline, sources)
    plain, graded = [], []
    for _ in range(_RUNS):
        plain.append(_render(timeline, sources, folder / "plain.mp4"))
        graded.append(_render(matched, sources, folder / "graded.mp4"))
    plain_s, graded_s = (min(usage.cpu_s for usage in runs) for runs in (plain, graded))
    return Costs(plain_s, graded_s, matching.wall_s / min(usage.wall_s for usage in plain))


def measure_theme(name: str, order: ReelOrder, folder: Path) -> Matching:
    """A Reel of labelled clips as they are."""
    timeline = planned(order, analysed(order))
    return _measure(name, timeline, {path.as_uri(): path for path in order.clips}, folder)


def measure_cameras(order: ReelOrder, folder: Path) -> Matching:
    """The first segment of a Reel of one clip, as each of the cameras would have taken it."""
    timeline = planned(order, analysed(order))
    first, facts = timeline.segments[0], timeline.clips[timeline.segments[0].clip]
    taken = [fetched(_taken_by(camera, order.clips[0], folder)) for camera in CAMERAS]
    clips = [
        probe(clip).model_copy(update={"start_s": facts.start_s, "duration_s": facts.duration_s})
        for clip in taken
    ]
    segments = tuple(
        first.model_copy(update={"clip": number, "clip_url": clip.url})
        for number, clip in enumerate(clips)
    )
    frames = first.frames * len(segments)
    several = timeline.model_copy(
        update={"clips": tuple(clips), "segments": segments, "total_frames": frames}
    )
    sources = {clip.url: clip.path for clip in taken}
    return _measure(order.clips[0].name, several, sources, folder)


def cameras_text(clips: Sequence[Path]) -> str:
    """The middle of every clip as each of the cameras would have taken it, matched: measured on the
    small crops that the grades are chosen from, as no rendering changes them.
    """
    found = [_by_cameras(clip) for clip in clips]
    shares = [camera.after / camera.before for camera in found]
    worst = sorted(zip(shares, found, strict=True), key=lambda pair: -pair[0])[:_WORST]
    turns = [camera.skin_deg for camera in found if camera.skin_deg is not None]
    rows = [
        [camera.name, f"{camera.before:.1f}", f"{camera.after:.1f}", f"{share:.0%}"]
        for share, camera in worst
    ]
    return (
        f"{len(clips)} clips: ΔE matched is {np.mean(shares):.0%} of ΔE as shot on the mean, half "
        f"of it or less in {sum(share <= _GOAL for share in shares)} of them; skin hue moves "
        f"{max(turns, default=0.0):.1f}° at the most. The clips with the most left:\n\n"
        + report.table(("clip", "ΔE as shot", "ΔE matched", "of it"), rows)
    )


def _by_cameras(clip: Path) -> Camera:
    facts = probe(fetched(clip))
    length_s = min(_CUT_S, facts.duration_s)
    begin_s = facts.start_s + (facts.duration_s - length_s) / 2
    times_s = tuple(begin_s + share * length_s for share in (1 / 6, 1 / 2, 5 / 6))
    frames = frames_at(clip, facts, times_s, _DECODED_SIDE)
    middle = upright_middle(facts)
    small = []
    for frame in frames:
        high, wide = frame.shape[:2]
        left, right = round(middle.x * wide), round((middle.x + middle.width) * wide)
        top, bottom = round(middle.y * high), round((middle.y + middle.height) * high)
        size = (54, 96)  # as the segments' crops are measured
        small.append(cv2.resize(frame[top:bottom, left:right], size, interpolation=cv2.INTER_AREA))
    rgb = np.stack(small).astype(np.float32) / 255
    taken = [
        np.clip(rgb * _display_gains(stops, gains), 0, 1).astype(np.float32)
        for stops, gains in CAMERAS
    ]
    grades = matched_grades(taken, [1] * len(taken), style_of(DEFAULT_STYLE).look)
    matched = [graded(crop, grade) for crop, grade in zip(taken, grades, strict=True)]
    return Camera(clip.name, _apart(taken), _apart(matched), _skin_turn(taken, matched))


def _display_gains(stops: float, gains: Sequence[float]) -> _Pixels:
    """What a camera's stops and gains of light make of R'G'B'."""
    return np.asarray([(2**stops * gain) ** (1 / _DISPLAY_GAMMA) for gain in gains], np.float32)


def text(themes: Sequence[Matching], cameras: Sequence[Matching], costs: Costs) -> str:
    """The table, with a mean of each kind, and a sentence on the costs."""
    rows = []
    for found, name in ((themes, "mean: clips as they are"), (cameras, "mean: several cameras")):
        rows += [_row(one) for one in found]
        rows.append(_row(_mean(name, found)))
    head = ("Reel", "segments", "ΔE as shot", "ΔE matched", "of it", "skin hue moves")
    plain_s, ratio = costs.plain_s, costs.graded_s / costs.plain_s
    return report.table(head, rows) + (
        f"\nRendering the best two of each with its grades takes {ratio:.2f} times the processor "
        f"time of rendering it as shot ({plain_s:.1f} s); choosing the grades takes "
        f"{costs.choosing:.2f} of the time that it takes.\n"
    )


def _matched(timeline: Timeline, sources: Mapping[str, Path]) -> Timeline:
    everywhere = range(len(timeline.segments))
    return matched_timeline(timeline, segment_frames(timeline, sources, inside=everywhere))


def _measure(name: str, timeline: Timeline, sources: Mapping[str, Path], folder: Path) -> Matching:
    size = {"width": timeline.width // _PREVIEW, "height": timeline.height // _PREVIEW}
    small = timeline.model_copy(update=size)
    shown = []
    for edit in (small, _matched(small, sources)):
        _render(edit, sources, folder / "reel.mp4")
        shown.append(_shown(edit, folder / "reel.mp4"))
    plain, graded = shown
    found = Matching(
        name=name,
        segments=len(timeline.segments),
        before=_apart(plain),
        after=_apart(graded),
        skin_deg=_skin_turn(plain, graded),
    )
    print(" | ".join(_row(found)), flush=True)
    return found


def _render(timeline: Timeline, sources: Mapping[str, Path], output: Path) -> Usage:
    with tempfile.TemporaryDirectory() as folder:
        music = Path(folder) / "silence.wav"
        with wave.open(str(music), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(48_000)
            seconds = timeline.music.source_in_s + float(timeline.duration) + 1
            file.writeframes(bytes(4 * round(seconds * 48_000)))
        with timed() as usage:
            FfmpegEngine(Settings()).render(timeline, sources, music, output, lambda share: None)
    return usage


def _shown(timeline: Timeline, reel: Path) -> list[_Pixels]:
    """R'G'B' 0..1 of some frames of each segment, small."""
    found: list[list[NDArray[Any]]] = [[] for _ in timeline.segments]
    cuts = np.array(timeline.cut_frames)
    with av.open(str(reel)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % _EVERY:
                continue
            rgb = frame.to_ndarray(format="rgb24", src_colorspace=Colorspace.ITU709)
            size = (_WIDTH, round(_WIDTH * rgb.shape[0] / rgb.shape[1]))
            small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
            found[int(np.searchsorted(cuts, number, side="right"))].append(small)
    return [np.stack(frames).astype(np.float32) / 255 for frames in found]


def _apart(segments: Sequence[_Pixels]) -> float:
    """Mean Delta E (CIE 2000) between the mean colours of neighbouring segments."""
    means = [
        cv2.cvtColor(pixels.reshape(1, -1, 3), cv2.COLOR_RGB2LAB)[0].mean(axis=0).astype(float)
        for pixels in segments
    ]
    return float(np.mean([delta_e_2000(one, other) for one, other in pairwise(means)]))


def _skin_turn(plain: Sequence[_Pixels], graded: Sequence[_Pixels]) -> float | None:
    """The most that the hue of skin turns in any segment, in degrees; None without skin."""
    turns = []
    for before, after in zip(plain, graded, strict=True):
        skin = skin_mask(before)
        if skin.mean() >= _MIN_SKIN_SHARE:
            turned = mean_hue_deg(after[skin]) - mean_hue_deg(before[skin])
            turns.append(abs((turned + 180) % 360 - 180))
    return max(turns, default=None)


def _taken_by(camera: tuple[float, tuple[float, float, float]], clip: Path, folder: Path) -> Path:
    """The clip with other light on the sensor, nearly lossless, with its own timestamps."""
    stops, gains = camera
    output = folder / f"{clip.stem}-{CAMERAS.index(camera)}.mkv"
    curves = [
        f"{name}='clip(val*{(2**stops * gain) ** (1 / _DISPLAY_GAMMA):.5f},0,255)'"
        for name, gain in zip("rgb", gains, strict=True)
    ]
    pixels = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setparams=colorspace=bt709"
    chain = f"format=gbrp,lutrgb={':'.join(curves)},{pixels}"
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "8", "-copyts", "-an"]
    run_ffmpeg(["-y", "-i", str(clip), "-vf", chain, *codec, str(output)])
    return output


def _mean(name: str, found: Sequence[Matching]) -> Matching:
    def mean(figure: str) -> float:
        return float(np.mean([getattr(one, figure) for one in found]))

    turns = [one.skin_deg for one in found if one.skin_deg is not None]
    return Matching(
        f"**{name}**",
        round(mean("segments")),
        mean("before"),
        mean("after"),
        max(turns, default=None),
    )


def _row(found: Matching) -> list[str]:
    return [
        found.name,
        str(found.segments),
        f"{found.before:.1f}",
        f"{found.after:.1f}",
        f"{found.after / found.before:.0%}",
        "–" if found.skin_deg is None else f"{found.skin_deg:.1f}°",
    ]
