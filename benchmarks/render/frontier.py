"""Which x264 setting is the fastest that reaches a quality: where the profiles of the render come
from (rendering/video/profiles.py).

The frames are encoded as the render does it: each segment on its own, on one thread, with
everything that `Encoding.output_args` says. Speed is judged by processor seconds, which other work
on the machine changes least.

Two kinds of frames are encoded, and a quality must be reached on both: those of the Reel, most of
which were enlarged and are soft, and real frames at their own size, which have about as much detail
as this size can hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import inf
from pathlib import Path

import av

from benchmarks.measuring import Usage, timed
from benchmarks.render.footage import Edit
from benchmarks.render.frames import frame_bytes, raw_input, vmaf
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.rendering.video.encoding import MAX_BIT_RATE_MBPS, Encoding, x264_encoding
from montage_pipeline.rendering.video.profiles import X264_PROFILES
from montage_pipeline.settings import RenderQuality

TARGETS: dict[RenderQuality, float] = {"draft": 90.0, "standard": 95.0, "best": 97.0}
_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "medium")
_EXTRAS = {
    "ultrafast": ("subme=1", "cabac=1", "deblock=0,0"),
    "superfast": ("aq-mode=0",),
    "veryfast": ("aq-mode=0",),
}
_FIRST_CRF, _MIN_CRF, _MAX_CRF = 23, 8, 40
_VMAF_PER_CRF = 1.2
"""To guess the next CRF."""

_NEAR, _MORE_TIMINGS = 1.3, 3
"""Ways that take at most so many times what the fastest takes are timed so many times again."""

_SHARP_FROM = (0, 36, 72)
"""Frames of the clip, which has 132."""

TOO_SLOW = 1.6
"""Times the fastest way that reaches the quality: a slower way is not followed."""

TIE = 1.05
"""Ways whose speed differs by less are equally fast; the smaller file wins."""


@dataclass(frozen=True)
class Way:
    """A preset, and x264 parameters that depart from it."""

    preset: str
    extra: str = ""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.preset} {self.extra}".strip()

    def encoding(self, crf: int) -> Encoding:
        """As the render would use it."""
        return x264_encoding(self.preset, crf, self.extra)


WAYS = tuple(Way(preset, extra) for preset in _PRESETS for extra in ("", *_EXTRAS.get(preset, ())))


@dataclass(frozen=True)
class Trial:
    """One way at one CRF."""

    way: Way
    crf: int
    vmafs: tuple[float, ...]
    usage: Usage
    mbps: tuple[float, ...]
    worst_second_mbps: float

    @property
    def vmaf(self) -> float:
        """Of the kind of frames that came out worst."""
        return min(self.vmafs)

    @property
    def too_large(self) -> bool:
        """Whether one kind of frames is beyond the bit rate of a Reel."""
        return max(self.mbps) > MAX_BIT_RATE_MBPS

    def reaches(self, target: float) -> bool:
        """Whether it is good enough and small enough."""
        return self.vmaf >= target and not self.too_large

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.way.name} crf {self.crf}"


@dataclass(frozen=True)
class Frames:
    """Raw frames of one kind: segments of these lengths, one after the other."""

    raw: Path
    lengths: tuple[int, ...]


class Bench:
    """Frames that are encoded and compared again and again."""

    def __init__(self, timeline: Timeline, kinds: Sequence[Frames], folder: Path) -> None:
        self._timeline = timeline
        self._kinds = kinds
        self._folder = folder
        self._trials: dict[tuple[Way, int], Trial] = {}

    @classmethod
    def of(cls, edit: Edit, composite: Path, folder: Path, every: int) -> "Bench":
        """Every nth segment of the Reel, and the sharp frames.

        Whole segments: quality falls with the distance from a keyframe.
        """
        timeline, sharp = edit.timeline, _sharp(edit.timeline, folder)
        lengths = [segment.frames for segment in timeline.segments]
        if every == 1:
            return cls(timeline, [Frames(composite, tuple(lengths)), sharp], folder)
        size = frame_bytes(timeline)
        raw = folder / "frontier.yuv"
        begins = list(accumulate([0, *lengths]))
        with composite.open("rb") as whole, raw.open("wb") as file:
            for first, frames in zip(begins[:-1:every], lengths[::every], strict=True):
                whole.seek(first * size)
                file.write(whole.read(frames * size))
        return cls(timeline, [Frames(raw, tuple(lengths[::every])), sharp], folder)

    def trial(self, way: Way, crf: int) -> Trial:
        """Encode and compare; done once for each way and CRF."""
        if (way, crf) not in self._trials:
            self._trials[way, crf] = self._try(way, crf)
        return self._trials[way, crf]

    def best_crf(self, way: Way, target: float, max_cpu_s: float = inf) -> Trial | None:
        """The largest whole CRF that reaches the target; None when no CRF does.

        A way that takes longer than `max_cpu_s` is tried once.
        """
        fails, reaches = _MAX_CRF + 1, _MIN_CRF - 1
        crf = self._guess(way, target)
        while fails - reaches > 1:
            trial = self.trial(way, crf)
            if trial.usage.cpu_s > max_cpu_s:
                # Another CRF would not make up for it.
                return trial if trial.reaches(target) else None
            if trial.reaches(target):
                reaches = crf
            elif trial.too_large or self._capped(trial):
                return None  # a smaller CRF makes it larger, or is no longer heeded
            else:
                fails = crf
            step = round((trial.vmaf - target) / _VMAF_PER_CRF)
            crf = min(max(crf + step, reaches + 1), fails - 1)
        return self.trial(way, reaches) if reaches >= _MIN_CRF else None

    def _capped(self, trial: Trial) -> bool:
        """Whether a larger CRF was at least as good: then it is the peak bit rate that limits, not
        the CRF.
        """
        return any(
            way == trial.way and crf > trial.crf and other.vmaf >= trial.vmaf
            for (way, crf), other in self._trials.items()
        )

    def _guess(self, way: Way, target: float) -> int:
        tried = [trial for (other, _), trial in self._trials.items() if other == way]
        if not tried:
            return _FIRST_CRF
        nearest = min(tried, key=lambda trial: abs(trial.vmaf - target))
        crf = nearest.crf + round((nearest.vmaf - target) / _VMAF_PER_CRF)
        return min(max(crf, _MIN_CRF), _MAX_CRF)

    def timed_again(self, trials: Sequence[Trial]) -> list[Trial]:
        """The same, with the least processor seconds of a few more encodes in turn: what else runs
        only ever adds to them.
        """
        usages = [[trial.usage] for trial in trials]
        for _ in range(_MORE_TIMINGS):
            for trial, found in zip(trials, usages, strict=True):
                found.append(self._encode(trial.way, trial.crf)[1])
        least = [min(found, key=lambda usage: usage.cpu_s) for found in usages]
        return [replace(trial, usage=usage) for trial, usage in zip(trials, least, strict=True)]

    def _encode(self, way: Way, crf: int) -> tuple[list[Path], Usage]:
        """A stream for each kind of frames, and what all of the encoding took."""
        args = way.encoding(crf).output_args(self._timeline)
        streams = [self._folder / f"frontier-{number}.h264" for number in range(len(self._kinds))]
        encoded = self._folder / "frontier-segment.h264"
        total = Usage()
        for kind, stream in zip(self._kinds, streams, strict=True):
            with stream.open("wb") as file:
                for first, frames in zip(
                    accumulate([0, *kind.lengths]), kind.lengths, strict=False
                ):
                    source = raw_input(self._timeline, kind.raw, first, frames)
                    with timed() as usage:
                        run_ffmpeg(
                            ["-y", "-loglevel", "error", *source, *args, "-f", "h264", str(encoded)]
                        )
                    total = Usage(total.wall_s + usage.wall_s, total.cpu_s + usage.cpu_s)
                    # Each begins with its own keyframe and headers: one after the other they are
                    # one stream, as in the finished file.
                    file.write(encoded.read_bytes())
        return streams, total

    def _try(self, way: Way, crf: int) -> Trial:
        timeline = self._timeline
        streams, usage = self._encode(way, crf)
        vmafs, rates, worst = [], [], 0.0
        for kind, stream in zip(self._kinds, streams, strict=True):
            encoded = ["-framerate", str(timeline.fps.fraction), "-f", "h264", "-i", str(stream)]
            vmafs.append(vmaf(encoded, raw_input(timeline, kind.raw)))
            mbps, worst_second_mbps = _rates(stream, float(timeline.fps.fraction))
            rates.append(mbps)
            worst = max(worst, worst_second_mbps)
        trial = Trial(way, crf, tuple(vmafs), usage, tuple(rates), worst)
        rate = max(trial.mbps)
        print(
            f"frontier: {trial.name}: VMAF {trial.vmaf:.2f}, {usage.cpu_s:.1f} processor s, "
            f"{rate:.1f} Mbit/s",
            flush=True,
        )
        return trial


def _rates(stream: Path, fps: float) -> tuple[float, float]:
    """Mean Mbit/s of an H.264 stream, and that of its worst second."""
    with av.open(str(stream), format="h264") as container:
        sizes = [packet.size * 8 / 1e6 for packet in container.demux(video=0) if packet.size]
    second = round(fps)
    worst = max(sum(sizes[at : at + second]) for at in range(max(1, len(sizes) - second + 1)))
    return sum(sizes) * fps / len(sizes), worst


def _sharp(timeline: Timeline, folder: Path) -> Frames:
    """Three stretches of the largest demo clip, one above the other, no pixel of them scaled;
    repeated until there is a segment's worth.
    """
    raw, frames = folder / "sharp.yuv", 90
    band = f"crop={timeline.width}:{timeline.height // 3},fps={timeline.fps.fraction}"
    bands = [
        f"[0:v]trim=start_frame={first},setpts=N/{timeline.fps.fraction}/TB,{band}[band{first}]"
        for first in _SHARP_FROM
    ]
    stacked = (
        "".join(f"[band{first}]" for first in _SHARP_FROM)
        + f"vstack={len(_SHARP_FROM)},format=yuv420p"
    )
    source = ["-stream_loop", "-1", "-i", str(demo_clips()[0])]
    graph = ["-lavfi", ";".join([*bands, stacked]), "-frames:v", str(frames)]
    run_ffmpeg(["-y", "-loglevel", "error", *source, *graph, "-f", "rawvideo", str(raw)])
    return Frames(raw, (frames,))


@dataclass(frozen=True)
class Frontier:
    """What each way needs for each quality, on some segments, and the winners on all of them."""

    trials: dict[RenderQuality, list[Trial]]
    winners: dict[RenderQuality, Trial]
    in_code: dict[RenderQuality, Trial]


def measure(edit: Edit, composite: Path, folder: Path, every: int) -> Frontier:
    """Search on every nth segment, then try the winners, and what the code has, on all frames."""
    searched = Bench.of(edit, composite, folder, every)
    whole = Bench.of(edit, composite, folder, 1) if every > 1 else searched
    trials: dict[RenderQuality, list[Trial]] = {quality: [] for quality in TARGETS}
    for way in WAYS:
        for quality, target in TARGETS.items():
            fastest_s = min((trial.usage.cpu_s for trial in trials[quality]), default=inf)
            trial = searched.best_crf(way, target, TOO_SLOW * fastest_s)
            if trial is not None:
                trials[quality].append(trial)
            if trial is not None and trial.usage.cpu_s > TOO_SLOW * fastest_s:
                break  # nor will it win at a higher quality
    winners = {}
    for quality, found in trials.items():
        if not found:
            continue
        near = _no_slower(found, _NEAR)
        trials[quality] = [
            *searched.timed_again(near),
            *(trial for trial in found if trial not in near),
        ]
        winner = min(_no_slower(trials[quality], TIE), key=lambda trial: sum(trial.mbps))
        confirmed = whole.trial(winner.way, winner.crf)
        # What holds for some of the frames may miss by a little on all of them, or leave room.
        while not confirmed.reaches(TARGETS[quality]) and confirmed.crf > _MIN_CRF:
            confirmed = whole.trial(winner.way, confirmed.crf - 1)
        while (cheaper := whole.trial(winner.way, confirmed.crf + 1)).reaches(TARGETS[quality]):
            confirmed = cheaper
        winners[quality] = confirmed
    in_code = {
        quality: whole.trial(Way(preset, extra), crf)
        for quality, (preset, crf, extra) in X264_PROFILES.items()
    }
    return Frontier(trials, winners, in_code)


def _no_slower(trials: Sequence[Trial], times: float) -> list[Trial]:
    """Those that take at most so many times what the fastest takes."""
    least_s = min(trial.usage.cpu_s for trial in trials)
    return [trial for trial in trials if trial.usage.cpu_s <= times * least_s]
