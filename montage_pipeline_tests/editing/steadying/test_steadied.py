"""Shaky segments come out steady, inside their frames; steady ones stay as they are."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from montage_pipeline.editing.decoded.steadied_edit import steadied_timeline
from montage_pipeline.editing.framing.crops import middle_crop
from montage_pipeline.editing.steadying.camera_path import camera_path, shake_of
from montage_pipeline.editing.steadying.steadied import best_steadied
from montage_pipeline.editing.timeline import Segment, Timeline, crop_corner
from montage_pipeline.footage.model import Box, FetchedClip
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import FrameSize
from montage_pipeline_tests.examples import examples
from montage_pipeline_tests.footage.media import fetched, filmed, make_clip, scenery
from montage_pipeline_tests.rendering.edits import Cut, frames_of, music_of, paths_of, timeline_of

FRAMES = 60
SHAKES = "x=200+2*n+9*sin(2.1*n)+6*sin(0.9*n):y=45+8*sin(1.7*n)"
"""A camera that pans and shakes, in pixels of 640x360: it shakes at 4 to 10 Hz."""

# Somebody walks through before a camera at rest, and takes half of the view.
STANDS, WALKS = "x=200:y=45", "overlay=x=40+6*n+20*sin(n):y=0"

Frames = Sequence[NDArray[np.uint8]]


@pytest.fixture(scope="module")
def shaky(tmp_path_factory: pytest.TempPathFactory) -> FetchedClip:
    folder = tmp_path_factory.mktemp("shaky")
    source = filmed(scenery(folder / "view.png", seed=12), SHAKES)
    return fetched(make_clip(folder / "shaky.mp4", source=source, size="640x360", duration_s=2.5))


def timeline_with(clip: FetchedClip) -> Timeline:
    return timeline_of([Cut(clip, 0.1, FRAMES)])


def steadied(timeline: Timeline, clip: FetchedClip, stability: float = 0.1) -> Timeline:
    return steadied_timeline(timeline, {"m0": stability}, {clip.url: clip.path})


def delivered(timeline: Timeline, clip: FetchedClip, folder: Path) -> list[NDArray[np.uint8]]:
    output = folder / "reel.mp4"
    music = music_of(folder / "music.wav", 10)
    FfmpegEngine(Settings(render_jobs=2)).render(
        timeline, paths_of([Cut(clip, 0.1, FRAMES)]), music, output, lambda share: None
    )
    return list(frames_of(output))


def seen_shake(frames: Frames) -> float:
    """What is fast in the way of the picture (pixels), followed by phase correlation."""
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32) for frame in frames]
    window = cv2.createHanningWindow(grey[0].shape[::-1], cv2.CV_32F)
    steps = [cv2.phaseCorrelate(a, b, window)[0] for a, b in pairwise(grey)]
    path = np.cumsum(steps, axis=0)
    fast = (path - gaussian_filter1d(path, 7.5, axis=0, mode="nearest"))[8:-8]
    return float(np.sqrt((fast**2).sum(axis=1).mean()))


def test_the_finished_file_shakes_less_than_half_and_has_no_borders(
    shaky: FetchedClip, tmp_path: Path
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    timeline = timeline_with(shaky)
    steady = steadied(timeline, shaky)
    was = seen_shake(delivered(timeline, shaky, before))
    frames = delivered(steady, shaky, after)
    assert was > 3
    assert seen_shake(frames) < 0.5 * was

    for frame in frames:
        edges = (frame[:2], frame[-2:], frame[:, :2], frame[:, -2:])
        assert all(edge.max() > 60 for edge in edges)
    # The same footage gives the same edit, and a stored one can be read back.
    assert steadied(timeline, shaky) == steady
    assert Timeline.model_validate_json(steady.model_dump_json()) == steady


def test_what_a_camera_does_is_measured_to_a_fraction_of_a_pixel(tmp_path: Path) -> None:
    view = cv2.imread(str(scenery(tmp_path / "view.png", seed=5)))
    assert view is not None
    random = np.random.default_rng(3)
    places = 40 + np.cumsum(random.integers(-4, 5, (20, 2)), axis=0)
    frames = [np.ascontiguousarray(view[y : y + 240, x : x + 320]) for x, y in places]
    path = camera_path([frame.astype(np.uint8) for frame in frames])
    assert path is not None
    assert np.abs(path + (places - places[0])).max() < 0.5


def test_a_steady_segment_stays_as_it_is(tmp_path: Path, shaky: FetchedClip) -> None:
    pans = filmed(scenery(tmp_path / "view.png", seed=13), "x=20+2*n:y=45")
    clip = fetched(make_clip(tmp_path / "pans.mp4", source=pans, size="640x360", duration_s=2.5))
    assert steadied(timeline_with(clip), clip) == timeline_with(clip)
    # What the analysis found steady is not even decoded.
    steady = timeline_with(shaky)
    assert steadied_timeline(steady, {"m0": 0.9}, {}) == steady


def test_who_walks_before_a_camera_at_rest_does_not_move_it(tmp_path: Path) -> None:
    view = filmed(scenery(tmp_path / "view.png", seed=14), STANDS)
    walker = scenery(tmp_path / "walker.png", seed=15, size=(260, 360))
    graph = f"{view}[v];movie=filename='{walker}',loop=-1:1,setpts=N/({{rate}}*TB)[w];[v][w]{WALKS}"
    clip = fetched(make_clip(tmp_path / "walk.mp4", source=graph, size="640x360", duration_s=2.5))
    assert steadied(timeline_with(clip), clip) == timeline_with(clip)


@settings(max_examples=examples(0.5), deadline=None)
@given(
    seed=st.integers(0, 1000),
    size=st.floats(2, 60),
    moves=st.sampled_from([0, 40]),
)
def test_the_crop_never_leaves_the_frame(
    shaky: FetchedClip, seed: int, size: float, moves: int
) -> None:
    random = np.random.default_rng(seed)
    path = np.cumsum(random.normal(0, size, (FRAMES, 2)), axis=0)
    timeline = timeline_with(shaky)
    segment = timeline.segments[0]
    if moves:
        end = segment.crop.model_copy(update={"x": segment.crop.x + moves})
        segment = segment.model_copy(update={"crop_end": end})
    steady: Segment = best_steadied(timeline, segment, path)

    # The timeline refuses a crop that leaves its frame at any time.
    Timeline.model_validate({**timeline.model_dump(), "segments": [steady.model_dump()]})
    assert steady.crop.height >= segment.crop.height / 1.13
    if steady != segment:
        left = path - np.asarray(steady.steadying)
        assert shake_of(left, 30) <= 0.5 * shake_of(path, 30)
    else:
        assert steady.steadying == ()


@settings(max_examples=examples(0.5), deadline=None)
@given(seed=st.integers(0, 1000), size=st.floats(2, 20))
def test_the_crop_never_leaves_the_picture(shaky: FetchedClip, seed: int, size: float) -> None:
    path = np.random.default_rng(seed).normal(0, size, (FRAMES, 2))
    plain = timeline_with(shaky)
    picture = Box(x=0.0, y=0.125, width=1.0, height=0.75)
    facts = plain.clips[0].model_copy(update={"picture": picture})
    timeline = plain.model_copy(update={"clips": (facts,)})
    crop = middle_crop(facts, FrameSize(timeline.width, timeline.height))
    segment = plain.segments[0].model_copy(update={"crop": crop})
    steady = best_steadied(timeline, segment, path)
    for frame in range(FRAMES):
        _, y = crop_corner(steady, frame)
        assert y >= 45 - 0.01
        assert y + steady.crop.height <= 315 + 0.01
