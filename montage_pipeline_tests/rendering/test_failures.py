"""A render that fails leaves nothing behind and says why."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from montage_pipeline.errors import MontageError, PermanentError
from montage_pipeline.media import ffmpeg
from montage_pipeline.rendering import assembly
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.rendering.video import processes
from montage_pipeline.rendering.video.encoding import x264_encoding
from montage_pipeline.settings import Settings
from montage_pipeline_tests.rendering.conftest import BOTH_ENGINES, ClipMaker
from montage_pipeline_tests.rendering.counters import CounterClip
from montage_pipeline_tests.rendering.edits import Cut, paths_of, timeline_of

_PLAIN = CounterClip("f30.mov", fps="30")

_RENDER_FOREVER = """
import sys
from pathlib import Path
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.settings import Settings

timeline, clip, music, output = sys.argv[1:]
edit = Timeline.model_validate_json(Path(timeline).read_text())
engine = FfmpegEngine(Settings(render_quality="best"))
sources = {edit.clips[0].url: Path(clip)}
engine.render(edit, sources, Path(music), Path(output), lambda share: print(share, flush=True))
"""


def _running_in(folder: Path) -> list[int]:
    """Processes whose working folder is inside `folder`, or that name it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if (
                str(folder) in os.readlink(entry / "cwd")
                or str(folder).encode() in (entry / "cmdline").read_bytes()
            ):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    "failure", [KeyboardInterrupt, pytest.param(RuntimeError, marks=pytest.mark.slow)]
)
@BOTH_ENGINES
def test_interrupt_ends_ffmpeg_and_removes_everything(
    failure: type[BaseException], engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    def interrupt(share: float) -> None:
        raise failure

    cuts = [Cut(clip(_PLAIN), 0.1, 40), Cut(clip(_PLAIN), 0.2, 40)]
    with pytest.raises(failure):
        engine.render(timeline_of(cuts), paths_of(cuts), music, tmp_path / "reel.mp4", interrupt)
    assert list(tmp_path.iterdir()) == []
    assert _running_in(tmp_path) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")
def test_killed_render_leaves_no_process_and_the_next_one_cleans_up(
    clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    cuts = [Cut(clip(_PLAIN), 0.0, 59, crop=None) for _ in range(12)]
    timeline = timeline_of(cuts, width=1080, height=1920)
    (tmp_path / "timeline.json").write_text(timeline.model_dump_json())
    output = folder / "reel.mp4"
    args = [tmp_path / "timeline.json", cuts[0].clip.path, music, output]
    child = subprocess.Popen(
        [sys.executable, "-c", _RENDER_FOREVER, *map(str, args)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    while float(child.stdout.readline()) == 0:
        pass  # until frames are flowing
    assert len(_running_in(folder)) >= 2
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    deadline = time.monotonic() + 20
    while _running_in(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _running_in(folder) == []
    assert not output.exists()

    small = timeline_of(cuts[:1])
    FfmpegEngine(Settings()).render(small, paths_of(cuts), music, output, lambda share: None)
    assert [entry.name for entry in folder.iterdir()] == ["reel.mp4"]


def test_ffmpegs_own_reason_is_given(
    clip: ClipMaker, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "encoding_for", lambda settings: x264_encoding("warpspeed", 23))
    cuts = [Cut(clip(_PLAIN), 0.1, 20)]
    with pytest.raises(RenderError, match="warpspeed") as failure:
        FfmpegEngine(Settings()).render(
            timeline_of(cuts), paths_of(cuts), music, tmp_path / "reel.mp4", lambda share: None
        )
    assert failure.value.code == "render_failed"
    assert failure.value.retryable
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("program", ["not-there", "not-executable"])
def test_missing_ffmpeg_is_named(
    program: str, clip: ClipMaker, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts = [Cut(clip(_PLAIN), 0.1, 20)]
    timeline = timeline_of(cuts)
    (tmp_path / "not-executable").write_text("nothing")
    for module in (processes, ffmpeg):
        monkeypatch.setattr(module, "ffmpeg_path", lambda: str(tmp_path / program))
    with pytest.raises(MontageError, match=program) as failure:
        FfmpegEngine(Settings()).render(
            timeline, paths_of(cuts), music, tmp_path / "out" / "reel.mp4", lambda share: None
        )
    assert failure.value.code == "ffmpeg_missing"
    assert list((tmp_path / "out").iterdir()) == []


@BOTH_ENGINES
def test_clip_that_ends_early_is_named(
    engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    whole = clip(CounterClip("long.mkv", frames=90))
    cuts = [Cut(whole, 0.1, 20), Cut(whole, 1.5, 40)]
    timeline = timeline_of(cuts)
    short = tmp_path / "cut.mkv"
    short.write_bytes(whole.path.read_bytes()[: whole.bytes * 55 // 100])
    with pytest.raises(RenderError, match=r"\blong.mkv"):
        engine.render(
            timeline, {whole.url: short}, music, tmp_path / "out" / "reel.mp4", lambda share: None
        )
    assert list((tmp_path / "out").iterdir()) == []


def test_segment_outside_its_clip_is_refused(
    engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    cuts = [Cut(clip(_PLAIN), 1.5, 30)]
    with pytest.raises(PermanentError) as failure:
        engine.render(
            timeline_of(cuts), paths_of(cuts), music, tmp_path / "reel.mp4", lambda share: None
        )
    assert failure.value.code == "segment_outside_clip"


def test_full_disk_is_a_failure(clip: ClipMaker, music: Path, tmp_path: Path) -> None:
    cuts = [Cut(clip(_PLAIN), 0.1, 55) for _ in range(3)]
    timeline = timeline_of(cuts)
    (tmp_path / "timeline.json").write_text(timeline.model_dump_json())
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
    args = [tmp_path / "timeline.json", cuts[0].clip.path, music, tmp_path / "out" / "reel.mp4"]
    done = subprocess.run(
        [sys.executable, "-c", limit + _RENDER_FOREVER, *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "RenderError" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_progress_rises_to_one(
    engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    shares: list[float] = []
    cuts = [Cut(clip(_PLAIN), 0.1, 20)]
    engine.render(timeline_of(cuts), paths_of(cuts), music, tmp_path / "reel.mp4", shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert all(0 <= share <= 1 for share in shares)


def test_missing_clip_is_named(
    engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    cuts = [Cut(clip(_PLAIN), 0.1, 20)]
    with pytest.raises(MontageError, match=r"f30.mov"):
        engine.render(timeline_of(cuts), {}, music, tmp_path / "reel.mp4", lambda share: None)
