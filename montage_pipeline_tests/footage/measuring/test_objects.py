"""People, animals, things: found where they are, in frames of any shape, not where none is."""

from collections.abc import Callable

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.footage.measuring import objects
from montage_pipeline.footage.measuring.boxes import intersection_over_union as overlap
from montage_pipeline.footage.measuring.objects import objects_in
from montage_pipeline.footage.measuring.planes import planes_of, small_bgr
from montage_pipeline.footage.model import Box
from montage_pipeline.footage.probe import probe
from montage_pipeline.local.footage import demo_clips
from montage_pipeline_tests.footage.media import fetched

Pixels = NDArray[np.uint8]

MAN = Box(x=0.15, y=0.08, width=0.85, height=0.92)
"""The man of the sequence `carphone`, drawn by eye: head, shoulders and arm."""


@pytest.fixture(scope="module")
def man() -> Pixels:
    with av.open(str(demo_clips()[2])) as container:
        frame = next(container.decode(video=0))
        return np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)


def mirrored(frame: Pixels) -> Pixels:
    return np.ascontiguousarray(frame[:, ::-1])


def beside_a_wall(frame: Pixels) -> Pixels:
    wall = np.full((frame.shape[0], 2 * frame.shape[1], 3), 128, dtype=np.uint8)
    return np.hstack([frame, wall])


def above_a_floor(frame: Pixels) -> Pixels:
    return np.vstack([frame, np.full(frame.shape, 128, dtype=np.uint8)])


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda frame: frame, MAN),
        (mirrored, Box(x=0.0, y=0.08, width=0.85, height=0.92)),
        (beside_a_wall, Box(x=0.05, y=0.08, width=0.28, height=0.92)),
        (above_a_floor, Box(x=0.15, y=0.04, width=0.85, height=0.46)),
        (lambda frame: cv2.resize(frame, None, fx=5, fy=5), MAN),
    ],
    ids=["as filmed", "mirrored", "wide", "tall", "large"],
)
def test_a_man_is_found_where_he_is(
    man: Pixels, change: Callable[[Pixels], Pixels], where: Box
) -> None:
    things = objects_in(change(man)).living
    assert things
    assert overlap(things[0].box, where) > 0.7
    assert things[0].kind == "person"
    assert [thing.score for thing in things] == sorted(
        (thing.score for thing in things), reverse=True
    )


@pytest.mark.parametrize("kind", ["flat", "noise", "ramp", "stripes"])
def test_nobody_is_found_where_nobody_is(kind: str) -> None:
    ramp = np.tile(np.linspace(0, 255, 320, dtype=np.uint8), (180, 1))
    gray = {
        "flat": np.full((180, 320), 90, dtype=np.uint8),
        "noise": np.random.default_rng(1).integers(0, 255, (180, 320), dtype=np.uint8),
        "ramp": ramp,
        "stripes": np.where(np.arange(320) // 16 % 2, 220, 30).astype(np.uint8) + 0 * ramp,
    }[kind]
    assert objects_in(np.dstack([gray] * 3)) == ((), ())


def test_the_same_is_found_in_the_decoders_planes(man: Pixels) -> None:
    clip = fetched(demo_clips()[2])
    facts = probe(clip)
    with av.open(str(clip.path)) as container:
        frame = next(container.decode(video=0))
        seen = objects_in(small_bgr(planes_of(frame, facts), facts, 320)).living
    assert overlap(seen[0].box, objects_in(man).living[0].box) > 0.9


def test_a_missing_model_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "MODEL", objects.MODEL.with_name("absent.onnx"))
    objects._model.cache_clear()
    monkeypatch.delattr(objects._own, "network", raising=False)
    with pytest.raises(MontageError, match=r"install montage_pipeline anew") as missing:
        objects_in(np.zeros((64, 64, 3), dtype=np.uint8))
    assert missing.value.code is ErrorCode.MODEL_MISSING
    objects._model.cache_clear()
