"""What moves: the camera (steady, panning, shaking) and what is in front of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box

_NOISE_LEVELS = 4.0  # changes below this are the codec's and sensor's
_FROZEN_LEVELS = 0.02  # mean change of luma below which a frame repeats the one before
_PARTS = 3  # parts each way whose movement is followed
_PEAK = 0.12  # least response of the phase correlation that counts as having followed a part
_AGREE_PIXELS = 1.0
_LEAST_PART_PIXELS = 5
_SUBJECT_SHARE = 0.55  # movement spread over more of the picture than this has no place to look at
_UNKNOWN_STABILITY = 0.7
_MAP_SIZE = (16, 16)


@dataclass(frozen=True)
class Step:
    """From one look to the next.

    Lengths are shares of the picture's longer side, times in seconds.
    """

    time_s: float
    elapsed_s: float
    camera_x: float
    camera_y: float
    trusted: bool
    residual: float  # mean change of luma (levels) that the camera's movement does not explain
    frozen: bool
    where: NDArray[np.float32]  # map of that change, _MAP_SIZE


class MotionMeter:
    """Follows small upright luma pictures of one size, in order."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None
        self._time_s = 0.0
        self._window: NDArray[np.float32] | None = None

    def restart(self) -> None:
        """Forget the last picture: the next one belongs to another shot."""
        self._before = None

    def add(self, time_s: float, luma: Plane) -> Step | None:
        """The step from the last picture to this one; None for the first."""
        now = luma.astype(np.float32)
        before, before_s = self._before, self._time_s
        self._before, self._time_s = now, time_s
        if before is None:
            return None
        change = np.abs(now - before)
        frozen = float(change.mean()) < _FROZEN_LEVELS
        dx = dy = 0.0
        trusted = True
        if not frozen:
            found = self._camera(before, now)
            trusted = found is not None
            dx, dy = found or (0.0, 0.0)
            if abs(dx) + abs(dy) > 0.3:
                shift = np.array([[1, 0, dx], [0, 1, dy]], dtype=np.float32)
                moved = cv2.warpAffine(
                    before, shift, (now.shape[1], now.shape[0]), borderMode=cv2.BORDER_REPLICATE
                )
                explained = np.abs(now - moved)
                # A wrong guess explains nothing; then the change stands as it is.
                if explained.mean() < change.mean():
                    change = explained
        moving = np.maximum(change - _NOISE_LEVELS, 0)
        side = max(now.shape)
        where = cv2.resize(moving, _MAP_SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
        return Step(
            time_s,
            max(time_s - before_s, 1e-3),
            dx / side,
            dy / side,
            trusted,
            float(moving.mean()),
            frozen,
            where,
        )

    def _camera(
        self, before: NDArray[np.float32], now: NDArray[np.float32]
    ) -> tuple[float, float] | None:
        """How far the picture moved (pixels) where most parts of it agree; None when they do not.

        Every part is followed by itself, so that a bus driving through does not pass for a camera
        that moves.
        """
        rows, columns = now.shape[0] // _PARTS, now.shape[1] // _PARTS
        if min(rows, columns) < _LEAST_PART_PIXELS:
            return None
        if self._window is None or self._window.shape != (rows, columns):
            self._window = cv2.createHanningWindow((columns, rows), cv2.CV_32F).astype(np.float32)
        moves = []
        for part in range(_PARTS * _PARTS):
            top, left = part // _PARTS * rows, part % _PARTS * columns
            here = (slice(top, top + rows), slice(left, left + columns))
            # OpenCV multiplies the window into its arguments when their size needs no padding: hand
            # it copies.
            (dx, dy), response = cv2.phaseCorrelate(
                before[here].copy(), now[here].copy(), self._window
            )
            if response > _PEAK:
                moves.append((dx, dy))
        if len(moves) < _PARTS * _PARTS // 2:
            return None
        middle = np.median(np.array(moves), axis=0)
        agreeing = sum(bool(np.hypot(*(np.array(move) - middle)) < _AGREE_PIXELS) for move in moves)
        return (float(middle[0]), float(middle[1])) if agreeing * 2 > _PARTS * _PARTS else None


def stability(steps: Sequence[Step]) -> float:
    """1 for a camera at rest or moving evenly, towards 0 the more its movement jumps about.

    The figure is the change of the camera's speed from step to step; a pan keeps its speed, a shake
    does not.
    """
    trusted = [step for step in steps if step.trusted]
    if len(trusted) < max(3, 0.2 * len(steps)):
        # Nothing could be followed: no texture, darkness, or something large in motion.
        return _UNKNOWN_STABILITY
    jumps = []
    for one, other in pairwise(trusted):
        if other.time_s - one.time_s > 1.5 * other.elapsed_s:
            continue
        # Per 1/15 s, so that clips of different frame rates compare.
        scale_one, scale_other = 15 * one.elapsed_s, 15 * other.elapsed_s
        jumps.append(
            np.hypot(
                other.camera_x / scale_other - one.camera_x / scale_one,
                other.camera_y / scale_other - one.camera_y / scale_one,
            )
        )
    return float(np.exp(-np.mean(jumps) / 0.010)) if jumps else 1.0


def motion(steps: Sequence[Step]) -> float:
    """Energy of movement, 0 (still) to 1: what moves in the picture, and how fast the camera goes."""
    if not steps:
        return 0.0
    inside = float(np.mean([step.residual / np.sqrt(15 * step.elapsed_s) for step in steps]))
    speed = float(
        np.mean([np.hypot(step.camera_x, step.camera_y) / step.elapsed_s for step in steps])
    )
    return float(1 - np.exp(-(inside / 4 + speed / 0.6)))


def moving_subject(steps: Sequence[Step]) -> Box | None:
    """Where most of the movement is; None when nothing moves or everything does."""
    if not steps:
        return None
    where = np.sum([step.where for step in steps], axis=0)
    total = float(where.sum())
    if total / len(steps) / where.size < 0.08:
        return None
    rows, columns = where.shape
    across, down = where.sum(axis=0) / total, where.sum(axis=1) / total
    x_axis, y_axis = (np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows
    x, y = float((across * x_axis).sum()), float((down * y_axis).sum())
    half_width = 1.4 * float(np.sqrt((across * (x_axis - x) ** 2).sum())) + 0.5 / columns
    half_height = 1.4 * float(np.sqrt((down * (y_axis - y) ** 2).sum())) + 0.5 / rows
    if 4 * half_width * half_height > _SUBJECT_SHARE:
        return None
    return box_around(x, y, 2 * half_width, 2 * half_height)


def box_around(x: float, y: float, width: float, height: float) -> Box:
    """The box about a centre, kept inside the picture."""
    left, top = max(0.0, x - width / 2), max(0.0, y - height / 2)
    right, bottom = min(1.0, x + width / 2), min(1.0, y + height / 2)
    return Box(x=left, y=top, width=max(right - left, 0.01), height=max(bottom - top, 0.01))
