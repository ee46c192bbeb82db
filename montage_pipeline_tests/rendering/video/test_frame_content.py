"""What is inside the frame: the right rectangle, the right way up, in the right colours."""

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from montage_pipeline.editing.timeline import CropRect
from montage_pipeline.footage.decoding.tone import ColourMap, to_bt709
from montage_pipeline.rendering.engines import engine_for
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.settings import Settings
from montage_pipeline_tests.rendering.conftest import BOTH_ENGINES, ClipMaker
from montage_pipeline_tests.rendering.counters import CounterClip, drawn, read_number
from montage_pipeline_tests.rendering.edits import (
    HEIGHT,
    WIDTH,
    Cut,
    bt709_frames,
    frames_of,
    paths_of,
    timeline_of,
)

_TURNS = [
    CounterClip(
        f"turn{turn}{'m' * mirrored}.mp4",
        frames=3,
        first=37,
        rotation_deg=turn,
        mirrored=mirrored,
        height=height,
    )
    for mirrored in (False, True)
    for turn, height in ((0, 240), (90, 240), (180, 200), (270, 200))
]
_WIDE_PIXELS = CounterClip("wide.mp4", frames=3, first=37, width=320, stored_width=240)
_TALL_PIXELS = CounterClip("tall.mp4", frames=3, first=37, width=320, stored_width=480)


def test_crop_and_orientation(
    engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    clips = [clip(source) for source in (*_TURNS, _WIDE_PIXELS, _TALL_PIXELS)]
    # Off centre, with odd numbers, and once the whole frame of another shape.
    cuts = [Cut(made, 0.0, 2, crop=CropRect(x=97, y=3, width=111, height=197)) for made in clips]
    cuts += [Cut(made, 0.0, 2, crop=CropRect(x=96, y=0, width=112, height=200)) for made in clips]
    timeline = timeline_of(cuts)
    output = tmp_path / "reel.mp4"
    engine.render(timeline, paths_of(cuts), music, output, lambda share: None)

    shown = list(frames_of(output))
    for number, segment in enumerate(timeline.segments):
        facts = timeline.clips[segment.clip]
        crop = segment.crop
        box = (crop.x, crop.y, crop.x + crop.width, crop.y + crop.height)
        source = Image.fromarray(drawn(37, facts.width, facts.height))
        expected = np.asarray(
            source.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=box), dtype=float
        )
        frame = shown[2 * number]
        assert read_number(frame, facts, crop) == 37
        error = np.abs(frame - expected)[4:-4, 4:-4].mean()
        assert error < 3.5, f"{facts.url}: {error:.1f}"


def test_colour_lies_on_the_light_it_belongs_to(
    clip: ClipMaker, music: Path, tmp_path: Path, ffmpeg_engine: RenderEngine
) -> None:
    half = "format=gbrp,drawbox=c=0xC83C3C:t=fill,drawbox=x=161:c=0x1E1E64:t=fill"
    # without the flags the place of chroma is not heeded
    exact = "flags=accurate_rnd+full_chroma_int:out_chroma_loc=left"
    pixels = f"scale=out_color_matrix=bt709:out_range=tv:{exact},format=yuv420p"
    pixels += ",setparams=colorspace=bt709"
    source = clip(CounterClip("edge.mp4", frames=2, filters=f"{half},{pixels}", raw_filters=True))
    # Four times as large, from an even column and from the odd one beside it, where a chroma sample
    # is cut in half.
    cuts = [Cut(source, 0.0, 1, crop=CropRect(x=x, y=40, width=90, height=160)) for x in (116, 117)]
    timeline = timeline_of(cuts, width=360, height=640)
    ffmpeg_engine.render(timeline, paths_of(cuts), music, tmp_path / "reel.mp4", lambda share: None)
    with av.open(str(tmp_path / "reel.mp4")) as container:
        for x, frame in zip((116, 117), container.decode(video=0), strict=True):
            planes = np.asarray(
                frame.to_ndarray(), float
            )  # V lies below U, two lines of either in each row
            light, colour = _step(planes[200]), _step(planes[640 + 160 + 50, :180])
            assert light == pytest.approx(4 * (161 - x) - 0.5, abs=0.5)
            assert 2 * colour == pytest.approx(light, abs=1)


