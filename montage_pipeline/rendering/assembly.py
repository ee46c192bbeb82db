"""What every engine shares: frames into the encoder while the sound is made, then one whole file.

Belongs here: the order of the work, scratch files, progress, and the moment the output appears.
Does not belong here: how an engine makes its frames.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.footage.ffmpeg import run_ffmpeg
from montage_pipeline.records import PermanentError
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.master import mastered_sound
from montage_pipeline.rendering.mix import mixed_sound
from montage_pipeline.rendering.model import ProgressCallback
from montage_pipeline.rendering.picture_encoder import PictureEncoder
from montage_pipeline.settings import Settings

FrameSource = Callable[[Path], AbstractContextManager[Iterator[memoryview]]]
"""Given a scratch folder, opens the frames of the whole timeline, in order; each is valid until the next."""

_PICTURE_SHARE = 0.95
_PROGRESS_EVERY_S = 0.3


def assemble(
    timeline: Timeline,
    clip_paths: Mapping[str, Path],
    music_path: Path,
    output: Path,
    progress: ProgressCallback,
    settings: Settings,
    frames: FrameSource,
    pixel_format: Literal["yuv420p", "rgb24"],
) -> str:
    """Make the file and return a description of the encoder. `output` appears only when it is whole."""
    check_spans(timeline, clip_paths)
    report = _throttled(progress)
    with _disk_failures(output), scratch_folder(output) as folder:
        picture, whole = folder / "picture.mp4", folder / "whole.mp4"

        def make_sound() -> Path:
            mix = mixed_sound(timeline, clip_paths, music_path)
            return mastered_sound(mix, timeline.target_lufs, timeline.max_true_peak_dbtp, folder)

        with (
            ThreadPoolExecutor(1, "sound") as worker,
            PictureEncoder(timeline, picture, settings, pixel_format) as encoder,
            frames(folder) as source,
        ):
            sound = worker.submit(make_sound)
            for done, frame in enumerate(source, 1):
                encoder.write(frame)
                report(_PICTURE_SHARE * done / timeline.total_frames)
                if sound.done():
                    sound.result()  # a failure of the sound ends the picture at once
            encoder.finish()
            _join(picture, sound.result(), whole)
        os.replace(whole, output)
    progress(1.0)
    return encoder.description


def check_spans(timeline: Timeline, clip_paths: Mapping[str, Path]) -> None:
    """PermanentError when a segment asks for pictures that its clip does not have, or for a clip that is not here."""
    for number, segment in enumerate(timeline.segments):
        facts = timeline.clips[segment.clip]
        if facts.url not in clip_paths or not clip_paths[facts.url].is_file():
            raise PermanentError("clip_missing", f"segment {number} needs {facts.url}, which is not on this machine")
        last_s = segment.source_in_s + float((segment.frames - 1) / timeline.fps.fraction)
        slack_s = 0.002
        if segment.source_in_s < facts.start_s - slack_s or last_s > facts.start_s + facts.duration_s + slack_s:
            have = f"{facts.start_s:.3f} to {facts.start_s + facts.duration_s:.3f} s"
            raise PermanentError(
                "segment_outside_clip",
                f"segment {number} shows {facts.url} from {segment.source_in_s:.3f} to {last_s:.3f} s; it has {have}",
            )


@contextmanager
def scratch_folder(output: Path) -> Iterator[Path]:
    """A folder beside the output, removed in any case; those of processes that were killed are removed first."""
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
        raise RenderError("render_failed", f"cannot write {output.name} in {output.parent}: {error.strerror or error}") from error


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        return True
    return True


def _join(picture: Path, sound: Path, whole: Path) -> None:
    """Put both streams into an MP4 with its index first and no edit list: both start at zero by themselves."""
    run_ffmpeg(
        [
            *("-y", "-loglevel", "error", "-i", f"file:{picture}", "-i", f"file:{sound}", "-map", "0:v:0", "-map", "1:a:0", "-c", "copy"),
            *("-movflags", "+faststart", "-use_editlist", "0", "-map_metadata", "-1", "-f", "mp4", f"file:{whole}"),
        ],
        code="render_failed",
    )


def _throttled(progress: ProgressCallback) -> ProgressCallback:
    last_s = 0.0

    def report(share: float) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= _PROGRESS_EVERY_S:
            last_s = now_s
            progress(share)

    return report
