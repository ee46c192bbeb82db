"""What every engine shares: chunks and sound are made at the same time, then joined into one file.

Belongs here: the order of the work, scratch files, progress, and the moment the output appears.
Does not belong here: how an engine makes a chunk.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.footage.names import clip_name
from montage_pipeline.rendering.audio.master import MasteredSound, mastered_sound
from montage_pipeline.rendering.audio.mix import mixed_sound
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.joining import join
from montage_pipeline.rendering.model import EngineName, EngineRun, ProgressCallback
from montage_pipeline.rendering.video.caption_filter import write_captions
from montage_pipeline.rendering.video.chunks.crew import ChunkCrew
from montage_pipeline.rendering.video.chunks.model import ChunkJob, ChunkMaker
from montage_pipeline.rendering.video.chunks.store import ChunkStore
from montage_pipeline.rendering.video.profiles import encoding_for
from montage_pipeline.rendering.video.segment_frames import write_tables
from montage_pipeline.settings import Settings

_CHUNKS_SHARE = 0.95
"""Of the progress; the rest is for joining, which reports none."""

_PROGRESS_EVERY_S = 0.3
"""Each report may become a write to the database: often enough to look alive."""

_SPAN_SLACK_S = 0.002
"""How far a segment may reach beyond its clip: containers round timestamps to milliseconds."""


class _FinishedSound(NamedTuple):
    """The sound of the whole Reel, and what its user must know of it."""

    mastered: MasteredSound
    warnings: tuple[str, ...]


class Assembler:
    """Renders a timeline; an engine is this with its own `maker_of`, who makes the chunks."""

    def __init__(
        self,
        engine: EngineName,
        settings: Settings,
        chunks: ChunkStore | None,
        maker_of: Callable[[ChunkJob], ChunkMaker],
    ) -> None:
        """Without `chunks` every chunk is made anew and none is kept."""
        self._engine: EngineName = engine
        self._settings = settings
        self._chunks = chunks
        self._maker_of = maker_of

    def render(
        self,
        timeline: Timeline,
        sources: Mapping[str, ClipSource],
        music_path: Path,
        output: Path,
        progress: ProgressCallback,
        *,
        earlier_s: Mapping[int, float] | None = None,
    ) -> EngineRun:
        """See RenderEngine."""
        started_s = time.monotonic()
        check_spans(timeline, sources)
        encoding = encoding_for(self._settings)
        crew = ChunkCrew(self._settings, self._chunks, hardware=encoding.hardware)

        with _disk_failures(output), scratch_folder(output) as folder:
            write_tables(timeline, folder)
            write_captions(timeline, folder)
            jobs = [
                ChunkJob(
                    timeline,
                    number,
                    sources[segment.clip_url],
                    encoding,
                    folder,
                    earlier_s=(earlier_s or {}).get(number, 0.0),
                )
                for number, segment in enumerate(timeline.segments)
            ]
            makers = [self._maker_of(job) for job in jobs]

            with ThreadPoolExecutor(1, "sound") as worker:
                sound = worker.submit(_finished_sound, timeline, sources, music_path, folder)
                on_frames = _frame_progress(timeline.total_frames, sound, progress)
                made = crew.make(makers, folder, on_frames)
                whole = folder / "whole.mp4"
                mastered, warnings = sound.result()
                join(timeline, made.paths, mastered.path, whole)
            os.replace(whole, output)

        progress(1.0)
        return EngineRun(
            engine=self._engine,
            seconds=round(time.monotonic() - started_s, 3),
            encoder=encoding.name,
            parts=len(jobs),
            parts_reused=made.reused,
            chunks=made.addresses,
            sound_lowered_lu=mastered.lowered_lu,
            sound_warnings=warnings,
        )


def check_spans(timeline: Timeline, sources: Mapping[str, ClipSource]) -> None:
    """Raise PermanentError when a segment shows time that its clip does not have, or a clip that is
    not here.
    """
    for number, segment in enumerate(timeline.segments):
        facts = timeline.clips[segment.clip]
        source = sources.get(facts.url)
        if source is None or (isinstance(source, Path) and not source.is_file()):
            raise PermanentError(
                ErrorCode.CLIP_MISSING,
                f"segment {number} needs {clip_name(facts.url)}, which is not on this machine",
            )

        first_s = segment.source_in_s
        last_s = segment.source_s(segment.frames - 1, timeline.fps.fraction)
        clip_end_s = facts.start_s + facts.duration_s
        if first_s < facts.start_s - _SPAN_SLACK_S or last_s > clip_end_s + _SPAN_SLACK_S:
            raise PermanentError(
                ErrorCode.SEGMENT_OUTSIDE_CLIP,
                f"segment {number} shows {clip_name(facts.url)} from {first_s:.3f} to "
                f"{last_s:.3f} s; "
                f"the clip lasts from {facts.start_s:.3f} to {clip_end_s:.3f} s",
            )


def _finished_sound(
    timeline: Timeline, sources: Mapping[str, ClipSource], music_path: Path, folder: Path
) -> _FinishedSound:
    mix, warnings = mixed_sound(timeline, sources, music_path)
    mastered = mastered_sound(mix, timeline.target_lufs, timeline.max_true_peak_dbtp, folder)
    return _FinishedSound(mastered, warnings)


def _frame_progress(
    total_frames: int, sound: Future[_FinishedSound], progress: ProgressCallback
) -> Callable[[int], None]:
    """What the crew calls with the frames encoded so far."""
    reported_s = 0.0

    def on_frames(frames: int) -> None:
        nonlocal reported_s
        now_s = time.monotonic()
        if now_s - reported_s >= _PROGRESS_EVERY_S:
            reported_s = now_s
            progress(_CHUNKS_SHARE * min(1.0, frames / total_frames))
        if sound.done():
            sound.result()  # a failure of the sound ends the chunks at once

    return on_frames


@contextmanager
def scratch_folder(output: Path) -> Iterator[Path]:
    """A folder beside the output, removed in any case; leftovers of killed processes go first."""
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
    """Turn an OSError into a RenderError that names the output."""
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
