"""Covers are exactly the frames they are said to be, and the ones that look best."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import av
import numpy as np
import pytest
from PIL import Image

from montage_pipeline.editing.timeline import Cover, Timeline
from montage_pipeline.footage.model import FrameRate
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.rendering.covers import CoverFile, choose_covers
from montage_pipeline.rendering.strict_decoding import Samples, decode

FPS = FrameRate(num=30000, den=1001)
SEGMENT = 30


def reel(path: Path, *sources: str) -> Path:
    """A segment of 30 frames of each source, in closed GOPs of a second."""
    graphs = [f"{source},setsar=1,format=yuv420p[s{n}]" for n, source in enumerate(sources)]
    joined = "".join(f"[s{n}]" for n in range(len(sources)))
    graph = ";".join([*graphs, f"{joined}concat=n={len(sources)}[v]"])
    encoding = ["-c:v", "libx264", "-crf", "10", "-g", "30", "-bf", "2", "-colorspace", "bt709"]
    run_ffmpeg(["-filter_complex", graph, "-map", "[v]", *encoding, str(path)])
    return path


def timeline(segments: int, *candidates: Cover) -> Timeline:
    """A timeline as far as covers go by it; each segment is of a clip of its own."""
    known = SimpleNamespace(
        fps=FPS,
        segments=[SimpleNamespace(clip=clip) for clip in range(segments)],
        cover_candidates=candidates,
    )
    return cast(Timeline, known)


def candidate(segment: int, frame: int, score: float = 0.6) -> Cover:
    return Cover(frame=segment * SEGMENT + frame, segment=segment, score=score, why="")


def chosen_of(video: Path, timeline: Timeline) -> list[CoverFile]:
    """The covers, of the frames that the check of the file keeps."""
    folder = video.parent
    stills = {cover.frame: folder / f"{cover.frame}.jpg" for cover in timeline.cover_candidates}
    assert decode(video, Samples([], (1, 1)), stills).complaint == ""
    return choose_covers(timeline, stills)


def luma(file: CoverFile) -> float:
    with Image.open(file.path) as image:
        return float(np.asarray(image.convert("L")).mean())


def test_each_cover_is_the_very_frame(tmp_path: Path) -> None:
    rate = f"{FPS.num}/{FPS.den}"
    # Every frame has its own level, six apart.
    steps = f"color=black:size=192x320:rate={rate}:duration=1.1,trim=end_frame=30,geq=lum='40+6*N'"
    video = reel(tmp_path / "steps.mp4", f"{steps}:cb=128:cr=128")
    for frame in (0, 1, 13, 14, 28, 29):
        [cover] = chosen_of(video, timeline(1, candidate(0, frame)))
        # Limited-range luma, as full-range.
        assert luma(cover) == pytest.approx((40 + 6 * frame - 16) * 255 / 219, abs=2.5)


def test_what_can_be_made_out_goes_before_what_was_promised(tmp_path: Path) -> None:
    rate = f"{FPS.num}/{FPS.den}"
    bright = f"testsrc2=size=192x320:rate={rate}:duration=2,trim=end_frame=30"
    video = reel(
        tmp_path / "mixed.mp4",
        f"{bright},lutyuv=y=val/12",
        f"{bright},gblur=sigma=8",
        f"mandelbrot=size=192x320:rate={rate},trim=end_frame=30,eq=brightness=0.15",
        bright,
        bright,
    )
    promised = (
        candidate(0, 15, 0.70),
        candidate(1, 15, 0.70),
        candidate(2, 15, 0.62),
        candidate(3, 15, 0.60),
        candidate(4, 15, 0.60),
    )
    chosen = chosen_of(video, timeline(5, *promised))
    # Neither the dark nor the blurred one leads, and the same view is not shown twice before them.
    segments = [cover.cover.segment for cover in chosen]
    assert 2 in segments[:2]
    assert {3, 4} & set(segments[:2])
    assert segments[2] in (0, 1)
    assert chosen[0].cover.score >= chosen[1].cover.score


def test_a_face_goes_before_a_body_whose_head_is_not_in_the_frame(tmp_path: Path) -> None:
    [man] = [path for path in demo_clips() if path.stem.startswith("carphone")]
    whole = _first_frame(man)
    width, height = whole.size
    body = whole.crop((width // 5, height // 2, width * 4 // 5, height))
    stills = {0: tmp_path / "body.jpg", SEGMENT: tmp_path / "face.jpg"}
    for still, path in zip((body, whole), stills.values(), strict=True):
        still.resize((480, 480 * still.height // still.width)).save(path)
    promised = candidate(0, 0, 0.85), candidate(1, 0, 0.60)
    chosen = choose_covers(timeline(2, *promised), stills)
    assert [cover.cover.segment for cover in chosen] == [1, 0]


def _first_frame(path: Path) -> Image.Image:
    with av.open(str(path)) as container:
        return Image.fromarray(next(container.decode(video=0)).to_ndarray(format="rgb24"))


def test_a_timeline_of_an_earlier_release_has_none() -> None:
    assert choose_covers(timeline(3), {}) == []
