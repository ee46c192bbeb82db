"""People, animals and a few kinds of things in a frame, found by NanoDet in OpenCV's runtime.

RangiLyu, "NanoDet: super fast and lightweight anchor-free object detection" (2020), model g,
trained on COCO. Names of animals are often wrong (a lion is called a cow), so all that is said of
one is that it is an animal. Things are only named, for people to read: where they are decides
nothing.
"""

import threading
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.footage.measuring.boxes import intersection_over_union
from montage_pipeline.footage.model import Box

MODEL = Path(__file__).parent / "models" / "nanodet_g_half.onnx"

_SIDE = 320  # pixels of the longer side that the network is shown; it was trained at 416
_STEP = 32  # the network's coarsest stride: its input has sides of whole steps
_STRIDES = (8, 16, 32)
_CLASSES = 80
_BINS = 11  # each side of a box is told as a distribution over distances of 0 to 10 strides

# Mean and spread of ImageNet's colours (BGR, levels), as in training.
_MEAN = np.array([103.53, 116.28, 123.675], dtype=np.float32)
_SPREAD = np.array([57.375, 57.12, 58.395], dtype=np.float32)

# COCO's numbers.
_PERSON = 0
_ANIMALS = range(14, 24)  # bird to giraffe
_THINGS = {
    "a vehicle": range(1, 9),  # bicycle to boat: which one is often wrong, a vehicle it is
    "a ball": (29, 32),  # a football is as often called a frisbee
    "a bottle": (39,),
    "a cup": (41,),
    "food": range(46, 56),  # banana to cake
}
"""What else is named. Furniture is no subject, and small things are rarely what they are called."""

# Below these most boxes on labelled footage are furniture, foliage or parts of a body. Animals are
# asked more: rocks and cranes pass for them at up to 0.5.
_MIN_PERSON_SCORE, _MIN_ANIMAL_SCORE, _MIN_THING_SCORE = 0.45, 0.5, 0.5
_MIN_AREA = 0.01  # of the frame; smaller things are not what it is about
_SAME_OVERLAP = 0.5  # intersection over union from which two boxes are one thing

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

# A network keeps its working memory in itself: every thread needs its own.
_own = threading.local()


class LivingThing(NamedTuple):
    """A person or an animal: where it is (shares of the frame), and how sure that is (0..1)."""

    box: Box
    score: float
    kind: Literal["person", "animal"] = "person"


class FrameObjects(NamedTuple):
    """What is in a frame: who lives, the surest first, and names of things ("a cup"), in order."""

    living: tuple[LivingThing, ...]
    things: tuple[str, ...]


def objects_in(bgr: Pixels) -> FrameObjects:
    """People, animals and things in an upright frame (height, width, 3).

    Raises MontageError (MODEL_MISSING) when the model is not where the package keeps it.
    """
    scale = _SIDE / max(bgr.shape[:2])
    width, height = max(1, round(bgr.shape[1] * scale)), max(1, round(bgr.shape[0] * scale))
    shown = cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA)

    padded_width, padded_height = -(-width // _STEP) * _STEP, -(-height // _STEP) * _STEP
    image = np.zeros((padded_height, padded_width, 3), dtype=np.float32)
    image[:height, :width] = (shown.astype(np.float32) - _MEAN) / _SPREAD

    found: list[LivingThing] = []
    named: set[str] = set()
    for scores, sides, stride in _levels(image):
        columns = padded_width // stride
        found += _living(_Level(scores, sides, stride, columns), width, height)
        named |= _named(scores)
    return FrameObjects(_distinct(found), tuple(sorted(named)))


class _Level(NamedTuple):
    """What the network says at one stride: for each cell the scores of the classes (cells, 80) and
    the distributions of the distances to the box's sides (cells, 4, bins).
    """

    scores: Floats
    sides: Floats
    stride: int
    columns: int


def _levels(image: Floats) -> list[tuple[Floats, Floats, int]]:
    network = _network()
    names = network.getUnconnectedOutLayersNames()
    network.setInput(image.transpose(2, 0, 1)[None])
    outputs = [cast(Floats, output) for output in network.forward(names)]

    # More cells, finer stride: this tells the levels apart whatever order the outputs have.
    by_cells = sorted(outputs, key=lambda output: -output.shape[1])
    scores = [output[0] for output in by_cells if output.shape[2] == _CLASSES]
    sides = [output[0].reshape(-1, 4, _BINS) for output in by_cells if output.shape[2] != _CLASSES]
    return list(zip(scores, sides, _STRIDES, strict=True))


def _named(scores: Floats) -> set[str]:
    best = scores.max(axis=0)
    return {
        name for name, classes in _THINGS.items() if best[list(classes)].max() >= _MIN_THING_SCORE
    }


def _living(level: _Level, width: int, height: int) -> list[LivingThing]:
    person = _above(level.scores[:, _PERSON], _MIN_PERSON_SCORE)
    animal = _above(level.scores[:, list(_ANIMALS)].max(axis=1), _MIN_ANIMAL_SCORE)
    score = np.maximum(person, animal)
    cells = np.flatnonzero(score)
    if not len(cells):
        return []

    weights = np.exp(level.sides[cells] - level.sides[cells].max(axis=2, keepdims=True))
    weights /= weights.sum(axis=2, keepdims=True)
    left, top, right, bottom = (weights @ np.arange(_BINS)).T * level.stride
    x = (cells % level.columns + 0.5) * level.stride
    y = (cells // level.columns + 0.5) * level.stride
    corners = np.stack(
        [
            np.clip(x - left, 0, width) / width,
            np.clip(y - top, 0, height) / height,
            np.clip(x + right, 0, width) / width,
            np.clip(y + bottom, 0, height) / height,
        ],
        axis=1,
    )
    return [
        LivingThing(
            _box(*row),
            round(float(score[cell]), 4),
            "person" if person[cell] >= animal[cell] else "animal",
        )
        for row, cell in zip(corners.tolist(), cells, strict=True)
        if (row[2] - row[0]) * (row[3] - row[1]) >= _MIN_AREA
    ]


def _above(scores: Floats, minimum: float) -> Floats:
    return np.where(scores >= minimum, scores, 0).astype(np.float32, copy=False)


def _box(left: float, top: float, right: float, bottom: float) -> Box:
    return Box(
        x=round(left, 4),
        y=round(top, 4),
        width=round(right - left, 4),
        height=round(bottom - top, 4),
    )


def _distinct(things: list[LivingThing]) -> tuple[LivingThing, ...]:
    """The surest box of each thing, the surest first."""
    kept: list[LivingThing] = []
    for thing in sorted(things, key=lambda thing: (-thing.score, thing.box.x, thing.box.y)):
        if all(intersection_over_union(thing.box, other.box) < _SAME_OVERLAP for other in kept):
            kept.append(thing)
    return tuple(kept)


@cache
def _model() -> bytes:
    if not MODEL.is_file():
        raise MontageError(
            ErrorCode.MODEL_MISSING,
            f"the object model is not at {MODEL}; install montage_pipeline anew",
        )
    return MODEL.read_bytes()


def _network() -> cv2.dnn.Net:
    if not hasattr(_own, "network"):
        _own.network = cv2.dnn.readNetFromONNX(np.frombuffer(_model(), dtype=np.uint8))
    return cast(cv2.dnn.Net, _own.network)
