"""Watermarks that can be read: words that are still legible when a clip is averaged over time.

Scenes have words too. Those of a mark are told by one of two things: all around them washes out in
the average, which it does behind a mark only; or they say what watermarks say (sources), and lie
small and level as these do. Other words before a camera at rest may be a shop's: nothing is
reported.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from montage_pipeline.footage.measuring.boxes import covered_share
from montage_pipeline.footage.measuring.overlays.averages import (
    Average,
    Floats,
    details_of,
    plain_detail,
    shown,
)
from montage_pipeline.footage.measuring.overlays.sources import says_source
from montage_pipeline.footage.measuring.overlays.words import Word, words_in
from montage_pipeline.footage.model import Box

_MIN_LETTERS = 3  # letters and digits; what is read on footage by chance has one or two

_MIN_AVERAGES = 3
"""Of a second each: in fewer, what is around a word has had no time to wash out."""

_MAX_REST_AROUND, _MAX_REST = 0.5, 0.55
"""Share of the detail around a word, and in all of the frame, that stays in the average.

Chosen on words of the scene before a camera held by hand or turned slowly (generated from half of
the labelled clips): where these can still be read, at least 0.56 stays around them and 0.60 of the
frame. Around marks over moving footage it is below 0.5 for 19 of 20.
"""
_AT_REST = 0.6
"""Share of the frame's detail that stays, from which its shapes are those of the scene."""

_AROUND = 2  # heights of a word, to each side
_COARSE_PX = 2.5  # standard deviation: a tremble of a pixel or two takes nothing away
_QUIET = 0.5  # squared levels, below which detail is noise

_USUAL_LEAST, _MIN_GAIN = 0.25, 0.35
"""A word that stays is there in each average, at about its usual strength: so strong at least in
all but this share of them.
"""

_MAX_TURNED_DEG, _MAX_SOURCE_AREA = 4.0, 0.05
"""Degrees and share of the frame: before a camera at rest, a larger address, or one seen at an
angle, may be a shop's or a van's.
"""


class _Window(NamedTuple):
    """Rows and columns of a part of the frame."""

    top: int
    bottom: int
    left: int
    right: int

    def grown(self, by: int) -> "_Window":
        """With as many pixels more to each side, as far as the frame goes."""
        return _Window(
            max(0, self.top - by), self.bottom + by, max(0, self.left - by), self.right + by
        )

    def of(self, frames: Floats) -> Floats:
        """This part of frames (or of one)."""
        return frames[..., self.top : self.bottom, self.left : self.right]


_ENLARGED = 1.5
"""Before a camera at rest a picture is read this much larger: more of what it holds is edges."""

_SAME_MARK = 0.5  # of a box that a word covers: then it is part of the same mark


def all_marks(logos: Sequence[Box], averages: Sequence[Average]) -> tuple[Box, ...]:
    """The logos that are no part of what can be read, and what can be read.

    Where the whole frame hardly changes, what looks like a logo may be anything in it.
    """
    if not averages:
        return tuple(logos)
    seen = _Seen.of(averages)
    if seen.at_rest:
        logos = ()
    written = tuple(_written(seen, averages))
    others = [
        logo for logo in logos if all(covered_share(logo, word) < _SAME_MARK for word in written)
    ]
    return (*others, *written)


def _written(seen: "_Seen", averages: Sequence[Average]) -> Iterator[Box]:
    """The watermarks that can be read, from top to bottom."""
    if seen.washes_out:
        picture = shown(seen.mean)
    else:
        still = shown(plain_detail(averages))
        picture = cv2.resize(still, None, fx=_ENLARGED, fy=_ENLARGED).astype(np.uint8)
    for word in words_in(picture):
        if _letters(word) < _MIN_LETTERS:
            continue
        window = _window(word.box, seen.mean.shape)
        if not _stays(window.of(seen.levels), window.of(seen.mean)):
            continue
        if seen.washed_out_around(window) or _is_signature(word):
            yield from word.parts


def _letters(word: Word) -> int:
    return sum(letter.isalnum() for letter in word.text)


def _is_signature(word: Word) -> bool:
    is_small = word.box.width * word.box.height <= _MAX_SOURCE_AREA
    return is_small and abs(word.turned) <= _MAX_TURNED_DEG and says_source(word.text)


def _window(box: Box, shape: tuple[int, ...]) -> _Window:
    rows, columns = shape
    return _Window(
        top=int(box.y * rows),
        bottom=max(int(box.y * rows) + 1, round((box.y + box.height) * rows)),
        left=int(box.x * columns),
        right=max(int(box.x * columns) + 1, round((box.x + box.width) * columns)),
    )


def _stays(word: Floats, mean: Floats) -> bool:
    """Whether a word of the mean is in each average."""
    strength = float((mean * mean).sum())
    gains = (word * mean).sum(axis=(1, 2)) / max(strength, 1e-6)
    return float(np.quantile(gains, _USUAL_LEAST)) >= _MIN_GAIN


class _Seen(NamedTuple):
    """The averages in levels and their mean; squared coarse detail of the mean (`stayed`), and of
    the averages on average (`moved`).
    """

    levels: Floats
    mean: Floats
    stayed: Floats
    moved: Floats

    @classmethod
    def of(cls, averages: Sequence[Average]) -> "_Seen":
        levels = details_of(averages)
        mean = np.asarray(levels.mean(axis=0), dtype=np.float32)
        moved = np.mean([_coarse(average) ** 2 for average in levels], axis=0)
        return cls(levels, mean, _coarse(mean) ** 2, np.asarray(moved, dtype=np.float32))

    @property
    def washes_out(self) -> bool:
        """Whether most of what the frame shows is gone from the average."""
        return len(self.levels) >= _MIN_AVERAGES and self._share() < _MAX_REST

    @property
    def at_rest(self) -> bool:
        """Whether most of what the frame shows is still there."""
        return len(self.levels) >= _MIN_AVERAGES and self._share() >= _AT_REST

    def washed_out_around(self, window: _Window) -> bool:
        """Whether little of what is around a word stays, and of the frame."""
        wide = window.grown(_AROUND * (window.bottom - window.top))
        return self.washes_out and self._share(wide, window) < _MAX_REST_AROUND

    def _share(self, window: _Window | None = None, without: _Window | None = None) -> float:
        """The share of the detail that stays."""
        stayed, moved = (
            _mean_around(detail, window, without) for detail in (self.stayed, self.moved)
        )
        # By chance alone as much is left as one average has of them all.
        chance = 1 / len(self.levels)
        own = max(0.0, (stayed - moved * chance) / (1 - chance))
        return (own + _QUIET) / (moved + _QUIET)


def _mean_around(detail: Floats, window: _Window | None, without: _Window | None) -> float:
    outer = detail if window is None else window.of(detail)
    inner = detail[:0] if without is None else without.of(detail)
    size = outer.size - inner.size
    return float(outer.sum() - inner.sum()) / size if size > 0 else 0.0


def _coarse(detail: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(detail, (0, 0), _COARSE_PX), dtype=np.float32)
