"""Whatever shape the file has: the finished frames are those that are in it."""

from pathlib import Path

import numpy as np

from montage_pipeline.editing.timeline import CropRect
from montage_pipeline.footage.container import decoded_frames, open_clip, video_stream
from montage_pipeline.footage.model import ClipFacts, FetchedClip
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import read_number, run
from montage_pipeline_tests.rendering.edits import HEIGHT, Cut, timeline_of
from montage_pipeline_tests.rendering.sources import remuxed, written
from montage_pipeline_tests.rendering.video.any_source import LONG, rendered


def _packages(source: FetchedClip, folder: Path) -> dict[str, FetchedClip]:
    """The same frames in files of many shapes."""
    copy = ("-c", "copy")
    stored = source.path.read_bytes()
    fast = remuxed(source, "fast.mp4", *copy, "-movflags", "+faststart").path.read_bytes()
    fragments = remuxed(
        source, "fragments.mp4", *copy, "-movflags", "+frag_keyframe+empty_moov+default_base_moof"
    )
    stream = remuxed(source, "whole.ts", *copy).path.read_bytes()
    vp8 = ("-c:v", "libvpx", "-threads", "1", "-deadline", "realtime", "-b:v", "1M", "-g", "15")
    web = remuxed(source, "whole.webm", *vp8, "-c:a", "libopus").path.read_bytes()
    image = folder / "cover.jpg"
    run(["-f", "lavfi", "-i", "testsrc2=s=640x360,format=yuvj420p", "-frames:v", "1", str(image)])
    cover = ("-i", str(image), "-map", "1", "-map", "0:v", "-map", "0:a", *copy)
    small = (
        *("-f", "lavfi", "-i", "testsrc2=s=96x54:d=2.5", "-map", "1", "-map", "0"),
        *(*copy, "-c:v:0", "libx264"),
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
        "half a web video": written(folder, "half.webm", web[: len(web) * 6 // 10]),
        "half the fragments": written(
            folder, "half.mp4", fragments.path.read_bytes()[: fragments.bytes * 7 // 10]
        ),
        "begins anywhere": written(folder, "anywhere.ts", stream[188 * 61 + 77 :]),
        "called something else": written(folder, "photo.jpg", stored),
    }


def _numbered(path: Path, facts: ClipFacts) -> list[tuple[float, int]]:
    """Time and number of every frame that PyAV decodes."""
    whole = CropRect(x=0, y=0, width=facts.width, height=facts.height)
    with open_clip(path) as container:
        frames = decoded_frames(container, video_stream(container, facts))
        return [
            (
                time_s,
                read_number(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), facts, whole),
            )
            for time_s, frame in frames
        ]


def test_files_of_every_shape(
    clip: ClipMaker, media: Path, music: Path, tmp_path: Path, ffmpeg_engine: RenderEngine
) -> None:
    packages = _packages(clip(LONG), media)
    cuts = [Cut(package, 0.5, 12) for package in packages.values()]
    timeline = timeline_of(cuts)
    shown = iter(rendered(ffmpeg_engine, cuts, music, tmp_path))
    for (what, package), segment in zip(packages.items(), timeline.segments, strict=True):
        facts = timeline.clips[segment.clip]
        frames = _numbered(package.path, facts)
        numbers = [read_number(next(shown), facts, segment.crop) for _ in range(segment.frames)]
        expected = [
            max(frame for frame in frames if frame[0] <= segment.source_in_s + k / 30 + 0.001)[1]
            for k in range(segment.frames)
        ]
        assert numbers == expected, what
        assert expected == list(range(expected[0], expected[0] + 12)), what


def test_clip_that_changes_its_size_is_never_stretched(
    clip: ClipMaker, media: Path, music: Path, tmp_path: Path, ffmpeg_engine: RenderEngine
) -> None:
    first = remuxed(clip(LONG), "first.ts", "-map", "0:v", "-c", "copy").path.read_bytes()
    then = ("-map", "0:v", "-c:v", "libx264", "-crf", "14", "-output_ts_offset", "2.5")
    clips = [
        written(
            media,
            f"{name}.ts",
            first + remuxed(clip(LONG), f"then-{name}.ts", "-vf", filters, *then).path.read_bytes(),
        )
        for name, filters in (
            ("smaller", "scale=96:72"),
            ("larger", "scale=384:288"),
            ("turned", "pad=192:300:0:78,setsar=1"),
        )
    ]
    cuts = [Cut(source, 2.0, 30) for source in clips]
    timeline = timeline_of(cuts)
    shown = rendered(ffmpeg_engine, cuts, music, tmp_path)
    for number, segment in enumerate(timeline.segments[:2]):
        numbers = [
            read_number(frame, timeline.clips[number], segment.crop)
            for frame in shown[30 * number : 30 * number + 30]
        ]
        assert numbers[0] in (60, 61)
        assert numbers[:8] == list(range(numbers[0], numbers[0] + 8))
        assert numbers[-10:] == list(range(numbers[-10], numbers[-10] + 10))
        assert 0 < numbers[-10] < 12
    # The upright frame that follows is shown as large as fills the first shape: its upper part is
    # black.
    assert shown[-1][: HEIGHT // 3].max() < 12
    assert len(shown) == 90
