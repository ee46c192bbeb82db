"""Whatever codec and colours a clip has: the finished frame is the one that is in the clip."""

from collections.abc import Collection
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from montage_pipeline.editing.timeline import CropRect
from montage_pipeline.rendering.engines import engine_for
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.settings import Settings
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import drawn, read_number, write_clip
from montage_pipeline_tests.rendering.edits import HEIGHT, WIDTH, Cut, timeline_of
from montage_pipeline_tests.rendering.sources import (
    FIRST,
    MPEG2,
    VP9,
    X264,
    X265,
    coded,
    hlg,
    lab,
    pq,
    seen_patches,
    wide,
)
from montage_pipeline_tests.rendering.video.any_source import TRUE_PATCHES, rendered

_sd = partial(coded, matrix="bt601", tags="")
_full_range = partial(coded, span="pc", matrix="bt601", tags="")
_bt2020 = partial(coded, matrix="bt2020", signal=wide("bt2020"))
_KINDS = [
    coded("ten.mp4", "yuv420p10le"),
    coded("high422.mp4", "yuv422p10le"),
    coded("high444.mp4", "yuv444p"),
    coded("full.mp4", "yuvj420p", span="pc"),
    coded("full.mkv", "yuv420p10le", span="pc"),
    coded("bt601-525.mp4", matrix="bt601", tags="smpte170m/smpte170m/smpte170m"),
    coded("bt601-625.mp4", matrix="bt601", tags="bt470bg/bt470bg/bt709"),
    coded("smpte240m.mp4", matrix="smpte240m", tags="smpte240m/smpte240m/smpte240m"),
    _bt2020("bt2020.mp4", "yuv420p10le", X265, tags="bt2020nc/bt2020/bt709"),
    _bt2020("bt2020-10.mkv", "yuv420p10le", tags="bt2020nc/bt2020/bt2020-10"),
    coded("p3.mov", tags="bt709/smpte432/bt709", signal=wide("p3")),
    coded(
        "hlg-tagged-sdr.mp4",
        "yuv420p10le",
        (*X265, "-tag:v", "hvc1"),
        tags="bt709/bt709/arib-std-b67",
    ),
    coded("hev1.mp4", "yuv420p", (*X265, "-tag:v", "hev1")),
    coded("av1.mp4", "yuv420p10le", ("-c:v", "libsvtav1", "-preset", "12", "-crf", "12")),
    _sd(
        "vp8.webm", video=("-c:v", "libvpx", "-threads", "1", "-deadline", "realtime", "-b:v", "3M")
    ),
    coded("vp9.webm", "yuv444p", VP9),
    coded("prores.mov", "yuv422p10le", ("-c:v", "prores_ks", "-profile:v", "3")),
    _full_range("motion.mov", "yuvj422p", ("-c:v", "mjpeg", "-q:v", "2")),
    _full_range("motion.avi", "yuvj420p", ("-c:v", "mjpeg", "-q:v", "2")),
    coded("broadcast.ts", video=MPEG2, tags="bt470bg/bt470bg/bt470bg", matrix="bt601"),
    _sd("old.avi", video=("-c:v", "mpeg4", "-q:v", "2")),
    coded("rgb.mkv", "bgr0", ("-c:v", "ffv1"), tags=""),
    _sd("packed.avi", "yuyv422", ("-c:v", "rawvideo")),
    _sd("woven.mkv", "nv12", ("-c:v", "rawvideo"), width=322),
    _sd("odd.webm", video=VP9, width=361, height=203),
    _sd("odder.mkv", video=("-c:v", "ffv1"), width=641, height=359),
    _sd("tiny.mp4", width=120, height=90),
    _sd("square.mp4", width=240, height=240),
    _sd("portrait.mp4", width=182, height=320, rotation_deg=90),
    _sd(
        "camcorder.avi",
        video=("-c:v", "dvvideo"),
        fps="25",
        width=768,
        height=576,
        stored_width=720,
    ),
]
_RARE = (
    *("high444.mp4", "full.mp4", "bt601-625.mp4", "smpte240m.mp4", "bt2020-10.mkv", "hev1.mp4"),
    *("vp9.webm", "motion.avi", "broadcast.ts", "old.avi", "packed.avi", "square.mp4", "odd.webm"),
)
"""In `make test-all` only: near relatives of others."""
_FEW = (
    "full.mkv",
    "bt601-525.mp4",
    "bt2020.mp4",
    "p3.mov",
    "prores.mov",
    "rgb.mkv",
    "odder.mkv",
    "motion.mov",
)


