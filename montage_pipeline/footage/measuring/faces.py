"""Faces in a frame, found by YuNet in OpenCV's network runtime.

Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector", Machine Intelligence Research 20
(2023). Against OpenCV's cascades it takes a third of the time and also finds faces that are turned,
small or blurred by movement.
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

_SIDE = 320  # longer side of what the network is shown

# The smallest face the network was trained to find, in pixels of what it is shown. What it reports
# in a strip narrower than that is chance, and differs from one processor to the next.
_LEAST_PIXELS = 10

# On real footage true faces score 0.84 and more, even in passing; what only resembles one (foliage,
# a drawn animal) 0.70 at most.
_MIN_SCORE = 0.75
_SAME_FACE = 0.3  # overlap of two boxes, from which the weaker is dropped
_MAX_CANDIDATES = 100  # kept before that; a frame never shows so many faces of the size below
_MIN_FACE = 0.06  # of the shorter side; smaller ones are not what a frame is about

# A detector keeps the size of its frames and its working memory in itself: every thread needs its
# own.
_own = threading.local()


def faces_in(luma: Plane) -> list[Box]:
    """Faces in an upright luma plane, largest first.

    Raises MontageError(MODEL_MISSING) when the model is not where the package keeps it.
    """
    shown = _shown_to_network(luma)
    height, width = shown.shape
    if min(width, height) < _LEAST_PIXELS:
        return []

    detector = _detector()
    detector.setInputSize((width, height))
    _, found = detector.detect(cv2.cvtColor(shown, cv2.COLOR_GRAY2BGR))
    if found is None:
        return []

    min_side = max(_LEAST_PIXELS, _MIN_FACE * min(width, height))
    large = [row for row in found[:, :4].tolist() if min(row[2:]) >= min_side]
    boxes = (_inside(row, width, height) for row in large)
    return sorted(
        (box for box in boxes if box is not None),
        key=lambda box: (-box.width * box.height, box.x, box.y),
    )


def _shown_to_network(luma: Plane) -> Plane:
    height, width = luma.shape
    scale = _SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if size == (width, height):
        return luma
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(luma, size, interpolation=interpolation).astype(luma.dtype, copy=False)


def _detector() -> cv2.FaceDetectorYN:
    if not hasattr(_own, "detector"):
        if not MODEL.is_file():
            raise MontageError(
                ErrorCode.MODEL_MISSING,
                f"the face model is not at {MODEL}; reinstall montage_pipeline",
            )
        _own.detector = cv2.FaceDetectorYN.create(
            str(MODEL), "", (_SIDE, _SIDE), _MIN_SCORE, _SAME_FACE, _MAX_CANDIDATES
        )
    return cast(cv2.FaceDetectorYN, _own.detector)


def _inside(box: Sequence[float], width: int, height: int) -> Box | None:
    """A box in pixels as shares of the frame; None when it lies outside.

    The network completes faces beyond the frame's edge; that part is cut off.
    """
    x, y, box_width, box_height = box
    left, top = max(x, 0.0), max(y, 0.0)
    right, bottom = min(x + box_width, width), min(y + box_height, height)
    if right <= left or bottom <= top:
        return None
    return Box(
        x=left / width, y=top / height, width=(right - left) / width, height=(bottom - top) / height
    )
