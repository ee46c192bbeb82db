"""What moves: the camera (steady, panning, shaking) and what is in front of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.boxes import box_around, spread_of
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box
from montage_pipeline.spans import Span, joined

# Comparing two frames
_NOISE_LEVELS = 4.0  # smaller changes are the codec's and the sensor's
_FROZEN_LEVELS = 0.02  # mean change of luma below which a frame repeats the one before
_MIN_SHIFT_PIXELS = 0.3  # of the camera, worth undoing
_MIN_ELAPSED_S = 1e-3
_MAP_SIZE = (16, 16)

# The camera's movement: the frame in tiles, each followed by itself
_TILES = 3  # each way
_MIN_TILE_PIXELS = 5
_MIN_PEAK = 0.12  # of the phase correlation: with less, a tile could not be followed
_AGREE_PIXELS = 1.0

# Stability
_UNKNOWN_STABILITY = 0.7  # where nothing could be followed: neither good nor unusable
_MIN_FOLLOWED, _MIN_FOLLOWED_SHARE = 3, 0.2
_GAP_FACTOR = 1.5  # of the usual interval: across a longer gap speeds are not compared
_SHAKY_JUMP = 0.010  # of the frame's side, per 1/15 s: mean change of speed that gives 1/e
_COMPARED_HZ = 15  # speeds are per 1/15 s, so that clips of different frame rates compare

# A view that is torn away: nothing of the frame can be followed, and it changes (levels, over
# 1/15 s) by more than the first for as long, and once by more than the second. Of 56 labelled
# clips, dancers, wings close to the lens and a mixer reach 19 to 29, whips of the camera, falls and
# a hand before the lens 31 to 52; of these, all but one lie in what an editor would never show.
_RESTLESS_LEVELS, _TORN_LEVELS = 14.0, 30.0
_MIN_TORN_S = 0.3  # less is a jolt, after which the same is seen again
_SLACK_S = 1e-3  # between one motion's end and the next one's beginning, by rounding

# Energy: what gives 1 - 1/e by itself
_BUSY_LEVELS = 4  # mean change of luma
_FAST_CAMERA = 0.6  # of the frame's side, per second

# Action
_SLIGHT_LEVELS = 0.5  # beside it, what moves by a tenth of it is next to nothing

# Where the subject moves
_MIN_MOVEMENT = 0.08  # mean change of the map (levels); with less nothing moves
_MAX_SUBJECT_SHARE = 0.55  # of the frame: movement spread over more has no place
_SPREADS = 1.4  # standard deviations to each side of the middle


@dataclass(frozen=True)
class FrameMotion:
    """What moved from one compared frame to the next, the one at `time_s`.

    `camera_x` and `camera_y` are shares of the frame's longer side; `followed`: whether they are
    known. `residual` is the mean change of luma (levels) that the camera's movement does not
    explain, `where` a coarse map of that change.
    """

    time_s: float
    elapsed_s: float
    camera_x: float
    camera_y: float
    followed: bool
    residual: float
    frozen: bool
    where: NDArray[np.float32]


class MotionMeter:
    """Compares each frame of one span with the one before: small upright luma, of one size."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None
        self._before_s = 0.0
        self._window: NDArray[np.float32] | None = None

    def add(self, time_s: float, luma: Plane) -> FrameMotion | None:
        """What moved since the last frame; None for the first one."""
        now = luma.astype(np.float32)
        before, before_s = self._before, self._before_s
        self._before, self._before_s = now, time_s
        if before is None:
            return None

        change = np.abs(now - before)
        frozen = float(change.mean()) < _FROZEN_LEVELS
        shift: tuple[float, float] | None = (0.0, 0.0)
        if not frozen:
            shift = self._camera_shift(before, now)
            if shift is not None:
                change = _unexplained(change, before, now, shift)

        moving = np.maximum(change - _NOISE_LEVELS, 0)
        dx, dy = shift or (0.0, 0.0)
        side = max(now.shape)
        return FrameMotion(
            time_s=time_s,
            elapsed_s=max(time_s - before_s, _MIN_ELAPSED_S),
            camera_x=dx / side,
            camera_y=dy / side,
            followed=shift is not None,
            residual=float(moving.mean()),
            frozen=frozen,
            where=cv2.resize(moving, _MAP_SIZE, interpolation=cv2.INTER_AREA).astype(np.float32),
        )

    def _camera_shift(
        self, before: NDArray[np.float32], now: NDArray[np.float32]
    ) -> tuple[float, float] | None:
        """How far the view moved (pixels) where most tiles agree; None when they do not.

        Every tile is followed by itself, so that a bus driving through does not pass for a camera
        that moves.
        """
        rows, columns = now.shape[0] // _TILES, now.shape[1] // _TILES
        if min(rows, columns) < _MIN_TILE_PIXELS:
            return None
        if self._window is None:
            self._window = cv2.createHanningWindow((columns, rows), cv2.CV_32F).astype(np.float32)

        moves = []
        for tile in range(_TILES * _TILES):
            top, left = tile // _TILES * rows, tile % _TILES * columns
            here = (slice(top, top + rows), slice(left, left + columns))
            # OpenCV multiplies the window into its arguments when their size needs no padding: hand
            # it copies.
            move, response = cv2.phaseCorrelate(before[here].copy(), now[here].copy(), self._window)
            if response > _MIN_PEAK:
                moves.append(move)
        if len(moves) < _TILES * _TILES // 2:
            return None

        middle = np.median(np.array(moves), axis=0)
        agreeing = sum(bool(np.hypot(*(np.array(move) - middle)) < _AGREE_PIXELS) for move in moves)
        return (float(middle[0]), float(middle[1])) if agreeing * 2 > _TILES * _TILES else None


