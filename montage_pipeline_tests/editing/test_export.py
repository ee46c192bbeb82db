"""What another program reads back is the same edit."""

from fractions import Fraction
from xml.etree import ElementTree

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from montage_pipeline.editing.export import METADATA, EditFormat, exported_edit
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import PermanentError
from montage_pipeline.footage.model import FrameRate
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing.footage import steady_clips, steady_music
from montage_pipeline_tests.examples import examples


def _edit(seed: int, duration_s: int, fps: FrameRate) -> tuple[Timeline, MusicTrack]:
    track = steady_music(120, duration_s + 5)
    request = EditRequest(
        request_id="r", style="travel", format=Format.REEL, duration_s=duration_s, seed=seed
    )
    return plan_timeline(request, steady_clips(5, 25, seed=seed, fps=fps), track), track


def _cuts(
    edit: otio.schema.Timeline, track: otio.schema.Track, rate: float
) -> list[tuple[str, int, int]]:
    """Name, first source frame and frames of each clip, at the Reel's rate."""
    found = []
    for clip in track:
        if isinstance(clip, otio.schema.Clip):
            span = clip.trimmed_range()
            found.append(
                (
                    clip.name,
                    round(span.start_time.rescaled_to(rate).value),
                    round(span.duration.rescaled_to(rate).value),
                )
            )
    return found


@settings(max_examples=examples(0.15), deadline=None)
@given(
    seed=st.integers(0, 10_000),
    duration_s=st.integers(10, 60),
    fps=st.sampled_from(
        [FrameRate(num=30, den=1), FrameRate(num=25, den=1), FrameRate(num=30000, den=1001)]
    ),
)
def test_every_format_reads_back_as_the_same_cuts(
    seed: int, duration_s: int, fps: FrameRate
) -> None:
    timeline, music = _edit(seed, duration_s, fps)
    rate = float(timeline.fps.fraction)
    expected = [
        (f"clip{segment.clip}.mp4", round(segment.source_in_s * rate), segment.frames)
        for segment in timeline.segments
    ]
    for format, adapter in (
        (EditFormat.OTIO, "otio_json"),
        (EditFormat.EDL, "cmx_3600"),
        (EditFormat.FCP_XML, "fcp_xml"),
    ):
        text = exported_edit(timeline, format, music, "file:///music.m4a")
        options = {"rate": rate} if adapter == "cmx_3600" else {}
        edit = otio.adapters.read_from_string(text, adapter, **options)
        if not isinstance(edit, otio.schema.Timeline):
            edit = next(iter(edit))
        (video,) = edit.video_tracks()
        assert _cuts(edit, video, rate) == expected, format
        assert round(video.duration().rescaled_to(rate).value) == timeline.total_frames, format
        assert all(
            clip.media_reference.target_url == timeline.clips[segment.clip].url
            for clip, segment in zip(video, timeline.segments, strict=True)
            if isinstance(clip.media_reference, otio.schema.ExternalReference)
        ), format


def test_sound_music_and_beats_go_along() -> None:
    timeline, music = _edit(3, 20, FrameRate(num=30, den=1))
    silent = timeline.clips[timeline.segments[1].clip]
    clips = tuple(
        clip.model_copy(update={"audio_stream": None}) if clip.url == silent.url else clip
        for clip in timeline.clips
    )
    edit = otio.adapters.read_from_string(
        exported_edit(timeline.model_copy(update={"clips": clips}), EditFormat.OTIO, music),
        "otio_json",
    )
    video, sound, tune = edit.tracks
    assert [isinstance(item, otio.schema.Gap) for item in sound] == [
        segment.clip_url == silent.url for segment in timeline.segments
    ]
    assert sound.duration() == video.duration() == tune.duration()
    (played,) = tune
    assert played.source_range.start_time.to_seconds() == pytest.approx(
        timeline.music.source_in_s, abs=0.5 / 30
    )
    marked = {marker.marked_range.start_time.value for marker in video.markers}
    assert {
        cut
        for cut, segment in zip(timeline.cut_frames, timeline.segments, strict=False)
        if segment.on_beat
    } <= {frame + near for frame in marked for near in (-1, 0, 1)}
    about = video[0].metadata[METADATA]
    assert about["why"] == timeline.segments[0].why
    assert about["source_in_s"] == timeline.segments[0].source_in_s
    assert dict(about["crop"]) == timeline.segments[0].crop.model_dump()


def test_what_an_edl_cannot_hold_is_refused() -> None:
    timeline, music = _edit(3, 20, FrameRate(num=30, den=1))
    odd = timeline.model_copy(update={"fps": FrameRate(num=30000, den=1001)})
    assert odd.fps.fraction == Fraction(30000, 1001)
    with pytest.raises(PermanentError, match="whole frames") as failure:
        exported_edit(odd, EditFormat.EDL, music)
    assert failure.value.code == "export_impossible"
    assert "<xmeml" in exported_edit(odd, EditFormat.FCP_XML, music)


def test_speeds_go_along_as_each_program_counts_them() -> None:
    timeline, music = _edit(3, 20, FrameRate(num=60, den=1))
    slow, little = (
        timeline.segments[number].model_copy(update={"speed": speed, "source_in_s": 4.2})
        for number, speed in ((1, 0.5), (2, 0.97))
    )
    segments = (timeline.segments[0], slow, little, *timeline.segments[3:])
    timeline = timeline.model_copy(update={"segments": segments})
    speeds = [segment.speed for segment in segments]

    edit = otio.adapters.read_from_string(
        exported_edit(timeline, EditFormat.OTIO, music), "otio_json"
    )
    video, sound, _ = edit.tracks
    warped = [clip.effects[0].time_scalar if clip.effects else 1 for clip in video]
    assert warped == speeds
    # Slow motion is silent; what is a little slower is heard.
    assert [isinstance(item, otio.schema.Gap) for item in sound] == [
        speed == 0.5 for speed in speeds
    ]

    edl = exported_edit(timeline, EditFormat.EDL, music)
    events = [line.split() for line in edl.splitlines() if line[:3].isdigit()]
    for event, segment in zip(events, segments, strict=True):
        source, record = (
            otio.opentime.from_timecode(end, 30) - otio.opentime.from_timecode(begin, 30)
            for begin, end in (event[4:6], event[6:8])
        )
        assert record.value == segment.frames
        assert source.value == round(segment.frames * segment.speed)
    assert [line.split()[:3] for line in edl.splitlines() if line.startswith("M2")] == [
        ["M2", events[1][1], "015.0"],
        ["M2", events[2][1], "029.1"],
    ]
    read = otio.adapters.read_from_string(edl, "cmx_3600", rate=30)
    assert [clip.effects[0].time_scalar if clip.effects else 1 for clip in read.tracks[0]] == (
        pytest.approx(speeds, abs=0.002)
    )

    items = ElementTree.fromstring(exported_edit(timeline, EditFormat.FCP_XML, music)).findall(
        ".//video/track/clipitem"
    )
    named = {"effectid": "timeremap", "mediatype": "video"}
    for item, segment in zip(items, segments, strict=True):
        effect = item.find("filter/effect")
        assert (effect is None) == (segment.speed == 1)
        if effect is not None:
            assert {name: effect.findtext(name) for name in named} == named
            percent = effect.findtext("parameter[parameterid='speed']/value")
            assert float(percent or 0) == pytest.approx(100 * segment.speed)
            begin, end = (int(item.findtext(name) or 0) for name in ("in", "out"))
            # Counted in frames of the slowed clip.
            assert begin * segment.speed == pytest.approx(4.2 * 30, abs=1)
            assert end - begin == segment.frames
