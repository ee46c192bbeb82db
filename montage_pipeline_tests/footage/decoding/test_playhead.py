"""The way to a wanted frame, whose frames are not all decoded, against decoding all of them."""

import bisect
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from montage_pipeline.footage.container import decoded_frames, open_clip, video_stream
from montage_pipeline.footage.decoding.frames import RgbFrame, rgb_frame
from montage_pipeline.footage.decoding.playhead import Playhead
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.footage.probe import probe
from montage_pipeline_tests.footage.media import H264, HEVC_10, fetched, make_clip

_LENGTH_S = 8
_SIDE = 64

# Frames that others need and such that none does, three deep; a frame that stays up for 2 s.
_H264 = (*H264, "-preset", "fast", "-bf", "5", "-x264-params", "b-pyramid=normal:b-adapt=0")
_HOLE = "select='lt(n,97)+gte(n,147)'"

_ENCODED = {
    "one keyframe": (*_H264, "-g", "999"),
    "many keyframes": (*_H264, "-g", "50"),
    "open groups": (*_H264, "-g", "50", "-flags", "-cgop", "-x264-params", "open-gop=1:bframes=3"),
    "a hole": (*_H264, "-g", "999", "-fps_mode", "passthrough"),
    "H.265": HEVC_10,
}


@pytest.fixture(scope="module", params=_ENCODED)
def clip(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ClipFacts, list[tuple[float, RgbFrame]]]:
    """A clip, its facts, and every frame of it with its time."""
    path = make_clip(
        tmp_path_factory.mktemp("played") / "clip.mp4",
        source="testsrc2=size=128x96:rate={rate}",
        rate="25",
        duration_s=_LENGTH_S,
        filters=_HOLE if request.param == "a hole" else "null",
        output=_ENCODED[request.param],
    )
    facts = probe(fetched(path))
    with open_clip(path) as container:
        stream = video_stream(container, facts, threads=1)
        frames = [
            (time_s, rgb_frame(frame, facts, _SIDE))
            for time_s, frame in decoded_frames(container, stream)
        ]
    return path, facts, frames


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    shares=st.lists(st.floats(-0.1, 1.1), min_size=1, max_size=6).map(sorted),
    threads=st.sampled_from([1, 2]),
)
def test_the_frame_on_screen_is_that_of_a_clip_decoded_as_a_whole(
    clip: tuple[Path, ClipFacts, list[tuple[float, RgbFrame]]],
    shares: list[float],
    threads: int,
) -> None:
    path, facts, frames = clip
    times_s = [facts.start_s + share * facts.duration_s for share in shares]
    begins_s = [time_s for time_s, _ in frames]
    with open_clip(path) as container:
        playhead = Playhead(container, facts, threads)
        for time_s in times_s:
            shown = rgb_frame(playhead.frame_at(time_s), facts, _SIDE)
            on_screen = max(0, bisect.bisect_right(begins_s, time_s + 1e-6) - 1)
            assert np.array_equal(shown, frames[on_screen][1]), f"at {time_s:.3f} s"
