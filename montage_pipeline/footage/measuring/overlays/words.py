"""Words in a picture, read by PP-OCRv6 in ONNX Runtime (the `rapidocr` package has both networks).

Belongs here: reading. Does not belong here: what a word means for the footage (marks).
"""

import threading
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box

if TYPE_CHECKING:
    from rapidocr import RapidOCR

# A picture is read at its own size, a fifth of the work of the library's own choice (736 pixels on
# the shorter side). Above this many pixels it is made smaller.
_MAX_SIDE = 800

_MIN_SCORE = 0.5
"""Below it, half of what is read on footage is nonsense."""

_SETTINGS = {
    "Global.use_cls": False,  # upside down writing is not looked for
    "Global.log_level": "critical",
    "Global.text_score": _MIN_SCORE,
    "Det.limit_type": "max",
    "Det.limit_side_len": _MAX_SIDE,
    # Clips are looked at side by side already.
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}

_SLANTING_DEG = 4.0  # beyond it, a line's box is mostly not the line

Floats = NDArray[np.float64]

# The library keeps what it is working on in the reader itself, and what it was last told to do.
_reading = threading.Lock()


class Word(NamedTuple):
    """What was read, how surely (0..1), where (shares of the picture), and by how many degrees the
    line is turned. `parts` are boxes along it: a slanting line fills little of its own box.
    """

    text: str
    score: float
    box: Box
    parts: tuple[Box, ...]
    turned: float


def words_in(luma: Plane) -> list[Word]:
    """The lines of writing in a picture, from top to bottom."""
    picture = cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR)
    with _reading:
        # Typed as one of four kinds of answers; without other settings it is the fullest.
        read: Any = _reader()(picture, use_det=True, use_cls=False, use_rec=True)
    if read.txts is None or read.scores is None or read.boxes is None:
        return []
    return [
        _word(text, float(score), np.asarray(corners, dtype=np.float64), luma.shape)
        for text, score, corners in zip(read.txts, read.scores, read.boxes, strict=True)
        if text
    ]


def lines_in(luma: Plane) -> list[Box]:
    """Where lines of writing are in a picture, in any script; unread, and in no order."""
    picture = cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR)
    with _reading:
        found: Any = _reader()(picture, use_det=True, use_cls=False, use_rec=False)
    if found.boxes is None:
        return []
    return [_box(np.asarray(corners, dtype=np.float64), luma.shape) for corners in found.boxes]


def _word(text: str, score: float, corners: Floats, shape: tuple[int, ...]) -> Word:
    """`corners` are four points (x, y), clockwise from where the line begins, in pixels."""
    along, across = corners[1] - corners[0], corners[3] - corners[0]
    turned = float(np.degrees(np.arctan2(along[1], along[0])))
    count = 1
    if abs(turned) > _SLANTING_DEG:
        count = max(1, round(float(np.hypot(*along) / max(1.0, np.hypot(*across)))))
    starts = np.linspace(0, 1, count + 1)
    parts = [
        corners[0]
        + np.array([start * along, end * along, end * along + across, start * along + across])
        for start, end in pairwise(starts)
    ]
    return Word(
        text=text,
        score=score,
        box=_box(corners, shape),
        parts=tuple(_box(part, shape) for part in parts),
        turned=turned,
    )


def _box(corners: Floats, shape: tuple[int, ...]) -> Box:
    rows, columns = shape
    left, top = np.clip(corners.min(axis=0) / (columns, rows), 0, 1)
    right, bottom = np.clip(corners.max(axis=0) / (columns, rows), 0, 1)
    return Box(x=left, y=top, width=right - left, height=bottom - top)


@cache
def _reader() -> "RapidOCR":
    """Importing the library takes half a second: clips without frames to read need none of it."""
    from rapidocr import RapidOCR

    return RapidOCR(params=dict(_SETTINGS))