def _step(line: NDArray[np.float64]) -> float:
    """Where a line of samples crosses from one level to the other."""
    above = (line - (line[2] + line[-3]) / 2) * np.sign(line[2] - line[-3])
    last = int(np.flatnonzero(above > 0).max())
    return float(last + above[last] / (above[last] - above[last + 1]))


@BOTH_ENGINES
def test_colours_keep_their_look(
    engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    kinds = [
        ("sd.mp4", "bt601", "tv", "yuv420p", "smpte170m"),
        ("untagged.mp4", "bt601", "tv", "yuv420p", "unknown"),
        ("hd.mp4", "bt709", "tv", "yuv420p", "bt709"),
        ("full.mp4", "bt709", "pc", "yuvj420p", "bt709"),
        ("deep444.mkv", "bt601", "tv", "yuv444p10le", "bt470bg"),
    ]
    clips = []
    for name, matrix, colour_range, pixel_format, tag in kinds:
        pixels = f"scale=out_color_matrix={matrix}:out_range={colour_range}"
        pixels += f",format={pixel_format},setparams=colorspace={tag}"
        filters = f"drawbox=c=0xC81E1E:t=fill,{pixels}"
        clips.append(clip(CounterClip(name, frames=3, filters=filters, raw_filters=True)))
    cuts = [Cut(made, 0.0, 1) for made in clips]
    output = tmp_path / "reel.mp4"
    timeline = timeline_of(cuts)
    assert [(facts.color_space, facts.full_range) for facts in timeline.clips] == [
        (tag, rng == "pc") for _, _, rng, _, tag in kinds
    ]
    engine.render(timeline, paths_of(cuts), music, output, lambda share: None)
    for (name, *_), frame in zip(kinds, bt709_frames(output), strict=True):
        colour = frame[40:-40, 40:-40].reshape(-1, 3).mean(axis=0)
        assert np.abs(colour - (200, 30, 30)).max() < 5, f"{name}: {colour}"


def test_hdr_is_tone_mapped_alike_by_both_engines(
    clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    video = (
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-x265-params",
        "log-level=none",
        "-crf",
        "10",
    )
    filters = "scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p10le"
    filters += ",setparams=color_primaries=bt2020:color_trc=arib-std-b67"
    source = clip(
        CounterClip("hlg.mp4", frames=3, first=37, filters=filters, raw_filters=True, video=video)
    )
    cuts = [Cut(source, 0.0, 2)]
    timeline = timeline_of(cuts)
    assert timeline.clips[0].hdr == "hlg"
    means = []
    for name in ("ffmpeg", "moviepy"):
        output = tmp_path / f"{name}.mp4"
        engine_for(Settings(render_engine=name)).render(
            timeline, paths_of(cuts), music, output, lambda share: None
        )
        means.append(next(bt709_frames(output)).astype(float))
    crop = timeline.segments[0].crop
    source_frame = drawn(37, 320, 240)[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
    expected = to_bt709(source_frame / 255.0, ColourMap("hlg", "bt2020")) * 255
    assert np.abs(means[0] - means[1]).mean() < 3
    assert np.abs(means[0].mean(axis=(0, 1)) - expected.mean(axis=(0, 1))).max() < 4


def test_tone_curve_keeps_grey_and_white_apart() -> None:
    hlg, pq = ColourMap("hlg", "bt2020"), ColourMap("pq", "bt2020")
    grey, white, peak, black = (
        float(to_bt709(np.full((1, 3), level), hlg)[0, 0]) for level in (0.38, 0.75, 1.0, 0.0)
    )
    assert 0.40 < grey < 0.45  # BT.2408: 18 % grey is 38 % of HLG and about 42 % of SDR
    assert 0.82 < white < 0.90
    assert peak == pytest.approx(1.0, abs=0.01)
    assert black == 0.0
    # The same light coded as PQ looks the same: 203 nits is 58 % of PQ.
    assert float(to_bt709(np.full((1, 3), 0.58), pq)[0, 0]) == pytest.approx(white, abs=0.01)
