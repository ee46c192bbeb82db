"""What of a frame's edges stays where what is behind them changes.

A camera at rest leaves every edge in place, so an edge staying means nothing by itself. It counts
only from one background to the next: each place remembers the last two backgrounds it had, and an
edge gains by being in a new background as it was in the last. Edges of footage come and go with
both signs and add up to little; those of a mark add up whatever lies behind it. The gradient that
two frames share is taken at the smaller of the two (as the median of gradients in Dekel et al.,
On the Effectiveness of Visible Watermarks, 2017, it is not moved by a few strong ones).

Belongs here: how much evidence there is at each pixel. Does not belong here: which of it has the
shape of a mark (logos).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

_BLUR_PX = 4.0  # standard deviation; broader slopes are light and blur, not edges
_MAX_EDGE = 12.0  # levels per pixel: stronger edges of footage say no more than this
_QUIET = 1.0  # squared levels per pixel, below which a sum of edges is noise

# A background is new where the levels differ and, in a wider window at a quarter of the size, the
# texture does: light changes levels only, a camera that trembles shifts edges by a fraction of it.
_NEW_LEVELS, _NEAR_PX = 4.0, 5
_COARSE, _WINDOW_PX = 4, 5
_MAX_ALIKE = 0.7  # correlation of texture
_FLAT_VARIANCE = 9.0  # squared levels: texture below this is noise
_USUAL_VARIANCE = 170.0  # the same of what is unusual, which has a trembling camera's edges in it

# A camera is at rest where most of what has texture hardly changes from one frame to the next.
_TEXTURED_VARIANCE, _SAME_SHARE = 25.0, 0.1


@dataclass(frozen=True)
class Persistence:
    """Evidence at each pixel: `across` and `down` sum the gradient that stayed (levels per pixel)
    over `backgrounds` changes, `noise` its squares.

    `at_rest` is the share of the textured frame (0..1) that hardly changes; `frames` how many were
    compared.
    """

    across: Floats
    down: Floats
    noise: Floats
    backgrounds: Floats
    at_rest: float
    frames: int

    @property
    def certainty(self) -> Floats:
        """How many standard deviations of chance the edge at a pixel is worth."""
        strength = np.hypot(self.across, self.down)
        return np.asarray(strength / np.sqrt(self.noise + _QUIET), dtype=np.float32)


@dataclass
class _View:
    """One frame: its levels, gradients, and its texture at a quarter of the size."""

    luma: Floats
    across: Floats
    down: Floats
    coarse: Floats
    unusual: Floats
    """How `coarse` differs from what is usual there."""

    @classmethod
    def of(cls, luma: Floats, usual: Floats) -> "_View":
        """Look at a frame; `usual` is the median of all, at a quarter of the size."""
        across, down = gradients(luma)
        coarse = _coarse(luma)
        return cls(
            luma=luma,
            across=across,
            down=down,
            coarse=coarse,
            unusual=coarse - usual,
        )

    def copy(self) -> "_View":
        """One that can be changed."""
        planes = (self.luma, self.across, self.down, self.coarse, self.unusual)
        return _View(*(plane.copy() for plane in planes))

    def take(self, other: "_View", where: Flags, where_coarse: Flags) -> None:
        """Become another one in some places."""
        np.copyto(self.luma, other.luma, where=where)
        np.copyto(self.across, other.across, where=where)
        np.copyto(self.down, other.down, where=where)
        np.copyto(self.coarse, other.coarse, where=where_coarse)
        np.copyto(self.unusual, other.unusual, where=where_coarse)


def gradients(luma: Floats) -> tuple[Floats, Floats]:
    """The gradient of a frame's levels across and down (levels per pixel), of no edge more than
    counts.
    """
    edges = luma - cv2.GaussianBlur(luma, (0, 0), _BLUR_PX)
    across = _limited(cv2.Scharr(edges, cv2.CV_32F, 1, 0) / 32)
    down = _limited(cv2.Scharr(edges, cv2.CV_32F, 0, 1) / 32)
    return across, down


def persistence(frames: Sequence[Floats]) -> Persistence:
    """What stays in frames (levels, of one size, in order of time; at least two)."""
    usual = _floats(np.median([_coarse(frame) for frame in frames], axis=0))
    views = [_View.of(frame, usual) for frame in frames]
    last, before_last = views[0].copy(), views[0].copy()
    shape = frames[0].shape
    across, down, noise, backgrounds = (np.zeros(shape, np.float32) for _ in range(4))
    was_new = np.zeros(shape, dtype=np.bool_)  # before: then there are two to compare with

    for view in views[1:]:
        changed = _is_changed(view, last)
        # Who steps aside and back shows the same two backgrounds again and again.
        new = changed & (_is_changed(view, before_last) | ~was_new)
        stayed_x = _shared(last.across, view.across) * new
        stayed_y = _shared(last.down, view.down) * new
        across += stayed_x
        down += stayed_y
        noise += stayed_x * stayed_x + stayed_y * stayed_y
        backgrounds += new

        coarse = _resized(changed.astype(np.float32), view.coarse.shape) > 0.5
        before_last.take(last, changed, coarse)
        last.take(view, changed, coarse)
        was_new |= changed
    at_rest = _at_rest([view.coarse for view in views])
    return Persistence(across, down, noise, backgrounds, at_rest, len(frames))


def _is_changed(view: _View, other: _View) -> Flags:
    """Where the background is another one."""
    difference = view.luma - other.luma
    difference -= np.median(difference[::4, ::4])  # exposure changes all of it
    levels = cv2.blur(np.abs(difference), (_NEAR_PX, _NEAR_PX)) > _NEW_LEVELS
    # A mark that hides what is behind it is alike in both: what is unusual there is not.
    alike = np.minimum(
        _likeness(view.coarse, other.coarse, _FLAT_VARIANCE),
        _likeness(view.unusual, other.unusual, _USUAL_VARIANCE),
    )
    return np.asarray(levels & (_resized(alike, view.luma.shape) < _MAX_ALIKE), dtype=np.bool_)


def _likeness(first: Floats, second: Floats, flat: float) -> Floats:
    """Correlation of two frames about each pixel; 1 where their variance is below `flat`."""
    first_mean, second_mean = _mean(first), _mean(second)
    first_variance = np.maximum(_mean(first * first) - first_mean * first_mean, 0)
    second_variance = np.maximum(_mean(second * second) - second_mean * second_mean, 0)
    together = _mean(first * second) - first_mean * second_mean
    spread = np.sqrt(first_variance * second_variance)
    return _floats((together + flat) / (spread + flat))


def _at_rest(frames: Sequence[Floats]) -> float:
    variances = [np.maximum(_mean(frame * frame) - _mean(frame) ** 2, 0) for frame in frames]
    textured = np.mean(variances, axis=0) > _TEXTURED_VARIANCE
    if not textured.any():
        return 1.0
    changes = np.stack(list(_changes(frames, variances)))
    return float((np.median(changes, axis=0)[textured] < _SAME_SHARE).mean())


def _changes(frames: Sequence[Floats], variances: Sequence[Floats]) -> Iterator[Floats]:
    """The share of the texture that differs from the frame before the last."""
    step = min(2, len(frames) - 1)
    for place in range(step, len(frames)):
        now, then = frames[place], frames[place - step]
        together = _mean(now * then) - _mean(now) * _mean(then)
        both = variances[place] + variances[place - step]
        yield _floats((both - 2 * together) / (both + 2 * _FLAT_VARIANCE))


def _shared(first: Floats, second: Floats) -> Floats:
    """What two gradients have in common: the smaller of the two where they have one sign."""
    smaller = np.where(np.abs(first) < np.abs(second), first, second)
    return _floats(np.where(first * second > 0, smaller, 0))


def _coarse(luma: Floats) -> Floats:
    size = tuple(max(2, side // _COARSE) for side in luma.shape[::-1])
    return _floats(cv2.resize(luma, size, interpolation=cv2.INTER_AREA))


def _mean(frame: Floats) -> Floats:
    return _floats(cv2.blur(frame, (_WINDOW_PX, _WINDOW_PX)))


def _resized(frame: Floats, shape: tuple[int, ...]) -> Floats:
    return _floats(cv2.resize(frame, shape[::-1], interpolation=cv2.INTER_LINEAR))


def _limited(gradient: NDArray[Any]) -> Floats:
    return _floats(np.clip(gradient, -_MAX_EDGE, _MAX_EDGE))


def _floats(values: NDArray[Any]) -> Floats:
    return np.asarray(values, dtype=np.float32)
