"""Segments come together, within limits: night, sunsets, white and skin stay what they are."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from montage_pipeline.editing.decoded.segment_frames import segment_frames
from montage_pipeline.editing.grading.colours import graded
from montage_pipeline.editing.grading.matching import matched_grades, matched_timeline
from montage_pipeline.editing.timeline import Grade, Timeline
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.styles import STYLES
from montage_pipeline.styles.model import LookTaste
from montage_pipeline_tests.editing.grading.scenes import SKIN_TONES, Frames, scene, shot
from montage_pipeline_tests.examples import examples
from montage_pipeline_tests.rendering.edits import Cut, timeline_of

_PLAIN = LookTaste()
_CAMERAS = (
    {"stops": 0.0},
    {"stops": 0.5, "balance": (1.08, 1.0, 0.9)},
    {"stops": -0.5, "balance": (0.93, 1.0, 1.1)},
    {"stops": 0.25, "balance": (0.96, 1.0, 1.08)},
    {"stops": -0.3, "balance": (1.06, 1.0, 0.92)},
)
"""Phones differ by about as much when they film the same thing."""


def _lab(rgb: Frames) -> NDArray[np.float32]:
    """By OpenCV, which is not what the product measures with."""
    return np.asarray(cv2.cvtColor(rgb.reshape(1, -1, 3).astype(np.float32), cv2.COLOR_RGB2LAB)[0])


def _mean(rgb: Frames) -> NDArray[np.float32]:
    return np.asarray(_lab(rgb).mean(axis=0))


def _apart(crops: Sequence[Frames]) -> float:
    """Mean Delta E (CIE 1976) between neighbours."""
    return float(np.mean([np.linalg.norm(_mean(a) - _mean(b)) for a, b in pairwise(crops)]))


def _matched(crops: Sequence[Frames], look: LookTaste = _PLAIN) -> list[Frames]:
    grades = matched_grades(crops, [90] * len(crops), look)
    return [graded(crop, grade) for crop, grade in zip(crops, grades, strict=True)]


def test_what_several_cameras_took_of_one_place_is_at_most_half_as_far_apart() -> None:
    left = []
    for seed in range(8):
        crops = [shot(scene(seed), **camera) for camera in _CAMERAS]
        assert _apart(crops) > 8
        left.append(_apart(_matched(crops)) / _apart(crops))
    assert np.mean(left) <= 0.5
    assert max(left) <= 0.6, "things with the colour of skin hold back what turns it"


@pytest.mark.parametrize(("level", "share"), [(0.015, 0.2), (0.62, 0.35)])
def test_night_and_white_are_matched_to_their_own_kind(level: float, share: float) -> None:
    """What three cameras took of one dark or white place: what keeps night dark beside day, and
    white beside a forest, does not keep them apart. What clipped in the brightest stays white.
    """
    light = 0.4 * level + 0.6 * level * np.clip(scene(5, level=0.5), 0, 1)
    crops = [shot(light.astype(np.float32), stops=stops) for stops in (0.0, 0.4, -0.4)]
    assert _apart(_matched(crops)) <= share * _apart(crops)


def test_what_one_camera_took_is_left_alone_but_for_the_look() -> None:
    crops = [shot(scene(3)) for _ in range(4)]
    for grade in matched_grades(crops, [60] * 4, LookTaste(contrast=0.05, warmth=0.001)):
        assert grade.gamma == pytest.approx(1, abs=0.01)
        assert grade.saturation == pytest.approx(1, abs=0.02)
        assert (grade.contrast, grade.red, grade.blue) == (0.05, 0.001, -0.001)


def test_night_stays_night() -> None:
    street = scene(5, level=0.003)
    street[:, 5:8, 10:13] = 0.9  # a lamp
    crops = [shot(scene(seed)) for seed in range(4)]
    crops.insert(2, shot(street))
    after = _matched(crops)[2]
    assert _mean(crops[2])[0] < 12
    assert _mean(after)[0] < _mean(crops[2])[0] + 4


def test_a_sunset_stays_warm() -> None:
    height = np.linspace(0, 1, 48)[:, None]
    sky = np.stack([0.5 + 0.3 * height, 0.12 + 0.22 * height, 0.06 * height + 0.05], axis=-1)
    light = np.tile(sky, (1, 48, 1))[None].astype(np.float32)
    light[:, 30:] *= np.float32(0.08)  # the sea
    crops = [shot(scene(seed), balance=(0.97, 1, 1.05)) for seed in range(4)]
    crops.insert(2, shot(light))
    before, after = _mean(crops[2]), _mean(_matched(crops)[2])
    assert before[2] > 20
    assert after[2] > 0.8 * before[2]
    hues = [np.degrees(np.arctan2(b, a)) for _, a, b in (before, after)]
    assert abs(hues[0] - hues[1]) < 6


def test_a_white_studio_stays_white() -> None:
    studio = np.full((1, 48, 48, 3), 0.86, np.float32)
    studio[:, 20:30, 20:30] = (0.05, 0.2, 0.5)
    crops = [shot(scene(seed, level=0.12)) for seed in range(4)]
    crops.insert(1, shot(studio))
    after = _matched(crops)[1]
    assert np.median(_lab(after)[:, 0]) > np.median(_lab(crops[1])[:, 0]) - 0.7


@settings(max_examples=examples(0.5), deadline=None)
@given(
    skin=st.sampled_from(SKIN_TONES),
    red=st.floats(0.9, 1.1),
    blue=st.floats(0.9, 1.1),
    stops=st.floats(-1, 1),
    style=st.sampled_from(sorted(STYLES)),
)
def test_skin_keeps_its_hue(
    skin: tuple[float, float, float], red: float, blue: float, stops: float, style: str
) -> None:
    person = shot(scene(7, skin=skin), stops=stops, balance=(red, 1.0, blue))
    crops = [shot(scene(seed)) for seed in (1, 2)] + [person] + [shot(scene(4))]
    [grade] = matched_grades(crops, [60] * 4, STYLES[style].look)[2:3]
    face = np.ascontiguousarray(person[:, 14:34, 18:32])
    # Stored in whole levels before and after, as a video is.
    hues = []
    for pixels in (face, graded(face, grade)):
        levels = np.round(np.asarray(pixels) * 255).astype(np.float32) / 255
        _, a, b = _mean(levels)
        hues.append(np.degrees(np.arctan2(b, a)))
    assert abs((hues[1] - hues[0] + 180) % 360 - 180) <= 3.0


def test_every_style_has_a_look_of_its_own_that_is_subtle() -> None:
    looks = [style.look for style in STYLES.values()]
    assert len(set(looks)) == len(looks)
    card = shot(scene(1))
    for look in looks:
        [grade] = matched_grades([card], [60], look)
        assert 0.5 < np.linalg.norm(_lab(graded(card, grade)) - _lab(card), axis=-1).mean() < 5


def _matched_reel(timeline: Timeline, sources: dict[str, Path]) -> Timeline:
    everywhere = range(len(timeline.segments))
    return matched_timeline(timeline, segment_frames(timeline, sources, inside=everywhere))


@pytest.fixture(scope="module")
def reel(tmp_path_factory: pytest.TempPathFactory) -> tuple[Timeline, dict[str, Path]]:
    """A dark, a bright and a middling clip of one pattern, and where they are."""
    from montage_pipeline_tests.rendering.counters import CounterClip, write_clip

    folder = tmp_path_factory.mktemp("look")
    clips = []
    for name, change in {"dark": "gamma=0.7", "bright": "gamma=1.4", "middling": "gamma=1"}.items():
        clip = CounterClip(f"{name}.mp4", frames=45, filters=f"eq={change}")
        clips.append(write_clip(clip, folder))
    timeline = timeline_of([Cut(clip, 0.1, 30) for clip in clips])
    return timeline, {clip.url: clip.path for clip in clips}


def test_clips_are_measured_and_matched_the_same_every_time(
    reel: tuple[Timeline, dict[str, Path]],
) -> None:
    timeline, sources = reel
    matched = _matched_reel(timeline, sources)
    dark, bright, middling = (segment.grade or Grade() for segment in matched.segments)
    assert dark.gamma < 0.94 < 0.97 < middling.gamma < 1.03 < 1.06 < bright.gamma
    assert matched == _matched_reel(timeline, sources)
    assert Timeline.model_validate_json(matched.model_dump_json()) == matched
    ungraded = [segment.model_copy(update={"grade": None}) for segment in matched.segments]
    assert tuple(ungraded) == timeline.segments


def test_only_what_the_crop_shows_is_measured(reel: tuple[Timeline, dict[str, Path]]) -> None:
    timeline, sources = reel
    halves = dict(sources)
    folder = next(iter(sources.values())).parent
    first = timeline.segments[0]
    lit = folder / "half.mp4"
    # The same clip with everything beside the crop made white.
    left, right = first.crop.x - 4, first.crop.x + first.crop.width + 4
    boxes = f"drawbox=w={left}:c=white:t=fill,drawbox=x={right}:c=white:t=fill"
    run_ffmpeg(["-y", "-i", str(sources[first.clip_url]), "-vf", boxes, "-crf", "12", str(lit)])
    halves[first.clip_url] = lit
    one, other = (
        _matched_reel(timeline, where).segments[0].grade or Grade() for where in (sources, halves)
    )
    assert one.gamma == pytest.approx(other.gamma, abs=0.02)
