"""Which frames stand for a segment and for its grade, told by the numbers that frames carry."""

import pytest

from montage_pipeline.editing.decoded.segment_frames import segment_frames
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.decoding.frames import RgbFrame
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline_tests.rendering.counters import CounterClip, facts_of, read_number, write_clip
from montage_pipeline_tests.rendering.edits import Cut, middle_crop, timeline_of


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[FetchedClip]:
    folder = tmp_path_factory.mktemp("counted")
    return [write_clip(CounterClip(f"{name}.mp4", frames=60), folder) for name in "ab"]


def test_a_segment_shows_its_first_frame_and_those_inside_that_are_asked_for(
    clips: list[FetchedClip],
) -> None:
    one, other = clips
    # The second shows earlier footage of the clip than the first does.
    timeline = timeline_of([Cut(one, 1.0, 12), Cut(one, 0.2, 24), Cut(other, 0.5, 12)])
    frames = segment_frames(timeline, {clip.url: clip.path for clip in clips}, inside=(1, 2))

    def number(frame: RgbFrame, clip: FetchedClip) -> int:
        facts = facts_of(clip)
        return read_number(frame, facts, middle_crop(facts, facts.width, facts.height))

    shown = [number(frames[index].first, clip) for index, clip in enumerate((one, one, other))]
    assert shown == [30, 6, 15]
    assert frames[0].inside == ()
    assert [number(frame, one) for frame in frames[1].inside] == [10, 18, 26]
    assert [number(frame, other) for frame in frames[2].inside] == [17, 21, 25]


def test_a_clip_without_a_file_is_named(clips: list[FetchedClip]) -> None:
    timeline = timeline_of([Cut(clip, 0.1, 12) for clip in clips])
    with pytest.raises(PermanentError, match=r"b\.mp4") as refused:
        segment_frames(timeline, {clips[0].url: clips[0].path})
    assert refused.value.code is ErrorCode.CLIP_MISSING