def _unexplained(
    change: NDArray[np.float32],
    before: NDArray[np.float32],
    now: NDArray[np.float32],
    shift: tuple[float, float],
) -> NDArray[np.float32]:
    """What is left of the change once the camera's movement (pixels) is undone."""
    dx, dy = shift
    if abs(dx) + abs(dy) <= _MIN_SHIFT_PIXELS:
        return change
    matrix = np.array([[1, 0, dx], [0, 1, dy]], dtype=np.float32)
    size = (now.shape[1], now.shape[0])
    moved = cv2.warpAffine(before, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    left = np.abs(now - moved).astype(np.float32, copy=False)
    # A wrong guess explains nothing; then the change stands as it is.
    return left if left.mean() < change.mean() else change


def stability(motions: Sequence[FrameMotion]) -> float:
    """1 for a camera at rest or moving evenly, towards 0 the more its movement jumps about, and the
    more of the time the view is torn away.

    The figure is the change of the camera's speed from frame to frame; a pan keeps its speed, a
    shake does not.
    """
    followed = [motion for motion in motions if motion.followed]
    whole_share = 1 - _torn_share(motions)
    if len(followed) < max(_MIN_FOLLOWED, _MIN_FOLLOWED_SHARE * len(motions)):
        # Nothing could be followed: no texture, darkness, or something large in motion.
        return _UNKNOWN_STABILITY * whole_share

    jumps = [
        _jump(earlier, later)
        for earlier, later in pairwise(followed)
        if later.time_s - earlier.time_s <= _GAP_FACTOR * later.elapsed_s
    ]
    return whole_share * (float(np.exp(-np.mean(jumps) / _SHAKY_JUMP)) if jumps else 1.0)


def torn_away(motions: Sequence[FrameMotion]) -> list[Span]:
    """When the whole view is torn away: the camera is whipped round, falls or is put down, or
    something sweeps over the lens. Nobody can tell what such frames show.
    """
    restless = [motion for motion in motions if _restless_levels(motion) > 0]
    runs = joined((Span(one.time_s - one.elapsed_s, one.time_s) for one in restless), _SLACK_S)
    torn_s = [one.time_s for one in restless if _restless_levels(one) > _TORN_LEVELS]
    return [
        run
        for run in runs
        if run.duration_s >= _MIN_TORN_S
        and any(run.start_s < time_s <= run.end_s for time_s in torn_s)
    ]


def _torn_share(motions: Sequence[FrameMotion]) -> float:
    """Share of the time, 0..1, in which the view is torn away."""
    torn_s = sum(span.duration_s for span in torn_away(motions))
    return min(1.0, torn_s / sum(motion.elapsed_s for motion in motions)) if torn_s else 0.0


def _restless_levels(motion: FrameMotion) -> float:
    """The change from one frame to the next, in levels over 1/15 s; 0 where it is explained."""
    levels = motion.residual / float(np.sqrt(_COMPARED_HZ * motion.elapsed_s))
    return 0.0 if motion.followed or levels < _RESTLESS_LEVELS else levels


def travel(motions: Sequence[FrameMotion]) -> tuple[float, float]:
    """How fast the camera turns or goes, right and down, in longer sides of the frame per second.

    A shake comes back and adds up to nothing. (0, 0) where it could hardly be followed.
    """
    followed = [motion for motion in motions if motion.followed]
    if len(followed) < max(_MIN_FOLLOWED, _MIN_FOLLOWED_SHARE * len(motions)):
        return 0.0, 0.0
    elapsed_s = sum(motion.elapsed_s for motion in followed)
    # What is filmed moves against the camera.
    right = -sum(motion.camera_x for motion in followed) / elapsed_s
    down = -sum(motion.camera_y for motion in followed) / elapsed_s
    return right, down


def _jump(earlier: FrameMotion, later: FrameMotion) -> float:
    """How much the camera's speed changes, in sides of the frame per 1/15 s."""
    earlier_scale, later_scale = _COMPARED_HZ * earlier.elapsed_s, _COMPARED_HZ * later.elapsed_s
    return float(
        np.hypot(
            later.camera_x / later_scale - earlier.camera_x / earlier_scale,
            later.camera_y / later_scale - earlier.camera_y / earlier_scale,
        )
    )


def energy(motions: Sequence[FrameMotion]) -> float:
    """Energy of movement, 0 (still) to 1: what moves in view, and how fast the camera goes."""
    if not motions:
        return 0.0
    residuals = [motion.residual / np.sqrt(_COMPARED_HZ * motion.elapsed_s) for motion in motions]
    speeds = [np.hypot(motion.camera_x, motion.camera_y) / motion.elapsed_s for motion in motions]
    inside, camera = float(np.mean(residuals)), float(np.mean(speeds))
    return float(1 - np.exp(-(inside / _BUSY_LEVELS + camera / _FAST_CAMERA)))


def action(motions: Sequence[FrameMotion], shown: Box) -> float:
    """How much moves, in the part of the frame that is shown, apart from the rest of the frame, 0
    (nothing) to 1: somebody acts.

    Leaves, water, and whatever a camera that shakes or drives along brings into motion move in most
    of the frame alike: what moves as its median does is no action, and beside much of that there is
    little to follow.
    """
    if not motions:
        return 0.0
    where = np.stack([motion.where for motion in motions])
    common = np.median(where, axis=(1, 2))
    cells = _cells(shown, where.shape[1:])
    apart = (np.maximum(where - common[:, None, None], 0) * cells).sum(axis=(1, 2)) / cells.sum()
    rate = np.sqrt([_COMPARED_HZ * motion.elapsed_s for motion in motions])
    amount, beside = float((apart / rate).mean()), float((common / rate).mean())
    stands_out = amount / (amount + beside + _SLIGHT_LEVELS)
    return float(stands_out * (1 - np.exp(-amount / _BUSY_LEVELS)))


def _cells(shown: Box, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The share of each cell of a map (rows, columns) that a part of the frame covers."""
    rows, columns = shape
    down = _overlap(shown.y, shown.y + shown.height, rows)
    across = _overlap(shown.x, shown.x + shown.width, columns)
    return np.outer(down, across)


def _overlap(first: float, last: float, count: int) -> NDArray[np.float64]:
    """The share of each of `count` equal parts of 0..1 that lies between two places."""
    edges = np.clip(np.arange(count + 1) / count, first, last)
    return np.diff(edges) * count


def moving_subject(motions: Sequence[FrameMotion]) -> Box | None:
    """Where most of the movement is; None when nothing moves or everything does."""
    if not motions:
        return None
    where = np.sum([motion.where for motion in motions], axis=0)
    if float(where.sum()) / len(motions) / where.size < _MIN_MOVEMENT:
        return None

    rows, columns = where.shape
    spread = spread_of(where)
    half_width = _SPREADS * spread.x_spread + 0.5 / columns
    half_height = _SPREADS * spread.y_spread + 0.5 / rows
    if 4 * half_width * half_height > _MAX_SUBJECT_SHARE:
        return None
    return box_around(spread.x, spread.y, 2 * half_width, 2 * half_height)
