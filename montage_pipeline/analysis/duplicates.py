"""Finding footage that was handed in twice: the same file, another encode of it, or a part of it.

Belongs here: comparing what was measured of two clips.
Does not belong here: moments that merely look alike within one clip; the planner sees to those by
fingerprint.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.measures import SAMPLE_S, ClipMeasures
from montage_pipeline.spans import Span

_ALIKE = 0.93  # least correlation of two pictures of the same footage, whatever the encode
_SAME_CHANGE = (
    0.6  # least correlation of what changes in them: two takes of one scene share only what stays
)
_STILL_LEVELS = 1.5  # below this nothing changes, and the picture itself must decide
_STILL_ALIKE = 0.985
_LEAST_OVERLAP_S = 1.5
WHOLE_CLIP_SHARE = 0.8


@dataclass(frozen=True)
class Repeat:
    """Stretches of clip `worse` that show again what `better` shows.

    `share` is of all that was looked at.
    """

    worse: int
    better: int
    spans: tuple[Span, ...]
    share: float
    alike: float


def find_repeats(clips: Sequence[ClipMeasures]) -> list[Repeat]:
    """Compare every pair of clips; the worse of each pair that shares footage is named."""
    pictures = [
        np.stack([sample.signature.ravel() for sample in clip.samples]).astype(np.float32)
        for clip in clips
    ]
    found = []
    for one in range(len(clips)):
        for other in range(one + 1, len(clips)):
            overlap = _overlap(pictures[one], pictures[other])
            if overlap is None:
                continue
            better, worse = (
                (one, other) if _worth(clips[one]) >= _worth(clips[other]) else (other, one)
            )
            samples = clips[worse].samples
            indices = overlap.first if worse == one else overlap.second
            spans = tuple(
                Span(samples[start].time_s, samples[end - 1].time_s + SAMPLE_S)
                for start, end in indices
            )
            share = sum(end - start for start, end in indices) / len(samples)
            found.append(Repeat(worse, better, spans, share, overlap.alike))
    return found


def _worth(clip: ClipMeasures) -> tuple[float, float, float]:
    """Which of two encodes to keep: clearly more pixels, then clearly more detail, then more bits."""
    pixels = float(np.log2(clip.facts.width * clip.facts.height) // 0.25)
    detail = round(float(np.median([sample.sharpness for sample in clip.samples])) / 0.04)
    return pixels, float(detail), clip.facts.bytes / clip.facts.duration_s


@dataclass(frozen=True)
class _Overlap:
    first: list[tuple[int, int]]
    second: list[tuple[int, int]]
    alike: float


def _overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> _Overlap | None:
    """Runs of samples that match, the longest first and none twice; None when there are none.

    Stretches of long clips are picked here and there, so each pair of them may match at a shift of
    its own.
    """
    alike = _normal(one) @ _normal(other).T
    least = min(round(_LEAST_OVERLAP_S / SAMPLE_S), max(4, min(alike.shape)))
    found: list[tuple[int, int]] = []
    for shift in range(-(alike.shape[0] - least), alike.shape[1] - least + 1):
        matches = np.diagonal(alike, shift) > _ALIKE
        if len(matches) >= least and matches.sum() >= least:
            runs = [run for run in _runs(matches, least) if _same_footage(one, other, shift, run)]
            # A shift that explains more of both clips is likelier to be the true one than a longer
            # single run.
            total = sum(end - start for start, end in runs)
            if total:
                found.append((total, shift))
    taken_one, taken_other = (
        np.zeros(alike.shape[0], dtype=bool),
        np.zeros(alike.shape[1], dtype=bool),
    )
    first: list[tuple[int, int]] = []
    second: list[tuple[int, int]] = []
    for _, shift in sorted(found, key=lambda match: (-match[0], abs(match[1]), match[1])):
        matches = np.diagonal(alike, shift) > _ALIKE
        rows, columns = max(0, -shift), max(0, shift)
        free = (
            ~taken_one[rows : rows + len(matches)] & ~taken_other[columns : columns + len(matches)]
        )
        for start, end in _runs(matches & free, least):
            if _same_footage(one, other, shift, (start, end)):
                first.append((rows + start, rows + end))
                second.append((columns + start, columns + end))
                taken_one[rows + start : rows + end] = True
                taken_other[columns + start : columns + end] = True
    if not first:
        return None
    pairs = [
        alike[a + step, b + step]
        for (a, end), (b, _) in zip(first, second, strict=True)
        for step in range(end - a)
    ]
    return _Overlap(sorted(first), sorted(second), float(np.mean(pairs)))


def _same_footage(
    one: NDArray[np.float32], other: NDArray[np.float32], shift: int, run: tuple[int, int]
) -> bool:
    """Whether two runs also change alike: a tripod's two takes share the room but not what happens
    in it.
    """
    start, end = run
    rows, columns = max(0, -shift), max(0, shift)
    a, b = one[rows + start : rows + end], other[columns + start : columns + end]
    change_a, change_b = a - a.mean(axis=0), b - b.mean(axis=0)
    if max(float(change_a.std()), float(change_b.std())) < _STILL_LEVELS:
        return bool((_normal(a) * _normal(b)).sum(axis=1).mean() > _STILL_ALIKE)
    size = float(np.sqrt((change_a**2).sum() * (change_b**2).sum()))
    return size > 0 and float((change_a * change_b).sum()) / size > _SAME_CHANGE


def _normal(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row without its mean and of length one; rows without structure become zero and match
    nothing.
    """
    centred = pictures - pictures.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(
        np.where(length > pictures.shape[1] ** 0.5 * 2, centred / np.maximum(length, 1e-6), 0),
        dtype=np.float32,
    )


def _runs(flags: NDArray[np.bool_], least: int) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [
        (int(start), int(end))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if end - start >= least
    ]
