"""Action is what moves apart from the rest of the frame, whoever holds the camera."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.movement import FrameMotion, MotionMeter, action, energy
from montage_pipeline.footage.measuring.planes import Plane

_HEIGHT, _WIDTH, _FPS = 90, 160, 15

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
        assert action(everywhere) < 0.85 * action(acts)
    assert action(acts) > 0.25
    assert action(motions([view()] * 24)) == 0
    assert action([]) == 0


def test_a_pan_is_no_action() -> None:
    panned = motions([view(20 + 3 * place) for place in range(24)])
    assert action(panned) < 0.5 * action(motions(acting()))


@given(st.floats(0, 40), st.integers(0, 255))
def test_action_is_a_share_that_even_movement_never_raises(level: float, cell: int) -> None:
    where = np.zeros(256, np.float32)
    where[cell] = 30

    def moved(more: float) -> FrameMotion:
        field = (where + more).reshape(16, 16).astype(np.float32)
        return FrameMotion(1.0, 1 / _FPS, 0.0, 0.0, True, float(field.mean()), False, field)

    alone, beside = action([moved(0)]), action([moved(level)])
    assert 0 <= beside <= alone + 1e-6 <= 1
    assert action([moved(0)] * 3) == pytest.approx(alone)
