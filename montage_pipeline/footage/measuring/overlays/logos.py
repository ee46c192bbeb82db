"""Logos and watermarks: small things that stand still while the footage changes."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box

_MIN_FRAMES = 6  # fewer may have the same edges by chance
_SIDE = 240  # pixels; a logo is large enough to be seen in so many
_MIN_EDGE = 7.0  # gradient (levels per pixel) that counts as an edge

# An edge stays when its strength is nearly always there, and its direction hardly turns: a logo's
# contrast follows what is behind it, its direction does not.
_STAYS = 0.4  # of its usual strength, along it at least and across it at most
_STAYS_PERCENTILE = 20  # of the frames may show less of it

# In front of a camera at rest everything stays, and nothing can be told.
_MAX_STAYING = 0.3  # of a frame's edges
_MAX_UNCHANGED = 0.5  # of its area
_UNCHANGED_LEVELS = 6

_MIN_AREA, _MAX_AREA = 0.0008, 0.12  # of the frame
_MIN_SIDE_PIXELS = 4
_MIN_EDGES = 0.06  # share of a logo's box that is edges
_MAX_LOGOS = 4  # edges that stay all over are a camera that hardly moves
_GAP_SHARE, _MIN_GAP_PIXELS = 0.02, 3  # between edges of one logo: of the frame's side, at least

# Where the subject is: someone who sits still stays in place as a logo does.
_MIDDLE_X, _MIDDLE_Y = (0.2, 0.8), (0.25, 0.75)

_BORDER_EDGE_PIXELS = 3  # inside borders, which a border's own edge may reach


def logos(frames: Sequence[Plane], inside: Box | None = None) -> tuple[Box, ...]:
    """Logos and watermarks, largest first; none where the camera stands still.

    `inside` is the frame without its borders.
    """
    if len(frames) < _MIN_FRAMES:
        return ()
    stack = _stacked(frames)
    if _is_camera_at_rest(stack):
        return ()

    staying = _staying_edges(stack, inside)
    if staying is None:
        return ()
    found = sorted(_logo_boxes(staying), key=lambda logo: (-logo[0], logo[1].x))
    if len(found) > _MAX_LOGOS:
        return ()
    return tuple(box for _, box in found)


def _stacked(frames: Sequence[Plane]) -> NDArray[np.float32]:
    scale = min(1.0, _SIDE / max(frames[0].shape))
    size = (round(frames[0].shape[1] * scale), round(frames[0].shape[0] * scale))
    return np.stack(
        [
            cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(np.float32)
            for frame in frames
        ]
    )


def _is_camera_at_rest(stack: NDArray[np.float32]) -> bool:
    unchanged = np.abs(stack - np.median(stack, axis=0)) < _UNCHANGED_LEVELS
    return float(np.median(unchanged.mean(axis=(1, 2)))) > _MAX_UNCHANGED


def _staying_edges(stack: NDArray[np.float32], inside: Box | None) -> NDArray[np.bool_] | None:
    """The edges that are in the same place in nearly all frames; None where no place can be told.

    A watermark may be faint: what stays of the gradient when the footage under it changes is its
    own.
    """
    across = np.stack([cv2.Scharr(frame, cv2.CV_32F, 1, 0) / 32 for frame in stack])
    down = np.stack([cv2.Scharr(frame, cv2.CV_32F, 0, 1) / 32 for frame in stack])
    usual_x, usual_y = np.median(across, axis=0), np.median(down, axis=0)
    strength = np.hypot(usual_x, usual_y)
    unit_x, unit_y = usual_x / np.maximum(strength, 1e-3), usual_y / np.maximum(strength, 1e-3)
    along = np.percentile(across * unit_x + down * unit_y, _STAYS_PERCENTILE, axis=0)
    aside = np.median(np.abs(across * unit_y - down * unit_x), axis=0)

    shown = _inside_borders(stack.shape[1:], inside)
    stays = (
        shown & (strength > _MIN_EDGE) & (along > _STAYS * strength) & (aside < _STAYS * strength)
    )
    edges = float((shown & (np.hypot(across, down) > _MIN_EDGE)).sum()) / len(stack)
    if not stays.any() or stays.sum() > _MAX_STAYING * edges:
        return None
    return np.asarray(stays, dtype=np.bool_)


def _inside_borders(shape: tuple[int, ...], inside: Box | None) -> NDArray[np.bool_]:
    if inside is None:
        return np.ones(shape, dtype=bool)
    rows, columns = shape
    edge = _BORDER_EDGE_PIXELS
    top, bottom = int(inside.y * rows), int((inside.y + inside.height) * rows)
    left, right = int(inside.x * columns), int((inside.x + inside.width) * columns)
    shown = np.zeros(shape, dtype=bool)
    shown[top + edge : bottom - edge, left + edge : right - edge] = True
    return shown


def _logo_boxes(staying: NDArray[np.bool_]) -> Iterator[tuple[float, Box]]:
    """Groups of staying edges that may be logos: their share of the frame, and where they are."""
    rows, columns = staying.shape
    gap = max(_MIN_GAP_PIXELS, round(_GAP_SHARE * max(rows, columns)))
    kernel = np.ones((gap, gap), np.uint8)
    blob = cv2.morphologyEx(staying.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(blob)

    for label in range(1, count):
        x, y, width, height = (int(value) for value in stats[label, :4])
        area = width * height / blob.size
        edges = float((staying & (labels == label)).sum()) / (width * height)
        box = Box(x=x / columns, y=y / rows, width=width / columns, height=height / rows)
        if (
            _MIN_AREA <= area <= _MAX_AREA
            and min(width, height) >= _MIN_SIDE_PIXELS
            and edges >= _MIN_EDGES
            and not _is_in_the_middle(box)
        ):
            yield area, box


def _is_in_the_middle(box: Box) -> bool:
    return (
        _MIDDLE_X[0] < box.x + box.width / 2 < _MIDDLE_X[1]
        and _MIDDLE_Y[0] < box.y + box.height / 2 < _MIDDLE_Y[1]
    )
