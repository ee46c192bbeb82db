"""Which frames stand for a segment and for its grade, told by the numbers that frames carry."""

import numpy as np
import pytest

from montage_pipeline.editing.decoded.segment_frames import ClipFrame, edit_frames, segment_frames
from montage_pipeline.editing.steadying.camera_path import camera_path
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.decoding.frames import RgbFrame
from montage_pipeline.footage.decoding.sample import frames_at
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


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_one_pass_gives_what_each_would_be_given_alone(
    clips: list[FetchedClip], cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "montage_pipeline.editing.decoded.segment_frames.usable_cores", lambda: cores
    )
    one, other = clips
    timeline = timeline_of([Cut(one, 1.0, 12), Cut(one, 0.2, 24), Cut(other, 0.5, 12)])
    sources = {clip.url: clip.path for clip in clips}
    others = [ClipFrame(0, 0.1, 100), ClipFrame(1, 1.7, 200), ClipFrame(0, 1.0, 960)]
    spans = {0: tuple(1 + n / 30 for n in range(12)), 2: tuple(0.5 + n / 30 for n in range(12))}
    seen = edit_frames(timeline, sources, inside=(1,), others=others, spans=spans)

    plain = segment_frames(timeline, sources, inside=(1,))
    for number, frames in plain.items():
        assert np.array_equal(seen.segments[number].first, frames.first)
        assert all(map(np.array_equal, seen.segments[number].inside, frames.inside))
    for frame in others:
        facts = timeline.clips[frame.clip]
        [alone] = frames_at(clips[frame.clip].path, facts, [frame.time_s], frame.side)
        assert np.array_equal(seen.others[frame], alone)
    for number, times_s in spans.items():
        clip, facts = (
            timeline.segments[number].clip,
            facts_of(clips[timeline.segments[number].clip]),
        )
        small = frames_at(clips[clip].path, facts, times_s, 480)
        path, found = camera_path(small), seen.paths[number]
        assert path is not None
        assert found is not None
        assert np.allclose(found, path * (facts.width / small[0].shape[1]))


def test_a_clip_without_a_file_is_named(clips: list[FetchedClip]) -> None:
    timeline = timeline_of([Cut(clip, 0.1, 12) for clip in clips])
    with pytest.raises(PermanentError, match=r"b\.mp4") as refused:
        segment_frames(timeline, {clips[0].url: clips[0].path})
    assert refused.value.code is ErrorCode.CLIP_MISSING
