"""Two fields in one frame: one of them is shown, whole."""

from pathlib import Path

import pytest

from montage_pipeline.editing.timeline import CropRect
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.rendering.video.segment_reader import SegmentReader
from montage_pipeline_tests.footage.media import fetched
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import (
    CounterClip,
    expected_number,
    read_number,
    source_times,
    write_clip,
)
from montage_pipeline_tests.rendering.edits import Cut, frames_of, paths_of, timeline_of
from montage_pipeline_tests.rendering.sources import MPEG2
from montage_pipeline_tests.rendering.video.any_source import rendered


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
        read_number(frame, facts, crop) // 2
        for frame in rendered(ffmpeg_engine, cuts, music, tmp_path)
    ]
    assert shown == [expected_number(times, start_s + k / 30) for k in range(10)]


def test_interlaced_is_deinterlaced(
    engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    moving = "tinterlace=interleave_top,setfield=tff"
    video = ("-c:v", "libx264", "-flags", "+ildct+ilme", "-x264-params", "tff=1", "-crf", "14")
    source = clip(
        CounterClip("fields.mp4", fps="50", frames=50, first=1, filters=moving, video=video)
    )
    cuts = [Cut(source, 0.2, 10)]
    timeline = timeline_of(cuts)
    assert timeline.clips[0].interlaced
    output = tmp_path / "reel.mp4"
    engine.render(timeline, paths_of(cuts), music, output, lambda share: None)
    # Two numbers are woven into each source frame, 2n + 1 and 2n + 2; only the first may be seen.
    # The lowest bit is the same comb in every frame, which no deinterlacer can tell from a still
    # pattern.
    shown = [
        read_number(frame, timeline.clips[0], timeline.segments[0].crop) // 2
        for frame in frames_of(output)
    ]
    assert shown == [int((0.2 + k / 30) * 25 + 0.03) for k in range(10)]


def test_interlaced_frames_that_change_their_size_are_shown(tmp_path: Path) -> None:
    """A broadcast that goes over from SD to HD: a deinterlacer is set up for one size."""
    path = tmp_path / "broadcast.ts"
    for number, height in enumerate((240, 480)):
        part = CounterClip(
            f"{height}.ts",
            fps="25",
            frames=25,
            first=25 * number,
            width=height * 4 // 3,
            height=height,
            video=(*MPEG2, "-flags", "+ildct+ilme"),
            output=("-output_ts_offset", str(number)),
        )
        with path.open("ab") as file:
            file.write(write_clip(part, tmp_path).path.read_bytes())

    timeline = timeline_of([Cut(fetched(path), 0.4, 36)])
    facts = timeline.clips[0]
    assert facts.interlaced
    whole = CropRect(x=0, y=0, width=facts.width, height=facts.height)
    reader = SegmentReader(timeline, 0, path, 1)
    shown = [read_number(reader.frame(number), facts, whole) for number in range(36)]
    reader.close()
    assert shown == sorted(shown)
    # FFmpeg drops a frame that waits to be shown when the size changes.
    assert len({*range(10, 38)} - {*shown}) <= 1
