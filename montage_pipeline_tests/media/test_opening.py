"""Media is opened in one place only, and nothing in a file makes FFmpeg open another."""

import ast
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from montage_pipeline.errors import MontageError
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.media.opening import (
    CLIP_FORMATS,
    SOUND_FORMATS,
    demuxer_of,
    input_args,
    open_media,
)
from montage_pipeline_tests.hostile.crafted import plain, polyglot
from montage_pipeline_tests.package_tree import PACKAGE

_OPENING = "media/opening.py"
_WRITERS = {"footage/rebuilding/copying.py", "music/synth/composer.py", "rendering/audio/aac.py",
            "rendering/joining.py"}  # fmt: skip
_FED_BY_US = {"rendering/video/hardware.py", "rendering/video/chunks/moviepy_chunk.py"}
"""FFmpeg programs whose input is what we generate or write to their stdin."""

_STARTERS = {"media/ffmpeg.py", "rendering/video/hardware.py", "rendering/video/chunks/file.py",
             "cli/doctor.py"}  # fmt: skip
"""Modules that start the FFmpeg program: with bounds, or without any input of a person."""


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text())


def test_media_is_opened_in_one_place() -> None:
    """When this fails: open the file by `media.opening`."""
    readers, inputs, starters = set(), set(), set()
    for name, tree in _modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ("av.open", "av.container.open", "open_container"):
                    modes = [ast.unparse(value) for value in node.args[1:2]]
                    if modes != ["'w'"]:
                        readers.add(name)
                    else:
                        assert name in _WRITERS, name
                if called in ("subprocess.run", "subprocess.Popen", "run", "Popen"):
                    starters |= {name} if "ffmpeg" in ast.unparse(tree).lower() else set()
            if isinstance(node, ast.Constant) and node.value == "-i":
                inputs.add(name)
    assert readers == {_OPENING}
    assert inputs == {_OPENING, *_FED_BY_US}
    assert {name for name in starters if not name.startswith("local/")} <= {
        *_STARTERS, "media/isolation/workers.py",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8"])
@pytest.mark.parametrize("kind", ["concat", "hls"])
def test_lists_of_other_files_are_opened_by_nobody(tmp_path: Path, name: str, kind: str) -> None:
    secret = plain(tmp_path, "secret.ts", "-an")
    playlist = tmp_path / name
    playlist.write_text(
        f"ffconcat version 1.0\nfile '{secret}'\n"
        if kind == "concat"
        else f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    )
    for formats in (CLIP_FORMATS, SOUND_FORMATS, ("mov",)):
        with pytest.raises(av.FFmpegError), open_media(playlist, formats):
            raise AssertionError("it was opened")
        with pytest.raises(MontageError):
            run_ffmpeg([*input_args(playlist, formats), "-f", "null", "-"])


def test_a_file_that_is_two_things_is_read_as_the_one_it_was_analysed_as(tmp_path: Path) -> None:
    clip = polyglot(tmp_path, plain(tmp_path, "secret.mp4", "-an"))
    with pytest.raises(MontageError, match="dash"):
        run_ffmpeg(["-i", str(clip), "-loglevel", "info", "-f", "null", "-"])
    said = run_ffmpeg(["-loglevel", "info", *input_args(clip, ("mov",)), "-f", "null", "-"])
    assert "Input #0, mov,mp4" in said
    with pytest.raises(MontageError):
        run_ffmpeg([*input_args(clip, CLIP_FORMATS), "-f", "null", "-"])


def test_the_demuxer_is_one_that_clips_are_opened_by() -> None:
    assert demuxer_of("mov,mp4,m4a,3gp,3g2,mj2") == "mov"
    assert demuxer_of("matroska,webm") == "matroska"
    with pytest.raises(ValueError, match="concat"):
        demuxer_of("concat")
