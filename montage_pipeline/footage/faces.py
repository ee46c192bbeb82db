"""Faces in a picture, with OpenCV's Haar cascades."""

import threading
from pathlib import Path
from typing import cast

import cv2

from montage_pipeline.footage.look import Plane
from montage_pipeline.footage.model import Box
from montage_pipeline.records import MontageError

_SMALLEST = 0.09  # of the shorter side
_NEIGHBOURS = 5


# A cascade keeps its working memory in itself: every thread needs its own.
_own = threading.local()


def _cascade() -> cv2.CascadeClassifier:
    if not hasattr(_own, "cascade"):
        path = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_alt2.xml"
        _own.cascade = cv2.CascadeClassifier(str(path))
        if _own.cascade.empty():
            raise MontageError("face_model_missing", f"OpenCV's face cascade is not at {path}; install opencv-python-headless 4.x")
    return cast(cv2.CascadeClassifier, _own.cascade)


def faces_in(luma: Plane) -> list[Box]:
    """Frontal faces in an upright luma picture, largest first, as shares of the picture."""
    height, width = luma.shape
    smallest = max(24, round(_SMALLEST * min(width, height)))
    found = _cascade().detectMultiScale(luma, scaleFactor=1.15, minNeighbors=_NEIGHBOURS, minSize=(smallest, smallest))
    boxes = [Box(x=int(x) / width, y=int(y) / height, width=int(w) / width, height=int(h) / height) for x, y, w, h in found]
    return sorted(boxes, key=lambda box: (-box.width * box.height, box.x, box.y))


def overlap(one: Box, other: Box) -> float:
    """Intersection over union, 0..1."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (one.width * one.height + other.width * other.height - both)


def confirmed(rows: list[list[Box]]) -> list[list[Box]]:
    """Only the faces that a neighbouring look sees too: single sightings are mostly folds and foliage."""
    kept = []
    for index, row in enumerate(rows):
        near = [box for place in (index - 1, index + 1) if 0 <= place < len(rows) for box in rows[place]]
        kept.append([box for box in row if any(overlap(box, other) > 0.25 for other in near)])
    return kept
