"""Logos, watermarks and lasting titles: what stays in place while the footage behind it changes.

They may be faint, and anywhere in the frame. Where nothing moves, nothing can be told, and nothing
is reported.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.overlays.persistence import Floats, Persistence, persistence
from montage_pipeline.footage.measuring.overlays.presence import present_throughout
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box

MIN_FRAMES = 6
"""Fewer may have the same edges by chance."""

_SIDE = 320  # pixels; a mark is large enough to be seen in so many

_MAX_AT_REST = 0.35  # of the textured frame; before a camera at rest everything stays

# An edge of a mark: what chance gives one pixel in a hundred, over at least three backgrounds, with
# company.
_MIN_CERTAINTY, _MIN_BACKGROUNDS = 2.2, 3
_COMPANY_PX, _MIN_COMPANY = 5, 4

# A mark has edges in all directions, and to each edge the opposite one. What else stays while
# something changes (a kerb, the horizon, what a car drives towards) runs one way or has one side.
_WINDOWS_PX = (15, 23, 31, 45, 63)
_MIN_ISOTROPY = 0.40  # smaller over larger axis of the directions
_MAX_ONE_SIDED = 0.40  # of the edges that have no opposite

_MIN_EDGES = 4.8
"""Edge pixels in a window, as rows of its side: so many that a line across counts as one in
every window."""

_STEADY_CHANGE = 0.45
"""Share of the frames that bring a new background from which edges count in full: where most of
them show the same background, what stays may be that.
"""

_GAP_SHARE = 0.035  # of the frame's longer side, between parts of one mark
_MIN_SIDE_SHARE = 0.012  # of the frame's longer side
_MIN_PART = 0.08  # of the edges of the largest part; fewer are chance beside the mark
_MAX_LOGOS = 24  # a tiled mark has many

_BORDER_EDGE_PIXELS = 4  # inside borders, which a border's own edge may reach


class _Edges(NamedTuple):
    """Edges that stay: which pixels, and their directions (unit vectors)."""

    are: Floats
    x: Floats
    y: Floats


def logos(frames: Sequence[Plane], inside: Box | None = None) -> tuple[Box, ...]:
    """Logos and watermarks, largest first; none where the camera stands still.

    `frames` are of one size and in order of time; `inside` is the frame without its borders.
    """
    if len(frames) < MIN_FRAMES:
        return ()
    scaled = _scaled(frames)
    stayed = persistence(scaled)
    if stayed.at_rest > _MAX_AT_REST:
        return ()
    shown = _inside_borders(stayed.noise.shape, inside)
    edges = _edges(stayed, shown)
    marked = _marked(edges, stayed) & (edges.are > 0)
    return tuple(present_throughout(_boxes(marked), marked, scaled, stayed))


def _scaled(frames: Sequence[Plane]) -> list[Floats]:
    scale = min(1.0, _SIDE / max(frames[0].shape))
    size = (round(frames[0].shape[1] * scale), round(frames[0].shape[0] * scale))
    return [
        cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(np.float32) for frame in frames
    ]


def _edges(stayed: Persistence, shown: NDArray[np.bool_]) -> _Edges:
    strength = np.hypot(stayed.across, stayed.down)
    certain = stayed.certainty > _MIN_CERTAINTY
    are = (shown & certain & (stayed.backgrounds >= _MIN_BACKGROUNDS)).astype(np.float32)
    company = cv2.boxFilter(are, -1, (_COMPANY_PX, _COMPANY_PX), normalize=False)
    are[company < _MIN_COMPANY] = 0
    unit = are / np.maximum(strength, 1e-6)
    across, down = stayed.across * unit, stayed.down * unit
    return _Edges(are, across.astype(np.float32), down.astype(np.float32))


def _marked(edges: _Edges, stayed: Persistence) -> NDArray[np.bool_]:
    """The windows that have the edges of a mark.

    What small ones find is left out of larger ones, which would take in what is beside it.
    """
    found = np.zeros(edges.are.shape, dtype=np.bool_)
    for side in _WINDOWS_PX:
        window = _like_marks(edges, stayed, side).astype(np.uint8)
        found |= cv2.dilate(window, np.ones((side, side), np.uint8)).astype(np.bool_)
        left = (~found).astype(np.float32)
        edges = _Edges(edges.are * left, edges.x * left, edges.y * left)
    return found


def _like_marks(edges: _Edges, stayed: Persistence, side: int) -> NDArray[np.bool_]:
    """The middles of windows with the edges of a mark."""
    count = _sums(edges.are, side)
    one_sided = np.hypot(_sums(edges.x, side), _sums(edges.y, side))
    xx, yy = _sums(edges.x * edges.x, side), _sums(edges.y * edges.y, side)
    turn = np.sqrt((xx - yy) ** 2 + 4 * _sums(edges.x * edges.y, side) ** 2)
    isotropic = (xx + yy - turn) > _MIN_ISOTROPY * (xx + yy + turn)

    changes = _sums(stayed.backgrounds, side) / side**2 / max(1, stayed.frames - 1)
    worth = count / side * np.minimum(1.0, changes / _STEADY_CHANGE)
    enough = isotropic & (one_sided < _MAX_ONE_SIDED * count) & (worth >= _MIN_EDGES)
    return np.asarray(enough, dtype=np.bool_)


def _sums(values: Floats, side: int) -> Floats:
    sums = cv2.boxFilter(values, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(sums, dtype=np.float32)


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


def _boxes(edges: NDArray[np.bool_]) -> tuple[Box, ...]:
    """Where marks with these edges are."""
    rows, columns = edges.shape
    gap = max(3, round(_GAP_SHARE * max(rows, columns)))
    blob = cv2.morphologyEx(edges.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))
    parts, labels, stats, _ = cv2.connectedComponentsWithStats(blob)
    counts = np.bincount(labels[edges], minlength=parts)

    least = _MIN_SIDE_SHARE * max(rows, columns)
    found = [
        Box(x=x / columns, y=y / rows, width=width / columns, height=height / rows)
        for (x, y, width, height), count in zip(stats[:, :4].tolist(), counts, strict=True)
        if count >= max(1.0, _MIN_PART * counts.max()) and min(width, height) >= least
    ]
    found.sort(key=lambda box: (-box.width * box.height, box.y, box.x))
    return tuple(found[:_MAX_LOGOS])
