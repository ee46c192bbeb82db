"""Faces in a picture, found by YuNet in OpenCV's network runtime.

Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector", Machine Intelligence Research 20
(2023). Against OpenCV's cascades it
takes a third of the time and also finds faces that are turned, small or blurred by movement.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import cv2

from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box

MODEL = Path(__file__).parent / "models" / "face_detection_yunet_2023mar.onnx"

_SIDE = 320  # longer side of what the network is shown; it finds faces from 10 pixels on
# On real footage true faces score 0.84 and more, even in passing; what only resembles one (foliage,
# a drawn animal) 0.70 at the most.
_LEAST_SCORE = 0.75
_OVERLAP = 0.3  # of two boxes, from which they are the same face
_MOST = 100
_SMALLEST = 0.06  # of the shorter side; smaller ones are not what a picture is about

# A detector keeps the size of its pictures and its working memory in itself: every thread needs its
# own.
_own = threading.local()


def faces_in(luma: Plane) -> list[Box]:
    """Faces in an upright luma picture, largest first, as shares of the picture.

    Raises MontageError("face_model_missing") when the model is not where the package keeps it.
    """
    height, width = luma.shape
    scale = _SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if size != (width, height):
        luma = cv2.resize(
            luma, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        ).astype(luma.dtype, copy=False)
    detector = _detector()
    detector.setInputSize(size)
    _, found = detector.detect(cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR))
    least = _SMALLEST * min(size)
    boxes = (
        [_inside(row, *size) for row in found[:, :4].tolist() if min(row[2:]) >= least]
        if found is not None
        else []
    )
    return sorted(
        (box for box in boxes if box is not None),
        key=lambda box: (-box.width * box.height, box.x, box.y),
    )


def overlap(one: Box, other: Box) -> float:
    """Intersection over union, 0..1."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (one.width * one.height + other.width * other.height - both)


def _detector() -> cv2.FaceDetectorYN:
    if not hasattr(_own, "detector"):
        if not MODEL.is_file():
            raise MontageError(
                ErrorCode.FACE_MODEL_MISSING,
                f"the face model is not at {MODEL}; install montage_pipeline anew",
            )
        _own.detector = cv2.FaceDetectorYN.create(
            str(MODEL), "", (_SIDE, _SIDE), _LEAST_SCORE, _OVERLAP, _MOST
        )
    return cast(cv2.FaceDetectorYN, _own.detector)


def _inside(box: Sequence[float], width: int, height: int) -> Box | None:
    """A found box in pixels as shares of the picture, without what the network tells of a face
    beyond its edge; None if all of it is.
    """
    x, y, box_width, box_height = box
    left, top, right, bottom = (
        max(x, 0.0),
        max(y, 0.0),
        min(x + box_width, width),
        min(y + box_height, height),
    )
    if right <= left or bottom <= top:
        return None
    return Box(
        x=left / width, y=top / height, width=(right - left) / width, height=(bottom - top) / height
    )
