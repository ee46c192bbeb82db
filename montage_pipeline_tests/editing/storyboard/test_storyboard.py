import io
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image, ImageDraw

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.decoded.segment_frames import segment_frames
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.storyboard.drawing import shortened, text, width_of, wrapped
from montage_pipeline.editing.storyboard.frames import first_frames, thumbnail_of
from montage_pipeline.editing.storyboard.storyboard import draw_storyboard, storyboard_thumbnail
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing.footage import analysis, facts, moment, steady_music

MUSIC = steady_music(120, 30)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A clip that is red left and green right, and one that turns from blue to yellow after 6 s."""
    folder = tmp_path_factory.mktemp("clips")
    halves = "color=red:s=160x180:r=30[a];color=lime:s=160x180:r=30[b];[a][b]hstack"
    turning = "color=blue:s=320x180:r=30:d=6[a];color=yellow:s=320x180:r=30:d=6[b];[a][b]concat"
    made = {}
    for name, graph in (("halves", halves), ("turning", turning)):
        path = folder / f"{name}.mp4"
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            graph,
            "-t",
            "12",
            "-pix_fmt",
            "yuv420p",
            str(path),
        ]
        subprocess.run(command, check=True)
        made[f"https://clips.example/{name}.mp4"] = path
    return made


@pytest.fixture(scope="module")
def clips() -> ClipAnalysis:
    moments = [
        [
            moment(clip, i, i * 6, i * 6 + 6, description="A very long description " * 12)
            for i in range(2)
        ]
        for clip in range(2)
    ]
    named = [facts(name, 12, width=320, height=180) for name in ("halves", "turning")]
    return analysis(list(zip(named, moments, strict=True)))


def plan(clips: ClipAnalysis, format_: Format) -> Timeline:
    return plan_timeline(
        EditRequest(request_id="r", style="food", format=format_, duration_s=15, seed=2),
        clips,
        MUSIC,
    )


def share(image: Image.Image, colour: tuple[int, int, int]) -> float:
    """Share of pixels near a colour."""
    return float(
        (np.abs(np.asarray(image.convert("RGB"), dtype=int) - colour).max(axis=2) < 40).mean()
    )


def test_it_shows_the_frame_at_each_cut_and_what_the_crop_keeps(
    clips: ClipAnalysis, paths: dict[str, Path], tmp_path: Path
) -> None:
    timeline = plan(clips, Format.SQUARE)
    left_only = timeline.segments[0].crop.model_copy(
        update={"x": 0, "y": 40, "width": 140, "height": 140}
    )
    halves = next(index for index, clip in enumerate(timeline.clips) if "halves" in clip.url)
    changed = [
        s.model_copy(update={"crop": left_only}) if s.clip == halves else s
        for s in timeline.segments
    ]
    output = tmp_path / "board.png"
    shown = timeline.model_copy(update={"segments": tuple(changed)})
    draw_storyboard(shown, clips, first_frames(segment_frames(shown, paths)), MUSIC, output)
    with Image.open(output) as board:
        assert board.width == 1600
        # Green is outside every crop of the split clip, so that it is never seen at full
        # brightness.
        assert share(board, (254, 0, 0)) > 0.01
        assert share(board, (0, 254, 0)) == 0
        blues = [s for s in timeline.segments if s.clip != halves and s.source_in_s < 6]
        yellows = [s for s in timeline.segments if s.clip != halves and s.source_in_s >= 6]
        assert (share(board, (0, 0, 254)) > 0.005) == bool(blues)
        assert (share(board, (254, 254, 0)) > 0.005) == bool(yellows)
        assert blues or yellows
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize(
    "format_",
    [
        shape
        if shape in (Format.REEL, Format.LANDSCAPE)
        else pytest.param(shape, marks=pytest.mark.slow)
        for shape in Format
    ],
)
def test_every_format_draws_as_png_and_jpeg_at_the_asked_width(
    format_: Format, clips: ClipAnalysis, paths: dict[str, Path], tmp_path: Path
) -> None:
    output = tmp_path / ("board.jpg" if format_ is Format.REEL else "board.png")
    timeline = plan(clips, format_)
    frames = first_frames(segment_frames(timeline, paths))
    draw_storyboard(timeline, clips, frames, MUSIC, output, max_width=800)
    with Image.open(output) as board:
        assert board.width == 800
        assert board.format == ("JPEG" if format_ is Format.REEL else "PNG")
    small = storyboard_thumbnail(output, max_bytes=12_000)
    assert len(small) <= 12_000
    with Image.open(io.BytesIO(small)) as thumbnail:
        assert thumbnail.format == "JPEG"
        assert thumbnail.width >= 340


def test_a_thumbnail_is_the_whole_source_frame_of_its_segment(
    clips: ClipAnalysis, paths: dict[str, Path], tmp_path: Path
) -> None:
    timeline = plan(clips, Format.REEL)
    frames = first_frames(segment_frames(timeline, paths))
    for number, segment in enumerate(timeline.segments):
        output = tmp_path / f"{number}.jpg"
        output.write_bytes(thumbnail_of(frames[number]))
        with Image.open(output) as thumbnail:
            assert (thumbnail.format, thumbnail.size) == ("JPEG", (320, 180))  # never enlarged
            red, green = share(thumbnail, (254, 0, 0)), share(thumbnail, (0, 254, 0))
        if "halves" in timeline.clips[segment.clip].url:
            assert red > 0.4
            assert green > 0.4


def test_text_stays_in_its_width() -> None:
    long = "Überlange Wörter und 中文字 dazwischen " * 9 + "w" * 400
    lines = wrapped(long, 15, 300, 3)
    assert len(lines) == 3
    assert all(width_of(line, 15) <= 300 for line in lines)
    assert width_of(shortened("x" * 300, 17, 120), 17) <= 120
    assert wrapped("short", 15, 300, 3) == ["short"]


def ink(content: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The text as it is drawn, cut to what was drawn."""
    canvas = Image.new("RGB", (900, 90))
    text(ImageDraw.Draw(canvas), (20, 20), content, 32)
    box = canvas.getbbox()
    assert box is not None, f"nothing was drawn of {content}"
    assert 0 < box[0] < box[2] < 900
    assert 0 < box[1] < box[3] < 90, f"{content} leaves its line"
    assert abs(box[2] - 20 - width_of(content, 32)) < 24
    return np.asarray(canvas.crop(box))


@pytest.mark.parametrize(
    ("name", "another"),
    [
        ("東京", "京東"),
        ("東", "京"),
        ("שלום", "חבר"),
        ("سلام", "مرحبا"),
        ("नमस्ते", "भारत"),
        ("서울", "부산"),
        ("ไทย", "ยาว"),
        ("🎉", "🚀"),
        ("Ω", "Ж"),
    ],
)
def test_names_of_any_script_are_drawn_in_it(name: str, another: str) -> None:
    drawn = [ink(word) for word in (name, another, "?" * len(name))]
    for a, b in ((0, 1), (0, 2)):
        assert drawn[a].shape != drawn[b].shape or not np.array_equal(drawn[a], drawn[b])
    mixed = ink(f"IMG {name} 2.mp4")
    assert mixed.shape[1] > drawn[0].shape[1] + ink("IMG 2.mp4").shape[1] - 8
    cut = shortened(f"{name} and a long name behind it", 32, 160)
    assert width_of(cut, 32) <= 160