@pytest.mark.parametrize(
    ("engine", "names"),
    [
        ("ffmpeg", {kind.name for kind in _KINDS} - set(_RARE)),
        pytest.param("moviepy", _FEW, marks=pytest.mark.slow),
        pytest.param("ffmpeg", _RARE, marks=pytest.mark.slow),
        pytest.param("moviepy", _RARE, marks=pytest.mark.slow),
    ],
    indirect=["engine"],
    ids=["ffmpeg", "moviepy", "ffmpeg-rare", "moviepy-rare"],
)
def test_frame_and_colours_of_every_coding(
    engine: RenderEngine, names: Collection[str], clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    kinds = [kind for kind in _KINDS if kind.name in names]
    cuts = [Cut(clip(kind), 0.0, 1) for kind in kinds]
    timeline = timeline_of(cuts)
    wrong = []
    for kind, segment, frame in zip(
        kinds, timeline.segments, rendered(engine, cuts, music, tmp_path), strict=True
    ):
        facts, crop = timeline.clips[segment.clip], segment.crop
        box = (crop.x, crop.y, crop.x + crop.width, crop.y + crop.height)
        card = Image.fromarray(drawn(FIRST, facts.width, facts.height))
        expected = np.asarray(
            card.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS, box=box), float
        )
        error = np.abs(frame - expected)[4:-4, 4:-4].mean()
        delta = np.linalg.norm(lab(seen_patches(frame, facts, crop)) - lab(TRUE_PATCHES), axis=-1)
        # Patches of a dozen pixels have seams in them, and a corner of woven chroma moves to the
        # even pixel beside it.
        slack = 1.9 if facts.height < 100 or facts.pixel_format == "nv12" else 1.0
        if (
            read_number(frame, facts, crop) != FIRST
            or error > 3 * slack
            or delta.max() > 2.5 * slack
        ):
            number = read_number(frame, facts, crop)
            wrong.append(
                f"{kind.name}: number {number}, levels off {error:.1f}, Delta E {delta.max():.1f}"
            )
    assert not wrong


def test_colours_are_right_wherever_the_crop_begins(
    clip: ClipMaker, music: Path, tmp_path: Path, ffmpeg_engine: RenderEngine
) -> None:
    kinds = [
        coded("eight.mp4"),
        coded("ten.mp4", "yuv420p10le"),
        coded("high422.mp4", "yuv422p10le"),
        coded("prores.mov", "yuv422p10le", ("-c:v", "prores_ks", "-profile:v", "3")),
        coded("twelve.mkv", "yuv420p12le", X265),
        _sd("woven.mkv", "nv12", ("-c:v", "rawvideo"), width=322),
    ]
    corners = [(left, top) for left in (91, 92, 93) for top in (0, 3)]
    cuts = [
        Cut(clip(kind), 0.0, 1, crop=CropRect(x=left, y=top, width=135, height=236))
        for kind in kinds
        for left, top in corners
    ]
    timeline = timeline_of(cuts)
    true = lab(TRUE_PATCHES)
    for segment, frame in zip(
        timeline.segments, rendered(ffmpeg_engine, cuts, music, tmp_path), strict=True
    ):
        facts, crop = timeline.clips[segment.clip], segment.crop
        delta = np.linalg.norm(lab(seen_patches(frame, facts, crop)) - true, axis=-1)
        assert delta.max() < 5, f"{facts.url} from {crop.x}, {crop.y}: Delta E {delta.max():.1f}"


