"""How the camera moves over a span, frame by frame, and how much of that is shake.

Belongs here: measuring. Does not belong here: what is done about it (steadied).
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.decoding.frames import RgbFrame
from montage_pipeline.footage.measuring.planes import Plane

CameraPath = NDArray[np.float64]
"""Where what is filmed lies beside its first place, of shape (frames, 2): x and y in pixels."""

SHAKE_S = 0.25
"""Standard deviation of the blur over time that parts shake from movement: a walk, a hand and an
engine shake at 2 Hz and more, of which it leaves next to nothing.
"""

# Corners that are followed (Shi and Tomasi 1994, Lucas and Kanade 1981): as many in each tile of
# the frame, for the sharpest may all be on somebody who walks through.
_TILES, _MAX_CORNERS, _QUALITY, _APART_PX = 4, 14, 0.02, 7
_WINDOW_PX, _LEVELS = 15, 4
_MIN_CORNERS, _MIN_AGREEING = 12, 0.4  # of those followed, that move as the camera does
_OFF_PX = 1.0  # from where a corner that agrees should be
_REST_PX, _MIN_RESTING, _MOVES_PX = 0.3, 0.15, 0.5
"""From a camera at rest, much of what is filmed does not move at all, though most corners may be on
somebody who does: then the camera's step is none.
"""
_SAME_LEVELS = 0.02  # mean change below which a frame is shown twice


class CameraFollower:
    """Follows the camera from one frame to the next; only the last frame is kept."""

    def __init__(self) -> None:
        self._before: Plane | None = None
        self._steps: list[NDArray[np.float64]] = [np.zeros(2)]
        self.is_lost = False
        """Whether it cannot be followed any more: further frames change nothing."""

    def add(self, frame: RgbFrame) -> None:
        """The next frame of the span."""
        if self.is_lost:
            return
        now = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)
        if self._before is not None:
            step = _step(self._before, now)
            self.is_lost = step is None
            if step is not None:
                self._steps.append(step)
        self._before = now

    def path(self) -> CameraPath | None:
        """The way of what lies in the middle of the frame; None where it cannot be followed."""
        return None if self.is_lost else np.cumsum(self._steps, axis=0)


def camera_path(frames: Sequence[RgbFrame]) -> CameraPath | None:
    """The way of what lies in the middle of the frame; None where it cannot be followed."""
    follower = CameraFollower()
    for frame in frames:
        follower.add(frame)
    return follower.path()


def shake_of(path: CameraPath, fps: float) -> float:
    """How far a path is from its own slow part, root mean square, in its unit."""
    fast = path - slow_part(path, SHAKE_S * fps)
    return float(np.sqrt((fast**2).sum(axis=1).mean()))


def slow_part(path: CameraPath, deviation: float) -> CameraPath:
    """A path blurred over time (`deviation` in frames); a pan goes on at its ends as it went."""
    # Workers follow cameras and smooth nothing; it takes a fifth of a second to import.
    from scipy.ndimage import gaussian_filter1d

    room = min(len(path) - 1, int(np.ceil(4 * deviation)))
    if room < 1:
        return path
    before = 2 * path[0] - path[room:0:-1]
    after = 2 * path[-1] - path[-2 : -room - 2 : -1]
    longer = np.concatenate([before, path, after])
    slow = gaussian_filter1d(longer, deviation, axis=0, mode="nearest")
    return np.asarray(slow[room : room + len(path)], dtype=np.float64)


def _step(before: Plane, now: Plane) -> NDArray[np.float64] | None:
    """How the middle of the frame moves (pixels); None when too little agrees."""
    if float(cv2.absdiff(before, now).mean()) < _SAME_LEVELS:
        return np.zeros(2)
    corners = _corners(before)
    if len(corners) < _MIN_CORNERS:
        return None
    window = (_WINDOW_PX, _WINDOW_PX)
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        before, now, corners, np.zeros_like(corners), winSize=window, maxLevel=_LEVELS
    )
    is_found = found.ravel() == 1
    if int(is_found.sum()) < _MIN_CORNERS:
        return None
    begin, end = corners[is_found], moved[is_found]
    matrix, agrees = cv2.estimateAffinePartial2D(begin, end, ransacReprojThreshold=_OFF_PX)
    if matrix is None or float(np.mean(agrees)) < _MIN_AGREEING:
        return None
    middle = np.array([before.shape[1] / 2, before.shape[0] / 2])
    step = np.asarray(matrix[:, :2] @ middle + matrix[:, 2] - middle, dtype=np.float64)
    resting = float((np.hypot(*(end - begin).T) < _REST_PX).mean())
    rests = resting >= _MIN_RESTING and float(np.hypot(*step)) > _MOVES_PX
    return np.zeros(2) if rests else step


def _corners(grey: Plane) -> NDArray[np.float32]:
    """Places (count, 2) that can be followed, from all over the frame."""
    rows, columns = (max(1, side // _TILES) for side in grey.shape)
    found: list[NDArray[np.float32]] = [np.zeros((0, 2), np.float32)]
    for top in range(0, rows * _TILES, rows):
        for left in range(0, columns * _TILES, columns):
            tile = np.ascontiguousarray(grey[top : top + rows, left : left + columns])
            corners = cv2.goodFeaturesToTrack(tile, _MAX_CORNERS, _QUALITY, _APART_PX)
            if corners is not None:
                there = corners.reshape(-1, 2) + np.array([left, top], np.float32)
                found.append(np.asarray(there, dtype=np.float32))
    return np.concatenate(found).astype(np.float32)
