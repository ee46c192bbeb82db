"""Whatever a phone, a camera or a program wrote: the finished picture is the one that is in the
clip, or the clip is refused.
"""

import time
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from montage_pipeline.editing.timeline import CropRect
from montage_pipeline.errors import PermanentError
from montage_pipeline.footage.container import decoded_frames, open_clip, video_stream
from montage_pipeline.footage.model import ClipFacts, FetchedClip
from montage_pipeline.footage.probe import inspect
from montage_pipeline.rendering.engines import engine_for
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.settings import Settings
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import (
    PATCHES,
    CounterClip,
    drawn,
    expected_number,
    facts_of,
    read_number,
    run,
    source_times,
    write_clip,
)
from montage_pipeline_tests.rendering.edits import (
    HEIGHT,
    WIDTH,
    Cut,
    paths_of,
    sound_of,
    timeline_of,
)
from montage_pipeline_tests.rendering.sources import (
    FIRST,
    MPEG2,
    VP9,
    X264,
    X265,
    as_fetched,
    coded,
    hlg,
    lab,
    pq,
    remuxed,
    seen_patches,
    transparent,
    wide,
    written,
)
from montage_pipeline_tests.rendering.video.test_picture import pictures_709

_TRUE_PATCHES = np.array([colour for row in PATCHES for colour in row], float)
_SD = {"matrix": "bt601", "tags": ""}
_PC = {"span": "pc", "matrix": "bt601", "tags": ""}
_BT2020 = {"matrix": "bt2020", "signal": wide("bt2020")}
_KINDS = [
    coded("ten.mp4", "yuv420p10le"),
    coded("high422.mp4", "yuv422p10le"),
    coded("high444.mp4", "yuv444p"),
    coded("full.mp4", "yuvj420p", span="pc"),
    coded("full.mkv", "yuv420p10le", span="pc"),
    coded("bt601-525.mp4", matrix="bt601", tags="smpte170m/smpte170m/smpte170m"),
    coded("bt601-625.mp4", matrix="bt601", tags="bt470bg/bt470bg/bt709"),
    coded("smpte240m.mp4", matrix="smpte240m", tags="smpte240m/smpte240m/smpte240m"),
    coded("bt2020.mp4", "yuv420p10le", X265, tags="bt2020nc/bt2020/bt709", **_BT2020),
    coded("bt2020-10.mkv", "yuv420p10le", tags="bt2020nc/bt2020/bt2020-10", **_BT2020),
    coded("p3.mov", tags="bt709/smpte432/bt709", signal=wide("p3")),
    coded(
        "hlg-tagged-sdr.mp4",
        "yuv420p10le",
        (*X265, "-tag:v", "hvc1"),
        tags="bt709/bt709/arib-std-b67",
    ),
    coded("hev1.mp4", "yuv420p", (*X265, "-tag:v", "hev1")),
    coded("av1.mp4", "yuv420p10le", ("-c:v", "libsvtav1", "-preset", "12", "-crf", "12")),
    coded("vp8.webm", video=("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "3M"), **_SD),
    coded("vp9.webm", "yuv444p", VP9),
    coded("prores.mov", "yuv422p10le", ("-c:v", "prores_ks", "-profile:v", "3")),
    coded("motion.mov", "yuvj422p", ("-c:v", "mjpeg", "-q:v", "2"), **_PC),
    coded("motion.avi", "yuvj420p", ("-c:v", "mjpeg", "-q:v", "2"), **_PC),
    coded("broadcast.ts", video=MPEG2, tags="bt470bg/bt470bg/bt470bg", matrix="bt601"),
    coded("old.avi", video=("-c:v", "mpeg4", "-q:v", "2"), **_SD),
    coded("rgb.mkv", "bgr0", ("-c:v", "ffv1"), tags=""),
    coded("packed.avi", "yuyv422", ("-c:v", "rawvideo"), **_SD),
    coded("woven.mkv", "nv12", ("-c:v", "rawvideo"), width=322, **_SD),
    coded("odd.webm", video=VP9, width=361, height=203, **_SD),
    coded("odder.mkv", video=("-c:v", "ffv1"), width=641, height=359, **_SD),
    coded("tiny.mp4", width=120, height=90, **_SD),
    coded("square.mp4", width=240, height=240, **_SD),
    coded("portrait.mp4", width=182, height=320, rotation_deg=90, **_SD),
    coded(
        "camcorder.avi",
        video=("-c:v", "dvvideo"),
        fps="25",
        width=768,
        height=576,
        stored_width=720,
        **_SD,
    ),
]
_RARE = (
    "high444.mp4", "full.mp4", "bt601-625.mp4", "smpte240m.mp4", "bt2020-10.mkv", "hev1.mp4", "vp9.webm", "motion.avi", "broadcast.ts",
    "old.avi", "packed.avi", "square.mp4", "odd.webm",
)  # fmt: skip
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


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this module's own: other modules have clips of the same names."""
    return tmp_path_factory.mktemp("any-source")


@pytest.fixture(scope="session")
def clip(media: Path) -> ClipMaker:
    made: dict[CounterClip, FetchedClip] = {}

    def make(wanted: CounterClip) -> FetchedClip:
        if wanted not in made:
            made[wanted] = write_clip(wanted, media)
        return made[wanted]

    return make


def _shown(
    engine: RenderEngine, cuts: list[Cut], music: Path, folder: Path, **placement: float
) -> list[NDArray[np.uint8]]:
    engine.render(
        timeline_of(cuts, **placement),
        paths_of(cuts),
        music,
        folder / "reel.mp4",
        lambda share: None,
    )
    return list(pictures_709(folder / "reel.mp4"))


@pytest.mark.parametrize(
    ("engine", "names"),
    [
        ("ffmpeg", {kind.name for kind in _KINDS} - set(_RARE)),
        ("moviepy", _FEW),
        pytest.param("ffmpeg", _RARE, marks=pytest.mark.slow),
        pytest.param("moviepy", _RARE, marks=pytest.mark.slow),
    ],
    indirect=["engine"],
    ids=["ffmpeg", "moviepy", "ffmpeg-rare", "moviepy-rare"],
)
def test_picture_and_colours_of_every_coding(
    engine: RenderEngine, names: Collection[str], clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    kinds = [kind for kind in _KINDS if kind.name in names]
    cuts = [Cut(clip(kind), 0.0, 1) for kind in kinds]
    timeline = timeline_of(cuts)
    wrong = []
    for kind, segment, picture in zip(
        kinds, timeline.segments, _shown(engine, cuts, music, tmp_path), strict=True
    ):
        facts, crop = timeline.clips[segment.clip], segment.crop
        box = (crop.x, crop.y, crop.x + crop.width, crop.y + crop.height)
        card = Image.fromarray(drawn(FIRST, facts.width, facts.height))
        expected = np.asarray(
            card.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=box), float
        )
        error = np.abs(picture - expected)[4:-4, 4:-4].mean()
        delta = np.linalg.norm(
            lab(seen_patches(picture, facts, crop)) - lab(_TRUE_PATCHES), axis=-1
        )
        # Patches of a dozen pixels have seams in them, and a corner of woven chroma moves to the
        # even pixel beside it.
        most = 1.7 if facts.height < 100 or facts.pixel_format == "nv12" else 1.0
        if (
            read_number(picture, facts, crop) != FIRST
            or error > 3 * most
            or delta.max() > 2.5 * most
        ):
            wrong.append(
                f"{kind.name}: number {read_number(picture, facts, crop)}, levels off {error:.1f}, Delta E {delta.max():.1f}"
            )
    assert not wrong


def test_hdr_keeps_faces_greys_and_hues(clip: ClipMaker, music: Path, tmp_path: Path) -> None:
    tags, deep = (
        "bt2020nc/bt2020/{}",
        {"pixel_format": "yuv420p10le", "video": X265, "matrix": "bt2020"},
    )
    kinds = [
        coded("hlg.mov", tags=tags.format("arib-std-b67"), signal=hlg, **deep),
        coded("pq.mp4", tags=tags.format("smpte2084"), signal=pq, **deep),
        coded("untold.mkv", tags="bt2020nc/unknown/smpte2084", signal=pq, **deep),
    ]
    cuts = [Cut(clip(kind), 0.0, 1) for kind in kinds]
    timeline = timeline_of(cuts)
    assert [facts.hdr for facts in timeline.clips] == ["hlg", "pq", "pq"]
    true = lab(_TRUE_PATCHES)
    coloured = np.hypot(true[:, 1], true[:, 2]) > 15
    white, grey = 3, 6
    for name in ("ffmpeg", "moviepy"):
        engine = engine_for(Settings(render_engine=name))
        for facts, segment, picture in zip(
            timeline.clips, timeline.segments, _shown(engine, cuts, music, tmp_path), strict=True
        ):
            seen = lab(seen_patches(picture, facts, segment.crop))
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
        seen_patches(picture, facts, segment.crop)
        for facts, segment, picture in zip(
            timeline.clips,
            timeline.segments,
            _shown(ffmpeg_engine, cuts, music, tmp_path),
            strict=True,
        )
    )
    assert np.abs(grey - (_TRUE_PATCHES @ [0.299, 0.587, 0.114])[:, None]).max() < 4
    assert np.linalg.norm(lab(few) - lab(_TRUE_PATCHES), axis=-1).max() < 5


def test_what_is_transparent_is_black(
    media: Path, music: Path, tmp_path: Path, ffmpeg_engine: RenderEngine
) -> None:
    cuts = [
        Cut(transparent("alpha.mov", "rgba", media, ("-c:v", "png")), 0.0, 1),
        Cut(
            transparent(
                "alpha4444.mov", "yuva444p10le", media, ("-c:v", "prores_ks", "-profile:v", "4444")
            ),
            0.0,
            1,
        ),
        Cut(transparent("alpha.webm", "yuva420p", media, (*VP9, "-auto-alt-ref", "0")), 0.0, 1),
    ]
    for cut, picture in zip(cuts, _shown(ffmpeg_engine, cuts, music, tmp_path), strict=True):
        assert picture[:, : WIDTH // 2 - 6].max() < 12, cut.clip.url
        # Number 37 has its block in the middle of the right column white.
        right = lab(
            seen_patches(picture, facts_of(cut.clip), timeline_of([cut]).segments[0].crop)[2::4]
        )
        assert np.abs(right - lab(_TRUE_PATCHES[2::4])).max() < 5, cut.clip.url


_LONG = CounterClip(
    "long.mp4",
    frames=75,
    width=192,
    height=144,
    video=(
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-bf",
        "3",
        "-b_strategy",
        "0",
        "-g",
        "15",
        "-crf",
        "14",
    ),
    audio="sine=440:duration=2.5",
    extra=("-c:a", "aac"),
)


def _packages(source: FetchedClip, folder: Path) -> dict[str, FetchedClip]:
    """The same pictures in files of many shapes."""
    copy = ("-c", "copy")
    stored = source.path.read_bytes()
    fast = remuxed(source, "fast.mp4", *copy, "-movflags", "+faststart").path.read_bytes()
    fragments = remuxed(
        source, "fragments.mp4", *copy, "-movflags", "+frag_keyframe+empty_moov+default_base_moof"
    )
    stream = remuxed(source, "whole.ts", *copy).path.read_bytes()
    web = remuxed(
        source,
        "whole.webm",
        "-c:v",
        "libvpx",
        "-deadline",
        "realtime",
        "-b:v",
        "1M",
        "-g",
        "15",
        "-c:a",
        "libopus",
    ).path
    run(
        [
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=640x360,format=yuvj420p",
            "-frames:v",
            "1",
            str(folder / "cover.jpg"),
        ]
    )
    cover = ("-i", str(folder / "cover.jpg"), "-map", "1", "-map", "0:v", "-map", "0:a", *copy)
    small = (
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=96x54:d=2.5",
        "-map",
        "1",
        "-map",
        "0",
        "-c",
        "copy",
        "-c:v:0",
        "libx264",
    )
    return {
        "fragmented": fragments,
        "trimmed by an edit list": remuxed(source, "trimmed.mp4", *copy, before=("-ss", "0.4")),
        "late": remuxed(source, "late.mp4", *copy, "-output_ts_offset", "5"),
        "negative times": remuxed(
            source, "negative.mp4", *copy, "-movflags", "+negative_cts_offsets"
        ),
        "timecode track": remuxed(source, "timecode.mov", *copy, "-timecode", "01:02:03:04"),
        "cover first": remuxed(source, "cover.mkv", *cover),
        "two videos": remuxed(source, "two.mkv", *small),
        "cut short": written(folder, "short.mp4", fast[: len(fast) * 7 // 10]),
        "half a web video": written(
            folder, "half.webm", web.read_bytes()[: web.stat().st_size * 6 // 10]
        ),
        "half the fragments": written(
            folder, "half.mp4", fragments.path.read_bytes()[: fragments.bytes * 7 // 10]
        ),
        "begins anywhere": written(folder, "anywhere.ts", stream[188 * 61 + 77 :]),
        "called something else": written(folder, "photo.jpg", stored),
    }


def _numbered(path: Path, facts: ClipFacts) -> list[tuple[float, int]]:
    """Time and number of every picture that PyAV decodes."""
    whole = CropRect(x=0, y=0, width=facts.width, height=facts.height)
    with open_clip(path) as container:
        frames = decoded_frames(container, video_stream(container, facts))
        return [
            (time_s, read_number(frame.to_ndarray(format="rgb24"), facts, whole))
            for time_s, frame in frames
        ]


def test_files_of_every_shape(
    clip: ClipMaker, media: Path, music: Path, tmp_path: Path, ffmpeg_engine: RenderEngine
) -> None:
    packages = _packages(clip(_LONG), media)
    cuts = [Cut(one, 0.5, 12) for one in packages.values()]
    timeline = timeline_of(cuts)
    shown = iter(_shown(ffmpeg_engine, cuts, music, tmp_path))
    for (what, package), segment in zip(packages.items(), timeline.segments, strict=True):
        facts = timeline.clips[segment.clip]
        pictures = _numbered(package.path, facts)
        numbers = [read_number(next(shown), facts, segment.crop) for _ in range(segment.frames)]
        expected = [
            max(one for one in pictures if one[0] <= segment.source_in_s + k / 30 + 0.001)[1]
            for k in range(segment.frames)
        ]
        assert numbers == expected, what
        assert expected == list(range(expected[0], expected[0] + 12)), what


def test_clip_that_changes_its_size_is_never_stretched(
    clip: ClipMaker, media: Path, music: Path, tmp_path: Path, ffmpeg_engine: RenderEngine
) -> None:
    first = remuxed(clip(_LONG), "first.ts", "-map", "0:v", "-c", "copy").path.read_bytes()
    then = ("-map", "0:v", "-c:v", "libx264", "-crf", "14", "-output_ts_offset", "2.5")
    clips = [
        written(
            media,
            f"{name}.ts",
            first
            + remuxed(clip(_LONG), f"then-{name}.ts", "-vf", filters, *then).path.read_bytes(),
        )
        for name, filters in (
            ("smaller", "scale=96:72"),
            ("larger", "scale=384:288"),
            ("turned", "pad=192:300:0:78,setsar=1"),
        )
    ]
    cuts = [Cut(one, 2.0, 30) for one in clips]
    timeline = timeline_of(cuts)
    shown = _shown(ffmpeg_engine, cuts, music, tmp_path)
    for number, segment in enumerate(timeline.segments[:2]):
        numbers = [
            read_number(picture, timeline.clips[number], segment.crop)
            for picture in shown[30 * number : 30 * number + 30]
        ]
        assert numbers[0] in (60, 61)
        assert numbers[:8] == list(range(numbers[0], numbers[0] + 8))
        assert numbers[-10:] == list(range(numbers[-10], numbers[-10] + 10))
        assert 0 < numbers[-10] < 12
    # The upright picture that follows is shown as large as fills the first shape: its upper part is
    # black.
    assert shown[-1][: HEIGHT // 3].max() < 12
    assert len(shown) == 90


def test_damaged_clip_ends_in_time_and_is_right_where_it_is_whole(
    clip: ClipMaker, media: Path, music: Path, tmp_path: Path, ffmpeg_engine: RenderEngine
) -> None:
    chance, cuts = np.random.default_rng(3), []
    hevc = CounterClip(
        "whole-hevc.mkv", frames=75, width=192, height=144, video=(*X265, "-g", "15")
    )
    for source, name in (
        (remuxed(clip(_LONG), "whole-damaged.ts", "-c", "copy"), "damaged.ts"),
        (clip(hevc), "damaged.mkv"),
    ):
        content = bytearray(source.path.read_bytes())
        for place in chance.integers(int(len(content) * 0.45), int(len(content) * 0.7), 10):
            content[place : place + 30] = chance.bytes(30)
        cuts.append(Cut(written(media, name, bytes(content)), 0.2, 65))
    timeline = timeline_of(cuts)
    began_s = time.monotonic()
    shown = iter(_shown(ffmpeg_engine, cuts, music, tmp_path))
    assert time.monotonic() - began_s < 60
    for segment in timeline.segments:
        numbers = [
            read_number(next(shown), timeline.clips[segment.clip], segment.crop) for _ in range(65)
        ]
        assert numbers[:20] == list(range(6, 26))
        assert numbers[-5:] == list(range(66, 71))


def test_clip_that_ends_before_its_time_is_named(
    clip: ClipMaker, media: Path, music: Path, tmp_path: Path, engine: RenderEngine
) -> None:
    uneven = "settb=1/1000,setpts='1000*(N/24+0.15*floor(N/7)+0.009*mod(N,3))'"
    source = clip(
        CounterClip("ends-early.mkv", fps="24", filters=uneven, frames=70, width=192, height=144)
    )
    cuts = [Cut(source, 2.2, 40)]
    timeline = timeline_of(cuts)
    assert timeline.clips[0].variable_frame_rate
    content = source.path.read_bytes()
    cut = written(media, "ended-early.mkv", content[: len(content) * 6 // 10])
    with pytest.raises(RenderError, match=r"ends-early\.mkv"):
        engine.render(
            timeline, {source.url: cut.path}, music, tmp_path / "reel.mp4", lambda share: None
        )
    assert not (tmp_path / "reel.mp4").exists()


@pytest.mark.parametrize(
    ("top_first", "codec", "name"),
    [(True, "x264", "top.mp4"), (False, "x264", "low.mp4"), (False, "mpeg2", "low.ts")],
)
def test_fields_in_either_order(
    top_first: bool,
    codec: str,
    name: str,
    clip: ClipMaker,
    music: Path,
    tmp_path: Path,
    ffmpeg_engine: RenderEngine,
) -> None:
    order = ("interleave_top", "tff") if top_first else ("interleave_bottom", "bff")
    x264 = ("-c:v", "libx264", "-crf", "12", "-x264-params", f"{order[1]}=1")
    video = (*(x264 if codec == "x264" else MPEG2), "-flags", "+ildct+ilme")
    woven = CounterClip(
        f"fields-{name}",
        fps="50",
        frames=40,
        first=1,
        filters=f"tinterlace={order[0]},setfield={order[1]}",
        video=video,
    )
    cuts = [Cut(clip(woven), 0.2, 10)]
    timeline = timeline_of(cuts)
    assert timeline.clips[0].interlaced
    # Two numbers are woven into each source frame, 2n + 1 and 2n + 2: only that of the first field
    # may be seen.
    times, start_s = source_times(cuts[0].clip.path, 0), timeline.segments[0].source_in_s
    facts, crop = timeline.clips[0], timeline.segments[0].crop
    shown = [
        read_number(picture, facts, crop) // 2
        for picture in _shown(ffmpeg_engine, cuts, music, tmp_path)
    ]
    assert shown == [expected_number(times, start_s + k / 30) for k in range(10)]


def test_what_cannot_be_shown_right_is_refused(clip: ClipMaker, media: Path) -> None:
    def code(one: FetchedClip) -> str:
        with pytest.raises(PermanentError) as caught:
            inspect(one)
        return caught.value.code

    assert (
        code(clip(coded("ycgco.mp4", "yuv444p", tags="ycgco/bt709/bt709"))) == "clip_strange_colour"
    )
    # Dolby Vision's own colours (profile 5) come without tags, and nothing but its decoder makes
    # them right.
    dolby = coded(
        "dolby.mp4", "yuv420p10le", (*X265, "-tag:v", "dvh1", "-strict", "unofficial"), tags=""
    )
    assert code(clip(dolby)) == "clip_strange_colour"
    huge = [
        "-f",
        "lavfi",
        "-i",
        "color=s=9600x8000:r=5:d=0.4,format=yuvj420p",
        "-c:v",
        "mjpeg",
        "-q:v",
        "20",
    ]
    run([*huge, str(media / "huge.mov")])
    assert code(as_fetched(media / "huge.mov")) == "clip_bad_size"
    stored = clip(_LONG).path.read_bytes()
    assert (
        code(written(media, "no-index.mp4", stored[: len(stored) * 7 // 10])) == "clip_unreadable"
    )
    assert code(written(media, "nothing.mp4", stored[:3000])) == "clip_unreadable"


_FLASH_S, _EVERY_S = (
    0.07,
    0.6,
)  # a whole number of frames at every rate used, so that a file has both at the same time
_ON = f"lt(mod(t,{_EVERY_S}),{_FLASH_S})"
_BEEP = f"aevalsrc='0.5*sin(2*PI*1000*t)*{_ON}':d=3.2:s={{rate}}{{layout}}"
_BLINK = f"drawbox=c=black:t=fill,drawbox=c=white:t=fill:enable='{_ON}'"


def _blinking(
    name: str,
    *,
    fps: str = "30",
    rate: int = 48_000,
    layout: str = "",
    filters: str = _BLINK,
    **more: object,
) -> CounterClip:
    """White for a moment again and again, and a beep at the same time."""
    fields = {"width": 96, "height": 96, "frames": 96, "fps": fps, "filters": filters, **more}
    return CounterClip(name, audio=_BEEP.format(rate=rate, layout=layout), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("rare", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_flash_and_beep_stay_together(
    rare: bool, clip: ClipMaker, music: Path, tmp_path: Path, ffmpeg_engine: RenderEngine
) -> None:
    aac, copy = ("-c:a", "aac"), ("-c", "copy")
    plain = clip(_blinking("blink.mp4", extra=aac))
    b_frames = ("-c:v", "libx264", "-bf", "3", "-b_strategy", "0", "-g", "30")
    uneven = f"{_BLINK},select='not(mod(n,2))+lt(mod(n,30),8)'"
    if rare:
        clips = [
            clip(_blinking("b.mov", extra=("-c:a", "pcm_s16le"), video=b_frames, rate=44_100)),
            clip(_blinking("old.avi", video=("-c:v", "mpeg4"), extra=("-c:a", "libmp3lame"))),
            clip(_blinking("sixty.mp4", fps="60000/1001", extra=aac, frames=190, rate=32_000)),
            clip(_blinking("surround.mp4", extra=(*aac, "-ac", "6"))),
            clip(_blinking("picture-short.mp4", extra=aac, frames=60)),
            remuxed(plain, "sync-late.mov", *copy, "-output_ts_offset", "2.5"),
            remuxed(plain, "sync-cut.ts", *copy, "-muxdelay", "0"),
        ]
    else:
        clips = [
            plain,
            clip(
                _blinking("late.mkv", extra=("-c:a", "flac"), output=("-output_ts_offset", "1.234"))
            ),
            clip(
                _blinking(
                    "hour.ts",
                    extra=("-c:a", "mp2"),
                    video=(*MPEG2, "-bf", "2"),
                    fps="25",
                    output=("-output_ts_offset", "3600"),
                )
            ),
            clip(
                _blinking(
                    "web.webm",
                    video=("-c:v", "libvpx", "-deadline", "realtime"),
                    extra=("-c:a", "libopus"),
                )
            ),
            clip(_blinking("flash.flv", video=("-c:v", "flv"), extra=aac, rate=44_100)),
            clip(_blinking("uneven.mp4", filters=uneven, extra=aac)),
            clip(_blinking("sound-late.mp4", extra=(*aac, "-af", "atrim=start=0.4"))),
            clip(_blinking("sound-short.mp4", extra=(*aac, "-af", "atrim=end=1.0"))),
            remuxed(plain, "sync-trimmed.mp4", *copy, before=("-ss", "0.41")),
            remuxed(plain, "sync-fragments.mp4", *copy, "-movflags", "+frag_keyframe+empty_moov"),
        ]
    cuts = [Cut(one, 0.31, 39) for one in clips]
    timeline = timeline_of(cuts)
    pictures = _shown(ffmpeg_engine, cuts, music, tmp_path, gain_db=-120)
    sound = np.abs(sound_of(tmp_path / "reel.mp4")).max(axis=1)
    apart: dict[str, list[float]] = {}
    for number, facts in enumerate(timeline.clips):
        bright = [picture.mean() > 128 for picture in pictures[39 * number : 39 * number + 39]]
        heard = sound[48_000 * 39 * number // 30 : 48_000 * 39 * (number + 1) // 30]
        flashes = [frame / 30 for frame in range(2, 39) if bright[frame] and not bright[frame - 1]]
        loud = heard > 0.2 * heard.max()
        beeps = [
            sample / 48_000
            for sample in np.flatnonzero(loud)
            if sample > 2000 and not loud[sample - 2000 : sample].any()
        ]
        name = facts.url.rsplit("/", 1)[1]
        assert len(flashes) == 2, name
        assert len(beeps) == (1 if name == "sound-short.mp4" else 2), name
        apart[name] = [min((beep - flash for flash in flashes), key=abs) for beep in beeps]
    assert {
        name: gaps for name, gaps in apart.items() if max(map(abs, gaps)) > 1 / 30 + 0.002
    } == {}


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height", "video"), [(3840, 2160, X265), (7680, 4320, X264)])
def test_very_large_pictures(
    width: int, height: int, video: tuple[str, ...], media: Path, music: Path, tmp_path: Path
) -> None:
    source = write_clip(coded(f"large-{width}.mp4", video=video, width=width, height=height), media)
    cuts = [Cut(source, 0.0, 3)]
    timeline = timeline_of(cuts)
    for picture in _shown(engine_for(Settings(render_engine="ffmpeg")), cuts, music, tmp_path):
        delta = np.linalg.norm(
            lab(seen_patches(picture, timeline.clips[0], timeline.segments[0].crop))
            - lab(_TRUE_PATCHES),
            axis=-1,
        )
        assert delta.max() < 2.5
