"""What every engine shares: the parts and the sound are made at the same time, then joined into one
whole file.

Belongs here: the order of the work, scratch files, progress, and the moment the output appears.
Does not belong here: how an engine makes a part.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.rendering.audio.master import mastered_sound
from montage_pipeline.rendering.audio.mix import mixed_sound
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.joining import join
from montage_pipeline.rendering.model import EngineName, EngineRun, ProgressCallback
from montage_pipeline.rendering.video.caption_filter import write_captions
from montage_pipeline.rendering.video.chunks.crew import ChunkCrew
from montage_pipeline.rendering.video.chunks.model import ChunkJob, ChunkMaker
from montage_pipeline.rendering.video.chunks.store import ChunkStore
from montage_pipeline.rendering.video.encoding import encoding_for
from montage_pipeline.rendering.video.segment_frames import write_tables
from montage_pipeline.settings import Settings

_PICTURE_SHARE = 0.95
_PROGRESS_EVERY_S = 0.3


class Assembler:
    """Renders a timeline whose parts are made by `maker_of`; an engine is this with its own makers."""

    def __init__(
        self,
        engine: EngineName,
        settings: Settings,
        parts: ChunkStore | None,
        maker_of: Callable[[ChunkJob], ChunkMaker],
    ) -> None:
        """`parts` may be None: then every part is made anew and none is kept."""
        self._engine: EngineName = engine
        self._settings = settings
        self._parts = parts
        self._maker_of = maker_of

    def render(
        self,
        timeline: Timeline,
        clip_paths: Mapping[str, ClipSource],
        music_path: Path,
        output: Path,
        progress: ProgressCallback,
    ) -> EngineRun:
        """Make the file. `output` appears only when it is whole."""
        started_s = time.monotonic()
        check_spans(timeline, clip_paths)
        encoding = encoding_for(self._settings)
        crew = ChunkCrew(self._settings, self._parts, hardware=encoding.hardware)
        report = _throttled(progress)
        with _disk_failures(output), scratch_folder(output) as folder:
            write_tables(timeline, folder)
            write_captions(timeline, folder)
            jobs = [
                ChunkJob(timeline, number, clip_paths[segment.clip_url], encoding, folder)
                for number, segment in enumerate(timeline.segments)
            ]

            def make_sound() -> Path:
                mix = mixed_sound(timeline, clip_paths, music_path)
                return mastered_sound(
                    mix, timeline.target_lufs, timeline.max_true_peak_dbtp, folder
                )

            with ThreadPoolExecutor(1, "sound") as worker:
                sound = worker.submit(make_sound)

                def on_progress(frames: int) -> None:
                    report(_PICTURE_SHARE * min(1.0, frames / timeline.total_frames))
                    if sound.done():
                        sound.result()  # a failure of the sound ends the picture at once

                made = crew.make([self._maker_of(job) for job in jobs], folder, on_progress)
                whole = folder / "whole.mp4"
                join(timeline, made.paths, sound.result(), whole)
            os.replace(whole, output)
        progress(1.0)
        return EngineRun(
            engine=self._engine,
            seconds=round(time.monotonic() - started_s, 3),
            encoder=encoding.name,
            parts=len(jobs),
            parts_reused=made.reused,
        )


def check_spans(timeline: Timeline, clip_paths: Mapping[str, ClipSource]) -> None:
    """PermanentError when a segment asks for pictures that its clip does not have, or for a clip
    that is not here.
    """
    for number, segment in enumerate(timeline.segments):
        facts = timeline.clips[segment.clip]
        source = clip_paths.get(facts.url)
        if source is None or (isinstance(source, Path) and not source.is_file()):
            raise PermanentError(
                ErrorCode.CLIP_MISSING,
                f"segment {number} needs {facts.url}, which is not on this machine",
            )
        last_s = segment.source_in_s + float((segment.frames - 1) / timeline.fps.fraction)
        slack_s = 0.002
        if (
            segment.source_in_s < facts.start_s - slack_s
            or last_s > facts.start_s + facts.duration_s + slack_s
        ):
            have = f"{facts.start_s:.3f} to {facts.start_s + facts.duration_s:.3f} s"
            raise PermanentError(
                ErrorCode.SEGMENT_OUTSIDE_CLIP,
                f"segment {number} shows {facts.url} from {segment.source_in_s:.3f} to {last_s:.3f} s; it has {have}",
            )


@contextmanager
def scratch_folder(output: Path) -> Iterator[Path]:
    """A folder beside the output, removed in any case; those of processes that were killed are
    removed first.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    for stale in output.parent.glob(f".{output.name}.*.rendering"):
        if not _alive(stale.name.split(".")[-2]):
            shutil.rmtree(stale, ignore_errors=True)
    folder = output.parent.absolute() / f".{output.name}.{os.getpid()}.rendering"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _disk_failures(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RenderError(
            ErrorCode.RENDER_FAILED,
            f"cannot write {output.name} in {output.parent}: {error.strerror or error}",
        ) from error


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        return True
    return True


def _throttled(progress: ProgressCallback) -> ProgressCallback:
    last_s = 0.0

    def report(share: float) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= _PROGRESS_EVERY_S:
            last_s = now_s
            progress(share)

    return report
