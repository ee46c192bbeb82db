"""Frames with something drawn on them."""

from collections.abc import Callable

import cv2
import numpy as np

from montage_pipeline.footage.measuring.planes import Plane

WIDTH, HEIGHT = 512, 288
Draw = Callable[[Plane], Plane]
"""Takes a frame and gives a changed copy."""


def darkened(frame: Plane) -> Plane:
    return np.asarray(frame * 0.12, dtype=np.uint8)


def with_text(
    words: str, x: float, y: float, *, level: int = 245, scale: float = 0.7, opacity: float = 1.0
) -> Draw:
    """Words from a place on (shares of the frame)."""

    def draw(frame: Plane) -> Plane:
        drawn = frame.copy()
        place = (int(x * WIDTH), int(y * HEIGHT))
        cv2.putText(drawn, words, place, cv2.FONT_HERSHEY_DUPLEX, scale, level, 1, cv2.LINE_AA)
        return np.asarray(opacity * drawn + (1 - opacity) * frame, dtype=np.uint8)

    return draw


def with_borders(top: float, left: float, level: int) -> Draw:
    """Borders on opposite sides (shares of the frame)."""

    def draw(frame: Plane) -> Plane:
        framed = np.full_like(frame, level)
        rows, columns = round(top * HEIGHT), round(left * WIDTH)
        size = (WIDTH - 2 * columns, HEIGHT - 2 * rows)
        inner = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        framed[rows : HEIGHT - rows, columns : WIDTH - columns] = inner
        return framed

    return draw
