"""Whatever engine renders, with whatever effect: this process opens none of a person's files, and
a clip that its decoder cannot bear is named.
"""

from pathlib import Path
from typing import Any

import av
import pytest

from montage_pipeline.editing.timeline import Effect
from montage_pipeline.errors import MontageError
from montage_pipeline.media.ffmpeg import ffmpeg_path
from montage_pipeline.media.isolation import effort
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.rendering.render import segments_at_fault
from montage_pipeline.rendering.video import processes
from montage_pipeline.rendering.video.chunks import moviepy_chunk
from montage_pipeline.settings import Settings
from montage_pipeline_tests.rendering.conftest import BOTH_ENGINES, ClipMaker
from montage_pipeline_tests.rendering.counters import CounterClip
from montage_pipeline_tests.rendering.edits import Cut, frames_of, paths_of, timeline_of

_SOURCE = CounterClip("f30.mov", fps="30", audio="sine=330:duration=2")


@BOTH_ENGINES
def test_a_clip_is_opened_in_workers_only(
    engine: RenderEngine,
    clip: ClipMaker,
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = clip(_SOURCE)
    cuts = [Cut(source, 0.2, 12), Cut(source, 1.1, 12)]
    timeline = timeline_of(cuts)
    coloured = timeline.segments[1].model_copy(update={"effect": Effect(name="BlackAndWhite")})
    timeline = timeline.model_copy(update={"segments": (timeline.segments[0], coloured)})
    opened, real = [], av.open

    def watched(file: Any, *args: Any, **kwargs: Any) -> Any:
        opened.append(str(file))
        return real(file, *args, **kwargs)

    monkeypatch.setattr(av, "open", watched)
    output = tmp_path / "reel.mp4"
    engine.render(timeline, paths_of(cuts), music, output, lambda share: None)
    assert opened, "the chunks are joined here"
    persons = (str(source.path), str(music))
    assert not [file for file in opened if file.removeprefix("file:") in persons]
    assert len(list(frames_of(output))) == 24


def test_a_clip_that_costs_too_much_is_at_fault_itself(
    clip: ClipMaker, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moviepy_chunk, "_START_S", -0.4)
    monkeypatch.setattr(moviepy_chunk, "_S_PER_FRAME", 0.04)
    monkeypatch.setattr(effort, "_LOOK_S", 0.01)  # or it is over before it is looked at again
    source = clip(_SOURCE)
    cuts = [Cut(source, 0.2, 12), Cut(source, 1.1, 12)]
    timeline = timeline_of(cuts)
    slow = timeline.segments[1].model_copy(update={"effect": Effect(name="Painting")})
    timeline = timeline.model_copy(update={"segments": (timeline.segments[0], slow)})

    with pytest.raises(MontageError, match=r"^segment 1 \(f30.mov\): .* longer than") as failure:
        FfmpegEngine(Settings()).render(
            timeline, paths_of(cuts), music, tmp_path / "reel.mp4", lambda share: None
        )
    assert list(segments_at_fault(failure.value)) == [1]
    assert list(tmp_path.iterdir()) == []


def test_a_clip_that_crashes_ffmpeg_is_at_fault_itself(
    clip: ClipMaker, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = clip(_SOURCE)
    crashing = tmp_path / "ffmpeg"
    crashing.write_text(
        f'#!/bin/sh\ncase "$*" in *noautorotate*) kill -SEGV $$;; esac\n'
        f'exec "{ffmpeg_path()}" "$@"\n'
    )
    crashing.chmod(0o755)
    monkeypatch.setattr(processes, "ffmpeg_path", lambda: str(crashing))
    cuts = [Cut(source, 0.2, 12)]

    with pytest.raises(MontageError, match=r"segment 0 \(f30.mov\): FFmpeg crashed") as failure:
        FfmpegEngine(Settings()).render(
            timeline_of(cuts), paths_of(cuts), music, tmp_path / "out" / "reel.mp4", lambda _: None
        )
    assert failure.value.code == "clip_crashed"
    assert list(segments_at_fault(failure.value)) == [0]
