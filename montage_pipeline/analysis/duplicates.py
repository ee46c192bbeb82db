"""Finding footage that was handed in twice: another encode of a clip, or a part of it.

Belongs here: comparing what was measured of two clips.
Does not belong here: the same file twice (scan.looking), what follows from a repeat (repeats),
moments that merely look alike (the planner goes by their fingerprints).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.measures import SAMPLE_S, ClipMeasures
from montage_pipeline.spans import Span

_SAME_FRAME = 0.93  # minimum correlation of two frames of the same footage, whatever the encode
_SAME_CHANGE = 0.6  # of what changes in them: two takes of one scene share only what stays

# Below this standard deviation (levels) nothing changes, and the frames themselves must decide.
_STILL_LEVELS = 1.5
_SAME_STILL = 0.985

_MIN_RUN = round(1.5 / SAMPLE_S)  # samples; less than 1.5 s may be alike by chance

_STRUCTURELESS_LEVELS = 2  # standard deviation of a frame in which there is nothing to compare

# How much better one encode must be to be told from another.
_PIXELS_STEP = 0.25  # in powers of two
_DETAIL_STEP = 0.04  # of sharpness

_Signatures = NDArray[np.float32]
"""One row for each sample of a clip."""

_Run = tuple[int, int]
"""First sample, and the one after the last."""


@dataclass(frozen=True)
class Repeat:
    """Spans of clip `worse` that show again what clip `better` shows; both are indices.

    `share` is of all samples of the worse one, `correlation` the mean of the frames'.
    """

    worse: int
    better: int
    spans: tuple[Span, ...]
    share: float
    correlation: float


def find_repeats(clips: Sequence[ClipMeasures]) -> list[Repeat]:
    """Compare every pair of clips; the worse of each pair that shares footage is named."""
    signatures = [
        np.stack([sample.signature.ravel() for sample in clip.samples]).astype(np.float32)
        for clip in clips
    ]
    found = []
    for first, second in combinations(range(len(clips)), 2):
        shared = _shared_footage(signatures[first], signatures[second])
        if shared is None:
            continue
        if _preference(clips[first]) >= _preference(clips[second]):
            better, worse, runs = first, second, shared.second
        else:
            better, worse, runs = second, first, shared.first
        found.append(_repeat(worse, better, clips[worse], runs, shared.correlation))
    return found


def _repeat(
    worse: int, better: int, clip: ClipMeasures, runs: list[_Run], correlation: float
) -> Repeat:
    samples = clip.samples
    spans = tuple(
        Span(samples[start].time_s, samples[end - 1].time_s + SAMPLE_S) for start, end in runs
    )
    share = sum(end - start for start, end in runs) / len(samples)
    return Repeat(worse, better, spans, share, correlation)


def _preference(clip: ClipMeasures) -> tuple[float, float, float]:
    """Which of two encodes to keep, the highest.

    Clearly more pixels, then clearly more detail, then more bits.
    """
    pixels = float(np.log2(clip.facts.width * clip.facts.height) // _PIXELS_STEP)
    sharpness = float(np.median([sample.sharpness for sample in clip.samples]))
    return pixels, float(round(sharpness / _DETAIL_STEP)), clip.facts.bytes / clip.facts.duration_s


class _Shared(NamedTuple):
    """Runs of samples of two clips that show the same, and the mean correlation of their frames."""

    first: list[_Run]
    second: list[_Run]
    correlation: float


def _shared_footage(first: _Signatures, second: _Signatures) -> _Shared | None:
    """The samples that match, the longest runs first and none twice; None when there are none.

    Spans of long clips are picked here and there, so each pair of them may match at a shift of its
    own.
    """
    comparison = _Comparison(first, second)
    free_first = np.ones(len(first), dtype=bool)
    free_second = np.ones(len(second), dtype=bool)
    pairs: list[tuple[_Run, _Run]] = []

    for shift in comparison.shifts():
        rows, columns = _offsets(shift)
        count = len(comparison.matches(shift))
        free = free_first[rows : rows + count] & free_second[columns : columns + count]
        for start, end in comparison.runs(shift, free):
            pairs.append(((rows + start, rows + end), (columns + start, columns + end)))
            free_first[rows + start : rows + end] = False
            free_second[columns + start : columns + end] = False

    if not pairs:
        return None
    return _Shared(
        sorted(run for run, _ in pairs),
        sorted(run for _, run in pairs),
        comparison.mean_correlation(pairs),
    )


class _Comparison:
    """Every sample of one clip beside every sample of another.

    At shift s, sample i of the first clip stands beside sample i + s of the second.
    """

    def __init__(self, first: _Signatures, second: _Signatures) -> None:
        self._first, self._second = first, second
        self._correlation = _normal(first) @ _normal(second).T

    def shifts(self) -> list[int]:
        """The shifts at which footage matches, the best first.

        A shift that explains more of both clips is likelier to be the true one than a longer single
        run.
        """
        explained = []
        first_count, second_count = self._correlation.shape
        for shift in range(-(first_count - _MIN_RUN), second_count - _MIN_RUN + 1):
            total = sum(end - start for start, end in self.runs(shift))
            if total:
                explained.append((total, shift))
        explained.sort(key=lambda match: (-match[0], abs(match[1]), match[1]))
        return [shift for _, shift in explained]

    def matches(self, shift: int) -> NDArray[np.bool_]:
        """Which samples match at a shift."""
        return np.asarray(np.diagonal(self._correlation, shift) > _SAME_FRAME, dtype=np.bool_)

    def runs(self, shift: int, free: NDArray[np.bool_] | None = None) -> Iterator[_Run]:
        """Runs of the same footage at a shift, among the samples that are `free` (None: all)."""
        matches = self.matches(shift)
        if free is not None:
            matches = matches & free
        for run in _runs(matches):
            if self._is_same_footage(shift, run):
                yield run

    def _is_same_footage(self, shift: int, run: _Run) -> bool:
        """Whether two runs also change alike.

        A tripod's two takes share the room but not what happens in it.
        """
        start, end = run
        rows, columns = _offsets(shift)
        first = self._first[rows + start : rows + end]
        second = self._second[columns + start : columns + end]

        first_change, second_change = first - first.mean(axis=0), second - second.mean(axis=0)
        if max(float(first_change.std()), float(second_change.std())) < _STILL_LEVELS:
            return bool((_normal(first) * _normal(second)).sum(axis=1).mean() > _SAME_STILL)
        size = float(np.sqrt((first_change**2).sum() * (second_change**2).sum()))
        return size > 0 and float((first_change * second_change).sum()) / size > _SAME_CHANGE

    def mean_correlation(self, pairs: Sequence[tuple[_Run, _Run]]) -> float:
        """The mean over all samples of pairs of runs."""
        values = [
            self._correlation[first_start + step, second_start + step]
            for (first_start, first_end), (second_start, _) in pairs
            for step in range(first_end - first_start)
        ]
        return float(np.mean(values))


def _offsets(shift: int) -> tuple[int, int]:
    """Where the diagonal of a shift begins: the first clip's sample, and the second's."""
    return max(0, -shift), max(0, shift)


def _normal(signatures: _Signatures) -> _Signatures:
    """Each row without its mean and of length one.

    Rows without structure become zero and match nothing.
    """
    centred = signatures - signatures.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    structured = length > signatures.shape[1] ** 0.5 * _STRUCTURELESS_LEVELS
    return np.asarray(np.where(structured, centred / np.maximum(length, 1e-6), 0), dtype=np.float32)


def _runs(flags: NDArray[np.bool_]) -> list[_Run]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [
        (int(start), int(end))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if end - start >= _MIN_RUN
    ]
