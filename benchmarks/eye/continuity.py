"""What carries over the cuts of Reels of labelled clips, planned with and without the terms for it.

    python -m benchmarks.eye.continuity --footage DIR [--seeds 1 2] [--write]

The measures are those that DIRECT (arXiv 2604.04875) takes of a cut: how far the place that draws
the eye jumps, in heights of the picture (here the subject that the labels have, whatever the
analysis saw); whether what moves within a tenth of a second on both sides (dense optical flow)
moves the same way; and how near to a beat the cut is, as the mean of exp(-|seconds|). Its fourth,
loudness against flow, is not taken.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.eye.__main__ import SUITS
from benchmarks.eye.labels import Label, read_labels
from benchmarks.eye.reels import ReelOrder, analysed, composed_music, labelled_clips, planned
from montage_pipeline.editing.optimizer import terms
from montage_pipeline.editing.timeline import Segment, Timeline, crop_corner
from montage_pipeline.footage.decoding.sample import frames_at
from montage_pipeline.footage.model import ClipFacts

_DURATION_S = 30
_APART_S = 0.1  # of the two frames that flow is taken between, on each side of a cut
_DECODED_SIDE, _HEIGHT = 640, 192  # pixels
_AGAINST = 0.5  # of a cosine below 0, from which movement turns round
_MOVES = 0.02  # heights of the picture per second: slower flow has no direction

Place = tuple[float, float] | None
_Luma = NDArray[np.uint8]


class Side(NamedTuple):
    """One side of a cut: where its subject is (x, y in heights of the picture; None: not labelled),
    and its mean flow in heights per second.
    """

    place: Place
    flow: NDArray[np.float64]


class Cuts(NamedTuple):
    """The cuts of some Reels: beat scores, and where they are known jumps and cosines of flows."""

    jumps: list[float]
    cosines: list[float]
    beats: list[float]


def main() -> None:
    """Print the table, and put it into docs/benchmarks.md when asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--footage", type=Path, required=True, help="clips and labels.json")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    arguments = parser.parse_args()
    found = {"without the terms": Cuts([], [], []), "with them": Cuts([], [], [])}
    labels = read_labels(arguments.footage / "labels.json")
    for theme, paths in labelled_clips(arguments.footage, labels).items():
        order = ReelOrder(tuple(paths), SUITS.get(theme, "travel"), _DURATION_S)
        analysis = analysed(order)
        for seed in arguments.seeds:
            for name, weight in (("without the terms", 0.0), ("with them", 1.0)):
                with (
                    patch.object(terms, "EYE", terms.EYE * weight),
                    patch.object(terms, "HEADING", terms.HEADING * weight),
                ):
                    timeline = planned(order._replace(seed=seed), analysis)
                beats_s = composed_music(order._replace(seed=seed), analysis).grid.beats_s
                measure(timeline, order, labels, beats_s, found[name])
    text = f"{report.machine()}; {_DURATION_S} s, seeds {arguments.seeds}.\n\n{text_of(found)}"
    print(text)
    if arguments.write:
        report.write("eye-continuity", text)


def measure(
    timeline: Timeline,
    order: ReelOrder,
    labels: Mapping[str, Label],
    beats_s: Sequence[float],
    into: Cuts,
) -> None:
    """Add the cuts of a Reel."""
    sides = list(_sides(timeline, {path.as_uri(): path for path in order.clips}, labels))
    for (_, out), (into_next, _) in pairwise(sides):
        if out.place is not None and into_next.place is not None:
            into.jumps.append(float(np.hypot(*np.subtract(out.place, into_next.place))))
        speeds = np.hypot(*out.flow), np.hypot(*into_next.flow)
        if min(speeds) >= _MOVES:
            into.cosines.append(float(out.flow @ into_next.flow / (speeds[0] * speeds[1])))
    played_s = np.asarray(beats_s) - timeline.music.source_in_s
    for frame in timeline.cut_frames:
        off_s = np.abs(played_s - frame / float(timeline.fps.fraction)).min()
        into.beats.append(float(np.exp(-off_s)))


def text_of(found: Mapping[str, Cuts]) -> str:
    """The table."""
    rows = []
    for name, cuts in found.items():
        clear = np.asarray(cuts.cosines)
        rows.append(
            [
                name,
                str(len(cuts.beats)),
                f"{np.mean(cuts.jumps):.3f} ({len(cuts.jumps)})",
                f"{np.mean(clear):+.2f} ({len(clear)})",
                f"{np.mean(clear < -_AGAINST):.0%}",
                f"{np.mean(cuts.beats):.3f}",
            ]
        )
    head = ("terms", "cuts", "jump (cuts)", "cosine of flows (cuts)", "turn round", "beat score")
    return report.table(head, rows)


def _sides(
    timeline: Timeline, sources: Mapping[str, Path], labels: Mapping[str, Label]
) -> Iterator[tuple[Side, Side]]:
    """The beginning and the end of every segment."""
    rate = timeline.fps.fraction
    apart = max(1, round(_APART_S * rate))
    for segment in timeline.segments:
        facts = timeline.clips[segment.clip]
        numbers = (0, apart, segment.frames - 1 - apart, segment.frames - 1)
        times_s = tuple(segment.source_s(number, rate) for number in numbers)
        frames = frames_at(sources[facts.url], facts, times_s, _DECODED_SIDE)
        crops = [
            _crop(frame, segment, number, facts.width)
            for frame, number in zip(frames, numbers, strict=True)
        ]
        label = labels[facts.sha256]
        first, last = (
            _subject(segment, number, facts, label, at_s)
            for number, at_s in ((numbers[0], times_s[0]), (numbers[-1], times_s[-1]))
        )
        yield Side(first, _flow(crops[:2])), Side(last, _flow(crops[2:]))


def _subject(segment: Segment, number: int, facts: ClipFacts, label: Label, at_s: float) -> Place:
    box = label.subject_at(at_s)
    if box is None:
        return None
    x, y = crop_corner(segment, number)
    inside = np.array(
        [(box.x + box.width / 2) * facts.width, (box.y + box.height / 2) * facts.height]
    )
    shown = np.clip((inside - (x, y)) / (segment.crop.width, segment.crop.height), 0, 1)
    return float(shown[0] * segment.crop.width / segment.crop.height), float(shown[1])


def _flow(pair: Sequence[_Luma]) -> NDArray[np.float64]:
    none = np.zeros((*pair[0].shape, 2), np.float32)
    flow = cv2.calcOpticalFlowFarneback(pair[0], pair[1], none, 0.5, 4, 21, 3, 5, 1.1, 0)
    return np.asarray(flow.mean(axis=(0, 1)), dtype=np.float64) / (_HEIGHT * _APART_S)


def _crop(frame: NDArray[np.uint8], segment: Segment, number: int, width: int) -> _Luma:
    scale = frame.shape[1] / width
    x, y = crop_corner(segment, number)
    left, top = max(0, round(x * scale)), max(0, round(y * scale))
    wide, high = round(segment.crop.width * scale), round(segment.crop.height * scale)
    grey = cv2.cvtColor(frame[top : top + high, left : left + wide], cv2.COLOR_RGB2GRAY)
    size = (round(_HEIGHT * wide / high), _HEIGHT)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


if __name__ == "__main__":
    main()
