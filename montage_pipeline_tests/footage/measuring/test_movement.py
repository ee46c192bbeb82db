"""Action is what moves apart from the rest of the frame, whoever holds the camera."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.movement import (
    FrameMotion,
    MotionMeter,
    action,
    energy,
    stability,
    torn_away,
    travel,
)
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box

_HEIGHT, _WIDTH, _FPS = 90, 160, 15

_ALL = Box(x=0, y=0, width=1, height=1)

Field = NDArray[np.floating]


def texture(seed: int, height: int = 2 * _HEIGHT, width: int = 2 * _WIDTH) -> Field:
    """A picture with detail of several sizes, in levels."""
    random = np.random.default_rng(seed)
    layers = [
        np.kron(random.normal(0, 22, (height // size, width // size)), np.ones((size, size)))
        for size in (5, 10, 20)
    ]
    return np.asarray(128 + sum(layers), dtype=np.float64)


def motions(frames: list[Field]) -> list[FrameMotion]:
    meter = MotionMeter()
    planes: list[Plane] = [np.clip(frame, 0, 255).astype(np.uint8) for frame in frames]
    found = [meter.add(place / _FPS, plane) for place, plane in enumerate(planes)]
    return [motion for motion in found if motion is not None]


def seen_action(found: list[FrameMotion]) -> float:
    """Action where all of the frame is shown."""
    return action(found, _ALL)


def view(x: int = 40, y: int = 40) -> Field:
    return texture(1)[y : y + _HEIGHT, x : x + _WIDTH].copy()


def acting() -> list[Field]:
    """A camera at rest, before which something crosses the middle."""
    thing = texture(2)[:30, :30]
    frames = []
    for place in range(24):
        frame = view()
        frame[30:60, 20 + 4 * place : 50 + 4 * place] = thing
        frames.append(frame)
    return frames


def leaves() -> list[Field]:
    """Everything flickers, nothing in particular."""
    random = np.random.default_rng(3)
    return [view() + random.normal(0, 25, (_HEIGHT, _WIDTH)) for _ in range(24)]


def shaken() -> list[Field]:
    """A camera that turns about itself, which no shift of the frame undoes."""
    random = np.random.default_rng(4)
    frames = []
    for _ in range(24):
        rows = (40 + random.integers(-5, 6, _HEIGHT // 10)).repeat(10)
        frames.append(np.stack([view(int(x))[row] for row, x in enumerate(rows)]))
    return frames


def test_somebody_who_acts_stands_out_and_what_moves_everywhere_does_not() -> None:
    acts = motions(acting())
    for everywhere in (motions(leaves()), motions(shaken())):
        assert energy(everywhere) > energy(acts), "there is more raw movement"
        assert seen_action(everywhere) < 0.85 * seen_action(acts)
    assert seen_action(acts) > 0.25
    assert seen_action(motions([view()] * 24)) == 0
    assert seen_action([]) == 0


def test_what_acts_outside_of_what_is_shown_is_no_action() -> None:
    frames = []
    for place in range(24):
        frame = view()
        frame[30:60, 10 + place : 40 + place] = texture(2)[:30, :30]
        frames.append(frame)
    moved = motions(frames)
    assert action(moved, Box(x=0, y=0, width=0.45, height=1)) > seen_action(moved) > 0.03
    assert action(moved, Box(x=0.5, y=0, width=0.45, height=1)) < 0.1 * seen_action(moved)
    # A part that cuts through cells of the map counts their shares.
    either = [action(moved, Box(x=x, y=0, width=0.1, height=1)) for x in (0.12, 0.17)]
    assert min(either) <= action(moved, Box(x=0.145, y=0, width=0.1, height=1)) <= max(either)


def test_a_pan_is_no_action() -> None:
    panned = motions([view(20 + 3 * place) for place in range(24)])
    assert seen_action(panned) < 0.5 * seen_action(motions(acting()))


@given(st.floats(0, 40), st.integers(0, 255))
def test_action_is_a_share_that_even_movement_never_raises(level: float, cell: int) -> None:
    where = np.zeros(256, np.float32)
    where[cell] = 30

    def moved(more: float) -> FrameMotion:
        field = (where + more).reshape(16, 16).astype(np.float32)
        return FrameMotion(1.0, 1 / _FPS, 0.0, 0.0, True, float(field.mean()), False, field)

    alone, beside = seen_action([moved(0)]), seen_action([moved(level)])
    assert 0 <= beside <= alone + 1e-6 <= 1
    assert seen_action([moved(0)] * 3) == pytest.approx(alone)


def test_a_camera_travels_where_it_turns_to_and_a_shake_goes_nowhere() -> None:
    """Views of one texture, 15 a second: a window that moves right by 2 of 160 pixels a frame."""
    right, down = travel(motions([view(x=10 + 2 * index) for index in range(16)]))
    assert right == pytest.approx(2 * 15 / _WIDTH, rel=0.1)
    assert down == pytest.approx(0, abs=0.01)
    left, up = travel(motions([view(x=60 - 2 * index, y=60 - index) for index in range(16)]))
    assert left == pytest.approx(-2 * 15 / _WIDTH, rel=0.1)
    assert up == pytest.approx(-15 / _WIDTH, rel=0.3)  # a pixel a frame is found as a bit less
    trembling = np.random.default_rng(5).integers(37, 44, 31)
    assert np.hypot(*travel(motions([view(x=int(x)) for x in trembling]))) < 0.1 * right
    assert travel(motions(acting())) == pytest.approx((0, 0), abs=0.01)
    assert travel([]) == (0.0, 0.0)


def whipped() -> list[Field]:
    """A camera at rest that is whipped round to another view, and rests there."""
    before, after = view(), texture(7)[:_HEIGHT, :_WIDTH]
    passed = 2.5 * (texture(8, width=12 * _WIDTH) - 128) + 128  # a bright room, seen in passing
    smeared = np.asarray(cv2.blur(passed, (40, 1))[:_HEIGHT], np.float64)
    blurred = [smeared[:, 250 * place :][:, :_WIDTH] for place in range(1, 7)]
    return [before] * 9 + blurred + [after] * 9


def test_only_a_whip_of_the_camera_tears_the_view_away() -> None:
    moved = motions(whipped())
    [(begin_s, end_s)] = torn_away(moved)
    assert begin_s == pytest.approx(8 / _FPS)
    assert end_s == pytest.approx(15 / _FPS)
    assert stability(moved) == pytest.approx(1 - 7 / 23, abs=0.02)
    for calm in (acting(), leaves(), [view()] * 24, [view(20 + 3 * n) for n in range(24)]):
        assert torn_away(motions(calm)) == []
    assert torn_away([]) == []
    # What was looked at elsewhere in the clip is no part of it.
    later = [replace(one, time_s=one.time_s + 60) for one in moved]
    assert [span.duration_s for span in torn_away(moved + later)] == pytest.approx([7 / _FPS] * 2)
