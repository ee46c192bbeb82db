"""Reels of 30 s from more labelled clips than a Reel has room for, drawn by chance across themes.

    python -m benchmarks.eye.mixes --footage DIR [--unseen] [--sets 12] [--write]

The themes of the labelled clips that may be shown have three to nine clips, which a Reel of 30 s
needs all. Here it has to choose: 11 to 14 clips, of which it shows 8 or 9. The last row is planned
as if nobody asked whether there is anything but a moving camera to look at (`scoring.camera_only`).

--unseen takes the labels beside this file (`unseen.json`) for those in DIR: of clips from other
packages, labelled before the product had seen them. They say which file of which package each is.
"""

import argparse
import random
import statistics
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

from benchmarks import report
from benchmarks.eye.__main__ import COLUMNS, SUITS, score_row
from benchmarks.eye.baselines import (
    at_best_places,
    first_seconds,
    random_moments,
    through_the_middle,
)
from benchmarks.eye.labels import Label, read_labels
from benchmarks.eye.reels import ReelOrder, analysed, labelled_clips, planned, shown_segments
from benchmarks.eye.scoring import (
    LONG_ENOUGH_S,
    WANTED_RANK,
    ReelScore,
    ShownSegment,
    mean_score,
    score_reel,
)
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.vocabulary import Format

_UNSEEN = Path(__file__).with_name("unseen.json")

_DURATION_S = 30
_CLIPS = (11, 14)
_FIRST_SEED = 100
_SIZE = Format.REEL.frame_size


def main() -> None:
    """Print the table, and put it into docs/benchmarks.md when asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--footage", type=Path, required=True, help="clips and labels.json")
    parser.add_argument("--unseen", action="store_true", help="clips of unseen.json")
    parser.add_argument("--sets", type=int, default=12)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    arguments = parser.parse_args()
    labels = read_labels(_UNSEEN if arguments.unseen else arguments.footage / "labels.json")
    clips = [path for paths in labelled_clips(arguments.footage, labels).values() for path in paths]

    scores: dict[str, list[ReelScore]] = {}
    room: list[float] = []
    for seed in range(_FIRST_SEED, _FIRST_SEED + arguments.sets):
        order = _drawn(clips, seed)
        analysis = analysed(order)
        for name, score in _scored(order, analysis, labels).items():
            scores.setdefault(name, []).append(score)
        room.append(_room(order, analysis, labels))
        print(seed, order.style, scores["the Reels"][-1], flush=True)
    rows = [score_row(name, mean_score(found)) for name, found in scores.items()]
    text = f"{arguments.sets} sets of {_CLIPS[0]} to {_CLIPS[1]} clips; {_DURATION_S} s.\n\n"
    text += report.table(("mean", *(name.replace("_", " ") for name in COLUMNS)), rows)
    text += (
        f"\nWith another clip of rank {WANTED_RANK} or more in every cut, these Reels would cover "
        f"{statistics.mean(room):.2f} on the mean: {sum(share < 1 for share in room)} of the "
        f"{len(room)} sets have more such clips than the Reel has cuts.\n"
    )
    print(text)
    if arguments.write:
        report.write("eye-unseen" if arguments.unseen else "eye-mixes", text)


def _drawn(clips: list[Path], seed: int) -> ReelOrder:
    """A set of clips, and one of the styles in turn."""
    draw = random.Random(seed)
    drawn = sorted(draw.sample(clips, draw.randint(*_CLIPS)))
    styles = sorted(SUITS.values())
    return ReelOrder(tuple(drawn), styles[seed % len(styles)], _DURATION_S, seed)


def _scored(
    order: ReelOrder, analysis: ClipAnalysis, labels: Mapping[str, Label]
) -> dict[str, ReelScore]:
    """The scores of a set's Reel, and of what it is compared with."""
    names = {path.name for path in order.clips}
    given = [label for label in labels.values() if label.clip in names]
    shown = _shown(order, analysis, labels)
    with patch("montage_pipeline.editing.context.camera_only", _nothing_asked):
        without = _shown(order, analysis, labels)
    return {
        "the Reels": score_reel(shown, given, _SIZE.width),
        "the same, middle crop": score_reel(through_the_middle(shown, _SIZE), given, _SIZE.width),
        "the same cuts at the best places": at_best_places(shown, given, _SIZE),
        "first seconds of each clip": first_seconds(given, order.duration_s, _SIZE),
        "random moments": random_moments(given, order.duration_s, _SIZE),
        "any camera will do": score_reel(without, given, _SIZE.width),
    }


def _shown(
    order: ReelOrder, analysis: ClipAnalysis, labels: Mapping[str, Label]
) -> list[ShownSegment]:
    return shown_segments(planned(order, analysis), labels)


def _room(order: ReelOrder, analysis: ClipAnalysis, labels: Mapping[str, Label]) -> float:
    """The most that a Reel with so many cuts could show of the clips that are worth showing."""
    names = {path.name for path in order.clips}
    given = [label for label in labels.values() if label.clip in names]
    wanted = [
        label for label in given if label.rank >= WANTED_RANK and label.duration_s >= LONG_ENOUGH_S
    ]
    return min(1.0, len(_shown(order, analysis, labels)) / max(1, len(wanted)))


def _nothing_asked(analysis: ClipAnalysis) -> dict[str, float]:
    return {moment.id: 0.0 for clip in analysis.clips for moment in clip.moments}


if __name__ == "__main__":
    main()
