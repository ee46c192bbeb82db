"""The render against its limit: only decoding what the Reel shows, and only encoding what it is."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measuring import Peak, Usage, in_new_process, timed
from benchmarks.render.footage import Edit
from benchmarks.render.frames import raw_input
from benchmarks.report import table
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.rendering.engines import engine_for
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.rendering.model import EngineName, EngineRun, RenderEngine
from montage_pipeline.rendering.render import render_checked
from montage_pipeline.rendering.video.profiles import encoding_for
from montage_pipeline.settings import Settings

GOAL = 1.0
_NULL = ("-f", "null", "-")


@dataclass
class Limit:
    """Seconds of every phase in every run."""

    encoder: str
    decode_each: list[Usage] = field(default_factory=list)
    decode_all: list[Usage] = field(default_factory=list)
    encode_auto: list[Usage] = field(default_factory=list)
    encode_one: list[Usage] = field(default_factory=list)
    render: list[Usage] = field(default_factory=list)
    check: list[Usage] = field(default_factory=list)
    peak: Peak = field(default_factory=lambda: Peak(0, 0))

    @property
    def limit_s(self) -> float:
        """The faster way to decode and the faster way to encode, by their medians."""
        ways = (self.decode_each, self.decode_all), (self.encode_auto, self.encode_one)
        return sum(min(median_s(runs) for runs in pair) for pair in ways)

    @property
    def share(self) -> float:
        """The render in limits."""
        return median_s(self.render) / self.limit_s


def measure(edit: Edit, composite: Path, folder: Path, runs: int) -> Limit:
    """Every phase in turn, `runs` times, so that other load meets all of them; then memory."""
    settings = Settings()
    limit = Limit(encoding_for(settings).name)
    phases: list[tuple[list[Usage], Callable[[], None]]] = [
        (limit.decode_each, lambda: _decode_each(edit)),
        (limit.decode_all, lambda: _decode_all(edit)),
        (limit.encode_auto, lambda: _encode(edit, composite, "0")),
        (limit.encode_one, lambda: _encode(edit, composite, "1")),
    ]
    for number in range(runs):
        print(f"limit: run {number + 1} of {runs}", flush=True)
        for usages, work in phases:
            with timed() as usage:
                work()
            usages.append(usage)
        render, check = render_timed(edit, folder, FfmpegEngine(settings))
        limit.render.append(render)
        limit.check.append(check)
    _, limit.peak = in_new_process(render_once, edit, folder / "memory.mp4", settings)
    return limit


def text(limit: Limit) -> str:
    """The table."""
    phases = [
        ("decoding the used spans: one command for each clip", limit.decode_each),
        ("decoding the used spans: one command for all clips", limit.decode_all),
        ("encoding the finished frames: threads as FFmpeg chooses", limit.encode_auto),
        ("encoding the finished frames: one thread", limit.encode_one),
        ("render: decode, crop, scale, encode, sound, join", limit.render),
        ("check of the finished file, poster", limit.check),
    ]
    rows = [
        [
            name,
            f"{median_s(runs):.1f}",
            f"{min(seconds):.1f}",
            f"{max(seconds):.1f}",
            f"{statistics.median(run.cpu_s for run in runs):.1f}",
        ]
        for name, runs in phases
        for seconds in [[run.wall_s for run in runs]]
    ]
    verdict = "reached" if limit.share <= GOAL else "missed"
    return (
        f"{limit.encoder}, {len(limit.render)} runs in turn.\n\n"
        + table(("phase", "median s", "min s", "max s", "processor s"), rows)
        + f"\nL = {limit.limit_s:.1f} s (the faster decoding and the faster encoding). "
        + f"**Render / L = {limit.share:.2f}** (goal: {GOAL:.2f} or less; {verdict}). "
        + "Peak memory of the render with all its processes: "
        + f"{limit.peak.pss_mb:.0f} MB (PSS; RSS {limit.peak.rss_mb:.0f} MB).\n"
    )


def median_s(runs: Sequence[Usage]) -> float:
    """Median wall time."""
    return statistics.median(run.wall_s for run in runs)


def render_timed(edit: Edit, folder: Path, engine: RenderEngine) -> tuple[Usage, Usage]:
    """A checked render: what the engine took, and what the check and the poster took."""
    watched = _Watched(engine)
    with timed() as usage:
        render_checked(edit.timeline, edit.sources, edit.music, folder, watched, lambda share: None)
    return watched.usage, Usage(
        usage.wall_s - watched.usage.wall_s, usage.cpu_s - watched.usage.cpu_s
    )


def render_once(edit: Edit, output: Path, settings: Settings) -> Usage:
    """A render with the engine of the settings, for a process of its own.

    Importing the engine does not count.
    """
    engine = engine_for(settings)
    with timed() as usage:
        engine.render(edit.timeline, edit.sources, edit.music, output, lambda share: None)
    return usage


class _Watched:
    """An engine, timed."""

    def __init__(self, engine: RenderEngine) -> None:
        self.name: EngineName = engine.name
        self.usage = Usage()
        self._engine = engine

    def render(self, *given: Any, **options: Any) -> EngineRun:
        with timed() as self.usage:
            return self._engine.render(*given, **options)


def _spans(edit: Edit) -> list[list[str]]:
    fps = float(edit.timeline.fps.fraction)
    return [
        [
            "-ss",
            f"{segment.source_in_s:.6f}",
            "-t",
            f"{segment.frames / fps:.6f}",
            "-i",
            str(edit.sources[segment.clip_url]),
        ]
        for segment in edit.timeline.segments
    ]


def _decode_each(edit: Edit) -> None:
    for span in _spans(edit):
        run_ffmpeg([*span, "-map", "0:v", *_NULL])


def _decode_all(edit: Edit) -> None:
    spans = _spans(edit)
    inputs = [argument for span in spans for argument in span]
    mapped = [argument for number in range(len(spans)) for argument in ("-map", f"{number}:v")]
    run_ffmpeg([*inputs, *mapped, *_NULL])


def _encode(edit: Edit, composite: Path, threads: str) -> None:
    encoding = encoding_for(Settings())
    filters = ["-vf", ",".join(encoding.filters)] if encoding.filters else []
    source = [*encoding.setup, *raw_input(edit.timeline, composite)]
    run_ffmpeg(
        [*source, *filters, *encoding.output_args(edit.timeline), "-threads", threads, *_NULL]
    )