def test_hdr_keeps_faces_greys_and_hues(clip: ClipMaker, music: Path, tmp_path: Path) -> None:
    deep = partial(coded, pixel_format="yuv420p10le", video=X265, matrix="bt2020")
    kinds = [
        deep("hlg.mov", tags="bt2020nc/bt2020/arib-std-b67", signal=hlg),
        deep("pq.mp4", tags="bt2020nc/bt2020/smpte2084", signal=pq),
        deep("untagged.mkv", tags="bt2020nc/unknown/smpte2084", signal=pq),
    ]
    cuts = [Cut(clip(kind), 0.0, 1) for kind in kinds]
    timeline = timeline_of(cuts)
    assert [facts.hdr for facts in timeline.clips] == ["hlg", "pq", "pq"]
    true = lab(TRUE_PATCHES)
    coloured = np.hypot(true[:, 1], true[:, 2]) > 15
    white, grey = 3, 6
    for name in ("ffmpeg", "moviepy"):
        engine = engine_for(Settings(render_engine=name))
        for facts, segment, frame in zip(
            timeline.clips, timeline.segments, rendered(engine, cuts, music, tmp_path), strict=True
        ):
            seen = lab(seen_patches(frame, facts, segment.crop))
            what = f"{name} {facts.url}: {np.round(seen, 1).tolist()}"
            assert np.hypot(seen[[white, grey], 1], seen[[white, grey], 2]).max() < 3, what
            # White leaves room for highlights; what is darker than a bright face is as it was.
            assert 82 < seen[white, 0] < 90, what
            dark = true[:, 0] < 60
            assert np.abs(seen[dark, 0] - true[dark, 0]).max() < 3, what
            turned = np.arctan2(seen[:, 2], seen[:, 1]) - np.arctan2(true[:, 2], true[:, 1])
            assert np.degrees(np.abs(np.angle(np.exp(1j * turned[coloured])))).max() < 6, what


def test_grey_and_few_colours(
    clip: ClipMaker, music: Path, tmp_path: Path, ffmpeg_engine: RenderEngine
) -> None:
    kinds = (
        coded("grey.mp4", "gray", tags=""),
        coded("palette.mov", "pal8", ("-c:v", "png"), tags=""),
    )
    cuts = [Cut(clip(kind), 0.0, 1) for kind in kinds]
    timeline = timeline_of(cuts)
    grey, few = (
        seen_patches(frame, facts, segment.crop)
        for facts, segment, frame in zip(
            timeline.clips,
            timeline.segments,
            rendered(ffmpeg_engine, cuts, music, tmp_path),
            strict=True,
        )
    )
    assert np.abs(grey - (TRUE_PATCHES @ [0.299, 0.587, 0.114])[:, None]).max() < 4
    assert np.linalg.norm(lab(few) - lab(TRUE_PATCHES), axis=-1).max() < 5


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height", "video"), [(3840, 2160, X265), (7680, 4320, X264)])
def test_very_large_frames(
    width: int, height: int, video: tuple[str, ...], media: Path, music: Path, tmp_path: Path
) -> None:
    source = write_clip(coded(f"large-{width}.mp4", video=video, width=width, height=height), media)
    cuts = [Cut(source, 0.0, 3)]
    timeline = timeline_of(cuts)
    for frame in rendered(engine_for(Settings(render_engine="ffmpeg")), cuts, music, tmp_path):
        delta = np.linalg.norm(
            lab(seen_patches(frame, timeline.clips[0], timeline.segments[0].crop))
            - lab(TRUE_PATCHES),
            axis=-1,
        )
        assert delta.max() < 2.5
